"""Asking an admin agent for a change that one may not make oneself, and deciding on it.

A request rests on the subscription as it was: when that moves, when the window for it closes or its time runs out, it
is void by itself. Nobody decides on their own.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import structlog
from django.db import DatabaseError, transaction

from accounts.policy import SYSTEM, Action, Actor, authorize
from partnerhub.errors import (
    HubError,
    InvalidInput,
    NotFound,
    OperationPending,
    RenewalUnderWay,
    RequestClosed,
    RequestMoved,
    RequestOwn,
    RequestTooMuch,
)
from partnerhub.money import Money
from partnerhub.outbox.recorder import record
from publishers.selectors import policy_duration, policy_threshold
from subscriptions.changes import NOW, Change, change_from
from subscriptions.enums import RequestStatus
from subscriptions.events import ChangeApproved, ChangeAsked, ChangeDeclined, ChangeRequestVoid
from subscriptions.models import ChangeRequest, Subscription
from subscriptions.previews import Preview, preview_from
from subscriptions.services.changing import perform
from subscriptions.services.locking import check_not_ended, lock_subscription
from subscriptions.services.quoting import commit, preview

log = structlog.get_logger(__name__)

_FIELDS = {
    "nickname": "nickname",
    "quantity": "quantity",
    "plan_term_id": "plan_term_id",
    "auto_renew": "auto_renew",
    "partner_id": "reseller_id",
    "status": "status",
}
# What passes by itself, and leaves the request as it is.
_PASSING = (OperationPending, RenewalUnderWay)
LONGEST_REASON = 500
# What the price of licences or of a plan rests on.
_PRICED_BY = ("quantity", "plan_term_id", "unit_price")


@transaction.atomic
def ask(actor: Actor, subscription_id: UUID, change: Change, *, reason: str, at: datetime) -> ChangeRequest:
    """Ask for a change, with what it would cost now; it expires after `request_lives`. A change within the threshold
    of policy `auto_approve` is made at once, by the hub.

    Raises NotPermitted, NotFound, SubscriptionEnded, InvalidInput without a reason, and what the change itself would be
    refused with.
    """
    authorize(actor, Action.SUBSCRIPTION_ASK)
    reason = _checked_reason(reason)
    subscription = lock_subscription(subscription_id, actor)
    check_not_ended(subscription)
    shown = preview(actor, subscription_id, change, at=at)
    request = ChangeRequest.objects.create(
        subscription=subscription,
        change=change.as_json(),
        changes=_differences(subscription, change),
        base=_base_of(subscription, change),
        base_version=subscription.version,
        shown=shown.as_json(),
        reason=reason,
        requested_by=actor.label,
        actor_kind=actor.kind,
        actor_id=actor.id,
        actor_role=actor.role.value,
        requested_at=at,
        expires_at=at + _lives(subscription, at),
    )
    record(ChangeAsked(subscription.pk, _facts_of(request), reason), actor=actor, at=at)
    if _approves_itself(subscription, change, shown, at):
        _approve(SYSTEM, request, change, "Within the threshold of the policy auto_approve", None, at)
    return request


@transaction.atomic
def approve(
    actor: Actor,
    request_id: UUID,
    *,
    quantity: int | None = None,
    reason: str = "",
    quote_id: UUID | None = None,
    at: datetime,
) -> ChangeRequest:
    """Make the change that was asked for, or part of it: `quantity` may lie between the old and the one asked for.

    With a quote, only what the quote showed is done. Raises NotPermitted, NotFound, RequestOwn, RequestClosed,
    RequestMoved, RequestTooMuch, and what the change itself is refused with.
    """
    authorize(actor, Action.SUBSCRIPTION_DECIDE)
    request = _open_request(actor, request_id, at)
    _approve(actor, request, granted_change(request, quantity), reason, quote_id, at)
    return request


@transaction.atomic
def decline(actor: Actor, request_id: UUID, *, reason: str, at: datetime) -> ChangeRequest:
    """Refuse what was asked for, with a reason. Raises as `approve` does, and InvalidInput without a reason."""
    authorize(actor, Action.SUBSCRIPTION_DECIDE)
    reason = _checked_reason(reason)
    request = _open_request(actor, request_id, at)
    _close(request, RequestStatus.DECLINED, actor.label, reason, at)
    record(ChangeDeclined(request.subscription_id, _facts_of(request), reason), actor=actor, at=at)
    return request


@transaction.atomic
def withdraw(actor: Actor, request_id: UUID, *, at: datetime) -> ChangeRequest:
    """Take back what one has asked for. Raises NotPermitted, NotFound (also for somebody else's), RequestClosed."""
    authorize(actor, Action.SUBSCRIPTION_ASK)
    request = _lock_request(actor, request_id)
    if request.actor_id != actor.id:
        raise NotFound(what="change request", id=request_id)
    _check_open(request)
    _void(actor, request, RequestStatus.WITHDRAWN, "withdrawn", at)
    return request


@transaction.atomic
def void_if_moved(actor: Actor, subscription_id: UUID, *, at: datetime) -> int:
    """Void the open requests whose base moved; returns how many. Idempotent."""
    authorize(actor, Action.SUBSCRIPTION_VOID)
    subscription = lock_subscription(subscription_id, actor)
    moved = [
        request
        for request in subscription.change_requests.select_for_update().filter(status=RequestStatus.OPEN)
        if request.base != _base_of(subscription, change_from(request.change))
    ]
    for request in moved:
        _void(actor, request, RequestStatus.VOID, "the subscription has changed since", at)
    return len(moved)


def void_overdue_requests(actor: Actor, *, at: datetime, limit: int = 200) -> int:
    """Void open requests whose time ran out, or whose change is not possible any more; returns how many.

    Each in a transaction of its own; one that cannot be judged is logged and stops no other.
    """
    due = ChangeRequest.objects.filter(status=RequestStatus.OPEN).order_by("expires_at", "id")
    return sum(_voided(actor, request_id, at) for request_id in due.values_list("pk", flat=True)[:limit])


def _voided(actor: Actor, request_id: UUID, at: datetime) -> bool:
    try:
        with transaction.atomic():
            request = _lock_request(actor, request_id)
            why = _why_void(actor, request, at) if request.status == RequestStatus.OPEN else ""
            if why:
                _void(actor, request, RequestStatus.VOID, why, at)
            return bool(why)
    except (DatabaseError, LookupError, NotFound) as error:
        log.exception("request_not_judged", request_id=str(request_id), error=type(error).__name__)
        return False


def _why_void(actor: Actor, request: ChangeRequest, at: datetime) -> str:
    """Why a request can no longer be granted; waiting for another change is no reason."""
    if at >= request.expires_at:
        return "its time ran out"
    try:
        preview(actor, request.subscription_id, change_from(request.change), at=at)
    except _PASSING:
        return ""
    except HubError as refusal:
        return str(refusal)
    return ""


def _approve(
    actor: Actor, request: ChangeRequest, change: Change, reason: str, quote_id: UUID | None, at: datetime
) -> None:
    why = request.reason if not reason else f"{request.reason} · {reason}"
    why = why[:LONGEST_REASON]
    if quote_id is not None:
        commit(actor, request.subscription_id, quote_id, change, reason=why, at=at)
    else:
        perform(actor, request.subscription_id, change, reason=why, version=None, at=at)
    partly = change.as_json() != request.change
    status = RequestStatus.PARTLY_APPROVED if partly else RequestStatus.APPROVED
    _close(request, status, actor.label, reason, at)
    data = _facts_of(request) | {"partly": partly, "approved": change.as_json()}
    record(ChangeApproved(request.subscription_id, data, reason), actor=actor, at=at)


def granted_change(request: ChangeRequest, quantity: int | None = None) -> Change:
    """The change that was asked for, with another quantity where part of it is granted. Raises RequestTooMuch."""
    change = change_from(request.change)
    if quantity is None or quantity == change.quantity:
        return change
    old, new = request.changes.get("quantity", (None, None))
    if old is None or not min(old, new) <= quantity <= max(old, new) or quantity == old:
        raise RequestTooMuch(approved=quantity, old=old, new=new)
    return replace(change, quantity=quantity)


def check_decidable(actor: Actor, request: ChangeRequest, at: datetime) -> None:
    """Raise NotPermitted, RequestOwn, RequestClosed or RequestMoved where the actor cannot decide on it now. Pages
    grey out by it; deciding makes the same checks under a lock.
    """
    authorize(actor, Action.SUBSCRIPTION_DECIDE)
    if is_own(actor, request):
        raise RequestOwn
    _check_open(request)
    if at >= request.expires_at:
        raise RequestMoved(why="its time ran out")
    if moved_since(request):
        raise RequestMoved(why="what it rests on is not so any more")


def is_own(actor: Actor, request: ChangeRequest) -> bool:
    """Whether the actor asked for it, in whatever role."""
    return (request.actor_kind, request.actor_id) == (actor.kind, actor.id)


def moved_since(request: ChangeRequest) -> dict[str, tuple[Any, Any]]:
    """What the request rests on and is not so any more: its value then and now by the subscription's field."""
    current = _base_of(request.subscription, change_from(request.change))
    return {name: (value, current.get(name)) for name, value in request.base.items() if value != current.get(name)}


def _open_request(actor: Actor, request_id: UUID, at: datetime) -> ChangeRequest:
    request = _lock_request(actor, request_id)
    check_decidable(actor, request, at)
    return request


def _lock_request(actor: Actor, request_id: UUID) -> ChangeRequest:
    subscription_id = ChangeRequest.objects.filter(pk=request_id).values_list("subscription_id", flat=True).first()
    if subscription_id is None:
        raise NotFound(what="change request", id=request_id)
    subscription = lock_subscription(subscription_id, actor)
    request = ChangeRequest.objects.select_for_update(of=("self",)).get(pk=request_id)
    request.subscription = subscription
    return request


def _check_open(request: ChangeRequest) -> None:
    if request.status != RequestStatus.OPEN:
        raise RequestClosed(status=request.status.replace("_", " "), since=f"{request.decided_at:%Y-%m-%d %H:%M} UTC")


def _void(actor: Actor, request: ChangeRequest, status: RequestStatus, why: str, at: datetime) -> None:
    _close(request, status, actor.label, why, at)
    record(ChangeRequestVoid(request.subscription_id, _facts_of(request) | {"why": why}), actor=actor, at=at)


def _close(request: ChangeRequest, status: RequestStatus, by: str, decision: str, at: datetime) -> None:
    request.status, request.decided_by, request.decided_at = status, by, at
    request.decision = decision[:LONGEST_REASON]
    request.save(update_fields=["status", "decided_by", "decided_at", "decision"])


def _checked_reason(reason: str) -> str:
    reason = reason.strip()
    if not 1 <= len(reason) <= LONGEST_REASON:
        raise InvalidInput(field="reason", problem=f"{len(reason)} characters, allowed are 1 to {LONGEST_REASON}")
    return reason


def _differences(subscription: Subscription, change: Change) -> dict[str, list[Any]]:
    return {
        name: [_plain(getattr(subscription, column)), _plain(getattr(change, name))]
        for name, column in _FIELDS.items()
        if getattr(change, name) is not None
    }


def _base_of(subscription: Subscription, change: Change) -> dict[str, Any]:
    asked = [column for name, column in _FIELDS.items() if getattr(change, name) is not None]
    priced = _PRICED_BY if change.quantity is not None or change.plan_term_id is not None else ()
    return {column: _plain(getattr(subscription, column)) for column in sorted({"status", *asked, *priced})}


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return f"{value:.4f}"
    return value if value is None or isinstance(value, bool | int) else str(value)


def _facts_of(request: ChangeRequest) -> dict[str, Any]:
    return {"request": str(request.pk), "changes": request.changes, "requested_by": request.requested_by}


def _lives(subscription: Subscription, at: datetime) -> timedelta:
    return policy_duration("request_lives", subscription.plan, at, subscription.plan_term.term)


def _approves_itself(subscription: Subscription, change: Change, shown: Preview, at: datetime) -> bool:
    """Whether nothing but licences changes, and no more of them, for no more money, than the policy `auto_approve`
    allows, together with all that it allowed within `request_lives`: many small changes are a large one.
    """
    threshold = policy_threshold("auto_approve", subscription.plan, at, subscription.plan_term.term)
    if threshold is None or set(change.as_json()) != {"quantity"} or change.when != NOW:
        return False
    since = at - _lives(subscription, at)
    granted = subscription.change_requests.filter(decided_by=SYSTEM.label, status=RequestStatus.APPROVED)
    earlier = [preview_from(change_from(one.change), one.shown) for one in granted.filter(decided_at__gt=since)]
    steps = [*sorted(earlier, key=lambda one: one.effective_at), shown]
    before = steps[0].before.quantity
    moved = sum(abs(one.after.quantity - one.before.quantity) for one in steps)
    cost = sum((abs(one.due_today.amount) for one in steps), Decimal(0))
    return threshold.allows(before, before + moved, Money(cost, shown.due_today.currency))
