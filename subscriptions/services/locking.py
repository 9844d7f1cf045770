"""Locking a subscription and writing what changed."""

from uuid import UUID

from accounts.policy import Actor
from partnerhub import bulk, prepared
from partnerhub.errors import NotFound, StaleVersion, SubscriptionEnded
from subscriptions.enums import Status
from subscriptions.models import Subscription

_LOCK = prepared.Selection(
    """
SELECT {subscription} FROM subscriptions_subscription AS subscription
 WHERE id = %s AND (%s::uuid[] IS NULL OR customer_id = ANY(%s::uuid[])) FOR UPDATE
""",
    subscription=Subscription,
)


def lock_subscription(subscription_id: UUID, actor: Actor) -> Subscription:
    """The subscription, its row locked until the transaction ends; needs one. Raises NotFound, for one that the actor
    may not see, too.
    """
    # With nothing joined to it: who waited for the lock would miss one whose plan was another meanwhile.
    customers = None if actor.customers is None else bulk.array(actor.customers)
    found = _LOCK(subscription_id, customers, customers)
    if not found:
        raise NotFound(what="subscription", id=subscription_id)
    subscription: Subscription = found[0][0]
    return subscription


def check_version(subscription: Subscription, seen: int | None) -> None:
    """Raise StaleVersion when the caller saw another version; None means that it did not look (rule 88)."""
    if seen is not None and seen != subscription.version:
        raise StaleVersion(seen=seen, current=subscription.version)


def check_not_ended(subscription: Subscription) -> None:
    """Raise SubscriptionEnded for one that is over: it cannot be changed any more (rule 53)."""
    if subscription.status == Status.UNSUBSCRIBED:
        raise SubscriptionEnded(ended_at=f"{subscription.ended_at:%Y-%m-%d}")


def lock_for_change(subscription_id: UUID, actor: Actor, seen: int | None) -> Subscription:
    """The subscription, locked, as the caller saw it. Raises NotFound, StaleVersion, SubscriptionEnded."""
    subscription = lock_subscription(subscription_id, actor)
    check_version(subscription, seen)
    check_not_ended(subscription)
    return subscription


def save_changed(subscription: Subscription, *fields: str) -> None:
    """Write the named fields as the next version."""
    subscription.version += 1
    prepared.update(subscription, *fields, "version")
