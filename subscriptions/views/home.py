"""Home: an inbox of what somebody must act on, by class, the most urgent first; live."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

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
from partnerhub.web.pages import capped, capped_count
from subscriptions.attending import attention_visible_to, not_aside, open_items
from subscriptions.attention import CAUSES, Inbox
from subscriptions.enums import Status
from subscriptions.selectors import divergences_visible_to, subscriptions_visible_to
from subscriptions.views.lasting import etag_of, unchanged
from subscriptions.views.queue_rows import queue_rows
from subscriptions.views.rows import row_of
from subscriptions.words import INBOX

SHOWN = 5
MOST_READ = 10_000
# An item's id, its cause, its subscription.
Read = tuple[str, str, UUID | None]


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
    # Planning the view costs more than reading it: everything is read once, and counted and sorted into classes here.
    read = list(waiting.values_list("pk", "cause", "subscription_id")[: MOST_READ + 1])
    return {
        "etag": etag,
        "classes": _classes(actor, read, at),
        "waiting_count": capped(len(_one_each(read))),
        "divergences": capped_count(divergences_visible_to(actor)),
    }


def _classes(actor: Actor, read: Sequence[Read], at: datetime) -> list[dict[str, Any]]:
    """The classes that hold something, each with its most urgent rows; all rows are read together."""
    found = {inbox: _one_each(one for one in read if one[1] in CAUSES[inbox]) for inbox in Inbox}
    shown = {inbox: of_it[:SHOWN] for inbox, of_it in found.items() if of_it}
    wanted = [item for of_it in shown.values() for item in of_it]
    items = open_items(at).filter(pk__in=wanted).select_related("publisher").in_bulk() if wanted else {}
    rows = dict(zip(items, queue_rows(actor, list(items.values()), at), strict=True))
    return [
        {
            "name": inbox.value,
            "title": INBOX[inbox],
            "count": capped(len(found[inbox])),
            "rows": [rows[item] for item in of_it if item in rows],
            "url": f"{reverse('attention:queue')}?inbox={inbox.value}",
        }
        for inbox, of_it in shown.items()
    ]


def _one_each(read: Iterable[Read]) -> list[str]:
    """The most urgent item of each subscription, and each publisher's: `attending.one_each` of what is read already."""
    firsts: dict[object, str] = {}
    for item, _cause, subscription in read:
        firsts.setdefault(subscription or item, item)
    return list(firsts.values())


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
