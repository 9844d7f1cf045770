"""Pages of long collections: by keyset, so that every page costs the same, continued with MS-ContinuationToken."""

import base64
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from django.core.exceptions import ValidationError
from django.db import DataError
from django.db.models import Model, Q, QuerySet
from rest_framework.request import Request

from partnerhub.api.reading import storable
from partnerhub.api.shapes import CONTINUATION, Link, link
from partnerhub.errors import InvalidInput

Row = TypeVar("Row", bound=Model)

DEFAULT_SIZE = 100
LARGEST_SIZE = 500


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    rows: list[Row]
    following: Link | None


def page_of(rows: QuerySet[Row], request: Request, uri: str, *, key: str) -> Page[Row]:
    """The page that `size` and a continuation token ask for, in ascending order of `key`, then id.

    Raises InvalidInput for a size, an operation or a token that is none of ours.
    """
    size = _size(request)
    found = _read(_after(rows, request, key).order_by(key, "pk")[: size + 1])
    if len(found) <= size:
        return Page(found, None)
    last = found[size - 1]
    token = _token(getattr(last, key), last.pk)
    query = {**request.query_params.dict(), "size": str(size), "seekOperation": "Next"}
    return Page(found[:size], link(uri, query, headers={CONTINUATION: token}))


def _size(request: Request) -> int:
    text = request.query_params.get("size", "") or str(DEFAULT_SIZE)
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= LARGEST_SIZE):
        raise InvalidInput(field="size", problem=f"a number from 1 to {LARGEST_SIZE} is expected")
    return int(text)


def _read(rows: QuerySet[Row]) -> list[Row]:
    try:
        return list(rows)
    except (DataError, OverflowError):  # a moment outside the database's calendar
        raise _not_given() from None


def _not_given() -> InvalidInput:
    return InvalidInput(field=CONTINUATION, problem="it was not given by this hub")


def _after(rows: QuerySet[Row], request: Request, key: str) -> QuerySet[Row]:
    operation = request.query_params.get("seekOperation", "First")
    if operation.lower() == "first":
        return rows
    if operation.lower() != "next":
        raise InvalidInput(field="seekOperation", problem="First and Next are supported")
    try:
        value, pk = json.loads(base64.urlsafe_b64decode(request.headers.get(CONTINUATION, "").encode()))
        if not (isinstance(value, str) and isinstance(pk, str) and storable(value)):
            raise ValueError
        return rows.filter(Q(**{f"{key}__gt": value}) | Q(**{f"{key}": value, "pk__gt": pk}), **{f"{key}__gte": value})
    except (ValueError, TypeError, ValidationError, RecursionError):
        raise _not_given() from None


def _token(value: Any, pk: Any) -> str:
    position = [value.isoformat() if isinstance(value, datetime) else value, str(pk)]
    return base64.urlsafe_b64encode(json.dumps(position).encode()).decode()
