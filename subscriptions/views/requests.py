"""Change requests: the list of those that wait and those that are decided, and the page of one."""

from datetime import datetime
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts.middleware import actor_of
from accounts.policy import Action, Actor
from partnerhub.clock import now
from partnerhub.errors import HubError, NotFound, NotPermitted
from partnerhub.web.forms import RefusableForm
from partnerhub.web.pages import CURSORS, capped_counts, keyset_page
from partnerhub.web.refusals import refused, sentence_of, status_of
from subscriptions.activity import timeline_entries
from subscriptions.changes import change_from
from subscriptions.enums import RequestStatus
from subscriptions.models import ChangeRequest, Subscription
from subscriptions.previews import Preview
from subscriptions.request_forms import DeclineForm
from subscriptions.requests import RequestFilter
from subscriptions.selectors import change_requests_visible_to
from subscriptions.services.quoting import preview
from subscriptions.services.requests import decline, withdraw
from subscriptions.views.controls import Why
from subscriptions.views.lookahead import figures, look_ahead
from subscriptions.views.permission import denial_of
from subscriptions.views.request_rows import (
    moved_words,
    partial_range,
    request_row,
    shown_of,
    why_not_decide,
    why_refused,
)
from subscriptions.views.timeline import happenings

OPEN, DECIDED = "open", "decided"
ORDERS = {OPEN: ("expires_at", "id"), DECIDED: ("-decided_at", "-id")}
A_PAGE = 20


@require_safe
@login_required
def requests(request: HttpRequest) -> HttpResponse:
    """Those that wait, the first to expire first; or those that are decided, the latest first."""
    actor, at = actor_of(request), now()
    state = DECIDED if request.GET.get("state") == DECIDED else OPEN
    filters = RequestFilter(request.GET, change_requests_visible_to(actor), actor=actor)
    page = keyset_page(in_state(filters.qs, state), ORDERS[state], request.GET, A_PAGE)
    context = {
        "state": state,
        "filter": filters,
        "tabs": _tabs(request, filters, state),
        "rows": [request_row(asked, actor, at) for asked in page.rows],
        "previous_url": page.previous_url,
        "next_url": page.next_url,
        "may_decide": actor.may(Action.SUBSCRIPTION_DECIDE),
        "everything_url": f"{request.path}?{urlencode({'state': state})}",
    }
    return render(request, "requests/list.html", context)


def in_state(rows: Any, state: str) -> Any:
    """Of change requests those that are open, or those that are decided."""
    return rows.filter(status=RequestStatus.OPEN) if state == OPEN else rows.exclude(status=RequestStatus.OPEN)


def _tabs(request: HttpRequest, filters: RequestFilter, current: str) -> list[dict[str, Any]]:
    kept = {name: value for name, value in request.GET.items() if value and name not in (*CURSORS, "state")}
    names = {OPEN: _("Open"), DECIDED: _("Decided")}
    counts = capped_counts([in_state(filters.qs, state) for state in names])
    return [
        {"url": f"?{urlencode({**kept, 'state': state})}", "label": label, "count": count, "current": state == current}
        for (state, label), count in zip(names.items(), counts, strict=True)
    ]


@require_safe
@login_required
def request_detail(request: HttpRequest, request_id: UUID) -> HttpResponse:
    return request_page(request, request_id)


@require_safe
@login_required
def request_now(request: HttpRequest, request_id: UUID) -> HttpResponse:
    """What the change would be charged now, as a fragment that a list loads row by row."""
    actor, at = actor_of(request), now()
    asked = request_for(actor, request_id)
    current, problem = look_again(actor, asked, at)
    context = {"then": shown_of(asked).due_today, "due": current.due_today if current else None, "problem": problem}
    return render(request, "requests/_now.html", context)


@require_POST
@login_required
def decline_request(request: HttpRequest, request_id: UUID) -> HttpResponse:
    """Refuse what was asked for, with a reason."""
    asked, form = request_for(actor_of(request), request_id), DeclineForm(request.POST)
    if not form.is_valid():
        return request_page(request, request_id, form=form, status=422)
    try:
        decline(actor_of(request), request_id, reason=form.cleaned_data["reason"], at=now())
    except (NotFound, NotPermitted):
        raise
    except HubError as refusal:
        return told(request, asked, refusal)
    messages.success(request, _("The change request is declined."))
    return redirect("requests:detail", request_id)


