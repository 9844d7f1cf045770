"""Prices of a line in the dialect, before tax. JSON numbers, exact: no amount has more digits than a double keeps."""

from decimal import Decimal
from typing import TypedDict

from publishers.models import Plan
from publishers.pricing import cycle_total


class Pricing(TypedDict):
    """`extendedPrice` is a whole billing cycle of the line; the others are one licence's (or the flat rate)."""

    listPrice: float
    discountedPrice: float
    proratedPrice: float
    price: float
    extendedPrice: float


def pricing(plan: Plan, unit_price: Decimal, quantity: int, currency: str) -> Pricing:
    unit = float(unit_price)
    extended = float(cycle_total(plan, unit_price, quantity, currency).amount)
    return Pricing(listPrice=unit, discountedPrice=unit, proratedPrice=unit, price=unit, extendedPrice=extended)
