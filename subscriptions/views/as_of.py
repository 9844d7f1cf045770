"""A subscription as it was at some moment: rebuilt from its events, read only."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.middleware import actor_of
from partnerhub.clock import now
from partnerhub.money import Money
from partnerhub.outbox.models import Entry
from partnerhub.web.templatetags.hub import absolute, day, money
from publishers.models import PlanTerm
from subscriptions import words
from subscriptions.activity import timeline_entries
from subscriptions.enums import GateName, GateState, Status
from subscriptions.history import Past, fold, known_at
from subscriptions.models import Subscription
from subscriptions.selectors import subscription_for
from subscriptions.views.rows import Badge, licences, term_words
from subscriptions.views.timeline import happenings

_TONES = {Status.PENDING: "attention", Status.SUBSCRIBED: "ok", Status.SUSPENDED: "attention"}


def as_of_page(request: HttpRequest, subscription_id: UUID, text: str) -> HttpResponse:
    """The subscription as it was at `text` (ISO 8601, UTC unless it says otherwise); back to today's page for a text
    that is no past moment. Raises NotFound.
    """
    subscription = subscription_for(actor_of(request), subscription_id)
    moment = _moment(text)
    if moment is None or moment > now():
        messages.error(request, _("“{text}” is no moment that has passed.").format(text=text[:50]))
        return redirect("subscriptions:detail", subscription_id)
    entries = list(timeline_entries(actor_of(request), subscription_id))
    known = known_at([entry for entry in entries if not entry.code], moment)
    past = fold(known, _origin(subscription))
    context = _context(subscription, moment, past) | {"events": happenings(_shown(entries, known, moment))}
    return render(request, "subscriptions/as_of.html", context)


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    if not 1 < moment.year < 9999:  # at the calendar's ends a time zone leads out of it
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


def _shown(entries: list[Entry], known: list[Entry], moment: datetime) -> list[Entry]:
    events = {entry.pk for entry in known}
    return [entry for entry in entries if entry.pk in events or (entry.code and entry.at <= moment)]


def _origin(subscription: Subscription) -> dict[str, Any]:
    line = subscription.order_line
    return {
        "nickname": line.nickname or subscription.offer.title,
        "plan_term": str(line.plan_term_id),
        "auto_renew": True,
    }


def _context(subscription: Subscription, moment: datetime, past: Past | None) -> dict[str, Any]:
    return {
        "subscription": subscription,
        "moment": absolute(moment),
        "as_of": moment.astimezone(UTC),
        "back_url": reverse("subscriptions:detail", args=[subscription.pk]),
        "crumbs": [
            {"url": reverse("customers:list"), "label": _("Customers")},
            {
                "url": reverse("customers:marketplace", args=[subscription.customer_id]),
                "label": subscription.customer.name,
            },
            {"url": reverse("subscriptions:detail", args=[subscription.pk]), "label": subscription.nickname},
        ],
        "past": past,
        "badge": Badge(_TONES.get(past.status, "off"), str(words.STATUS[past.status])) if past else None,
        "facts": _facts(subscription, past) if past else [],
        "gates": _gates(past) if past else [],
    }


def _facts(subscription: Subscription, past: Past) -> list[dict[str, Any]]:
    term = PlanTerm.objects.select_related("plan").get(pk=past.plan_term)
    facts: list[dict[str, Any]] = [
        {"term": _("Nickname"), "value": past.nickname},
        {"term": _("Plan"), "value": term.plan.title, "note": term_words(term)},
        {"term": _("Quantity"), "value": licences(past.quantity)},
        {"term": _("Price"), "value": money(Money(Decimal(past.unit_price), subscription.currency))},
        {"term": _("Auto-renew"), "value": _("On") if past.auto_renew else _("Off")},
        {"term": _("Indirect reseller PartnerID"), "value": past.partner_id or None},
    ]
    if past.term_start and past.term_end:
        last = past.term_end - timedelta(days=1)
        facts.append({"term": _("Term starts"), "value": day(past.term_start)})
        facts.append({"term": _("Term ends"), "value": day(last), "note": _("last day included")})
    return facts


def _gates(past: Past) -> list[dict[str, str]]:
    tones = {GateState.SATISFIED: "ok", GateState.PENDING: "wait", GateState.FAILED: "attention"}
    states = {GateState.SATISFIED: _("Done"), GateState.PENDING: _("Not yet"), GateState.FAILED: _("Failed")}
    return [
        {
            "name": str(words.GATE[GateName(name)]),
            "tone": tones[GateState(state)],
            "word": states[GateState(state)],
        }
        for name, state in past.gates.items()
    ]
