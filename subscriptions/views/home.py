"""Home: an inbox of what somebody must act on, by class, the most urgent first; live."""

from dataclasses import dataclass
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
from partnerhub.web.pages import capped, capped_count, capped_counts
from partnerhub.web.wording import voice
from subscriptions.attending import not_aside, open_items, read_again
from subscriptions.attention import CLASS, Inbox
from subscriptions.enums import Status
from subscriptions.models import AttentionItem
from subscriptions.ranking import Place, most_urgent, one_each_of
from subscriptions.selectors import bare_subscriptions_visible_to, divergences_visible_to, rows_visible_to, told
from subscriptions.views.lasting import Look
from subscriptions.views.queue_rows import OfEach, facts_of, queue_rows, subjects_of
from subscriptions.views.rows import row_of
from subscriptions.words import INBOX

PAGE = "home"
SHOWN = 5


@dataclass(frozen=True, slots=True)
class _Read:
    """What waits, read from the database once; `look` has noted it. Of each class how many rows there are, and the ids
    of the first.
    """

    look: Look
    waiting: str
    divergences: str
    counts: dict[Inbox, str]
    firsts: dict[Inbox, list[str]]
    items: dict[str, AttentionItem]
    of_each: OfEach

    @classmethod
    def of(cls, actor: Actor, look: Look) -> "_Read":
        read = most_urgent(actor, look.at, lambda items: not_aside(items, look.at), reading=look.reading)
        of_class: dict[Inbox, list[Place]] = {inbox: [] for inbox in Inbox}
        for one in read:
            of_class[CLASS[one.cause]].append(one)
        found = {inbox: one_each_of(places) for inbox, places in of_class.items()}
        shown_first = {inbox: of_it[:SHOWN] for inbox, of_it in found.items() if of_it}
        firsts = {inbox: [one.item for one in of_it] for inbox, of_it in shown_first.items()}
        wanted = {one.item: one.subscription for of_it in shown_first.values() for one in of_it}
        items, of_each = read_again(open_items(look.at, look.reading.book).select_related("publisher"), wanted)
        counts = {inbox: capped(len(of_it)) for inbox, of_it in found.items()}
        waiting, divergences = capped(len(one_each_of(read))), capped_count(divergences_visible_to(actor))
        shown = (waiting, divergences, counts, firsts, facts_of(items.values()))
        look.saw(shown, subjects_of(items.values()))
        return cls(look, waiting, divergences, counts, firsts, items, of_each)


@require_safe
@login_required
def home(request: HttpRequest) -> HttpResponse:
    actor = actor_of(request)
    read = _Read.of(actor, Look(PAGE, request, actor, now()))
    say = voice()
    recent = told(list(rows_visible_to(actor)[:SHOWN]))
    context = _inbox(actor, read) | {
        "recent": [row_of(subscription, actor, say) for subscription in recent],
        "stats": _stats(actor),
        "sees_revenue": actor.may(Action.INVOICE_MANAGE),
    }
    return render(request, "subscriptions/home.html", context)


@require_safe
@login_required
def live(request: HttpRequest) -> HttpResponse:
    """The inbox anew, with the page's title; 304 while it would look the same."""
    actor = actor_of(request)
    look = Look(PAGE, request, actor, now())
    if same := look.unchanged():
        return same
    read = _Read.of(actor, look)
    return look.unchanged() or render(request, "subscriptions/_home_live.html", _inbox(actor, read))


def _inbox(actor: Actor, read: _Read) -> dict[str, Any]:
    """The classes that hold something, each with its most urgent rows; all rows are worked out together."""
    made = queue_rows(actor, list(read.items.values()), read.look.at, read.of_each)
    rows = dict(zip(read.items, made, strict=True))
    classes = [
        {
            "name": inbox.value,
            "title": INBOX[inbox],
            "count": read.counts[inbox],
            "rows": [rows[item] for item in of_it if item in rows],
            "url": f"{reverse('attention:queue')}?inbox={inbox.value}",
        }
        for inbox, of_it in read.firsts.items()
    ]
    return {
        "etag": read.look.etag,
        "classes": classes,
        "waiting_count": read.waiting,
        "divergences": read.divergences,
    }


def _listed(status: Status) -> str:
    return f"{reverse('subscriptions:list')}?status={status.value}"


def _stats(actor: Actor) -> list[dict[str, str]]:
    visible, statuses = bare_subscriptions_visible_to(actor), (Status.PENDING, Status.SUBSCRIBED, Status.UNSUBSCRIBED)
    labels = (_("Pending subscriptions"), _("Active subscriptions"), _("Ended subscriptions"), _("Customers"))
    urls = (*map(_listed, statuses), reverse("customers:list"))
    counts = capped_counts([*(visible.filter(status=status) for status in statuses), customers_visible_to(actor)])
    return [
        {"label": label, "value": count, "url": url} for label, count, url in zip(labels, counts, urls, strict=True)
    ]
