"""Money: an amount that never forgets its currency."""

from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal
from fractions import Fraction
from functools import cache

# ISO 4217 currencies whose smallest unit is not a hundredth.
MINOR_DIGITS = {"JPY": 0, "KRW": 0, "HUF": 2, "KWD": 3, "BHD": 3, "TND": 3}
DEFAULT_MINOR_DIGITS = 2
SYMBOLS = {"EUR": "€", "USD": "$", "GBP": "£", "PLN": "zł"}


class CurrencyMismatch(ValueError):
    """Two currencies met in one sum."""


@cache
def smallest_unit(currency: str) -> Decimal:
    """The smallest amount of a currency, e.g. 0.01 for EUR and 1 for JPY."""
    return Decimal(1).scaleb(-MINOR_DIGITS.get(currency, DEFAULT_MINOR_DIGITS))


def symbol_of(currency: str) -> str:
    """The sign that is written for a currency; its code where it has none of its own."""
    return SYMBOLS.get(currency, currency)


@dataclass(frozen=True, slots=True)
class Money:
    """An exact amount in one currency (ISO 4217 code, upper case)."""

    amount: Decimal
    currency: str

    def __add__(self, other: "Money") -> "Money":
        self._same_currency(other)
        return Money(self.amount + other.amount, self.currency)

    def __sub__(self, other: "Money") -> "Money":
        return self + (-other)

    def __neg__(self) -> "Money":
        return Money(-self.amount, self.currency)

    @property
    def text(self) -> str:
        """The amount in plain digits, down to the currency's smallest unit: `-70.56`."""
        return f"{self.amount.quantize(smallest_unit(self.currency), ROUND_DOWN)}"

    def _same_currency(self, other: "Money") -> None:
        if self.currency != other.currency:
            raise CurrencyMismatch(f"{self.currency} and {other.currency} cannot be added")

    @classmethod
    def rounded_down(cls, exact: Fraction, currency: str) -> "Money":
        """Round an exact share towards zero to the currency's smallest unit: once a line, rule 80's `line` policy."""
        unit = smallest_unit(currency)
        steps = abs(exact) / Fraction(unit)
        amount = unit * (steps.numerator // steps.denominator)
        return cls(-amount if exact < 0 else amount, currency)
