"""What is owed: a subscription's account and the lines that each event and each new cycle add to it. Pure.

Charging and proving run this same code: the ledger's services feed it one event at a time, `verify_ledger` all of them.
Days are UTC; a period's start is inclusive, its end exclusive. Lines are known by their number in the ledger, from 1.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from itertools import groupby
from typing import Any
from uuid import UUID

from billing.enums import ChargeType
from billing.periods import Period, trial_period, whole_period
from billing.proration import Rounding, Share, share

NOTHING = Decimal(0)


@dataclass(frozen=True, slots=True)
class Added:
    """Licences that were added within the term at a price of their own, which they keep until it ends."""

    price_id: UUID
    unit_price: Decimal
    quantity: int


@dataclass(frozen=True, slots=True)
class Basis:
    """What a cycle is charged by; `cycle_months` are those of its billing frequency. A line stays rounded as it was.

    `quantity` counts all licences, those of `added` (the oldest first) among them.
    """

    plan_term_id: UUID
    price_id: UUID
    unit_price: Decimal
    cycle_months: int
    per_user: bool
    quantity: int
    partner_id: str
    rounding: Rounding = Rounding.LINE
    added: tuple[Added, ...] = ()

    @property
    def units(self) -> int:
        """The licences of a per-user plan, one of a flat rate (rule 73)."""
        return self.quantity if self.per_user else 1

    @property
    def parts(self) -> list["Basis"]:
        """One basis for each price: that of the term first, then those of the licences that were added."""
        own = replace(self, quantity=self.quantity - sum(one.quantity for one in self.added), added=())
        return [own, *(replace(own, **_as_values(one)) for one in self.added)]

    def resized(self, quantity: int, price: tuple[UUID, Decimal] | None = None) -> "Basis":
        """Another number of licences: more of them at a price of their own, where one is given that is not the
        term's, or fewer, those that were added last first.
        """
        more, added = quantity - self.quantity, list(self.added)
        if more > 0 and price is not None and price[0] != self.price_id and self.per_user:
            held = added.pop().quantity if added and added[-1].price_id == price[0] else 0
            added.append(Added(*price, held + more))
        while more < 0 and added:
            last = added.pop()
            if last.quantity + more > 0:
                added.append(replace(last, quantity=last.quantity + more))
            more += last.quantity
        return replace(self, quantity=quantity, added=tuple(added))


def _as_values(one: Added) -> dict[str, Any]:
    return {"price_id": one.price_id, "unit_price": one.unit_price, "quantity": one.quantity}


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the ledger, and the event that caused it. A credit has a negative amount and names what it credits.

    `is_paired`: it belongs to a change, which wipes what was charged and charges anew (rule 78).
    """

    number: int
    charge_type: ChargeType
    cause: UUID
    period: Period
    units: int
    price_id: UUID
    unit_price: Decimal
    effective_unit_price: Decimal
    amount: Decimal
    partner_id: str
    credits: int | None = None
    is_paired: bool = False
    rounding: Rounding = Rounding.LINE


@dataclass(slots=True)
class Charged:
    """A charged line and how much of it has been credited; `credited_from` is the first day that no longer stands."""

    entry: Entry
    credited: Decimal = NOTHING
    credited_from: date | None = None

    @property
    def is_credited(self) -> bool:
        """Whether nothing is left to credit; of a line at nothing that is so once it is wiped."""
        return self.credited_from is not None and self.credited == self.entry.amount


@dataclass(frozen=True, slots=True)
class Change:
    """Another basis, by agreement of the publisher: asked for on one day, accepted on the same or a later one.

    `ends_trial`: the new plan has none, so a running one is over (rule 66).
    """

    cause: UUID
    charge_type: ChargeType
    basis: Basis
    requested_on: date
    accepted_on: date
    ends_trial: bool = False

    @property
    def is_of_quantity(self) -> bool:
        return self.charge_type in (ChargeType.ADD_QUANTITY, ChargeType.REMOVE_QUANTITY)


