"""Charge periods. Pure. UTC days: start inclusive, end exclusive; every period is counted from its anchor."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from subscriptions.terms import CYCLE_MONTHS, MONTHS, Cycle, cycle_at, month_length


@dataclass(frozen=True, slots=True)
class Period:
    """Days that are charged together: `billing_days` of a cycle's `cycle_days`. A whole cycle has all of them."""

    start: date
    end: date
    billing_days: int
    cycle_days: int

    def since(self, day: date) -> "Period":
        """What is left of it from a day on, that day included (rule 76)."""
        if day <= self.start:
            return self
        left = min((self.end - day).days, self.billing_days)
        return Period(day, self.end, left, self.cycle_days)


def months_of(term: str, billing_cycle: str) -> int:
    """How many months a billing cycle has; `one_time` pays the whole term at once (rule 72). Raises KeyError."""
    return MONTHS[term] if billing_cycle == "one_time" else CYCLE_MONTHS[billing_cycle]


def cycle_days(cycle: Cycle, months: int) -> int:
    """By how many days a cycle's price is shared: the length of the month in which a monthly one starts, the days
    themselves of a longer one (rule 77).
    """
    return month_length(cycle.start) if months == 1 else (cycle.natural_end - cycle.start).days


def whole_period(anchor: date, end: date, months: int, day: date) -> Period:
    """The whole cycle that `day` lies in, as far as it lies in the term; cycles count from `anchor`.

    A whole cycle costs its whole price, however long the months are; one that the term's end cuts short costs its days.
    """
    cycle = cycle_at(anchor, end, months, day)
    days = cycle_days(cycle, months)
    billing_days = days if cycle.is_whole else min((cycle.end - cycle.start).days, days)
    return Period(cycle.start, cycle.end, billing_days, days)


def trial_period(start: date, trial_days: int) -> Period:
    """A free trial, which counts its own days."""
    return Period(start, start + timedelta(days=trial_days), trial_days, trial_days)


@dataclass(frozen=True, slots=True, order=True)
class Month:
    """A calendar month in UTC, which one invoice covers (rule 74)."""

    start: date

    @classmethod
    def of(cls, day: date) -> "Month":
        return cls(day.replace(day=1))

    @property
    def end(self) -> date:
        """The first day that is not of it any more."""
        return self.start + timedelta(days=month_length(self.start))

    @property
    def next(self) -> "Month":
        return Month(self.end)

    @property
    def begins_next(self) -> datetime:
        """The first moment that is not of it any more."""
        return datetime.combine(self.end, time(), UTC)

    def __str__(self) -> str:
        return f"{self.start:%Y-%m}"
