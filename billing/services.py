"""Writing the ledger: charges are appended to their subscription's chain and never changed."""

from datetime import UTC, datetime
from typing import Any

from django.db import transaction

from accounts.policy import Action, Actor, authorize
from billing.models import Charge, ChargeType
from billing.periods import first_period
from partnerhub.outbox.models import Event
from partnerhub.outbox.recorder import digest
from publishers.pricing import cycle_amount, first_unit_price, units_of
from subscriptions.models import BillingStart, Subscription


@transaction.atomic
def charge_first_period(actor: Actor, event: Event, *, at: datetime) -> Charge:
    """Charge an activated subscription's first period; `event` is its activation. Idempotent by that event.

    The charge references the billing start, which references both confirmations: there is none without them (rule 21).
    """
    authorize(actor, Action.CHARGE_WRITE)
    existing = Charge.objects.filter(cause=event, charge_type=ChargeType.NEW).first()
    if existing is not None:
        return existing
    subscription = _lock(event)
    start = BillingStart.objects.get(subscription=subscription)
    term = subscription.plan_term
    plan = subscription.plan
    begin, end = first_period(start.starts_at.astimezone(UTC).date(), term.term, term.billing_cycle, plan.trial_days)
    unit_price = first_unit_price(plan, subscription.unit_price)
    units = units_of(plan, subscription.quantity)
    charge = Charge(
        subscription=subscription,
        customer_id=subscription.customer_id,
        charge_type=ChargeType.NEW,
        cause=event,
        confirmation=start,
        confirmed_at=start.starts_at,
        period_start=begin,
        period_end=end,
        quantity=units,
        price=subscription.price,
        unit_price=unit_price,
        effective_unit_price=unit_price,
        amount=cycle_amount(unit_price, units, subscription.currency).amount,
        currency=subscription.currency,
        reseller_partner_id=subscription.reseller_id or "",
        recorded_at=at,
    )
    return _append(charge)


@transaction.atomic
def credit_everything(actor: Actor, event: Event, *, at: datetime) -> list[Charge]:
    """Credit every charge of a subscription cancelled inside its window in full, never prorated (rules 45, 50).

    Idempotent: a charge is credited once.
    """
    authorize(actor, Action.CHARGE_WRITE)
    subscription = _lock(event)
    open_charges = Charge.objects.filter(subscription=subscription, reverses=None, reversal=None).order_by("sequence")
    return [_append(_reversal(charge, event, at)) for charge in open_charges]


def _reversal(charge: Charge, event: Event, at: datetime) -> Charge:
    return Charge(
        subscription_id=charge.subscription_id,
        customer_id=charge.customer_id,
        charge_type=ChargeType.CANCEL_IMMEDIATE,
        cause=event,
        confirmation_id=charge.confirmation_id,
        confirmed_at=charge.confirmed_at,
        reverses=charge,
        period_start=charge.period_start,
        period_end=charge.period_end,
        quantity=charge.quantity,
        price_id=charge.price_id,
        unit_price=charge.unit_price,
        effective_unit_price=-charge.effective_unit_price,
        amount=-charge.amount,
        currency=charge.currency,
        rounding=charge.rounding,
        reseller_partner_id=charge.reseller_partner_id,
        recorded_at=at,
    )


def _lock(event: Event) -> Subscription:
    locked = Subscription.objects.select_for_update(of=("self",)).select_related("plan", "plan_term", "price")
    return locked.get(pk=event.stream_id)


def _append(charge: Charge) -> Charge:
    last = Charge.objects.filter(subscription_id=charge.subscription_id).order_by("-sequence").first()
    charge.sequence = last.sequence + 1 if last else 1
    charge.previous_hash = last.hash if last else ""
    charge.hash = digest(fingerprint(charge), charge.previous_hash)
    charge.save(force_insert=True)
    return charge


def fingerprint(charge: Charge) -> dict[str, Any]:
    """What the chain protects of a charge: everything but its hashes."""
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
        "rounding": charge.rounding,
        "reseller": charge.reseller_partner_id,
        "recorded_at": charge.recorded_at.astimezone(UTC).isoformat(),
    }
