"""What billing adds to the pages."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from accounts.middleware import actor_of
from billing.ledger import BillingLedger
from billing.models import Charge
from billing.selectors import charges_of, is_behind
from billing.words import charge_kind, charge_part, charge_share
from partnerhub.clock import now
from partnerhub.money import Money
from publishers.pricing import first_charge
from subscriptions.enums import Status
from subscriptions.models import Subscription
from subscriptions.selectors import bare_subscription_for
from subscriptions.views.telling import sentence_of_event


@dataclass(frozen=True, slots=True)
class ChargeRow:
    """A charge as people read it: the period's last day is included. `share` says which part of a cycle is charged and
    what a unit costs for it, empty for a whole cycle. `reference` is that of a change's lines. Only the first charge
    tells of the confirmation that all stand on.
    """

    kind: str
    part: str
    reference: UUID | None
    reason: str
    reason_url: str
    first_day: date
    last_day: date
    share: str
    quantity: int
    unit_price: Money
    amount: Money
    confirmed_at: datetime | None
    recorded_at: datetime


@require_safe
@login_required
def charges(request: HttpRequest, subscription_id: UUID) -> HttpResponse:
    """The charges of a subscription; loaded into its page, and looked at again while one is about to be written."""
    actor = actor_of(request)
    subscription = bare_subscription_for(actor, subscription_id)
    found = list(charges_of(actor, subscription_id))
    is_pending = subscription.status == Status.PENDING
    total = sum((charge.amount for charge in found), start=Decimal(0))
    context = {
        "subscription": subscription,
        "rows": [_row(charge) for charge in found],
        "total": Money(total, subscription.currency) if len(found) > 1 else None,
        "next_charge": BillingLedger().next_charge(subscription, now()),
        "is_pending": is_pending,
        "upcoming": _upcoming(subscription) if is_pending else None,
        "is_expected": is_behind(subscription_id),
        "url": reverse("billing:charges", args=[subscription_id]),
        "crumbs": [{"url": reverse("subscriptions:detail", args=[subscription_id]), "label": subscription.nickname}],
    }
    template = "billing/_charges.html" if getattr(request, "htmx", None) else "billing/charges.html"
    return render(request, template, context)


def _upcoming(subscription: Subscription) -> Money:
    return first_charge(subscription.plan, subscription.unit_price, subscription.quantity, subscription.currency)


def _row(charge: Charge) -> ChargeRow:
    return ChargeRow(
        kind=charge_kind(charge),
        part=charge_part(charge),
        reference=charge.reference_id,
        reason=sentence_of_event(charge.cause.name, charge.cause.data)[0],
        reason_url=reason_url(charge),
        first_day=charge.period_start,
        last_day=charge.period_end - timedelta(days=1),
        share=charge_share(charge),
        quantity=charge.quantity,
        unit_price=Money(charge.unit_price, charge.currency),
        amount=Money(charge.amount, charge.currency),
        confirmed_at=charge.confirmed_at if charge.sequence == 1 else None,
        recorded_at=charge.recorded_at,
    )


def reason_url(charge: Charge) -> str:
    """The subscription as it was right after what caused the charge."""
    moment = charge.cause.at.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return f"{reverse('subscriptions:detail', args=[charge.subscription_id])}?as_of={moment}"
