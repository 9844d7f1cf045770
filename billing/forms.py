"""Shapes of what agents type or upload about billing."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext_lazy as _

from billing.services.statements import LONGEST_ID
from billing.statement_file import LARGEST_FILE
from partnerhub.web.forms import RefusableForm
from publishers.models import Publisher

LARGEST_NUMBER = 5  # of digits, so that a range stays one that can be counted out


class StatementForm(RefusableForm):
    """A publisher's statement as a file. What stands in it is read by the view."""

    publisher = forms.ModelChoiceField(
        Publisher.objects.order_by("name"), label=_("Publisher"), empty_label=_("Choose")
    )
    statement_id = forms.CharField(
        label=_("Statement"),
        max_length=LONGEST_ID,
        help_text=_("The publisher's own number of it. The same number again replaces what was imported before."),
    )
    # The page's own name for this import, by which it asks how far it has come.
    progress = forms.UUIDField(required=False, widget=forms.HiddenInput)
    file = forms.FileField(
        label=_("CSV or XLSX file"),
        widget=forms.FileInput(attrs={"accept": ".csv,.xlsx"}),
        help_text=_("Needed columns: subscriptionId, period (2026-11), quantity, amount before tax, currency."),
    )

    def clean_file(self) -> "UploadedFile[bytes]":
        uploaded: UploadedFile[bytes] = self.cleaned_data["file"]
        if (uploaded.size or 0) > LARGEST_FILE:
            raise ValidationError(_("The file is larger than 20 MB."))
        return uploaded

    def unreadable(self, problems: list[str]) -> None:
        """Show why the file cannot be read, line by line."""
        self.add_error("file", [ValidationError(problem) for problem in problems])

    @property
    def statement(self) -> dict[str, Any]:
        """What the service is given."""
        return {"publisher_id": self.cleaned_data["publisher"].pk, "statement_id": self.cleaned_data["statement_id"]}


class ActForm(RefusableForm):
    """What is typed for an act on an invoice; by itself nothing."""

    @property
    def why(self) -> str:
        return str(self.cleaned_data.get("reason", "")).strip()

    @property
    def paid_with(self) -> str:
        return str(self.cleaned_data.get("reference", "")).strip()

    @property
    def positions(self) -> list[int] | None:
        """The chosen lines by their position; None for all."""
        positions: list[int] | None = self.cleaned_data.get("lines")
        return positions


class ReasonForm(ActForm):
    reason = forms.CharField(label=_("Reason"), max_length=500)


class PaidForm(ActForm):
    reference = forms.CharField(
        label=_("Payment reference"), max_length=200, required=False, help_text=_("As on the bank statement.")
    )


class LinesField(forms.CharField):
    """Lines by their numbers, as in `1, 3-5`; nothing means all of them, None."""

    def clean(self, value: Any) -> list[int] | None:
        text = str(super().clean(value)).replace(" ", "").replace("–", "-")
        if not text:
            return None
        numbers: set[int] = set()
        for part in text.split(","):
            first, dash, last = part.partition("-")
            if not first.isdecimal() or (dash and not last.isdecimal()) or max(len(first), len(last)) > LARGEST_NUMBER:
                raise ValidationError(_("Write numbers of lines such as 1, 3-5."))
            numbers.update(range(int(first), int(last or first) + 1))
        return sorted(numbers)


class CreditForm(ReasonForm):
    lines = LinesField(
        label=_("Lines"), max_length=200, required=False, help_text=_("Numbers such as 1, 3-5. Empty: all of them.")
    )
    field_order = ["lines", "reason"]
