"""An account as rows: read for the reckoning, and written back with the lines that it added."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import Min, QuerySet, Sum

from billing import reckoning
from billing.enums import ChargeType
from billing.models import Account, Charge
from billing.periods import Period, months_of
from billing.proration import Rounding
from billing.reckoning import Added, Basis, Charged, Entry
from partnerhub import bulk
from partnerhub.errors import ClockBehind
from partnerhub.outbox.recorder import digest
from publishers.models import PlanTerm, Pricing
from subscriptions.models import BillingStart, Subscription
from subscriptions.terms import month_length

# Machines whose clocks differ by less write to one ledger; a clock that was set back further writes nothing.
CLOCKS_DIFFER = timedelta(minutes=1)


def account_row(subscription_id: UUID) -> Account | None:
    """How far a subscription is charged; None before its first charge."""
    rows = Account.objects.select_related("plan_term__plan", "subscription")
    return rows.filter(pk=subscription_id).first()


def reckoned(row: Account, lines: Iterable[Charge] = (), last_number: int | None = None) -> reckoning.Account:
    """The account as the reckoning knows it, with those of its charged lines that may be credited; `last_number` is
    that of its last line, read where it is not given.
    """
    return reckoning.Account(
        currency=row.subscription.currency,
        opened_by=row.opened_by_id,
        basis=replace(
            basis_of(row.plan_term, row.price_id, row.unit_price, row.quantity, row.partner_id, Rounding(row.rounding)),
            added=tuple(_added_from(told) for told in row.added),
        ),
        term_start=row.term_start,
        term_end=row.term_end,
        paid_from=row.paid_from,
        changed_on=row.changed_on,
        charged_through=row.charged_through,
        in_trial=row.in_trial,
        is_open=row.is_open,
        last_number=_last_number(row.pk) if last_number is None else last_number,
        lines=[_charged(charge) for charge in lines],
    )


def basis_of(
    term: PlanTerm, price_id: UUID, unit_price: Decimal, quantity: int, partner_id: str, rounding: Rounding
) -> Basis:
    """What a cycle of a plan term is charged by."""
    return Basis(
        plan_term_id=term.pk,
        price_id=price_id,
        unit_price=unit_price,
        cycle_months=months_of(term.term, term.billing_cycle),
        per_user=term.plan.pricing == Pricing.PER_USER,
        quantity=quantity,
        partner_id=partner_id,
        rounding=rounding,
    )


def _added_from(told: dict[str, Any]) -> Added:
    return Added(UUID(told["price"]), Decimal(told["unit_price"]), told["quantity"])


def _added_json(one: Added) -> dict[str, Any]:
    return {"price": str(one.price_id), "unit_price": str(one.unit_price), "quantity": one.quantity}


def creditable(row: Account, since: date | None = None) -> QuerySet[Charge]:
    """The charges of an account, oldest first; with `since`, only those with a day on or after it."""
    charges = Charge.objects.filter(subscription_id=row.pk, reverses=None)
    recent = charges.filter(period_end__gt=since) if since else charges
    credited = recent.annotate(credited=Sum("reversals__amount"), credited_from=Min("reversals__period_start"))
    return credited.order_by("sequence")


_KEPT = (
    "heard", "opened_by_id", "plan_term_id", "price_id", "unit_price", "quantity", "partner_id", "rounding", "added",
    "term_start", "term_end", "paid_from", "changed_on", "charged_through", "in_trial", "is_open", "next_charge_on",
)  # fmt: skip


def keep(subscription: Subscription, account: reckoning.Account, heard: int) -> None:
    """Write how far the account is charged; `heard` is the sequence of the last event taken in."""
    Account.objects.update_or_create(subscription=subscription, defaults=_kept(account, heard))


def keep_many(accounts: Iterable[tuple[Account, reckoning.Account]]) -> None:
    """Write how far accounts are charged that have heard nothing new, in one statement."""
    rows = [{"subscription_id": row.pk, **_kept(account, row.heard)} for row, account in accounts]
    bulk.update("billing_account", _KEPT, rows, key="subscription_id")


def _kept(account: reckoning.Account, heard: int) -> dict[str, Any]:
    return {
        "heard": heard,
        "opened_by_id": account.opened_by,
        "plan_term_id": account.basis.plan_term_id,
        "price_id": account.basis.price_id,
        "unit_price": account.basis.unit_price,
        "quantity": account.basis.quantity,
        "partner_id": account.basis.partner_id,
        "rounding": account.basis.rounding,
        "added": [_added_json(one) for one in account.basis.added],
        "term_start": account.term_start,
        "term_end": account.term_end,
        "paid_from": account.paid_from,
        "changed_on": account.changed_on,
        "charged_through": account.charged_through,
        "in_trial": account.in_trial,
        "is_open": account.is_open,
        "next_charge_on": account.next_charge_on,
    }


_CHARGE = tuple(field.attname for field in Charge._meta.concrete_fields)


def append(subscription: Subscription, entries: list[Entry], *, at: datetime) -> list[Charge]:
    """Append lines to the subscription's chain. Raises ClockBehind when later lines are written already."""
    return append_many([(subscription, entries)], at=at)


def append_many(owed: Sequence[tuple[Subscription, list[Entry]]], *, at: datetime) -> list[Charge]:
    """Append lines to the chains of different subscriptions, all in one statement. Raises as `append` does."""
    owed = [(subscription, entries) for subscription, entries in owed if entries]
    ids = [subscription.pk for subscription, _entries in owed]
    last = last_charges(ids)
    starts = {start.subscription_id: start for start in BillingStart.objects.filter(subscription__in=ids)}
    written: list[Charge] = []
    for subscription, entries in owed:
        written.extend(_chain(subscription, starts[subscription.pk], entries, last.get(subscription.pk), at))
    if written:
        bulk.insert("billing_charge", _CHARGE, ([getattr(one, name) for name in _CHARGE] for one in written))
    return written


