"""Which subscriptions are watched for drift: a due row for each that runs at a polled publisher, or did lately."""

import random
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from accounts.policy import Action, Actor, authorize
from publishers.models import Adapter
from publishers.selectors import hub_policy_duration, policy_duration
from subscriptions.enums import Status
from subscriptions.models import DriftCheck, Subscription

# So long after its end a subscription is still watched: it may be served though it has ended.
WATCHED_AFTER_END = timedelta(days=30)

_WATCH_MISSING = """
INSERT INTO subscriptions_driftcheck (subscription_id, publisher_id, next_check_at, last_outcome)
SELECT subscription.id, subscription.publisher_id, %(at)s + random() * %(every)s, ''
  FROM subscriptions_subscription AS subscription
  JOIN publishers_publisher AS publisher ON publisher.id = subscription.publisher_id
 WHERE publisher.adapter = ANY(%(polled)s)
   AND (subscription.status = ANY(%(running)s)
        OR subscription.status = %(ended)s AND subscription.ended_at > %(ended_after)s)
   AND NOT EXISTS (SELECT FROM subscriptions_driftcheck AS row WHERE row.subscription_id = subscription.id)
ON CONFLICT DO NOTHING
"""


def check_every(subscription: Subscription, at: datetime) -> timedelta:
    """How often its publisher is asked (policy `drift_check_every`)."""
    return policy_duration("drift_check_every", subscription.plan, at, subscription.plan_term.term)


@transaction.atomic
def watch(actor: Actor, subscription_id: UUID, *, at: datetime, chance: float | None = None) -> None:
    """Watch a subscription of a polled publisher from now on, within one interval (`chance` in [0, 1) of it).

    Idempotent: one that is watched already stays as it is. Raises NotPermitted, Subscription.DoesNotExist.
    """
    authorize(actor, Action.SUBSCRIPTION_POLL)
    related = ("publisher", "plan__offer", "plan_term")
    subscription = Subscription.objects.select_related(*related).get(pk=subscription_id)
    if subscription.publisher.is_polled and subscription.status != Status.PENDING:
        wait = check_every(subscription, at) * (random.random() if chance is None else chance)  # noqa: S311 - jitter
        row = {"publisher": subscription.publisher, "next_check_at": at + wait}
        DriftCheck.objects.get_or_create(subscription=subscription, defaults=row)


def watch_missing(actor: Actor, *, at: datetime) -> int:
    """Watch whatever should be watched and is not: what is older than the radar, or whose publisher is polled only
    now. In one statement; returns how many there were. Raises NotPermitted.
    """
    authorize(actor, Action.SUBSCRIPTION_POLL)
    values: dict[str, Any] = {
        "at": at,
        "every": hub_policy_duration("drift_check_every", at),
        "polled": [Adapter.POLL.value, Adapter.BOTH.value],
        "running": [Status.SUBSCRIBED.value, Status.SUSPENDED.value],
        "ended": Status.UNSUBSCRIBED.value,
        "ended_after": at - WATCHED_AFTER_END,
    }
    with connection.cursor() as cursor:
        cursor.execute(_WATCH_MISSING, values)
        return int(cursor.rowcount)