@require_POST
@login_required
def withdraw_request(request: HttpRequest, request_id: UUID) -> HttpResponse:
    """Take back what one has asked for."""
    asked = request_for(actor_of(request), request_id)
    try:
        withdraw(actor_of(request), request_id, at=now())
    except (NotFound, NotPermitted):
        raise
    except HubError as refusal:
        return told(request, asked, refusal)
    messages.success(request, _("The change request is withdrawn."))
    return redirect("requests:detail", request_id)


def told(request: HttpRequest, asked: ChangeRequest, refusal: HubError) -> HttpResponse:
    """The page of the request as it is now, with a refusal on top."""
    refused(request, refusal, stream=("subscription", asked.subscription_id))
    return request_page(request, asked.pk, problem=sentence_of(refusal), code=refusal.code, status=status_of(refusal))


def request_for(actor: Actor, request_id: UUID) -> ChangeRequest:
    """One visible change request. Raises NotFound."""
    asked = change_requests_visible_to(actor).filter(pk=request_id).first()
    if asked is None:
        raise NotFound(what="change request", id=request_id)
    return asked


def request_page(
    request: HttpRequest,
    request_id: UUID,
    *,
    form: RefusableForm | None = None,
    problem: str = "",
    code: str = "",
    status: int = 200,
) -> HttpResponse:
    """The whole page; `form` carries what was typed for declining, `problem` and `code` a refusal."""
    actor, at = actor_of(request), now()
    asked = request_for(actor, request_id)
    context = {
        "asked": asked,
        "subscription": asked.subscription,
        "row": request_row(asked, actor, at),
        "crumbs": [{"url": reverse("requests:list"), "label": _("Change requests")}],
        "moved": moved_words(asked) if asked.status in (RequestStatus.OPEN, RequestStatus.VOID) else [],
        "decline_form": form or DeclineForm(),
        "problem": problem,
        "code": code,
        "events": happenings(timeline_entries(actor, asked.subscription_id).filter(data__request=str(asked.pk))),
        **_prices(actor, asked, at),
    }
    return render(request, "requests/detail.html", context, status=status)


def _prices(actor: Actor, asked: ChangeRequest, at: datetime) -> dict[str, Any]:
    """What was shown then; while it is open also what it does now, and what can be done about it."""
    then = shown_of(asked)
    if asked.status != RequestStatus.OPEN:
        return {"ahead": look_ahead(then, asked.subscription)}
    current, problem = look_again(actor, asked, at)
    deny = why_not_decide(actor, asked, at)
    return {
        "ahead": look_ahead(current or then, asked.subscription),
        "is_now": current is not None,
        "figures": figures(then, current) if current else [],
        "deny": deny,
        # Declining is possible, too, where the change itself is not.
        "deny_approval": deny or problem,
        "deny_withdrawal": denial_of(actor, Action.SUBSCRIPTION_ASK),
        "part": partial_range(asked),
    }


def look_again(actor: Actor, asked: ChangeRequest, at: datetime) -> tuple[Preview | None, Why | None]:
    """What the change would do now, or why it cannot be done."""
    try:
        return preview(actor, asked.subscription_id, change_from(asked.change), at=at), None
    except HubError as refusal:
        return None, why_refused(refusal)


def waiting_requests(actor: Actor) -> Any:
    """The open change requests, those that expire first first."""
    return in_state(change_requests_visible_to(actor), OPEN)


def banner_of(actor: Actor, subscription: Subscription) -> dict[str, Any] | None:
    """How many change requests wait on a subscription, and where they are; None when there is none."""
    ids = list(waiting_requests(actor).filter(subscription=subscription).values_list("pk", flat=True)[:A_PAGE])
    if not ids:
        return None
    listed = f"{reverse('requests:list')}?{urlencode({'subscription': subscription.pk})}"
    return {"count": len(ids), "url": reverse("requests:detail", args=ids) if len(ids) == 1 else listed}
