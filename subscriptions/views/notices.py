"""The delivery log of a publisher: what was posted to its webhook and what came back; send again, test event."""

import json
from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts.denial import denial_of
from accounts.middleware import actor_of
from accounts.policy import Action
from partnerhub.errors import NotFound, NoticeNotSent
from partnerhub.web.pages import keyset_page
from partnerhub.web.refusals import refused, sentence_of
from partnerhub.web.templatetags.hub import absolute
from publishers.selectors import publisher_for
from publishers.words import milliseconds_words
from subscriptions import words
from subscriptions.enums import OperationAction
from subscriptions.models import NoticeAttempt
from subscriptions.notice_forms import NoticeFilter
from subscriptions.posting import send_again, send_test_event
from subscriptions.selectors import notice_of, notices_of

NEWEST_FIRST = ("-sent_at", "-id")
ATTEMPTS_SHOWN = 50
_TONES = {"answered": "ok", "refused": "attention", "throttled": "wait"}


@require_safe
@login_required
def notices(request: HttpRequest, publisher_id: UUID) -> HttpResponse:
    """Every post, the newest first, filtered by the URL."""
    actor = actor_of(request)
    publisher = publisher_for(actor, publisher_id)
    filters = NoticeFilter(request.GET, notices_of(actor, publisher.pk))
    page = keyset_page(filters.qs, NEWEST_FIRST, request.GET)
    context = {
        "publisher": publisher,
        "current": "notices",
        "filter": filters,
        "rows": [_row(attempt) for attempt in page.rows],
        "previous_url": page.previous_url,
        "next_url": page.next_url,
        "everything_url": request.path,
        "manage_denied": denial_of(actor, Action.PUBLISHER_MANAGE),
    }
    return render(request, "publishers/notices.html", context)


def _row(attempt: NoticeAttempt) -> dict[str, Any]:
    operation = attempt.operation
    return {
        "attempt": attempt,
        "url": reverse("publisher-notice", args=[attempt.publisher_id, attempt.pk]),
        "what": _what(attempt),
        "word": words.NOTICE.get(attempt.outcome, attempt.outcome),
        "tone": _TONES.get(attempt.outcome, "attention"),
        "took": milliseconds_words(attempt.milliseconds),
        "subscription": operation.subscription if operation else None,
    }


def _what(attempt: NoticeAttempt) -> str:
    operation = attempt.operation
    return str(words.OPERATION[OperationAction(operation.action)] if operation else words.TEST_EVENT)


@require_safe
@login_required
def notice(request: HttpRequest, publisher_id: UUID, attempt_id: UUID) -> HttpResponse:
    """One post: what was sent, what was answered, and the other posts about the same operation."""
    actor = actor_of(request)
    publisher = publisher_for(actor, publisher_id)
    attempt = notice_of(actor, publisher.pk, attempt_id)
    others = notices_of(actor, publisher.pk).filter(operation=attempt.operation_id, operation__isnull=False)
    context = {
        "publisher": publisher,
        "current": "notices",
        "row": _row(attempt),
        "facts": _facts(attempt),
        "payload": json.dumps(attempt.payload, indent=2, ensure_ascii=False),
        "others": [_row(other) for other in others[:ATTEMPTS_SHOWN]],
        "manage_denied": denial_of(actor, Action.PUBLISHER_MANAGE),
    }
    return render(request, "publishers/notice.html", context)


def _facts(attempt: NoticeAttempt) -> list[dict[str, Any]]:
    return [
        {"term": _("Sent"), "value": absolute(attempt.sent_at), "note": attempt.sent_by},
        {"term": _("Attempt"), "value": attempt.number},
        {"term": _("Address"), "value": attempt.webhook_url},
        {"term": _("HTTP status"), "value": attempt.http_status},
        {"term": _("Took"), "value": milliseconds_words(attempt.milliseconds)},
        {"term": _("Operation"), "value": attempt.payload["id"], "copyable": True},
    ]


@require_POST
@login_required
def again(request: HttpRequest, publisher_id: UUID, attempt_id: UUID) -> HttpResponse:
    """Tell it once more, now; the page that follows shows what came of it."""
    actor = actor_of(request)
    attempt = notice_of(actor, publisher_id, attempt_id)
    if attempt.operation_id is None:
        raise NotFound(what="operation", id=attempt_id)
    operation_id = attempt.operation_id
    return _posted(request, publisher_id, lambda: send_again(actor, publisher_id, operation_id))


@require_POST
@login_required
def test_event(request: HttpRequest, publisher_id: UUID) -> HttpResponse:
    """Tell the webhook of something that is not; the page that follows shows what came of it."""
    actor = actor_of(request)
    return _posted(request, publisher_id, lambda: send_test_event(actor, publisher_id))


def _posted(request: HttpRequest, publisher_id: UUID, post: Callable[[], NoticeAttempt]) -> HttpResponse:
    try:
        attempt = post()
    except NoticeNotSent as refusal:
        refused(request, refusal)
        messages.error(request, sentence_of(refusal))
        return redirect("publisher-notices", publisher_id)
    if attempt.outcome == "answered":
        messages.success(request, _("Sent, and received."))
    else:
        messages.error(request, _("Sent, but not received: {why}").format(why=attempt.detail))
    return redirect("publisher-notice", publisher_id, attempt.pk)
