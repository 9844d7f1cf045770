"""Home: an inbox of what somebody must act on, by class, the most urgent first; live."""

from datetime import datetime
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from accounts.middleware import actor_of
from accounts.policy import Actor
from customers.selectors import customers_visible_to
from partnerhub.clock import now
from partnerhub.web.pages import capped_count, capped_counts
from subscriptions.attending import attention_visible_to, not_aside, one_each
from subscriptions.attention import CAUSES, Inbox
from subscriptions.enums import Status
from subscriptions.models import AttentionItem
from subscriptions.selectors import divergences_visible_to, subscriptions_visible_to
from subscriptions.views.lasting import etag_of, unchanged
from subscriptions.views.queue_rows import queue_rows
from subscriptions.views.rows import row_of
from subscriptions.words import INBOX

SHOWN = 5


@require_safe
@login_required
def home(request: HttpRequest) -> HttpResponse:
    actor = actor_of(request)
    recent = subscriptions_visible_to(actor)[:SHOWN]
    context = _inbox(request, actor) | {
        "recent": [row_of(subscription, actor) for subscription in recent],
        "stats": _stats(actor),
    }
    return render(request, "subscriptions/home.html", context)


@require_safe
@login_required
def live(request: HttpRequest) -> HttpResponse:
    """The inbox anew, with the page's title; 304 without any work while nothing could have changed."""
    actor = actor_of(request)
    same = unchanged(request, actor, now())
    return same or render(request, "subscriptions/_home_live.html", _inbox(request, actor))


def _inbox(request: HttpRequest, actor: Actor) -> dict[str, Any]:
    at = now()
    etag = etag_of(request, actor, at)
    waiting = not_aside(attention_visible_to(actor, at), at)
    return {
        "etag": etag,
        "classes": _classes(actor, waiting, at),
        "waiting_count": capped_count(one_each(waiting)),
        "divergences": capped_count(divergences_visible_to(actor)),
    }


def _classes(actor: Actor, waiting: Any, at: datetime) -> list[dict[str, Any]]:
    """The classes that hold something, each with its most urgent rows; all rows are read together."""
    found = {inbox: one_each(waiting.filter(cause__in=CAUSES[inbox])) for inbox in Inbox}
    counts = dict(zip(found, capped_counts(list(found.values())), strict=True))
    items = {inbox: _first(found[inbox]) for inbox in Inbox if counts[inbox] != "0"}
    rows = iter(queue_rows(actor, [item for of_it in items.values() for item in of_it], at))
    return [
        {
            "name": inbox.value,
            "title": INBOX[inbox],
            "count": counts[inbox],
            "rows": [next(rows) for _item in of_it],
            "url": f"{reverse('attention:queue')}?inbox={inbox.value}",
        }
        for inbox, of_it in items.items()
    ]


def _first(items: Any) -> list[AttentionItem]:
    return list(items.select_related("publisher")[:SHOWN])


def _listed(status: Status) -> str:
    return f"{reverse('subscriptions:list')}?status={status.value}"


def _stats(actor: Actor) -> list[dict[str, str]]:
    visible = subscriptions_visible_to(actor)
    counted = [
        (_("Pending subscriptions"), Status.PENDING),
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
