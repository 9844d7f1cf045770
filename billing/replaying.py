"""A subscription's ledger written once more from what was heard, beside what is stored."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from datetime import UTC, datetime

from billing.accounts import entry_of, reckoned
from billing.hearing import OPENS, Shelf, heard, opened
from billing.models import Account, Charge
from billing.reckoning import Account as Reckoned
from billing.reckoning import Entry, charge_until
from partnerhub.outbox.models import Event
from subscriptions.models import Subscription


@dataclass(frozen=True, slots=True)
class Fault:
    """One row that does not hold, and why."""

    row: str
    problem: str


@dataclass(frozen=True, slots=True)
class Heard:
    """An event, and when billing was told of it."""

    event: Event
    at: datetime

    def follows(self, charge: Charge) -> bool:
        """Whether a cycle had been charged already when this was heard."""
        return charge.period_start <= self.event.at.astimezone(UTC).date() or charge.recorded_at < self.at


@dataclass(frozen=True, slots=True)
class Told:
    """All that billing heard of a subscription, in order, and all that it wrote."""

    subscription: Subscription
    events: list[Heard]
    charges: list[Charge]
    account: Account | None


class _Differs(Exception):
    """The ledger is not what was heard: carries the fault."""

    def __init__(self, row: str, problem: str) -> None:
        super().__init__(problem)
        self.fault = Fault(row, problem)


def row_of(charge: Charge) -> str:
    """How a charge is named in a report."""
    return f"charge {charge.pk} (subscription {charge.subscription_id} #{charge.sequence})"


def replay(told: Told, shelf: Shelf) -> Iterator[Fault]:
    """The first line that is not what the events make of it, and an account that says otherwise; none if all holds."""
    ledger = _Ledger(told)
    try:
        account = _rewritten(told, ledger, shelf)
        ledger.expect_end()
    except _Differs as differs:
        yield differs.fault
        return
    yield from _account_faults(told, account)


def _rewritten(told: Told, ledger: "_Ledger", shelf: Shelf) -> Reckoned | None:
    account: Reckoned | None = None
    partner_id = told.subscription.order_line.reseller_id or ""
    for told_of in told.events:
        event = told_of.event
        if account is not None:
            ledger.compare_cycles(account, before=told_of)
            ledger.compare(event, heard(account, event, shelf))
        elif event.name == OPENS:
            account, entries = opened(event, told.subscription.order_line, partner_id, shelf)
            ledger.compare(event, entries)
        elif event.name == "subscription.reseller_changed":
            partner_id = event.data["after"] or ""
    if account is not None:
        ledger.compare_cycles(account)
    return account


class _Ledger:
    """The stored lines, read one after the other."""

    def __init__(self, told: Told) -> None:
        numbers = {charge.pk: charge.sequence for charge in told.charges}
        self._subscription = told.subscription
        self._charges = told.charges
        self._stored = [
            entry_of(charge, numbers.get(charge.reverses_id) if charge.reverses_id else None) for charge in told.charges
        ]
        self._read = 0

    def compare(self, event: Event, entries: Iterable[Entry]) -> None:
        """Compare what an event causes."""
        for entry in entries:
            self._compare(event.name, entry)

    def compare_cycles(self, account: Reckoned, before: Heard | None = None) -> None:
        """Compare the cycles that a tick has charged next, up to the moment when something was heard."""
        while self._read < len(self._stored) and account.next_charge_on is not None:
            stored = self._stored[self._read]
            if stored.is_paired or stored.credits is not None or stored.cause != account.opened_by:
                return
            if before is not None and not before.follows(self._charges[self._read]):
                return
            for entry in charge_until(account, account.next_charge_on):
                self._compare("its cycle", entry)

    def _compare(self, told_by: str, expected: Entry) -> None:
        if self._read == len(self._stored):
            row = f"subscription {self._subscription.pk}"
            raise _Differs(row, f"{told_by} was heard, but its line #{expected.number} was not charged")
        stored, charge = self._stored[self._read], self._charges[self._read]
        for name in (field.name for field in fields(Entry)):
            found, right = getattr(stored, name), getattr(expected, name)
            if found != right:
                raise _Differs(row_of(charge), f"its {name} is {found}, recomputed {right}")
        if (charge.currency, charge.customer_id) != (self._subscription.currency, self._subscription.customer_id):
            raise _Differs(row_of(charge), "is in another currency or of another customer than its subscription")
        self._read += 1

    def expect_end(self) -> None:
        """Raise for a line that nothing explains."""
        if self._read < len(self._charges):
            raise _Differs(row_of(self._charges[self._read]), "nothing that was heard explains it")


def _account_faults(told: Told, account: Reckoned | None) -> Iterator[Fault]:
    row = f"account of subscription {told.subscription.pk}"
    if account is None or told.account is None:
        if (account is None) != (told.account is None):
            yield Fault(row, "is missing" if told.account is None else "was never opened")
        return
    told.account.subscription = told.subscription
    stored = reckoned(told.account)
    for name in _KEPT:
        found, right = getattr(stored, name), getattr(account, name)
        if found != right:
            yield Fault(row, f"its {name} is {found}, recomputed {right}")


_KEPT = tuple(field.name for field in fields(Reckoned) if field.name not in ("lines", "last_number"))
