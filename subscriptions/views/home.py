"""Home: what needs somebody, by deadline, and what was bought lately."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from accounts.middleware import actor_of
from accounts.policy import Action, Actor
from customers.selectors import customers_visible_to
from partnerhub.clock import now
from partnerhub.web.pages import capped_count
from publishers.selectors import publishers_visible_to
from publishers.services.secrets import Ending, endings
from subscriptions.enums import Status
from subscriptions.selectors import attention_queue, divergences_visible_to, subscriptions_visible_to
from subscriptions.views.request_rows import request_row
from subscriptions.views.requests import waiting_requests
from subscriptions.views.rows import row_of

SHOWN = 5


@require_safe
@login_required
def home(request: HttpRequest) -> HttpResponse:
    actor = actor_of(request)
    waiting = list(attention_queue(actor)[: SHOWN + 1])
    recent = subscriptions_visible_to(actor)[:SHOWN]
    context = {
        "waiting": [row_of(subscription, actor) for subscription in waiting[:SHOWN]],
        "more_waiting": len(waiting) > SHOWN,
        "all_waiting_url": _listed(Status.PENDING),
        "divergences": capped_count(divergences_visible_to(actor)),
        "recent": [row_of(subscription, actor) for subscription in recent],
        "stats": _stats(actor),
        **_requests(actor),
        "endings": _endings(actor),
    }
    return render(request, "subscriptions/home.html", context)


def _endings(actor: Actor) -> list[Ending]:
    """The publishers whose last secret ends soon, for whoever can make them another one."""
    if not actor.may(Action.PUBLISHER_MANAGE):
        return []
    found = endings(publishers_visible_to(actor), now()).values()
    return sorted(found, key=lambda ending: ending.ends_at)


def _requests(actor: Actor) -> dict[str, Any]:
    """The change requests that wait for whoever may decide on them; nothing for the others."""
    if not actor.may(Action.SUBSCRIPTION_DECIDE):
        return {}
    found, at = list(waiting_requests(actor)[: SHOWN + 1]), now()
    return {
        "requests": [request_row(asked, actor, at) for asked in found[:SHOWN]],
        "more_requests": len(found) > SHOWN,
        "all_requests_url": reverse("requests:list"),
    }


def _listed(status: Status) -> str:
    return f"{reverse('subscriptions:list')}?status={status.value}"


def _stats(actor: Actor) -> list[dict[str, str]]:
    visible = subscriptions_visible_to(actor)
    counted = [
        (_("Action required"), Status.PENDING),
        (_("Active subscriptions"), Status.SUBSCRIBED),
        (_("Ended subscriptions"), Status.UNSUBSCRIBED),
    ]
    stats = [
        {"label": label, "value": capped_count(visible.filter(status=status)), "url": _listed(status)}
        for label, status in counted
    ]
    customers = {
        "label": _("Customers"),
        "value": capped_count(customers_visible_to(actor)),
        "url": reverse("customers:list"),
    }
    return [*stats, customers]
