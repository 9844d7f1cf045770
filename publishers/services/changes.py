"""What a registration changed, told line by line."""

from collections.abc import Mapping
from typing import Any

from django.db.models import Model


class Changes(list[str]):
    """Lines such as `offers[esign].title: Sign -> eSign`, in the order in which they were written."""

    def assign(self, row: Model, path: str, values: Mapping[str, Any]) -> None:
        """Set the values that differ on a row, save those alone, and tell each one under `path`."""
        different = [name for name, value in values.items() if getattr(row, name) != value]
        for name in different:
            self.append(f"{path}{name}: {_shown(getattr(row, name))} -> {_shown(values[name])}")
            setattr(row, name, values[name])
        if different:
            row.save(update_fields=different)


def _shown(value: object) -> str:
    return f"{value}" if value not in ("", None, []) else "nothing"
