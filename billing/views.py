"""What billing adds to the pages."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from accounts.middleware import actor_of
from billing.enums import ChargeType
from billing.models import Charge
from billing.selectors import charges_of
from partnerhub.money import Money
from publishers.pricing import first_charge
from subscriptions.enums import Status
from subscriptions.models import Subscription
from subscriptions.selectors import subscription_for

KINDS = {
    ChargeType.NEW: _("First period"),
    ChargeType.CANCEL_IMMEDIATE: _("Refund after cancellation"),
}


@dataclass(frozen=True, slots=True)
class ChargeRow:
    """A charge as people read it: the period's last day is included."""

    kind: str
    first_day: date
    last_day: date
    quantity: int
    unit_price: Money
    amount: Money
    confirmed_at: datetime
    recorded_at: datetime


@require_safe
@login_required
def charges(request: HttpRequest, subscription_id: UUID) -> HttpResponse:
    """The charges of a subscription; loaded into its page, and looked at again while one is about to be written."""
    actor = actor_of(request)
    subscription = subscription_for(actor, subscription_id)
    found = list(charges_of(actor, subscription_id))
    is_pending = subscription.status == Status.PENDING
    context = {
        "subscription": subscription,
        "rows": [_row(charge) for charge in found],
        "is_pending": is_pending,
        "upcoming": _upcoming(subscription) if is_pending else None,
        "is_expected": _is_expected(subscription, found),
        "url": reverse("billing:charges", args=[subscription_id]),
        "crumbs": [{"url": reverse("subscriptions:detail", args=[subscription_id]), "label": subscription.nickname}],
    }
    template = "billing/_charges.html" if getattr(request, "htmx", None) else "billing/charges.html"
    return render(request, template, context)


def _upcoming(subscription: Subscription) -> Money:
    return first_charge(subscription.plan, subscription.unit_price, subscription.quantity, subscription.currency)


def _is_expected(subscription: Subscription, found: list[Charge]) -> bool:
    """Whether billing has yet to hear of an activation or of a cancellation that refunds."""
    if subscription.activated_at is None:
        return False
    if not found:
        return True
    owed = sum((charge.amount for charge in found), start=Decimal(0))
    return subscription.status == Status.UNSUBSCRIBED and len(found) == 1 and owed > 0


def _row(charge: Charge) -> ChargeRow:
    return ChargeRow(
        kind=str(KINDS[ChargeType(charge.charge_type)]),
        first_day=charge.period_start,
        last_day=charge.period_end - timedelta(days=1),
        quantity=charge.quantity,
        unit_price=Money(charge.unit_price, charge.currency),
        amount=Money(charge.amount, charge.currency),
        confirmed_at=charge.confirmed_at,
        recorded_at=charge.recorded_at,
    )