@dataclass(slots=True)
class Account:
    """What is charged for one subscription and until when (`charged_through`, exclusive), in the term of `opened_by`.

    Paid cycles count from `paid_from`: the term's first day, or the first one after a trial. `changed_on` is the day
    of the last change, before which nothing is changed any more. `lines` holds charges that may still be credited.
    """

    currency: str
    opened_by: UUID
    basis: Basis
    term_start: date
    term_end: date
    paid_from: date
    changed_on: date
    charged_through: date
    in_trial: bool = False
    is_open: bool = True
    last_number: int = 0
    lines: list[Charged] = field(default_factory=list)

    @property
    def next_charge_on(self) -> date | None:
        """The first day of the next cycle of this term; None when the term is charged to its end, or over."""
        return self.charged_through if self.is_open and self.charged_through < self.term_end else None


def open_account(
    currency: str, opened_by: UUID, basis: Basis, term: tuple[date, date], trial_days: int
) -> tuple[Account, list[Entry]]:
    """Begin with the first term (`term`: start, exclusive end): its trial at nothing, or its first cycle."""
    start, end = term
    account = Account(currency, opened_by, basis, start, end, start, start, start)
    if not trial_days:
        return account, _charge_cycle(account)
    trial = trial_period(start, trial_days)
    account.paid_from = trial.end
    entries = _charge(account, [_entry(account, ChargeType.NEW, trial, replace(basis, unit_price=NOTHING))])
    account.in_trial = True
    return account, entries


def charge_until(account: Account, day: date) -> Iterator[Entry]:
    """The cycles that have begun by `day` and are not charged yet, one after the other."""
    while account.next_charge_on is not None and account.next_charge_on <= day:
        yield from _charge_cycle(account)


def next_amount(account: Account) -> Decimal | None:
    """What the next cycle of this term will be charged; None when there is none."""
    if account.next_charge_on is None:
        return None
    return sum((entry.amount for entry in _cycle(account, ChargeType.CYCLE_CHARGE)), NOTHING)


def renew(account: Account, opened_by: UUID, basis: Basis, term: tuple[date, date]) -> None:
    """Begin another term; its first cycle is charged as those are that have begun. A trial that is left stays free."""
    account.opened_by, account.basis = opened_by, basis
    account.term_start, account.term_end = term
    account.paid_from = max(account.term_start, account.charged_through)
    account.charged_through = account.paid_from


def close(account: Account) -> None:
    """Charge nothing more."""
    account.is_open = False


def change(account: Account, wanted: Change) -> list[Entry]:
    """Wipe what is charged from the day of the change, and charge it anew; empty where no unit and no price changes.

    The day is that of the request or that of the acceptance, whichever costs the customer less.
    """
    before, account.basis = account.basis, wanted.basis
    if wanted.is_of_quantity and before.units == wanted.basis.units:
        return []
    ways = [_way(account, before, wanted, day) for day in (wanted.accepted_on, wanted.requested_on)]
    cheapest = min(ways, key=lambda way: sum(entry.amount for entry in way.entries))
    if not cheapest.entries:
        return []
    account.in_trial = account.in_trial and not wanted.ends_trial and cheapest.charged_through <= cheapest.paid_from
    account.changed_on, account.paid_from = cheapest.day, cheapest.paid_from
    account.charged_through = cheapest.charged_through
    return [_append(account, entry) for entry in cheapest.entries]


def refund(account: Account, cause: UUID, since: date) -> list[Entry]:
    """Credit whatever is left of every charge for days from `since` on, never prorated: they sum up to nothing
    (rules 45, 50).
    """
    close(account)
    lines = [line for line in account.lines if line.entry.period.start >= since and not line.is_credited]
    rests = [_rest(account, cause, line, ChargeType.CANCEL_IMMEDIATE) for line in lines]
    return [_append(account, entry) for entry in rests]


