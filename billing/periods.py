"""Charge periods. Pure. UTC days: start inclusive, end exclusive; every period is counted from its anchor."""

from datetime import date, timedelta

from subscriptions.terms import CYCLE_MONTHS, MONTHS, add_months


def first_period(start: date, term: str, billing_cycle: str, trial_days: int = 0) -> tuple[date, date]:
    """The first period that is charged: the trial where there is one (at zero), else one billing cycle.

    `one_time` pays the whole term at once (rule 72). Raises KeyError for an unknown term or cycle.
    """
    if trial_days:
        return start, start + timedelta(days=trial_days)
    months = MONTHS[term] if billing_cycle == "one_time" else CYCLE_MONTHS[billing_cycle]
    return start, add_months(start, months)
