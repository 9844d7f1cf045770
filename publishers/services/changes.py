"""What a registration changed, told line by line."""

from collections.abc import Mapping
from typing import Any

from django.db.models import Model

from publishers.fulfillment.webhooks import without_values


class Changes(list[str]):
    """Lines such as `offers[esign].title: Sign -> eSign`, in the order in which they were written."""

    def assign(self, row: Model, path: str, values: Mapping[str, Any]) -> None:
        """Set the values that differ on a row, save those alone, and tell each one under `path`."""
        different = [name for name, value in values.items() if getattr(row, name) != value]
        for name in different:
            self.append(f"{path}{name}: {_shown(name, getattr(row, name))} -> {_shown(name, values[name])}")
            setattr(row, name, values[name])
        if different:
            row.save(update_fields=different)


def _shown(name: str, value: object) -> str:
    """A value as it may be told; of addresses nothing that a query says, for a key may be in it."""
    if name.endswith("_url"):
        value = without_values(str(value))
    return f"{value}" if value not in ("", None, []) else "nothing"
