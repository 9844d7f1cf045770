"""A look at one row of a list without leaving it: what was bought, what billing waits for, and the next step."""

from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from accounts.middleware import actor_of
from partnerhub.web.templatetags.hub import day
from subscriptions.enums import Status
from subscriptions.ledger import ledger
from subscriptions.models import Subscription
from subscriptions.selectors import attention_of, subscription_for
from subscriptions.views.gates import gate_steps
from subscriptions.views.rows import amount_words, badge_of, go_url_of, last_day, quantity_words, term_words
from subscriptions.views.sending import send_url_of


@require_safe
@login_required
def peek(request: HttpRequest, subscription_id: UUID) -> HttpResponse:
    """The fragment of the panel. Opened as an address it leads to the page itself."""
    actor = actor_of(request)
    subscription = subscription_for(actor, subscription_id)
    if not request.htmx:  # type: ignore[attr-defined]
        return redirect("subscriptions:detail", subscription_id)
    context = {
        "subscription": subscription,
        "badge": badge_of(subscription, attention_of(subscription)),
        "gates": gate_steps(subscription, actor),
        "is_waiting": subscription.status == Status.PENDING,
        "facts": _facts(subscription),
        "go_url": go_url_of(subscription, actor),
        "send_url": send_url_of(subscription, actor),
        "detail_url": reverse("subscriptions:detail", args=[subscription.pk]),
    }
    return render(request, "subscriptions/peek.html", context)


def _facts(subscription: Subscription) -> list[dict[str, Any]]:
    order = subscription.order_line.order
    own_prices = ledger().own_prices([subscription.pk])
    return [
        {"term": _("Customer"), "value": subscription.customer.name, "note": subscription.customer.beneficiary_email},
        {"term": _("Offer"), "value": subscription.offer.title, "note": subscription.publisher.name},
        {"term": _("Plan"), "value": subscription.plan.title},
        {"term": _("Quantity"), "value": quantity_words(subscription)},
        {"term": _("Billing"), "value": amount_words(subscription, own_prices.get(subscription.pk, ()))},
        {"term": _("Term"), "value": term_words(subscription.plan_term)},
        *_term_end(subscription),
        {"term": _("Auto-renew"), "value": _("On") if subscription.auto_renew else _("Off")},
        {"term": _("Indirect reseller PartnerID"), "value": subscription.reseller},
        {"term": _("Order"), "value": order.number, "note": day(subscription.purchased_at), "copyable": True},
        {"term": _("Subscription ID"), "value": subscription.pk, "copyable": True},
    ]


def _term_end(subscription: Subscription) -> list[dict[str, Any]]:
    if subscription.term_end is None:
        return []
    return [{"term": _("Term ends"), "value": day(last_day(subscription)), "note": _("last day included")}]
