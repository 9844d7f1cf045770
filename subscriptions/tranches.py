"""Seat tranches: every batch of seats has its own clock for being reduced again (rules 38-40). Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Tranche:
    """Seats opened together. They may be reduced until `reducible_until` (UTC, exclusive)."""

    quantity: int
    opened_at: datetime
    reducible_until: datetime


def total(tranches: Iterable[Tranche]) -> int:
    return sum(tranche.quantity for tranche in tranches)


def reducible(tranches: Iterable[Tranche], at: datetime) -> list[Tranche]:
    """The tranches that can still be reduced at a moment, the one that closes first first."""
    open_now = [tranche for tranche in tranches if tranche.opened_at <= at < tranche.reducible_until]
    return sorted(open_now, key=lambda tranche: tranche.reducible_until)
