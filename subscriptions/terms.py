"""Calendar terms. Pure. Dates are UTC days; inside the hub a term runs from start (inclusive) to end (exclusive)."""

import calendar
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

MONTHS = {"P1M": 1, "P1Y": 12, "P2Y": 24, "P3Y": 36}
CYCLE_MONTHS = {"monthly": 1, "annual": 12}


def midnight(day: date | None) -> datetime | None:
    """The first moment of a UTC day."""
    return datetime.combine(day, time(), UTC) if day else None


def add_months(anchor: date, months: int) -> date:
    """The day `months` after the anchor, clamped to the month's length. Count every period from the anchor, never from
    the last period: 31 Jan + 1 is 28 Feb, 31 Jan + 2 is 31 Mar.
    """
    year, month = divmod(anchor.year * 12 + anchor.month - 1 + months, 12)
    return date(year, month + 1, min(anchor.day, calendar.monthrange(year, month + 1)[1]))


def term_end(start: date, term: str) -> date:
    """The exclusive end of a term (rule 82: P1M from 31 Jan ends on 28 Feb, shown as 27 Feb). Raises KeyError."""
    return add_months(start, MONTHS[term])


@dataclass(frozen=True, slots=True)
class Cycle:
    """A billing cycle. `natural_end` (exclusive) is later than `end` for one that the end of its term cuts short."""

    start: date
    end: date
    natural_end: date

    @property
    def is_whole(self) -> bool:
        return self.natural_end == self.end


def cycle_at(start: date, end: date, months: int, day: date) -> Cycle:
    """The cycle of so many months in which `day` lies. They count from `start` and stop at `end` (exclusive)."""
    number = 0
    while (cycle := _nth_cycle(start, end, months, number)).end <= day:
        number += 1
    return cycle


def _nth_cycle(start: date, end: date, months: int, number: int) -> Cycle:
    first, natural_end = (_cycle_start(start, months, count) for count in (number, number + 1))
    # The last cycle of a term ends with it, where a day at the end of a month would lead it astray.
    if (number + 1) * months == _whole_months(start, end):
        natural_end = end
    return Cycle(first, min(natural_end, end), natural_end)


def _whole_months(start: date, end: date) -> int | None:
    """The months of a term, or None if they are not whole. One that began on a clamped day ends on a later one."""
    months = (end.year - start.year) * 12 + end.month - start.month
    was_clamped = start.day == month_length(start) and end.day > start.day
    return months if was_clamped or add_months(start, months) == end else None


def _cycle_start(anchor: date, months: int, count: int) -> date:
    """Monthly cycles that start on the last day of a month, or on the day before it, stay there (31 Jan, 28 Feb,
    31 Mar; 30 Jan, 27 Feb, 30 Mar); all others keep their day, clamped.
    """
    plain = add_months(anchor, months * count)
    before_last = month_length(anchor) - anchor.day
    if months > 1 or before_last > 1:
        return plain
    return plain.replace(day=month_length(plain) - before_last)


def month_length(day: date) -> int:
    """How many days the month of a day has."""
    return calendar.monthrange(day.year, day.month)[1]


def cycle_end(start: date, end: date, billing_cycle: str, day: date) -> date:
    """The exclusive end of the billing cycle that `day` lies in, in a term from `start` to `end` (exclusive) without
    trial; `one_time` pays the whole term in one cycle. Raises KeyError for an unknown cycle.
    """
    return end if billing_cycle == "one_time" else cycle_at(start, end, CYCLE_MONTHS[billing_cycle], day).end


def trial_end(trial_days: int, activated_at: datetime | None) -> date | None:
    """The first UTC day that is not free any more; None without a trial, or before it begins. Counted from the
    activation, never from a term's start: what is renewed has no second trial (rule 65).
    """
    if not trial_days or activated_at is None:
        return None
    return activated_at.astimezone(UTC).date() + timedelta(days=trial_days)


def in_trial(trial_days: int, activated_at: datetime | None, at: datetime) -> bool:
    """Whether a moment is free of charge; before the activation the whole trial is still to come."""
    end = trial_end(trial_days, activated_at)
    return trial_days > 0 and (end is None or at.astimezone(UTC).date() < end)
