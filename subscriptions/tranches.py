"""Batches of seats, and until when each can be given back (rules 38-40). Pure; moments are UTC."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Batch:
    """Seats opened together, as many as are left of them; reducible until a moment, exclusive."""

    id: int
    remaining: int
    reducible_until: datetime


@dataclass(frozen=True, slots=True)
class Taken:
    """How many seats a reduction takes out of which batch."""

    batch_id: int
    quantity: int


def open_batches(batches: Iterable[Batch], at: datetime) -> list[Batch]:
    """The batches that can still be reduced at a moment, the one that closes first first."""
    still_open = (batch for batch in batches if batch.remaining > 0 and at < batch.reducible_until)
    return sorted(still_open, key=lambda batch: (batch.reducible_until, batch.id))


def reducible(batches: Iterable[Batch], at: datetime) -> int:
    """How many seats can be given back now."""
    return sum(batch.remaining for batch in open_batches(batches, at))


def take(batches: Iterable[Batch], quantity: int, at: datetime) -> list[Taken]:
    """Take seats from the batches that close first, so that what is left can be reduced longest.

    Raises ValueError for more than is reducible.
    """
    taken = []
    for batch in open_batches(batches, at):
        if quantity <= 0:
            break
        part = min(batch.remaining, quantity)
        taken.append(Taken(batch.id, part))
        quantity -= part
    if quantity > 0:
        raise ValueError(f"{quantity} seats more than can be reduced")
    return taken


def take_whole(batches: Iterable[Batch]) -> list[Taken]:
    """All that is left of every batch: a renewal opens one new batch instead of them."""
    return [Taken(batch.id, batch.remaining) for batch in batches if batch.remaining > 0]
