"""A change in flight as the page shows it: held with its countdown, waiting for the publisher, and what came of it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from accounts.middleware import actor_of
from accounts.policy import Action, Actor
from partnerhub.clock import now
from partnerhub.errors import TooLateToUndo
from partnerhub.web.refusals import refused, sentence_of
from subscriptions import words
from subscriptions.enums import Acceptance, OperationAction, OperationStatus, Status
from subscriptions.models import Operation, Subscription
from subscriptions.services.holding import NEEDS, hurry, undo
from subscriptions.views.permission import Denial, denial_of
from subscriptions.views.rows import licences

SUCCESS_SHOWN = timedelta(days=1)
TOLD_OF_OTHERWISE = (
    OperationAction.UNSUBSCRIBE,
    OperationAction.SUSPEND,
    OperationAction.REINSTATE,
    OperationAction.SET_AUTO_RENEW,
    OperationAction.CHANGE_RESELLER,
)


@dataclass(frozen=True, slots=True)
class Flight:
    """A change under way, or the last one that came to an end. `state` is held, leaving, waiting, telling, accepted,
    silence, refused, untold or failed.
    """

    state: str
    tone: str
    action: str
    what: str
    by: str
    since: datetime
    held_until: datetime | None
    due: datetime | None
    ended: datetime | None
    why: str
    undo_url: str
    hurry_url: str
    denied: Denial | None

    @property
    def is_under_way(self) -> bool:
        return self.state in ("held", "leaving", "waiting")


def latest_operation(subscription: Subscription) -> Operation | None:
    """The change that was begun last, whatever became of it."""
    return subscription.operations.order_by("-created_at", "-pk").first()


def flight_of(operation: Operation | None, subscription: Subscription, actor: Actor, at: datetime) -> Flight | None:
    """What the page tells of a change; None when there is nothing to tell (any more)."""
    if operation is None or operation.status == OperationStatus.WITHDRAWN:
        return None
    action = OperationAction(operation.action)
    if action == OperationAction.SUBSCRIBE:
        return None
    state = state_of(operation, at)
    succeeded = state in ("accepted", "silence")
    if succeeded and (action in TOLD_OF_OTHERWISE or _is_over(operation, at)):
        return None
    if _holds_already(operation, subscription):
        state = _HELD_ALREADY.get(state, state)
    arguments = [subscription.pk, operation.pk]
    return Flight(
        state=state,
        tone=_TONES[state],
        action=str(words.OPERATION[action]),
        what=what_words(operation),
        by=operation.requested_by,
        since=operation.created_at,
        held_until=operation.held_until,
        due=operation.due_at,
        ended=operation.completed_at,
        why=operation.last_error,
        undo_url=reverse("subscriptions:undo", args=arguments),
        hurry_url=reverse("subscriptions:hurry", args=arguments),
        denied=denial_of(actor, NEEDS.get(action, Action.SUBSCRIPTION_CHANGE)),
    )


def _holds_already(operation: Operation, subscription: Subscription) -> bool:
    """Whether it stands here whatever becomes of telling the publisher."""
    ended = operation.action == OperationAction.UNSUBSCRIBE and subscription.status == Status.UNSUBSCRIBED
    return ended or operation.only_tells


_HELD_ALREADY = {"waiting": "telling", "failed": "untold"}
_TONES = {
    "held": "wait",
    "leaving": "wait",
    "waiting": "wait",
    "telling": "info",
    "untold": "attention",
    "accepted": "ok",
    "silence": "ok",
    "refused": "attention",
    "failed": "attention",
}


def state_of(operation: Operation, at: datetime) -> str:
    """Where a change stands: held, leaving, waiting, accepted, silence, refused or failed."""
    if operation.is_in_flight:
        if operation.held_until is None:
            return "waiting"
        return "held" if at < operation.held_until else "leaving"
    if operation.status == OperationStatus.SUCCEEDED:
        return "silence" if operation.accepted_by == Acceptance.SILENCE else "accepted"
    # Only what the publisher was asked for can be refused by it; the rest failed on our side.
    return "refused" if operation.due_at is not None and operation.last_error else "failed"


def _is_over(operation: Operation, at: datetime) -> bool:
    return operation.completed_at is not None and at - operation.completed_at > SUCCESS_SHOWN


def what_words(operation: Operation) -> str:
    """What a change sets: `10 → 18 licences`."""
    before, after = operation.payload.get("before", {}), operation.payload.get("after", {})
    told = _WHAT.get(OperationAction(operation.action))
    return told(before, after) if told and after else ""


def _seats(before: dict[str, Any], after: dict[str, Any]) -> str:
    return f"{before['quantity']} → {licences(after['quantity'])}"


def _plan(before: dict[str, Any], after: dict[str, Any]) -> str:
    return f"{before.get('title', '')} → {after.get('title', '')}"


def _auto_renew(before: dict[str, Any], after: dict[str, Any]) -> str:
    names = {True: _("On"), False: _("Off")}
    return f"{names[bool(before['auto_renew'])]} → {names[bool(after['auto_renew'])]}"


def _reseller(before: dict[str, Any], after: dict[str, Any]) -> str:
    return f"{before['partner_id'] or _('none')} → {after['partner_id'] or _('none')}"


_WHAT: dict[OperationAction, Callable[[dict[str, Any], dict[str, Any]], str]] = {
    OperationAction.CHANGE_QUANTITY: _seats,
    OperationAction.CHANGE_PLAN: _plan,
    OperationAction.SET_AUTO_RENEW: _auto_renew,
    OperationAction.CHANGE_RESELLER: _reseller,
}


@require_POST
@login_required
def undo_change(request: HttpRequest, subscription_id: UUID, operation_id: UUID) -> HttpResponse:
    """Take back a change that is still held."""
    return _settle(request, subscription_id, operation_id, undo, _("Undone: nothing was sent, all is as it was."))


@require_POST
@login_required
def hurry_change(request: HttpRequest, subscription_id: UUID, operation_id: UUID) -> HttpResponse:
    """Do not wait for the end of the hold."""
    return _settle(request, subscription_id, operation_id, hurry, _("The change is on its way."))


def _settle(
    request: HttpRequest, subscription_id: UUID, operation_id: UUID, act: Callable[..., Operation], told: str
) -> HttpResponse:
    try:
        act(actor_of(request), subscription_id, operation_id, at=now())
        messages.success(request, told)
    except TooLateToUndo as refusal:
        refused(request, refusal)
        messages.error(request, sentence_of(refusal))
    return redirect("subscriptions:detail", subscription_id)
