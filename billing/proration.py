"""Shares of a billing cycle. Pure: exact fractions, rounded toward zero once a line."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

from partnerhub.money import Money, smallest_unit

FOUR_PLACES = Decimal("0.0001")


class Rounding(StrEnum):
    """Where a share is rounded (rule 80). Published examples follow one or the other; the hub charges by `line`."""

    LINE = "line"
    UNIT = "unit"


@dataclass(frozen=True, slots=True)
class Share:
    """What units cost for some days of a cycle. The effective unit price is shown with four decimals, cut off."""

    effective_unit_price: Decimal
    amount: Money


def share(
    unit_price: Decimal, units: int, days: int, cycle_days: int, currency: str, rounding: Rounding = Rounding.LINE
) -> Share:
    """The price of `units` for `days` of a cycle's `cycle_days` (rule 76).

    `line`: the exact fraction is rounded once, in the amount. `unit`: the unit's share is cut to the currency's
    smallest unit first, then multiplied.
    """
    exact = Fraction(unit_price) * days / cycle_days
    if rounding == Rounding.UNIT:
        exact = Fraction(_cut(exact, smallest_unit(currency)))
    return Share(_cut(exact, FOUR_PLACES), Money.rounded_down(exact * units, currency))


def _cut(exact: Fraction, step: Decimal) -> Decimal:
    steps = abs(exact) / Fraction(step)
    cut = step * (steps.numerator // steps.denominator)
    return -cut if exact < 0 else cut
