"""What is foreseen, and its sums. Pure. Currencies are never added; days are UTC."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from billing.periods import Month
from billing.reckoning import Entry
from partnerhub.money import smallest_unit

MOST_MONTHS = 36
MOST_RISE = Decimal(1000)


class Scenario(StrEnum):
    """What is assumed: nobody acts; nor runs what is scheduled; or every price rises."""

    AS_IS = "as_is"
    UNSCHEDULED = "unscheduled"
    RISE = "rise"


@dataclass(frozen=True, slots=True)
class Assumed:
    """A scenario; `rise` is in percent and counts in `RISE` only."""

    scenario: Scenario = Scenario.AS_IS
    rise: Decimal = Decimal(0)

    def price(self, amount: Decimal, currency: str) -> Decimal:
        """A price of a day to come: the rise is cut off at the currency's smallest unit; a lower price is not cut."""
        if self.scenario != Scenario.RISE or not self.rise:
            return amount
        step = smallest_unit(currency)
        return amount + amount * self.rise / 100 // step * step


@dataclass(frozen=True, slots=True)
class Line:
    """A line that a tick will write, and the day on which it will."""

    subscription_id: UUID
    day: date
    currency: str
    entry: Entry


@dataclass(frozen=True, slots=True)
class Turn:
    """The end of a term, or what ends within it: the next one begins on `day`, or nothing is owed from then on.

    Licences, plan and price are those of the next term, or those it ends with. `scheduled`: they were scheduled;
    `dropped` tells what of a schedule cannot begin. `first_amount` is what the next term's first cycle costs.
    """

    subscription_id: UUID
    day: date
    currency: str
    renews: bool
    quantity: int
    plan: str
    term: str
    billing_cycle: str
    unit_price: Decimal
    scheduled: bool = False
    dropped: tuple[str, ...] = ()
    first_amount: Decimal | None = None


@dataclass(slots=True)
class MonthSums:
    """A month's amounts by currency, and how many terms begin, begin as scheduled, and end in it."""

    amounts: dict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    renewals: int = 0
    scheduled: int = 0
    ends: int = 0

    def add(self, found: Line | Turn) -> None:
        if isinstance(found, Line):
            self.amounts[found.currency] += found.entry.amount
            return
        self.renewals += found.renews
        self.scheduled += found.scheduled
        self.ends += not found.renews


def months_from(today: date, count: int) -> list[Month]:
    """The month of a day and those after it, so many in all."""
    return list(_following(Month.of(today), count))


def _following(month: Month, count: int) -> Iterator[Month]:
    for _number in range(count):
        yield month
        month = month.next


@dataclass(slots=True)
class Sums:
    """What is foreseen, by month; every month is there, also one without anything."""

    months: dict[Month, MonthSums]

    @classmethod
    def of(cls, months: list[Month]) -> "Sums":
        return cls({month: MonthSums() for month in months})

    def add(self, found: Sequence[Line] | Sequence[Turn]) -> None:
        """Count what falls into these months. Raises KeyError for a day outside of them."""
        for one in found:
            self.months[Month.of(one.day)].add(one)

    @property
    def currencies(self) -> list[str]:
        return sorted({currency for sums in self.months.values() for currency in sums.amounts})

    def total(self, currency: str) -> Decimal:
        """The sum of one currency over all months."""
        return sum((sums.amounts.get(currency, Decimal(0)) for sums in self.months.values()), Decimal(0))
