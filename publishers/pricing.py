"""What a plan costs. Pure: shown before a purchase and charged after it by the same function. Before tax."""

from decimal import Decimal
from fractions import Fraction
from typing import Protocol

from partnerhub.money import Money


class Priced(Protocol):
    """What of a plan decides its amounts; `pricing` is per_user or flat_rate."""

    @property
    def pricing(self) -> str: ...
    @property
    def trial_days(self) -> int: ...


def units_of(plan: Priced, quantity: int) -> int:
    """How many units are charged: the licences of a per-user plan, one of a flat rate (rule 73)."""
    return quantity if plan.pricing == "per_user" else 1


def cycle_amount(unit_price: Decimal, units: int, currency: str) -> Money:
    """A whole billing cycle of `units`, rounded down once a line (rule 80, policy `line`)."""
    return Money.rounded_down(Fraction(unit_price) * units, currency)


def cycle_total(plan: Priced, unit_price: Decimal, quantity: int, currency: str) -> Money:
    """One whole billing cycle of a plan: a licence's price times the licences, or the flat rate."""
    return cycle_amount(unit_price, units_of(plan, quantity), currency)


def first_unit_price(plan: Priced, unit_price: Decimal) -> Decimal:
    """What a unit costs in the first period that is charged: nothing in a trial."""
    return Decimal(0) if plan.trial_days else unit_price


def first_charge(plan: Priced, unit_price: Decimal, quantity: int, currency: str) -> Money:
    """What is charged first, once the publisher has confirmed."""
    return cycle_total(plan, first_unit_price(plan, unit_price), quantity, currency)
