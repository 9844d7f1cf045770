"""Calendar terms. Pure. Dates are UTC days; inside the hub a term runs from start (inclusive) to end (exclusive)."""

import calendar
from datetime import date, timedelta

MONTHS = {"P1M": 1, "P1Y": 12, "P2Y": 24, "P3Y": 36}
CYCLE_MONTHS = {"monthly": 1, "annual": 12}


def add_months(anchor: date, months: int) -> date:
    """The day `months` after the anchor, clamped to the month's length. Count every period from the anchor, never from
    the last period: 31 Jan + 1 is 28 Feb, 31 Jan + 2 is 31 Mar.
    """
    year, month = divmod(anchor.year * 12 + anchor.month - 1 + months, 12)
    return date(year, month + 1, min(anchor.day, calendar.monthrange(year, month + 1)[1]))


def term_end(start: date, term: str) -> date:
    """The exclusive end of a term (rule 82: P1M from 31 Jan ends on 28 Feb, shown as 27 Feb). Raises KeyError."""
    return add_months(start, MONTHS[term])


def cycle_end(start: date, end: date, billing_cycle: str, day: date) -> date:
    """The exclusive end of the billing cycle that `day` lies in, in a term from `start` to `end` (exclusive) without
    trial; `one_time` pays the whole term in one cycle. Raises KeyError for an unknown cycle.
    """
    if billing_cycle == "one_time":
        return end
    months = CYCLE_MONTHS[billing_cycle]
    cycle = 1
    while add_months(start, cycle * months) <= day:
        cycle += 1
    return min(add_months(start, cycle * months), end)


def in_trial(trial_days: int, start: date | None, day: date) -> bool:
    """Whether `day` is one of a term's free trial days; a term that has not started yet has them all before it."""
    return trial_days > 0 and (start is None or day < start + timedelta(days=trial_days))
