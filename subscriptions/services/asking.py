"""Asking a publisher out of turn."""

from datetime import datetime
from uuid import UUID

from django.db import transaction

from accounts.policy import Action, Actor, authorize
from partnerhub.errors import NotFound, NothingToPoll
from partnerhub.outbox.recorder import record
from publishers.models import Publisher
from subscriptions.enums import Status
from subscriptions.events import PollRequested
from subscriptions.models import Operation, PollSchedule, Subscription
from subscriptions.services.locking import lock_subscription


def ask_soon(subscription: Subscription, at: datetime) -> bool:
    """Make a pending subscription's poll due now, and the next ones frequent again; False when nobody is asked."""
    schedule = PollSchedule.objects.filter(subscription=subscription, next_poll_at__isnull=False)
    return bool(schedule.update(next_poll_at=at, fresh_since=at, etag=""))


@transaction.atomic
def poll_now(actor: Actor, subscription_id: UUID, *, at: datetime) -> Subscription:
    """Make the next poll due now; a worker asks within seconds. Raises NothingToPoll, NotFound, NotPermitted."""
    authorize(actor, Action.SUBSCRIPTION_POLL)
    subscription = lock_subscription(subscription_id, actor)
    if subscription.status != Status.PENDING:
        raise NothingToPoll(publisher=subscription.publisher.name, why=f"it is {subscription.status}")
    if not ask_soon(subscription, at):
        raise NothingToPoll(publisher=subscription.publisher.name, why="this publisher calls us by itself")
    record(PollRequested(subscription.pk), actor=actor, at=at)
    return subscription


@transaction.atomic
def press(actor: Actor, subscription_id: UUID, operation_id: UUID, *, at: datetime) -> Operation:
    """Ask the publisher now what became of a change that waits for it; a worker does it within seconds.

    Raises NotPermitted, NotFound, NothingToPoll for a change that is held or final.
    """
    authorize(actor, Action.SUBSCRIPTION_POLL)
    subscription = lock_subscription(subscription_id, actor)
    operation = subscription.operations.filter(pk=operation_id).first()
    if operation is None:
        raise NotFound(what="operation", id=operation_id)
    if not operation.is_in_flight or operation.held_until is not None:
        raise NothingToPoll(publisher=subscription.publisher.name, why=f"the change is {operation.status}")
    operation.next_attempt_at = at
    operation.save(update_fields=["next_attempt_at"])
    record(PollRequested(subscription.pk, {"operation": str(operation.pk)}), actor=actor, at=at)
    return operation


@transaction.atomic
def ask_as_registered(actor: Actor, publisher_id: UUID, *, at: datetime) -> None:
    """Poll the pending purchases of a publisher that is polled by now, and those of any other no more. Idempotent.

    Raises NotPermitted.
    """
    authorize(actor, Action.SUBSCRIPTION_POLL)
    publisher = Publisher.objects.get(pk=publisher_id)
    if not publisher.is_polled:
        PollSchedule.objects.filter(publisher=publisher, next_poll_at__isnull=False).update(next_poll_at=None)
        return
    pending = Subscription.objects.select_for_update(of=("self",)).filter(publisher=publisher, status=Status.PENDING)
    # The same answer may mean something else now.
    PollSchedule.objects.filter(publisher=publisher, next_poll_at__isnull=False).exclude(etag="").update(etag="")
    unasked = pending.exclude(poll_schedule__next_poll_at__isnull=False).order_by("pk")
    PollSchedule.objects.bulk_create(
        [
            PollSchedule(subscription=one, publisher=publisher, next_poll_at=at, fresh_since=at)
            for one in unasked.iterator()
        ],
        update_conflicts=True,
        unique_fields=["subscription"],
        update_fields=["next_poll_at", "fresh_since"],
        batch_size=1000,
    )
