"""Suspending a subscription whose payment is missing, and taking it up again. The data stays with the publisher.

Both hold at once, and the publisher is told. It may refuse to take a subscription up again: then it stays suspended.
"""

from datetime import datetime
from uuid import UUID

from django.db import transaction

from accounts.policy import Action, Actor, authorize
from partnerhub.errors import NotActivatedYet
from partnerhub.outbox.recorder import record
from subscriptions.enums import OperationAction, Status, Trigger
from subscriptions.events import SubscriptionReinstated, SubscriptionSuspended
from subscriptions.lifecycle import next_status
from subscriptions.models import Operation, Subscription
from subscriptions.services.checks import check_not_renewing, check_nothing_in_flight
from subscriptions.services.locking import lock_for_change, save_changed
from subscriptions.services.scheduling import forget_schedule
from subscriptions.services.settling import lock_operation, refuse
from subscriptions.services.starting import Wanted, ask_publisher, begin


@transaction.atomic
def suspend(actor: Actor, subscription_id: UUID, *, reason: str, version: int | None, at: datetime) -> Subscription:
    """Stop an active subscription (rule 62). Auto-renew goes off, what is scheduled for renewal is dropped, and neither
    comes back by itself (rule 63).

    Raises NotPermitted, StaleVersion, SubscriptionEnded, NotActivatedYet (rule 26), RenewalUnderWay (rule 59),
    OperationPending, StatusForbids.
    """
    authorize(actor, Action.SUBSCRIPTION_SUSPEND)
    subscription = _open(actor, subscription_id, version, at)
    before = {"status": subscription.status}
    _suspend(actor, subscription, since=at, reason=reason, at=at)
    wanted = Wanted(OperationAction.SUSPEND, before, {"status": subscription.status}, reason)
    begin(actor, subscription, wanted, held_until=None, at=at)
    return subscription


def _suspend(actor: Actor, subscription: Subscription, *, since: datetime, reason: str, at: datetime) -> None:
    subscription.status = next_status(subscription.status, Trigger.SUSPEND)
    subscription.suspended_at, subscription.auto_renew = since, False
    save_changed(subscription, "status", "suspended_at", "auto_renew")
    forget_schedule(actor, subscription, "the subscription is suspended", at)
    record(SubscriptionSuspended(subscription.pk, reason=reason), actor=actor, at=at)


@transaction.atomic
def reinstate(actor: Actor, subscription_id: UUID, *, reason: str, version: int | None, at: datetime) -> Subscription:
    """Take a suspended subscription up again; its term is unchanged. A publisher with a webhook has `change_waits` to
    refuse it. Raises as `suspend` does.
    """
    authorize(actor, Action.SUBSCRIPTION_SUSPEND)
    subscription = _open(actor, subscription_id, version, at)
    before = {"status": subscription.status, "suspended_at": _moment(subscription.suspended_at)}
    subscription.status = next_status(subscription.status, Trigger.REINSTATE)
    subscription.suspended_at = None
    save_changed(subscription, "status", "suspended_at")
    record(SubscriptionReinstated(subscription.pk, reason=reason), actor=actor, at=at)
    wanted = Wanted(OperationAction.REINSTATE, before, {"status": subscription.status}, reason)
    operation = begin(actor, subscription, wanted, held_until=None, at=at)
    if subscription.publisher.webhook_url:
        ask_publisher(actor, operation, at=at)
    return subscription


@transaction.atomic
def refuse_asked(actor: Actor, operation_id: UUID, *, why: str, at: datetime) -> Operation:
    """Take in the publisher's refusal of what it was asked for. What it does not take up again is suspended as before,
    since the same moment; of other changes nothing has happened yet.

    Idempotent: what is final is left alone. Raises NotFound, NotPermitted.
    """
    subscription, waiting = lock_operation(operation_id, actor)
    operation = refuse(actor, operation_id, why=why, at=at)
    taken_up = waiting.action == OperationAction.REINSTATE and subscription.status == Status.SUBSCRIBED
    if waiting.is_in_flight and taken_up:
        since = datetime.fromisoformat(waiting.payload["before"]["suspended_at"])
        _suspend(actor, subscription, since=since, reason=why, at=at)
    return operation


def _moment(at: datetime | None) -> str:
    return at.isoformat() if at else ""


def _open(actor: Actor, subscription_id: UUID, version: int | None, at: datetime) -> Subscription:
    subscription = lock_for_change(subscription_id, actor, version)
    check_activated(subscription, at)
    return subscription


def check_activated(subscription: Subscription, at: datetime) -> None:
    """Raise NotActivatedYet, RenewalUnderWay or OperationPending where the status cannot be touched."""
    if subscription.status == Status.PENDING:
        raise NotActivatedYet(field="status")
    check_not_renewing(subscription, at)
    check_nothing_in_flight(subscription)
