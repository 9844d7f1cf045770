"""Pages of long collections: by keyset, so that every page costs the same, continued with MS-ContinuationToken."""

import base64
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Generic, TypeVar

from django.core.exceptions import ValidationError
from django.db import DataError
from django.db.models import Model, QuerySet
from rest_framework.request import Request

from partnerhub.api.reading import storable
from partnerhub.api.shapes import CONTINUATION, Link, link
from partnerhub.errors import InvalidInput
from partnerhub.keyset import Key, Part, Parts, in_order, keys_of

Row = TypeVar("Row")
Instance = TypeVar("Instance", bound=Model)

DEFAULT_SIZE = 100
LARGEST_SIZE = 500
LARGEST_OFFSET = 1_000_000
# No list counts further: to count all of a large table takes longer than to read a page of it.
MOST_COUNTED = 10_000


class Seek(StrEnum):
    FIRST = "first"
    NEXT = "next"
    PREVIOUS = "previous"
    LAST = "last"


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    rows: list[Row]
    following: Link | None
    preceding: Link | None = None


def page_of(
    rows: QuerySet[Instance],
    request: Request,
    uri: str,
    *,
    key: str,
    default: int = DEFAULT_SIZE,
    largest: int = LARGEST_SIZE,
) -> Page[Instance]:
    """The page that `size`, `seekOperation` and a page's token ask for, in ascending order of `key`, then id.

    `default` is the size where none is asked for.

    Raises InvalidInput for a size, an operation or a token that is none of ours.
    """
    size = number_asked(request, "size", default, 1, largest)
    order = (key, rows.model._meta.pk.name)
    return page_in_order(rows, order, request, uri, size=size, read=list, end=lambda row: (getattr(row, key), row.pk))


def page_in_order(
    rows: QuerySet[Any],
    order: Sequence[str],
    request: Request,
    uri: str,
    *,
    size: int,
    read: Callable[[QuerySet[Any]], list[Row]],
    end: Callable[[Row], tuple[Any, ...]],
    parts: Parts = in_order,
) -> Page[Row]:
    """The same in an order by some keys, the last of them unique, e.g. ("-purchased_at", "-id").

    `parts` finds the rows behind a place, `read` gives what is told of some of them, in their order, and `end` the keys
    of one of those. Raises InvalidInput.
    """
    seek = _seek(request)
    backwards = seek in (Seek.PREVIOUS, Seek.LAST)
    keys = keys_of(rows, order)
    keys = [key.flipped() for key in keys] if backwards else keys
    found = _read(_behind(rows, keys, request, seek, parts), size + 1, read)
    more, shown = len(found) > size, found[:size]
    if backwards:
        shown.reverse()
    if not shown:
        return Page([], None)
    token = token_of([end(row) for row in (shown[0], shown[-1])])

    def lead(operation: str) -> Link:
        query = {**request.query_params.dict(), "size": str(size), "seekOperation": operation}
        return link(uri, query, headers={CONTINUATION: token})

    return Page(
        shown,
        lead("Next") if seek == Seek.PREVIOUS or (more and not backwards) else None,
        lead("Previous") if seek == Seek.NEXT or (more and backwards) else None,
    )


def total_of(page: Page[Any], rows: QuerySet[Any]) -> int:
    """How many rows there are, MOST_COUNTED at most; not asked for where the page shows them all."""
    if page.rows and page.following is None and page.preceding is None:
        return len(page.rows)
    return rows.order_by()[:MOST_COUNTED].count()


def page_by_offset(rows: QuerySet[Instance], request: Request, uri: str) -> Page[Instance]:
    """The page that `size` and `offset` ask for, in the order of the rows. Raises InvalidInput.

    Only where the dialect counts rows: later pages cost more than the first.
    """
    size = number_asked(request, "size", DEFAULT_SIZE, 1, LARGEST_SIZE)
    offset = number_asked(request, "offset", 0, 0, LARGEST_OFFSET)
    found = list(rows[offset : offset + size + 1])

    def lead(start: int) -> Link:
        return link(uri, {**request.query_params.dict(), "size": str(size), "offset": str(start)})

    return Page(
        found[:size],
        lead(offset + size) if len(found) > size else None,
        lead(max(0, offset - size)) if offset else None,
    )


def number_asked(request: Request, name: str, default: int, least: int, most: int) -> int:
    """A whole number of the query, `default` without it. Raises InvalidInput."""
    text = request.query_params.get(name, str(default))
    if not (text.isascii() and text.isdigit() and len(text) < 10 and least <= int(text) <= most):
        raise InvalidInput(field=name, problem=f"a number from {least} to {most} is expected")
    return int(text)


def _read(parts: list[Part], number: int, read: Callable[[QuerySet[Any]], list[Row]]) -> list[Row]:
    """So many rows of the parts, one after the other."""
    found: list[Row] = []
    try:
        for part in parts:
            if len(found) < number:
                found += read(part(number - len(found)))
    except (DataError, OverflowError):  # a moment outside the database's calendar
        raise _not_given() from None
    return found


def _not_given() -> InvalidInput:
    return InvalidInput(field=CONTINUATION, problem="it was not given by this hub")


def _seek(request: Request) -> Seek:
    try:
        return Seek(request.query_params.get("seekOperation", Seek.FIRST).lower())
    except ValueError:
        raise InvalidInput(field="seekOperation", problem="First, Next, Previous and Last are supported") from None


def _behind(rows: QuerySet[Any], keys: list[Key], request: Request, seek: Seek, parts: Parts) -> list[Part]:
    """The rows behind the last one of the page that a token is of, or before its first one; all without a token."""
    if seek not in (Seek.NEXT, Seek.PREVIOUS):
        return parts(rows, keys, None)
    try:
        ends = json.loads(base64.urlsafe_b64decode(request.headers.get(CONTINUATION, "").encode()))
        value, *others = place = dict(zip((Seek.PREVIOUS, Seek.NEXT), ends, strict=True))[seek]
        is_position = storable(value) if isinstance(value, str) else value is None and keys[0].nullable
        if not (is_position and len(place) == len(keys) and all(isinstance(other, str) for other in others)):
            raise ValueError
        return parts(rows, keys, place)
    except (ValueError, TypeError, ValidationError, RecursionError):
        raise _not_given() from None


def token_of(ends: list[tuple[Any, ...]]) -> str:
    """Where a page begins and ends, for whoever goes on from it in either direction."""
    positions = [[_written(value) for value in end] for end in ends]
    return base64.urlsafe_b64encode(json.dumps(positions).encode()).decode()


def _written(value: Any) -> str | None:
    if value is None:
        return None
    return value.isoformat() if isinstance(value, datetime) else str(value)