def last_charges(subscription_ids: Iterable[UUID]) -> dict[UUID, Charge]:
    """The newest line of each subscription that has any."""
    rows = Charge.objects.filter(subscription__in=subscription_ids).order_by("subscription_id", "-sequence")
    return {charge.subscription_id: charge for charge in rows.distinct("subscription_id")}


def _chain(
    subscription: Subscription, start: BillingStart, entries: list[Entry], last: Charge | None, at: datetime
) -> Iterator[Charge]:
    """The lines as they will stand, chained to the last one. Raises ClockBehind."""
    if last is not None and last.recorded_at - at > CLOCKS_DIFFER:
        raise ClockBehind(at=f"{at:%Y-%m-%d %H:%M}", newest=f"{last.recorded_at:%Y-%m-%d %H:%M}")
    at = max(at, last.recorded_at) if last else at
    ids = _ids(subscription, [entry.credits for entry in entries if entry.credits])
    for entry in entries:
        charge = _line(subscription, start, entry, at)
        charge.reverses_id = ids[entry.credits] if entry.credits else None
        last = _chained(charge, last)
        ids[entry.number] = charge.pk
        yield charge


def _ids(subscription: Subscription, numbers: list[int]) -> dict[int, UUID]:
    if not numbers:
        return {}
    found = Charge.objects.filter(subscription=subscription, sequence__in=numbers)
    return dict(found.values_list("sequence", "pk"))


def _line(subscription: Subscription, start: BillingStart, entry: Entry, at: datetime) -> Charge:
    return Charge(
        subscription=subscription,
        customer_id=subscription.customer_id,
        charge_type=entry.charge_type,
        cause_id=entry.cause,
        confirmation=start,
        confirmed_at=start.starts_at,
        reference_id=entry.cause if entry.is_paired else None,
        period_start=entry.period.start,
        period_end=entry.period.end,
        billing_days=entry.period.billing_days,
        cycle_days=entry.period.cycle_days,
        quantity=entry.units,
        price_id=entry.price_id,
        unit_price=entry.unit_price,
        effective_unit_price=entry.effective_unit_price,
        amount=entry.amount,
        currency=subscription.currency,
        rounding=entry.rounding,
        reseller_partner_id=entry.partner_id,
        recorded_at=at,
    )


def _chained(charge: Charge, last: Charge | None) -> Charge:
    charge.sequence = last.sequence + 1 if last else 1
    charge.previous_hash = last.hash if last else ""
    charge.hash = digest(fingerprint(charge), charge.previous_hash)
    return charge


def fingerprint(charge: Charge) -> dict[str, Any]:
    """What the chain protects of a charge: all but its hashes. The first rows were chained without their days."""
    days = {}
    if charge.cycle_days is not None:
        days = {"days": [charge.billing_days, charge.cycle_days], "reference": str(charge.reference_id or "")}
    return {
        "id": str(charge.pk),
        "subscription": str(charge.subscription_id),
        "customer": str(charge.customer_id),
        "sequence": charge.sequence,
        "type": str(charge.charge_type),
        "cause": str(charge.cause_id),
        "confirmation": [str(charge.confirmation_id), charge.confirmed_at.astimezone(UTC).isoformat()],
        "reverses": str(charge.reverses_id or ""),
        "period": [charge.period_start.isoformat(), charge.period_end.isoformat()],
        "quantity": charge.quantity,
        "price": str(charge.price_id),
        "amounts": [f"{value:.4f}" for value in (charge.unit_price, charge.effective_unit_price, charge.amount)],
        "currency": charge.currency,
        "rounding": str(charge.rounding),
        "reseller": charge.reseller_partner_id,
        "recorded_at": charge.recorded_at.astimezone(UTC).isoformat(),
        **days,
    }


def period_of(charge: Charge) -> Period:
    """The period of a charge. The first rows were whole ones and left their days out."""
    start, end = charge.period_start, charge.period_end
    if charge.billing_days is not None and charge.cycle_days is not None:
        return Period(start, end, charge.billing_days, charge.cycle_days)
    days = (end - start).days
    whole = month_length(start) if charge.unit_price and days <= month_length(start) else days
    return Period(start, end, whole, whole)


def entry_of(charge: Charge, credits: int | None = None) -> Entry:
    """A stored charge as the reckoning knows it; `credits` is the number of the line that it credits."""
    return Entry(
        number=charge.sequence,
        charge_type=ChargeType(charge.charge_type),
        cause=charge.cause_id,
        period=period_of(charge),
        units=charge.quantity,
        price_id=charge.price_id,
        unit_price=charge.unit_price,
        effective_unit_price=charge.effective_unit_price,
        amount=charge.amount,
        partner_id=charge.reseller_partner_id,
        credits=credits,
        is_paired=charge.reference_id is not None,
        rounding=Rounding(charge.rounding),
    )


def _charged(charge: Any) -> Charged:
    return Charged(entry_of(charge), -(charge.credited or Decimal(0)), charge.credited_from)


def _last_number(subscription_id: UUID) -> int:
    numbers = Charge.objects.filter(subscription_id=subscription_id).order_by("-sequence")
    return numbers.values_list("sequence", flat=True).first() or 0
