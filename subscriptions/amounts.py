"""What a purchase costs each billing cycle, as it is shown before anything is charged. Before tax."""

from decimal import Decimal
from fractions import Fraction

from partnerhub.money import Money
from publishers.models import Plan, Pricing


def cycle_total(plan: Plan, unit_price: Decimal, quantity: int, currency: str) -> Money:
    """One whole billing cycle: a licence's price times the licences, or the flat rate. Rounded down once (rule 80)."""
    units = quantity if plan.pricing == Pricing.PER_USER else 1
    return Money.rounded_down(Fraction(unit_price) * units, currency)


def first_charge(plan: Plan, unit_price: Decimal, quantity: int, currency: str) -> Money:
    """What is charged first, once the publisher has confirmed: nothing in a trial."""
    return cycle_total(plan, Decimal(0) if plan.trial_days else unit_price, quantity, currency)
