"""What a line costs. Pure. Amounts before tax, in the price's currency."""

from decimal import Decimal
from fractions import Fraction

from partnerhub.money import Money

FLAT_RATE_UNITS = 1


def cycle_amount(unit_price: Decimal, units: int, currency: str) -> Money:
    """A whole billing cycle of `units` licences, rounded down once a line (rule 80, policy `line`)."""
    return Money.rounded_down(Fraction(unit_price) * units, currency)


def units_of(pricing: str, quantity: int) -> int:
    """How many units are charged: the licences of a per-user plan, one of a flat rate (rule 73)."""
    return quantity if pricing == "per_user" else FLAT_RATE_UNITS
