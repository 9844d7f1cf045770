"""The page of one subscription, and the part of it that refreshes itself while the publisher is awaited."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseNotModified, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts.middleware import actor_of
from accounts.policy import Action, Actor
from partnerhub.clock import now
from partnerhub.errors import NothingToPoll
from partnerhub.web.conditional import known_etag, short_hash
from partnerhub.web.refusals import refused as keep_refused
from partnerhub.web.refusals import sentence_of
from partnerhub.web.toasts import Told, tell, toasted
from subscriptions import words
from subscriptions.enums import Status
from subscriptions.models import Operation, PollSchedule, PurchaseToken, RenewalNotice, Subscription
from subscriptions.selectors import attention_of, bare_subscription_for, latest_token, subscription_for
from subscriptions.services.asking import poll_now
from subscriptions.views.as_of import as_of_page
from subscriptions.views.card import edit_context
from subscriptions.views.divergence_rows import decidable, let_be_denial
from subscriptions.views.facts import facts_of
from subscriptions.views.gates import gate_steps
from subscriptions.views.operations import Flight, flight_of, latest_operation, state_of
from subscriptions.views.permission import Denial, denial_of
from subscriptions.views.reminders import Climbed, climbed_of, ladder_of
from subscriptions.views.renewal_notices import notices_read, notices_state, notices_view
from subscriptions.views.requests import banner_of
from subscriptions.views.rows import badge_of, go_url_of
from subscriptions.views.seats import seat_batches
from subscriptions.views.sending import Sent, sent_state, sent_view
from subscriptions.views.timeline_card import timeline_card


@dataclass(frozen=True, slots=True)
class Pulse:
    """What the page knows of the last question to the publisher, and whether it goes on looking."""

    url: str
    etag: str
    is_live: bool
    is_pending: bool
    is_polled: bool
    asked_at: datetime | None
    outcome: str
    ask_url: str
    ask_denied: Denial | None


class _Letters(NamedTuple):
    """What was written to people about a subscription, read once."""

    climbed: Climbed
    notices: list[RenewalNotice]
    sent: Sent

    @classmethod
    def of(cls, subscription: Subscription) -> "_Letters":
        return cls(climbed_of(subscription), notices_read(subscription), Sent.of(subscription))

    @property
    def state(self) -> tuple[Any, ...]:
        """What of it can change while a page is open."""
        climbed = (len(self.climbed.reminders), *self.climbed.mails)
        return (climbed, notices_state(self.notices), sent_state(self.sent))


@require_safe
@login_required
def detail(request: HttpRequest, subscription_id: UUID) -> HttpResponse:
    if as_of := request.GET.get("as_of", ""):
        return as_of_page(request, subscription_id, as_of)
    return detail_page(request, subscription_id)


def detail_page(
    request: HttpRequest, subscription_id: UUID, *, refused: dict[str, Any] | None = None, status: int = 200
) -> HttpResponse:
    """The whole page; `refused` holds (by name) forms, or what holds them, that carry a refusal and what was typed."""
    actor = actor_of(request)
    subscription = subscription_for(actor, subscription_id)
    context = _context(actor, subscription) | (refused or {})
    return render(request, "subscriptions/detail.html", context, status=status)


@require_safe
@login_required
def live(request: HttpRequest, subscription_id: UUID) -> HttpResponse:
    """What changed since the page last looked: 304 when nothing did, the pulse alone when only a poll went by."""
    actor = actor_of(request)
    subscription = bare_subscription_for(actor, subscription_id)
    operation = latest_operation(subscription)
    etag = _etag(actor, subscription, latest_token(subscription), operation, _Letters.of(subscription))
    known = known_etag(request)
    if known == etag:
        return HttpResponseNotModified()
    if _content_part(known) == _content_part(etag):
        return render(request, "subscriptions/_pulse.html", {"pulse": _pulse(actor, subscription, operation, etag)})
    # Read anew, so that what is told is what is shown.
    whole = subscription_for(actor, subscription_id)
    shown = _context(actor, whole) | {"oob": True}
    response = render(request, "subscriptions/_live.html", shown)
    told = _news(request.GET, whole, shown["flight"])
    return toasted(response, told) if told is not None else response


def _news(seen: QueryDict, subscription: Subscription, flight: Flight | None) -> Told | None:
    """What is worth a message, of what came since the page looked: it says in its address what it showed."""
    if seen.get("status") == Status.PENDING and subscription.status == Status.SUBSCRIBED:
        return {"level": "success", "text": _("The publisher has confirmed: the subscription is active.")}
    if not seen.get("operation") or (flight is not None and flight.is_under_way):
        return None
    if flight is not None and flight.state in ("refused", "failed"):
        return {"level": "error", "text": _("The change was not made: all is as it was.")}
    return {"level": "success", "text": _("The change is made.")}


@require_POST
@login_required
def ask(request: HttpRequest, subscription_id: UUID) -> HttpResponse:
    """Ask the publisher now: a worker does it within seconds. The page stays as it is and says so."""
    try:
        poll_now(actor_of(request), subscription_id, at=now())
        told: Told = {"level": "success", "text": _("The publisher is being asked.")}
    except NothingToPoll as refusal:
        keep_refused(request, refusal)
        told = {"level": "error", "text": sentence_of(refusal)}
    return tell(request, told, reverse("subscriptions:detail", args=[subscription_id]))


def _context(actor: Actor, subscription: Subscription) -> dict[str, Any]:
    at, token, operation = now(), latest_token(subscription), latest_operation(subscription)
    letters = _Letters.of(subscription)
    return {
        "subscription": subscription,
        "customer": subscription.customer,
        "crumbs": _crumbs(subscription),
        "badge": badge_of(subscription, attention_of(subscription)),
        "pulse": _pulse(actor, subscription, operation, _etag(actor, subscription, token, operation, letters)),
        "gates": gate_steps(subscription, actor),
        "go_url": go_url_of(subscription, actor),
        "copy_url": reverse("go_copy", args=[subscription.pk]),
        "token": token,
        "ladder": ladder_of(actor, subscription, letters.climbed, at),
        "notices": notices_view(actor, subscription, letters.notices, at),
        "sent": sent_view(actor, subscription, letters.sent, at),
        "token_is_live": token is not None and token.expires_at > at,
        "flight": flight_of(operation, subscription, actor, at),
        "requests_banner": banner_of(actor, subscription),
        "divergences": decidable(actor, subscription),
        "let_be_denied": let_be_denial(actor),
        "facts": facts_of(subscription),
        "tranches": seat_batches(subscription, at),
        **timeline_card(actor, subscription),
        "edit": edit_context(actor, subscription, at),
        "charges_url": reverse("billing:charges", args=[subscription.pk]),
    }


def _pulse(actor: Actor, subscription: Subscription, operation: Operation | None, etag: str) -> Pulse:
    schedule = _schedule(subscription)
    is_pending = subscription.status == Status.PENDING
    under_way = operation is not None and operation.is_in_flight
    seen = {"status": subscription.status, "operation": str(operation.pk) if operation and under_way else ""}
    return Pulse(
        url=f"{reverse('subscriptions:live', args=[subscription.pk])}?{urlencode(seen)}",
        etag=etag,
        is_live=is_pending or under_way,
        is_pending=is_pending,
        is_polled=schedule is not None,
        asked_at=schedule.last_polled_at if schedule else None,
        outcome=_asked(schedule),
        ask_url=reverse("subscriptions:ask", args=[subscription.pk]),
        ask_denied=denial_of(actor, Action.SUBSCRIPTION_POLL),
    )


def _asked(schedule: PollSchedule | None) -> str:
    """What came of the last question, in the reader's language; its detail stays in the log."""
    outcomes = {outcome.value: sentence for outcome, sentence in words.ASKED.items()}
    return str(outcomes.get(schedule.last_outcome, "")) if schedule else ""


