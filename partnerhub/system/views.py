"""The system page: whether the hub itself is well, what does not go through, and trying it again."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseNotModified
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import get_language, gettext_lazy, pgettext
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts.denial import denial_of
from accounts.middleware import actor_of
from accounts.policy import Action, Actor
from billing.models import BillingRun
from partnerhub.broker import Broker, look_at_broker
from partnerhub.clock import now
from partnerhub.errors import DeliveryUnderWay
from partnerhub.hooks.models import Delivery as HookDelivery
from partnerhub.jobs.enums import JobStatus
from partnerhub.jobs.kinds import kind_of
from partnerhub.jobs.selectors import tallies_of
from partnerhub.jobs.showing import JOB_BADGES
from partnerhub.mail.models import Message
from partnerhub.outbox.models import SCHEDULER, Delivery, Heartbeat
from partnerhub.system import selectors
from partnerhub.system.services import can_be_sent, retry_delivery, retry_mail
from partnerhub.web.conditional import known_etag, short_hash
from partnerhub.web.refusals import refused, sentence_of

SILENT_AFTER = timedelta(seconds=60)
BEHIND_AFTER = timedelta(minutes=1)
QUEUES = {
    "outbox": gettext_lazy("Events to be heard"),
    "polls": gettext_lazy("Questions to publishers"),
    "operations": gettext_lazy("Changes and notices for publishers"),
    "hooks": gettext_lazy("Webhooks to programs"),
    "notifications": gettext_lazy("Notifications"),
    "mails": gettext_lazy("Mails"),
    "drift": gettext_lazy("Looks for drift"),
    "charges": gettext_lazy("Cycles to be charged"),
}


@require_safe
@login_required
def system(request: HttpRequest) -> HttpResponse:
    """How the hub is doing now. Raises NotPermitted."""
    return render(request, "system/page.html", _context(actor_of(request), now()))


@require_safe
@login_required
def live(request: HttpRequest) -> HttpResponse:
    """The same, for the page that looks again by itself: 304 while nothing has changed."""
    context = _context(actor_of(request), now())
    if known_etag(request) == context["etag"]:
        return HttpResponseNotModified()
    return render(request, "system/_live.html", context)


@require_POST
@login_required
def try_delivery(request: HttpRequest, delivery_id: int) -> HttpResponse:
    """Let a consumer hear an event at once."""
    return _tried(request, partial(retry_delivery, actor_of(request), delivery_id, at=now()))


@require_POST
@login_required
def try_mail(request: HttpRequest, message_id: UUID) -> HttpResponse:
    """Send a mail at once."""
    return _tried(request, partial(retry_mail, actor_of(request), message_id, at=now()))


def _tried(request: HttpRequest, retry: Callable[[], bool]) -> HttpResponse:
    try:
        if retry():
            messages.success(request, _("It is tried again within seconds."))
        else:
            messages.info(request, _("Nothing was to do: it is being tried already, or over."))
    except DeliveryUnderWay as refusal:
        refused(request, refusal)
        messages.error(request, sentence_of(refusal))
    return redirect("system")


def _context(actor: Actor, at: datetime) -> dict[str, Any]:
    beats = list(selectors.heartbeats(actor))
    broker = look_at_broker()
    shown = {
        "processes": [*_processes(beats, at), _broker(broker)],
        "queues": [_queue(one, at) for one in selectors.queues(at)],
        "deliveries": [_delivery(one) for one in selectors.stuck_deliveries()[: selectors.SHOWN]],
        "mails": [_mail(one, at) for one in selectors.unsent_mails()[: selectors.SHOWN]],
        "given_up": [_mail(one, at) for one in selectors.given_up_mails(at)[: selectors.SHOWN]],
        "hooks": [_hook(one) for one in selectors.troubled_hooks(at)[: selectors.SHOWN]],
        "publishers": _publishers(),
        "runs": [_run(one) for one in selectors.billing_runs()],
        "jobs": _jobs(),
    }
    denied = denial_of(actor, Action.SYSTEM_RETRY)
    return shown | {
        "etag": _etag(actor, shown),
        "retry_denied": denied,
        "sees_hooks": actor.may(Action.CLIENT_MANAGE),
        "sees_jobs": actor.may(Action.JOB_OVERSEE),
        "sees_runs": actor.may(Action.INVOICE_READ),
        "versions": [{"term": name, "value": value or None} for name, value in selectors.versions(broker).items()],
    }


def _processes(beats: list[Heartbeat], at: datetime) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = [{"name": one.name} | _seen(one.at, at) for one in beats]
    for row in rows:
        if row["name"] == SCHEDULER:
            row["name"], row["note"] = _("Scheduler"), _("a tick that went to a worker and was done")
    if not any(one.name == SCHEDULER for one in beats):
        rows.insert(0, {"name": _("Scheduler"), "seen": None, "tone": "attention", "word": _("Never seen")})
    return rows


def _seen(seen: datetime, at: datetime) -> dict[str, Any]:
    """When it was seen matters only of one that is not any more: the page stays the same while all is well."""
    if at - seen < SILENT_AFTER:
        return {"tone": "ok", "word": _("At work"), "seen": None}
    return {"tone": "attention", "word": pgettext("process", "Silent"), "seen": seen}


def _broker(found: Broker) -> dict[str, Any]:
    badge = ("ok", _("At work")) if found.answers else ("attention", pgettext("process", "Silent"))
    return {"name": _("Broker"), "seen": None, "tone": badge[0], "word": badge[1]}


def _queue(one: selectors.Queue, at: datetime) -> dict[str, Any]:
    is_behind = one.oldest is not None and at - one.oldest >= BEHIND_AFTER
    tone, word = ("attention", _("Behind")) if is_behind else ("ok", _("On time"))
    return {"queue": one, "label": QUEUES[one.name], "tone": tone, "word": word}


def _delivery(one: Delivery) -> dict[str, Any]:
    return {
        "label": one.event.name,
        "consumer": one.handler,
        "since": one.event.at,
        "error": one.last_error,
        "attempts": one.attempts,
        "next": one.next_attempt_at,
        "retry_url": reverse("system-delivery", args=[one.pk]),
    }


def _mail(one: Message, at: datetime) -> dict[str, Any]:
    return {
        "label": one.subject,
        "recipient": one.recipient,
        "since": one.created_at,
        "error": one.last_error,
        "attempts": one.attempts,
        "next": one.next_attempt_at,
        "retry_url": reverse("system-mail", args=[one.pk]),
        "can_be_sent": can_be_sent(one, at),
    }


def _hook(one: HookDelivery) -> dict[str, Any]:
    tone, word = ("attention", _("Given up")) if one.parked_at else ("wait", _("Trying again"))
    return {
        "url": reverse("hook", args=[one.pk]),
        "label": one.event_name,
        "client": one.registration.client.name,
        "since": one.created_at,
        "attempts": one.attempts,
        "tone": tone,
        "word": word,
    }


def _publishers() -> list[dict[str, Any]]:
    found = selectors.troubled_publishers()
    return [{"name": one.name, "url": reverse("publisher-notices", args=[one.pk]), "count": n} for one, n in found]


def _run(one: BillingRun) -> dict[str, Any]:
    badge = ("ok", pgettext("job", "Finished")) if one.finished_at else ("wait", pgettext("job", "Running"))
    if one.failures and not one.finished_at:
        badge = ("attention", _("Some could not be billed"))
    return {
        "label": str(one),
        "url": reverse("billing:run", args=[one]),
        "since": one.started_at,
        "invoices": one.invoices,
        "failed": len(one.failures),
        "tone": badge[0],
        "word": badge[1],
    }


def _jobs() -> list[dict[str, Any]]:
    found = list(selectors.open_jobs()[: selectors.SHOWN])
    tallies = tallies_of(found)
    return [
        {
            "id": one.pk,
            "title": kind_of(one).title(one),
            "who": one.actor_label,
            "badge": JOB_BADGES[JobStatus(one.status)],
            "tally": tallies[one.pk],
        }
        for one in found
    ]


def _etag(actor: Actor, shown: dict[str, Any]) -> str:
    return short_hash((actor.role, get_language(), shown))
