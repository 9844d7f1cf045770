"""What every form of the pages can do: show a service's refusal where it belongs, and survive somebody else's edit."""

from collections.abc import Mapping
from typing import Any, Self

from django import forms

from partnerhub.errors import HubError, InvalidInput
from partnerhub.web.conflicts import Conflict, base_of, conflicts_of, rebased, snapshot
from partnerhub.web.refusals import sentence_of


class RefusableForm(forms.Form):
    """A form that can show a service's refusal at the field it belongs to."""

    refused_at: dict[type[HubError], str] = {}

    def refuse(self, refusal: HubError) -> None:
        """Show a refusal at its field, or at the form where it has none."""
        self.add_error(self._field_of(refusal), sentence_of(refusal))

    def _field_of(self, refusal: HubError) -> str | None:
        named = refusal.values.get("field") if isinstance(refusal, InvalidInput) else None
        placed = (self.refused_at[kind] for kind in type(refusal).__mro__ if kind in self.refused_at)
        return next(placed, named if named in self.fields else None)


class ComparedForm(RefusableForm):
    """A form over a row as somebody saw it: it carries the version and the values that were shown.

    Make it with `shown(values, version)`; when the service says StaleVersion, call `compare` with the row as it is now
    and show the page again (409): `conflicts` holds base, theirs and yours, and sending the form again is a decision.
    """

    version = forms.IntegerField(widget=forms.HiddenInput)
    base = forms.CharField(widget=forms.HiddenInput, required=False, max_length=20_000)

    conflicts: list[Conflict] = []

    @classmethod
    def shown(cls, values: Mapping[str, str], version: int, **more: Any) -> Self:
        """The form over a row: `values` are its fields as a browser would send them (a checked box is `on`)."""
        return cls(initial={**values, "version": version, "base": snapshot(values)}, **more)

    def compare(self, current: Mapping[str, str], version: int) -> None:
        """Keep what was typed over the row as it is now; fields that were left alone take the new value."""
        base, typed = base_of(str(self.data.get("base", ""))), {name: str(self.data.get(name, "")) for name in current}
        self.conflicts = conflicts_of(self, base, current, typed)
        kept = rebased(base, current, typed)
        self.data = {**self.data, **kept, "version": str(version), "base": snapshot(current)}