def _schedule(subscription: Subscription) -> PollSchedule | None:
    return getattr(subscription, "poll_schedule", None)


def _etag(
    actor: Actor,
    subscription: Subscription,
    token: PurchaseToken | None,
    operation: Operation | None,
    letters: _Letters,
) -> str:
    """Two hashes: of what the page shows, and of the last poll, which comes by far more often."""
    schedule = _schedule(subscription)
    gates = [
        (gate.gate, gate.state, gate.reason, gate.owner, gate.since, (gate.evidence or {}).get("id"))
        for gate in subscription.gates.all()
    ]
    change = (operation.pk, state_of(operation, now())) if operation else ()
    link = token and (token.minted_at, token.resolved_at)
    shown = (subscription.version, gates, change, link, letters.state, actor.role, get_language())
    polled = (schedule.last_polled_at, schedule.last_outcome) if schedule else ()
    return f"{short_hash(shown)}.{short_hash(polled)}"


def _content_part(etag: str) -> str:
    return etag.partition(".")[0]


def _crumbs(subscription: Subscription) -> list[dict[str, str]]:
    customer = subscription.customer
    return [
        {"url": reverse("customers:list"), "label": _("Customers")},
        {"url": reverse("customers:marketplace", args=[customer.pk]), "label": customer.name},
    ]
