"""How far a long request has come, for the page that waits for it.

Told through the cache, because the request's own transaction is seen by nobody yet; without a cache nothing is told.
"""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import TypeVar
from uuid import UUID

import redis
from django.core.cache import cache

TOLD_EVERY = 1000
KEPT_SECONDS = 600

Row = TypeVar("Row")


def counted(rows: Iterable[Row], person: str, progress_id: UUID) -> Iterator[Row]:
    """The same rows; how many have been taken is told after each TOLD_EVERY and after the last."""
    number = 0
    for number, row in enumerate(rows, start=1):
        yield row
        if number % TOLD_EVERY == 0:
            _tell(person, progress_id, number)
    _tell(person, progress_id, number)


def taken(person: str, progress_id: UUID) -> int | None:
    """How many rows a request of the same person has taken so far; None while nothing is known."""
    with suppress(redis.RedisError):
        number: int | None = cache.get(_key(person, progress_id))
        return number
    return None


def _tell(person: str, progress_id: UUID, number: int) -> None:
    with suppress(redis.RedisError):
        cache.set(_key(person, progress_id), number, KEPT_SECONDS)


def _key(person: str, progress_id: UUID) -> str:
    return f"progress:1:{person}:{progress_id}"
