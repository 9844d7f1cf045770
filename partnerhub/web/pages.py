"""Keyset pages: the cursor is in the URL (?after, ?before); deep pages cost what the first does; nothing is counted."""

import base64
import binascii
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from django.core.exceptions import ValidationError
from django.core.serializers.json import DjangoJSONEncoder
from django.db import DataError
from django.db.models import Model, Q, QuerySet
from django.http import QueryDict

Row = TypeVar("Row", bound=Model)
PAGE_SIZE = 50
COUNT_CAP = 1000


@dataclass(frozen=True)
class Page(Generic[Row]):
    """The rows of one page and the query strings of its neighbours; empty when there is none."""

    rows: list[Row]
    previous_url: str
    next_url: str


def keyset_page(queryset: QuerySet[Row], order: tuple[str, str], params: QueryDict, size: int = PAGE_SIZE) -> Page[Row]:
    """One page of a queryset ordered by two fields, the second of them unique, e.g. ("-purchased_at", "-id").

    A cursor that cannot be read shows the first page.
    """
    after, before = _decode(params.get("after", "")), _decode(params.get("before", ""))
    try:
        return _page(queryset, order, params, size, after, before)
    except (ValueError, TypeError, ValidationError, DataError):  # a cursor whose values do not fit the fields
        return _page(queryset, order, params, size, None, None)


def _page(
    queryset: QuerySet[Row],
    order: tuple[str, str],
    params: QueryDict,
    size: int,
    after: list[str] | None,
    before: list[str] | None,
) -> Page[Row]:
    backwards = after is None and before is not None
    direction = tuple(_flip(key) for key in order) if backwards else order
    cursor = before if backwards else after
    found = queryset.order_by(*direction)
    rows = list(found.filter(_beyond(direction, cursor))[: size + 1] if cursor else found[: size + 1])
    more, rows = len(rows) > size, rows[:size]
    if backwards:
        rows.reverse()
    has_next = more or backwards
    has_previous = more if backwards else cursor is not None
    return Page(
        rows,
        _link(params, "before", rows[0], order) if has_previous and rows else "",
        _link(params, "after", rows[-1], order) if has_next and rows else "",
    )


def capped_count(queryset: QuerySet[Any], cap: int = COUNT_CAP) -> str:
    """How many rows there are, as text; `1000+` beyond the cap, because counting a million rows is slow."""
    count = queryset.order_by()[: cap + 1].count()
    return f"{cap}+" if count > cap else str(count)


def _flip(key: str) -> str:
    return key.removeprefix("-") if key.startswith("-") else f"-{key}"


def _beyond(order: tuple[str, ...], cursor: list[str]) -> Q:
    first, second = (key.removeprefix("-") for key in order)
    compare, tie = ("lt" if key.startswith("-") else "gt" for key in order)
    return Q(**{f"{first}__{compare}": cursor[0]}) | Q(**{first: cursor[0], f"{second}__{tie}": cursor[1]})


def _link(params: QueryDict, side: str, row: Model, order: tuple[str, str]) -> str:
    query = params.copy()
    for key in ("after", "before"):
        query.pop(key, None)
    query[side] = _encode([_value(row, key) for key in order])
    return f"?{query.urlencode()}"


def _value(row: Model, key: str) -> str:
    value = getattr(row, key.removeprefix("-"))
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _encode(values: list[str]) -> str:
    text = json.dumps(values, cls=DjangoJSONEncoder, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _decode(cursor: str) -> list[str] | None:
    try:
        values = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, binascii.Error, UnicodeDecodeError):
        return None
    fits = isinstance(values, list) and len(values) == 2 and all(isinstance(value, str) for value in values)
    return values if fits else None
