"""Suspending a subscription whose payment is missing, and taking it up again. The data stays with the publisher."""

from datetime import datetime
from uuid import UUID

from django.db import transaction

from accounts.policy import Action, Actor, authorize
from partnerhub.errors import NotActivatedYet
from partnerhub.outbox.recorder import record
from subscriptions.enums import Status, Trigger
from subscriptions.events import SubscriptionReinstated, SubscriptionSuspended
from subscriptions.lifecycle import next_status
from subscriptions.models import Subscription
from subscriptions.services.checks import check_not_renewing, check_nothing_in_flight
from subscriptions.services.locking import lock_for_change, save_changed
from subscriptions.services.scheduling import forget_schedule


@transaction.atomic
def suspend(actor: Actor, subscription_id: UUID, *, reason: str, version: int | None, at: datetime) -> Subscription:
    """Stop an active subscription (rule 62). Auto-renew goes off, what is scheduled for renewal is dropped, and neither
    comes back by itself (rule 63).

    Raises NotPermitted, StaleVersion, SubscriptionEnded, NotActivatedYet (rule 26), RenewalUnderWay (rule 59),
    OperationPending, StatusForbids.
    """
    authorize(actor, Action.SUBSCRIPTION_SUSPEND)
    subscription = _open(subscription_id, version, at)
    subscription.status = next_status(subscription.status, Trigger.SUSPEND)
    subscription.suspended_at, subscription.auto_renew = at, False
    save_changed(subscription, "status", "suspended_at", "auto_renew")
    forget_schedule(actor, subscription, "the subscription is suspended", at)
    record(SubscriptionSuspended(subscription.pk, reason=reason), actor=actor, at=at)
    return subscription


@transaction.atomic
def reinstate(actor: Actor, subscription_id: UUID, *, reason: str, version: int | None, at: datetime) -> Subscription:
    """Take a suspended subscription up again; its term is unchanged. Raises as `suspend` does."""
    authorize(actor, Action.SUBSCRIPTION_SUSPEND)
    subscription = _open(subscription_id, version, at)
    subscription.status = next_status(subscription.status, Trigger.REINSTATE)
    subscription.suspended_at = None
    save_changed(subscription, "status", "suspended_at")
    record(SubscriptionReinstated(subscription.pk, reason=reason), actor=actor, at=at)
    return subscription


def _open(subscription_id: UUID, version: int | None, at: datetime) -> Subscription:
    subscription = lock_for_change(subscription_id, version)
    check_activated(subscription, at)
    return subscription


def check_activated(subscription: Subscription, at: datetime) -> None:
    """Raise NotActivatedYet, RenewalUnderWay or OperationPending where the status cannot be touched."""
    if subscription.status == Status.PENDING:
        raise NotActivatedYet(field="status")
    check_not_renewing(subscription, at)
    check_nothing_in_flight(subscription)