def credit(
    account: Account, cause: UUID, numbers: Collection[int], limits: Mapping[int, Decimal] | None = None
) -> list[Entry]:
    """Credit whatever is left of some charges, known by their numbers, of those in `limits` no more than that; what
    follows is charged as before.
    """
    limits = limits or {}
    lines = [line for line in account.lines if line.entry.number in numbers and line.credited != line.entry.amount]
    rests = [_rest(account, cause, line, ChargeType.CUSTOMER_CREDIT) for line in lines]
    capped = [replace(one, amount=max(one.amount, -limits.get(one.credits or 0, -one.amount))) for one in rests]
    return [_append(account, entry) for entry in capped]


@dataclass(frozen=True, slots=True)
class _Way:
    """One way to carry out a change: from which day, the lines it takes, and how far is charged then."""

    day: date
    entries: list[Entry]
    paid_from: date
    charged_through: date


def _way(account: Account, before: Basis, wanted: Change, day: date) -> _Way:
    """The lines of a change from a day on: what stands from then is wiped, and charged anew."""
    day = max(day, account.changed_on if wanted.is_of_quantity else max(account.changed_on, account.term_start))
    lines = [line.entry for line in account.lines if line.credited_from is None and line.entry.period.end > day]
    if not lines:
        return _Way(day, [], account.paid_from, account.charged_through)
    standing = sorted(lines, key=_ends)
    day = max(day, standing[0].period.start)
    if wanted.is_of_quantity:
        entries = _in_new_quantity(account, before, wanted, standing, day)
        return _Way(day, entries, account.paid_from, standing[-1].period.end)
    paid_from = min(account.paid_from, day) if wanted.ends_trial and account.in_trial else account.paid_from
    wiped = [_wipe(account, wanted, entry, day) for entry in standing]
    anew = list(_on_new_basis(account, wanted, standing, day, paid_from))
    return _Way(day, wiped + anew, paid_from, anew[-1].period.end)


def _ends(entry: Entry) -> date:
    return entry.period.end


def _in_new_quantity(
    account: Account, before: Basis, wanted: Change, standing: Sequence[Entry], day: date
) -> list[Entry]:
    """Another quantity: of each price whose licences are more or fewer, what was charged is wiped and charged anew.

    What was charged keeps its price until the term ends. Licences with a price of their own are charged beside it.
    """
    wiped: list[Entry] = []
    anew: list[Entry] = []
    for end, group in groupby(standing, key=_ends):
        entries = list(group)
        moved = _moved(before, wanted.basis)
        if end <= account.paid_from:
            # One line for all licences: the days of a trial, or of a term that is over.
            moved = [(replace(moved[0][0], price_id=entries[0].price_id), sum(units for _part, units in moved))]
        for part, units in moved:
            found = next((entry for entry in entries if entry.price_id == part.price_id), None)
            if found is not None:
                wiped.append(_wipe(account, wanted, found, day))
                part = replace(part, unit_price=found.unit_price, rounding=found.rounding)
                units += found.units
            elif part.price_id == before.price_id:
                continue
            if units > 0:
                anew.append(_paired(account, wanted, entries[0].period.since(day), replace(part, quantity=units)))
    return wiped + anew


def _moved(before: Basis, after: Basis) -> list[tuple[Basis, int]]:
    """Of which prices there are how many licences more, or fewer."""
    held = {part.price_id: part.quantity for part in before.parts}
    left = {part.price_id: part.quantity for part in after.parts}
    known = {part.price_id: part for part in (*before.parts, *after.parts)}
    steps = ((part, left.get(price_id, 0) - held.get(price_id, 0)) for price_id, part in known.items())
    return [(part, units) for part, units in steps if units]


def _on_new_basis(
    account: Account, wanted: Change, standing: Sequence[Entry], day: date, paid_from: date
) -> Iterator[Entry]:
    """What another plan or billing frequency charges: nothing for the rest of a trial, then the cycles begun so far."""
    if day < paid_from:
        free = replace(wanted.basis, unit_price=NOTHING)
        yield _paired(account, wanted, standing[0].period.since(day), free)
        day = paid_from
    last = max(wanted.accepted_on, standing[-1].period.start)
    while day <= last and day < account.term_end:
        whole = whole_period(paid_from, account.term_end, wanted.basis.cycle_months, day)
        yield _paired(account, wanted, whole.since(day), wanted.basis)
        day = whole.end


