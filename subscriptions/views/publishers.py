"""Publishers, and how each of them does: pages that need what was bought from them."""

from dataclasses import astuple
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseNotModified
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts.denial import denial_of
from accounts.middleware import actor_of
from accounts.policy import Action, Actor
from partnerhub.clock import now
from partnerhub.errors import NothingToTry
from partnerhub.web.conditional import known_etag, short_hash
from partnerhub.web.pages import keyset_page
from partnerhub.web.refusals import refused, sentence_of
from partnerhub.web.templatetags.hub import absolute
from partnerhub.web.toasts import Told, tell
from publishers.calls import DAY, PERIODS, Calls, CallsOf, calls_of
from publishers.models import CallKind, Circuit, Publisher
from publishers.selectors import publisher_for, publishers_visible_to
from publishers.services.secrets import Ending, endings
from publishers.services.trying import try_now
from publishers.words import CALL_KIND, PERIOD, adapter_words, milliseconds_words, share_words
from subscriptions.backlog import Backlog, backlogs
from subscriptions.scoreboard import Score, recent_scores
from subscriptions.views.scores import readiness, score_facts


@require_safe
@login_required
def publishers(request: HttpRequest) -> HttpResponse:
    """Every publisher by name: whether it answers, what waits, how fast it activates, until when it can sign in."""
    actor, at = actor_of(request), now()
    page = keyset_page(publishers_visible_to(actor), ("name", "id"), request.GET)
    context = {
        "rows": _rows(page.rows, at),
        "previous_url": page.previous_url,
        "next_url": page.next_url,
        "manage_denied": denial_of(actor, Action.PUBLISHER_MANAGE),
    }
    return render(request, "publishers/list.html", context)


def _rows(found: list[Publisher], at: datetime) -> list[dict[str, Any]]:
    ids = [publisher.pk for publisher in found]
    calls, waiting, scores, ending = calls_of(ids, at), backlogs(ids, at), recent_scores(ids, at), endings(found, at)
    return [
        {
            "publisher": publisher,
            "adapter": adapter_words(publisher.adapter),
            "success": share_words(_together(calls[publisher.pk], DAY).success),
            "backlog": waiting[publisher.pk],
            "readiness": readiness(scores.get(publisher.pk, Score())),
            "ending": ending.get(publisher.pk),
        }
        for publisher in found
    ]


def _together(calls: CallsOf, period: timedelta) -> Calls:
    """Calls of every kind within a period."""
    found = [figures for (_kind, within), figures in calls.items() if within == period]
    return Calls(
        sum(one.calls for one in found),
        sum(one.well for one in found),
        sum(one.total_milliseconds for one in found),
        max((one.slowest_milliseconds for one in found), default=0),
    )


@require_safe
@login_required
def health(request: HttpRequest, publisher_id: UUID) -> HttpResponse:
    """Whether a publisher answers, how fast, and what waits for it."""
    actor, at = actor_of(request), now()
    publisher = publisher_for(actor, publisher_id)
    score = recent_scores([publisher.pk], at).get(publisher.pk, Score())
    context = _pulse(actor, publisher, at) | {"current": "health", "readiness": readiness(score)}
    context["score"] = score_facts(score) if score.is_telling else []
    return render(request, "publishers/health.html", context)


@require_safe
@login_required
def live(request: HttpRequest, publisher_id: UUID) -> HttpResponse:
    """What changed since the page last looked; 304 when nothing did."""
    actor = actor_of(request)
    context = _pulse(actor, publisher_for(actor, publisher_id), now())
    if known_etag(request) == context["etag"]:
        return HttpResponseNotModified()
    return render(request, "publishers/_live.html", context)


def _pulse(actor: Actor, publisher: Publisher, at: datetime) -> dict[str, Any]:
    calls, waiting = calls_of([publisher.pk], at)[publisher.pk], backlogs([publisher.pk], at)[publisher.pk]
    ending = endings([publisher], at).get(publisher.pk)
    return {
        "publisher": publisher,
        "kinds": _kinds(calls),
        "facts": _facts(publisher, waiting),
        "ending": ending,
        "can_sign_in": ending is None or ending.ends_at > at,
        "can_try": publisher.circuit == Circuit.OPEN,
        "try_denied": denial_of(actor, Action.PUBLISHER_TRY),
        "etag": _etag(actor, publisher, calls, waiting, ending),
    }


def _kinds(calls: CallsOf) -> list[dict[str, Any]]:
    """A group of rows for each kind of call that was made, one row a period."""
    made = [kind for kind in CallKind if any(calls.get((kind, period), Calls()).calls for period in PERIODS)]
    return [{"kind": CALL_KIND[kind], "rows": [_row(calls, kind, period) for period in PERIODS]} for kind in made]


def _row(calls: CallsOf, kind: CallKind, period: timedelta) -> dict[str, Any]:
    figures = calls.get((kind, period), Calls())
    return {
        "period": PERIOD[period],
        "calls": figures.calls,
        "success": share_words(figures.success),
        "mean": milliseconds_words(figures.mean_milliseconds),
        "slowest": milliseconds_words(figures.slowest_milliseconds if figures.calls else None),
    }


def _facts(publisher: Publisher, waiting: Backlog) -> list[dict[str, Any]]:
    return [
        {"term": _("Questions that are due"), "value": waiting.due_polls, "note": _since(waiting.oldest_due)},
        {"term": _("Changes under way"), "value": waiting.operations},
        {"term": _("Open divergences"), "value": waiting.divergences},
        {"term": _("Last success"), "value": _moment(publisher.last_success_at)},
        {"term": _("Last failure"), "value": _moment(publisher.last_failure_at), "note": publisher.last_failure},
    ]


def _since(moment: datetime | None) -> str:
    return _("the oldest since {moment}").format(moment=absolute(moment)) if moment else ""


def _moment(moment: datetime | None) -> str | None:
    return absolute(moment) if moment else None


def _etag(actor: Actor, publisher: Publisher, calls: CallsOf, waiting: Backlog, ending: Ending | None) -> str:
    own = (publisher.circuit, publisher.circuit_retry_at, publisher.consecutive_failures, publisher.last_failure)
    moments = (publisher.last_success_at, publisher.last_failure_at, ending and ending.ends_at)
    shown = (own, moments, sorted((key, astuple(value)) for key, value in calls.items()), astuple(waiting))
    return short_hash((shown, actor.role, get_language()))


@require_POST
@login_required
def try_again(request: HttpRequest, publisher_id: UUID) -> HttpResponse:
    """Let one question through before the pause is over."""
    try:
        try_now(actor_of(request), publisher_id, at=now())
        told: Told = {"level": "success", "text": _("The next question goes through: its answer decides.")}
    except NothingToTry as refusal:
        refused(request, refusal)
        told = {"level": "error", "text": sentence_of(refusal)}
    return tell(request, told, reverse("publisher-health", args=[publisher_id]))
