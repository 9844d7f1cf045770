"""The port to billing: what others here ask of the ledger. Billing stands above this app and registers itself."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Protocol
from uuid import UUID

from partnerhub.money import Money
from subscriptions.models import Subscription


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the ledger. Days are UTC; `period_end` is exclusive; a credited `amount` is negative.

    `reference_id` joins the lines of one change, what is wiped and what is charged anew (rule 78); None for others.
    """

    charge_type: str
    quantity: int
    unit_price: Decimal
    effective_unit_price: Decimal
    amount: Money
    period_start: date
    period_end: date
    billing_days: int
    cycle_days: int
    reference_id: UUID | None


class Ledger(Protocol):
    """What billing tells of charges."""

    def lines_caused_by(self, event_ids: Sequence[UUID]) -> list[Line]:
        """The lines that were written because of these events, in the order in which they were written."""
        ...

    def next_charge(self, subscription: Subscription, at: datetime) -> tuple[date, Money] | None:
        """The first day of the next period and what it would be charged; None when nothing more will be charged."""
        ...

    def billed_quantity(self, subscription_ids: Sequence[UUID]) -> dict[UUID, int]:
        """For how many licences each is charged now, 0 when for none. Those that billing still has to hear of are
        left out.
        """
        ...

    def own_prices(self, subscription_ids: Sequence[UUID]) -> dict[UUID, list[tuple[int, Money]]]:
        """How many licences, at which price, that is not the one of the running term: they were added within it.
        Those that have none are left out.
        """
        ...

    def count_invoices(self, customer_id: UUID) -> int:
        """How many invoices and credit notes a customer has, without drafts that were dropped."""
        ...


_registered: list[Ledger] = []


def register(ledger: Ledger) -> None:
    """Name the ledger that `ledger()` returns from now on."""
    _registered[:] = [ledger]


def ledger() -> Ledger:
    """The registered ledger. Raises LookupError without one."""
    if not _registered:
        raise LookupError("no ledger is registered")
    return _registered[0]