def _charge_cycle(account: Account) -> list[Entry]:
    if account.in_trial:
        charge_type = ChargeType.CONVERT
    elif account.last_number == 0:
        charge_type = ChargeType.NEW
    else:
        is_first = account.charged_through == account.paid_from
        charge_type = ChargeType.RENEW if is_first else ChargeType.CYCLE_CHARGE
    return _charge(account, _cycle(account, charge_type))


def _cycle(account: Account, charge_type: ChargeType) -> list[Entry]:
    """The next cycle, a line for each price."""
    period = _next_period(account)
    return [_entry(account, charge_type, period, part) for part in account.basis.parts]


def _charge(account: Account, entries: list[Entry]) -> list[Entry]:
    account.charged_through, account.in_trial = entries[0].period.end, False
    return [_append(account, entry) for entry in entries]


def _next_period(account: Account) -> Period:
    start = account.charged_through
    return whole_period(account.paid_from, account.term_end, account.basis.cycle_months, start).since(start)


def _paired(account: Account, wanted: Change, period: Period, basis: Basis) -> Entry:
    entry = _entry(account, wanted.charge_type, period, basis)
    return replace(entry, cause=wanted.cause, is_paired=True)


def _entry(account: Account, charge_type: ChargeType, period: Period, basis: Basis) -> Entry:
    cost = _share(basis.unit_price, basis.units, period, account, basis.rounding)
    return Entry(
        number=0,
        charge_type=charge_type,
        cause=account.opened_by,
        period=period,
        units=basis.units,
        price_id=basis.price_id,
        unit_price=basis.unit_price,
        effective_unit_price=cost.effective_unit_price,
        amount=cost.amount.amount,
        partner_id=basis.partner_id,
        rounding=basis.rounding,
    )


def _share(unit_price: Decimal, units: int, period: Period, account: Account, rounding: Rounding) -> Share:
    return share(unit_price, units, period.billing_days, period.cycle_days, account.currency, rounding)


def _wipe(account: Account, wanted: Change, entry: Entry, day: date) -> Entry:
    """Credit a line from a day on, at its own price and for the reseller that it was charged with."""
    period = entry.period.since(day)
    cost = _share(entry.unit_price, entry.units, period, account, entry.rounding)
    return replace(
        entry,
        charge_type=wanted.charge_type,
        cause=wanted.cause,
        period=period,
        effective_unit_price=-cost.effective_unit_price,
        amount=-cost.amount.amount,
        credits=entry.number,
        is_paired=True,
    )


def _rest(account: Account, cause: UUID, line: Charged, charge_type: ChargeType) -> Entry:
    """Credit what is left of a line: all of it, or its days before it was wiped."""
    whole = line.entry.period
    period = whole
    if line.credited_from is not None and line.credited_from > whole.start:
        days = whole.billing_days - whole.since(line.credited_from).billing_days
        period = Period(whole.start, line.credited_from, days, whole.cycle_days)
    cost = _share(line.entry.unit_price, line.entry.units, period, account, line.entry.rounding)
    return replace(
        line.entry,
        charge_type=charge_type,
        cause=cause,
        period=period,
        effective_unit_price=-cost.effective_unit_price,
        amount=line.credited - line.entry.amount,
        credits=line.entry.number,
        is_paired=False,
    )


def _append(account: Account, entry: Entry) -> Entry:
    account.last_number += 1
    entry = replace(entry, number=account.last_number)
    if entry.credits is None:
        account.lines.append(Charged(entry))
        return entry
    line = next(line for line in account.lines if line.entry.number == entry.credits)
    line.credited -= entry.amount
    line.credited_from = entry.period.start
    return entry
