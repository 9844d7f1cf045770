"""Just enough templating for a handful of pages: every value is escaped unless it is Markup already."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape


class Markup(str):
    """Text that is HTML on purpose."""


def html(template: str, **values: object) -> Markup:
    """`str.format` that escapes what it fills in."""
    return Markup(template.format(**{name: safe(value) for name, value in values.items()}))


def join(parts: Iterable[Markup]) -> Markup:
    return Markup("\n".join(parts))


def safe(value: object) -> str:
    if isinstance(value, Markup):
        return value
    return "" if value is None else escape(str(value))


NOTHING = Markup("")
