"""How many days before the end of a term the customer is told of its renewal. Pure; days are UTC."""

from collections.abc import Collection, Sequence
from datetime import date, timedelta


def days_of(text: str) -> tuple[int, ...]:
    """The days of a `renewal_notice_days` policy, the largest first."""
    return tuple(int(word) for word in text.split())


def that_fit(days: Sequence[int], term_start: date, term_end: date) -> list[int]:
    """The days that lie in the second half of a term (`term_end` exclusive): nobody is told of a renewal earlier."""
    return [one for one in days if 2 * one <= (term_end - term_start).days]


def due_on(days: Sequence[int], term_end: date, today: date) -> int | None:
    """The newest notice that is due; older ones were overslept. None before the first, and once the term is over."""
    left = (term_end - today).days
    return min((one for one in days if left <= one), default=None) if left > 0 else None


def is_told(days: Sequence[int], due: int, told: Collection[int]) -> bool:
    """Whether a notice was written for this day, or by hand since it was due."""
    below = max((one for one in days if one < due), default=0)
    return any(below < one <= due for one in told)


def next_on(days: Sequence[int], term_end: date, today: date) -> date | None:
    """The day on which the next notice is due, after today; None when none is."""
    left = (term_end - today).days
    ahead = max((one for one in days if one < left), default=None)
    return None if ahead is None else term_end - timedelta(days=ahead)
