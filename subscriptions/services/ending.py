"""Ending a subscription: cancelled by an agent, or voided because nobody activated it in time."""

from datetime import datetime, timedelta
from uuid import UUID

import structlog
from django.db import DatabaseError, transaction

from accounts.policy import Action, Actor, authorize
from partnerhub.errors import CancellationWindowClosed, OperationPending
from partnerhub.outbox.recorder import Fact, record
from publishers.selectors import policy_duration
from subscriptions.enums import (
    EndReason,
    GateName,
    GateState,
    OperationAction,
    Owner,
    Reason,
    Status,
    Trigger,
)
from subscriptions.events import SubscriptionCancelled, SubscriptionVoided
from subscriptions.lifecycle import next_status
from subscriptions.models import Gate, Operation, PollSchedule, Subscription
from subscriptions.models.operation import IN_FLIGHT
from subscriptions.services.locking import lock_for_change, lock_subscription, save_changed

log = structlog.get_logger(__name__)


@transaction.atomic
def cancel(actor: Actor, subscription_id: UUID, *, reason: str, version: int | None, at: datetime) -> Subscription:
    """End a subscription at once (rule 56): free and unbilled before activation, fully refunded inside the window.

    Raises NotPermitted, StaleVersion, SubscriptionEnded (rule 53), OperationPending (rule 42) and, after the window of
    policy `cancel_within` counted from the purchase, CancellationWindowClosed (rules 45, 51).
    """
    authorize(actor, Action.SUBSCRIPTION_CANCEL)
    subscription = lock_for_change(subscription_id, version)
    check_nothing_in_flight(subscription)
    was_active = subscription.status != Status.PENDING
    if was_active:
        _check_window(subscription, at)
    data = {"refund": "full" if was_active else "nothing was charged"}
    _end(
        actor,
        subscription,
        Trigger.CANCEL,
        EndReason.CANCELLED,
        SubscriptionCancelled(subscription.pk, data, reason),
        at,
    )
    return subscription


@transaction.atomic
def void(actor: Actor, subscription_id: UUID, *, at: datetime) -> Subscription:
    """End an order that nobody activated in time: never billed (rule 24). Leaves alone what is not overdue any more."""
    authorize(actor, Action.SUBSCRIPTION_VOID)
    subscription = lock_subscription(subscription_id)
    if subscription.status == Status.PENDING and subscription.activate_by <= at:
        data = {"activate_by": subscription.activate_by.isoformat()}
        _end(actor, subscription, Trigger.VOID, EndReason.VOIDED, SubscriptionVoided(subscription.pk, data), at)
    return subscription


def void_overdue(actor: Actor, *, at: datetime, limit: int = 500) -> int:
    """Void up to `limit` overdue orders, each in a transaction of its own; returns how many were voided.

    One that cannot be voided is logged and stops no other.
    """
    overdue = Subscription.objects.filter(status=Status.PENDING, activate_by__lte=at).order_by("activate_by")
    ids = list(overdue.values_list("pk", flat=True)[:limit])
    return sum(_voided(actor, subscription_id, at) for subscription_id in ids)


def _voided(actor: Actor, subscription_id: UUID, at: datetime) -> bool:
    try:
        return void(actor, subscription_id, at=at).status == Status.UNSUBSCRIBED
    except (DatabaseError, LookupError) as error:
        log.exception("not_voided", subscription_id=str(subscription_id), error=type(error).__name__)
        return False


def cancellable_until(subscription: Subscription) -> datetime:
    """Until when an active subscription may be cancelled with a full refund (UTC, exclusive)."""
    bought = subscription.purchased_at
    return bought + policy_duration("cancel_within", subscription.plan, bought)


def check_nothing_in_flight(subscription: Subscription) -> None:
    """Raise OperationPending while another change waits for the publisher (rule 42)."""
    pending = subscription.operations.filter(status__in=IN_FLIGHT).first()
    if pending is not None:
        raise OperationPending(action=pending.action, since=f"{pending.created_at:%Y-%m-%d %H:%M} UTC")


def _check_window(subscription: Subscription, at: datetime) -> None:
    closed_at = cancellable_until(subscription)
    if at < closed_at:
        return
    window = closed_at - subscription.purchased_at
    hours = window // timedelta(hours=1)
    shown = f"{window.days}-day" if window.days and not window.seconds and window.days > 3 else f"{hours}-hour"
    raise CancellationWindowClosed(window=shown, closed_at=f"{closed_at:%Y-%m-%d %H:%M} UTC")


def _end(
    actor: Actor, subscription: Subscription, trigger: Trigger, end_reason: EndReason, fact: Fact, at: datetime
) -> None:
    subscription.status = next_status(subscription.status, trigger)
    subscription.ended_at, subscription.end_reason = at, end_reason
    subscription.auto_renew, subscription.suspended_at = False, None
    save_changed(subscription, "status", "ended_at", "end_reason", "auto_renew", "suspended_at")
    ended = Reason.VOIDED if end_reason == EndReason.VOIDED else Reason.CANCELLED
    Gate.objects.filter(subscription=subscription, gate=GateName.NOT_CANCELLED).update(
        state=GateState.FAILED,
        evidence={"source": end_reason.value, "at": at.isoformat(), "by": actor.label, "reason": fact.reason},
        satisfied_at=None,
        reason=ended,
        owner=Owner.PARTNER,
        since=at,
        next_action="",
        due_at=None,
    )
    PollSchedule.objects.filter(subscription=subscription).update(next_poll_at=None)
    Operation.objects.create(
        subscription=subscription,
        action=OperationAction.UNSUBSCRIBE,
        requested_by=actor.label,
        created_at=at,
        next_attempt_at=at,
    )
    record(fact, actor=actor, at=at)
