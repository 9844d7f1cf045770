"""The kernel's plain Python: money, clock and calendar terms."""

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from partnerhub.clock import parse_duration
from partnerhub.money import CurrencyMismatch, Money
from publishers.pricing import cycle_amount, cycle_total, first_charge
from subscriptions.terms import add_months, term_end


def test_two_currencies_are_never_added():
    with pytest.raises(CurrencyMismatch):
        Money(Decimal(1), "EUR") + Money(Decimal(1), "PLN")


@pytest.mark.parametrize(
    ("exact", "currency", "amount"),
    [("112.896", "EUR", "112.89"), ("-112.896", "EUR", "-112.89"), ("99.9", "JPY", "99"), ("1.2345", "KWD", "1.234")],
)
def test_amounts_are_rounded_towards_zero_to_the_currencys_unit(exact, currency, amount):
    assert Money.rounded_down(Fraction(exact), currency) == Money(Decimal(amount), currency)


@given(st.fractions(min_value=-(10**6), max_value=10**6))
def test_rounding_loses_less_than_a_cent_and_never_gains(exact):
    rounded = Fraction(Money.rounded_down(exact, "EUR").amount)
    assert abs(rounded) <= abs(exact) < abs(rounded) + Fraction(1, 100)


@pytest.mark.parametrize(
    ("text", "duration"),
    [
        ("P3D", timedelta(days=3)),
        ("PT72H", timedelta(days=3)),
        ("-PT5M", timedelta(minutes=-5)),
        ("P1DT2H3M4S", timedelta(1, 7384)),
    ],
)
def test_durations_are_read(text, duration):
    assert parse_duration(text) == duration


@pytest.mark.parametrize("text", ["", "P", "PT", "P1M", "P1Y", "3D", "-P"])
def test_durations_that_depend_on_the_calendar_or_say_nothing_are_refused(text):
    with pytest.raises(ValueError, match="not an ISO 8601 duration"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("start", "last_day"),
    [
        (date(2026, 1, 31), date(2026, 2, 27)),
        (date(2026, 2, 28), date(2026, 3, 27)),
        (date(2026, 5, 31), date(2026, 6, 29)),
        (date(2026, 7, 31), date(2026, 8, 30)),
        (date(2026, 1, 30), date(2026, 2, 27)),
        (date(2026, 6, 18), date(2026, 7, 17)),
    ],
)
def test_monthly_terms_end_as_published(start, last_day):
    """The vectors of rule 82; the hub's end is exclusive, the published one the last day."""
    assert term_end(start, "P1M") == last_day + timedelta(days=1)


@given(st.dates(date(2000, 1, 1), date(2090, 1, 1)), st.integers(0, 120))
def test_months_are_counted_from_the_anchor(anchor, months):
    later = add_months(anchor, months)
    assert (later.year * 12 + later.month) - (anchor.year * 12 + anchor.month) == months
    assert later.day <= anchor.day


@dataclass
class Plan:
    pricing: str = "per_user"
    trial_days: int = 0


@pytest.mark.parametrize(
    ("plan", "cycle", "first"),
    [
        (Plan(), "70.56", "70.56"),
        (Plan(pricing="flat_rate"), "10.08", "10.08"),
        (Plan(trial_days=30), "70.56", "0"),
    ],
)
def test_what_is_shown_is_the_cycle_and_the_first_charge(plan, cycle, first):
    price = Decimal("10.08")
    assert cycle_total(plan, price, 7, "EUR") == Money(Decimal(cycle), "EUR")
    assert first_charge(plan, price, 7, "EUR") == Money(Decimal(first), "EUR")
    assert cycle_amount(price, 7, "EUR") == Money(Decimal("70.56"), "EUR")
