"""Keyset pages: the cursor is in the URL (?after, ?before); deep pages cost what the first does; counts are capped."""

import base64
import json
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import reduce
from typing import Any, Generic, TypeVar

from django.core.exceptions import EmptyResultSet, ValidationError
from django.core.serializers.json import DjangoJSONEncoder
from django.db import DataError, connection
from django.db.models import Model, QuerySet
from django.http import QueryDict

from partnerhub.keyset import Cursor, Key, Parts, in_order, keys_of

Row = TypeVar("Row", bound=Model)
PAGE_SIZE = 50
COUNT_CAP = 1000
CURSORS = ("after", "before")


@dataclass(frozen=True)
class Page(Generic[Row]):
    """The rows of one page and the query strings of its neighbours; empty when there is none."""

    rows: list[Row]
    previous_url: str
    next_url: str


def keyset_page(
    queryset: QuerySet[Row],
    order: Sequence[str],
    params: QueryDict,
    size: int = PAGE_SIZE,
    *,
    narrow: bool = False,
    parts: Parts = in_order,
) -> Page[Row]:
    """One page of a queryset ordered by its keys, the last of them unique, e.g. ("-purchased_at", "-id").

    A key is a field, a path over foreign keys or an annotation that is never null; fields may be null, and rows
    without a value come last in both directions. A cursor that cannot be read shows the first page. With `narrow` the
    rows are chosen before anything is joined to them: for wide rows of a table whose order no index has as a whole.
    `parts` finds the rows behind a cursor.
    """
    keys = keys_of(queryset, order)
    after, before = (_decode(params.get(side, ""), len(keys)) for side in CURSORS)
    try:
        return _page(queryset, keys, params, size, after, before, narrow, parts)
    except (ValueError, TypeError, ValidationError, DataError):  # a cursor whose values do not fit the fields
        return _page(queryset, keys, params, size, None, None, narrow, parts)


def _page(
    queryset: QuerySet[Row],
    keys: list[Key],
    params: QueryDict,
    size: int,
    after: Cursor | None,
    before: Cursor | None,
    narrow: bool,
    parts: Parts,
) -> Page[Row]:
    backwards = after is None and before is not None
    direction = [key.flipped() for key in keys] if backwards else keys
    cursor = before if backwards else after
    ordered = queryset.order_by(*(key.ordering() for key in direction))
    rows: list[Row] = []
    for part in parts(queryset, direction, cursor):
        chosen = part(size + 1 - len(rows))
        rows += ordered.filter(pk__in=chosen.values("pk")) if narrow else chosen
        if len(rows) > size:
            break
    more, rows = len(rows) > size, rows[:size]
    if backwards:
        rows.reverse()
    has_next = more or backwards
    has_previous = more if backwards else cursor is not None
    return Page(
        rows,
        _link(params, "before", _cursor(rows[0], keys)) if has_previous and rows else "",
        _link(params, "after", _cursor(rows[-1], keys)) if has_next and rows else "",
    )


def page_among(keys: Sequence[tuple[str, str]], params: QueryDict, size: int = PAGE_SIZE) -> tuple[slice, str, str]:
    """The place of a page among rows whose keys, unique pairs in their order, are read already, and the query strings
    of its neighbours as `keyset_page` makes them. A cursor that cannot be read shows the first page.
    """
    after, before = (_pair(_decode(params.get(side, ""), 2)) for side in CURSORS)
    if after is None and before is not None:
        end = bisect_left(keys, before)
        place = slice(max(0, end - size), end)
    else:
        start = bisect_right(keys, after) if after else 0
        place = slice(start, start + size)
    shown = keys[place]
    has_previous, has_next = bool(shown) and place.start > 0, bool(shown) and place.stop < len(keys)
    return (
        place,
        _link(params, "before", list(shown[0])) if has_previous else "",
        _link(params, "after", list(shown[-1])) if has_next else "",
    )


def _pair(cursor: Cursor | None) -> tuple[str, str] | None:
    return (cursor[0], cursor[1]) if cursor and cursor[0] and cursor[1] else None


def capped_count(queryset: QuerySet[Any], cap: int = COUNT_CAP) -> str:
    """How many rows there are, as text; `1000+` beyond the cap, because counting a million rows is slow."""
    return capped(queryset.order_by()[: cap + 1].count(), cap)


def capped_counts(querysets: Sequence[QuerySet[Any]], cap: int = COUNT_CAP) -> list[str]:
    """As `capped_count` for several querysets, asked in one statement."""
    counts: list[str] = []
    params: list[Any] = []
    for queryset in querysets:
        try:
            sql, given = queryset.order_by().values("pk")[: cap + 1].query.sql_with_params()
        except EmptyResultSet:
            sql, given = "SELECT 1 WHERE false", ()
        counts.append(f"(SELECT count(*) FROM ({sql}) AS counted)")  # noqa: S608 - Django's own SQL, values apart
        params.extend(given)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {', '.join(counts)}", params)
        return [capped(count, cap) for count in cursor.fetchone()]


def capped(count: int, cap: int = COUNT_CAP) -> str:
    """A count as text, `1000+` beyond the cap."""
    return f"{cap}+" if count > cap else str(count)


def at_least(count: int, cap: int = COUNT_CAP) -> str | None:
    """As text that there are so many and perhaps more; None for none, which says nothing."""
    return f"{min(count, cap)}+" if count else None


def _link(params: QueryDict, side: str, cursor: Cursor) -> str:
    query = params.copy()
    for key in CURSORS:
        query.pop(key, None)
    for name in [name for name, values in query.lists() if not any(values)]:
        del query[name]
    query[side] = _encode(cursor)
    return f"?{query.urlencode()}"


def _cursor(row: Model, keys: list[Key]) -> Cursor:
    return [_value(row, key.path) for key in keys]


def _value(row: Model, path: str) -> str | None:
    value = reduce(getattr, path.split("__"), row)
    if value is None:
        return None
    return value.isoformat() if isinstance(value, date | datetime) else str(value)


def _encode(values: Cursor) -> str:
    text = json.dumps(values, cls=DjangoJSONEncoder, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _decode(cursor: str, length: int) -> Cursor | None:
    try:
        values = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, RecursionError):  # no base64, no UTF-8, no JSON
        return None
    fits = (
        isinstance(values, list)
        and len(values) == length
        and all(value is None or isinstance(value, str) for value in values)
    )
    return values if fits else None
