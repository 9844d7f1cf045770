"""Addresses of many things at one page: the pattern is looked up once, and only the id is filled in for each row."""

from functools import cache
from uuid import UUID

from django.urls import reverse

_NOBODY = UUID(int=0)


def address_of(name: str, key: UUID) -> str:
    """As `reverse` with one id, at a fraction of its cost. Raises NoReverseMatch."""
    before, after = _around(name)
    return f"{before}{key}{after}"


@cache
def _around(name: str) -> tuple[str, str]:
    before, _id, after = reverse(name, args=[_NOBODY]).partition(str(_NOBODY))
    return before, after
