"""Asking a publisher out of turn."""

from datetime import datetime
from uuid import UUID

from django.db import transaction

from accounts.policy import Action, Actor, authorize
from partnerhub.errors import NothingToPoll
from partnerhub.outbox.recorder import record
from subscriptions.enums import Status
from subscriptions.events import PollRequested
from subscriptions.models import PollSchedule, Subscription
from subscriptions.services.locking import lock_subscription


def ask_soon(subscription: Subscription, at: datetime) -> bool:
    """Make a pending subscription's poll due now, and the next ones frequent again; False when nobody is asked."""
    schedule = PollSchedule.objects.filter(subscription=subscription, next_poll_at__isnull=False)
    return bool(schedule.update(next_poll_at=at, fresh_since=at))


@transaction.atomic
def poll_now(actor: Actor, subscription_id: UUID, *, at: datetime) -> Subscription:
    """Make the next poll due now; a worker asks within seconds. Raises NothingToPoll, NotFound, NotPermitted."""
    authorize(actor, Action.SUBSCRIPTION_POLL)
    subscription = lock_subscription(subscription_id)
    if subscription.status != Status.PENDING:
        raise NothingToPoll(publisher=subscription.publisher.name, why=f"it is {subscription.status}")
    if not ask_soon(subscription, at):
        raise NothingToPoll(publisher=subscription.publisher.name, why="this publisher calls us by itself")
    record(PollRequested(subscription.pk), actor=actor, at=at)
    return subscription
