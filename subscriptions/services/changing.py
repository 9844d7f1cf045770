"""Performing a change: the one door for the page, the API, bulk changes and approved requests."""

from datetime import datetime
from uuid import UUID

from django.db import transaction

from accounts.policy import Actor
from partnerhub.errors import InvalidInput, NothingAsked, OneChangeAtATime
from subscriptions.cancellation import Refund
from subscriptions.changes import AT_RENEWAL, Change
from subscriptions.models import Subscription
from subscriptions.services.edits import rename, set_auto_renew
from subscriptions.services.ending import cancel
from subscriptions.services.locking import lock_subscription
from subscriptions.services.plans import change_plan
from subscriptions.services.quantity import change_quantity
from subscriptions.services.resellers import change_reseller
from subscriptions.services.scheduling import schedule_renewal
from subscriptions.services.suspension import reinstate, suspend


@transaction.atomic
def perform(
    actor: Actor,
    subscription_id: UUID,
    change: Change,
    *,
    reason: str = "",
    version: int | None,
    at: datetime,
    hold: bool = True,
) -> Subscription:
    """Do all of a change or nothing of it. Of what concerns the publisher only one thing can be asked at a time.

    Raises what the services of its fields raise, NothingAsked for an empty one, OneChangeAtATime.
    """
    if change.is_empty:
        raise NothingAsked
    if change.quantity is not None and change.plan_term_id is not None and change.when != AT_RENEWAL:
        raise OneChangeAtATime
    subscription = lock_subscription(subscription_id)
    if change.nickname is not None:
        subscription = rename(actor, subscription_id, nickname=change.nickname, version=version, at=at)
        version = _following(subscription, version)
    if change.partner_id is not None:
        subscription = change_reseller(
            actor,
            subscription_id,
            partner_id=change.partner_id,
            reason=reason,
            version=version,
            at=at,
            hold=hold,
        )
        version = _following(subscription, version)
    if change.auto_renew is not None:
        subscription = set_auto_renew(
            actor,
            subscription_id,
            auto_renew=change.auto_renew,
            reason=reason,
            version=version,
            at=at,
            hold=hold,
        )
        version = _following(subscription, version)
    if change.quantity is not None or change.plan_term_id is not None:
        subscription = _licences_or_plan(actor, subscription_id, change, reason, version, at, hold)
        version = _following(subscription, version)
    if change.status is not None:
        subscription = _status(actor, subscription_id, change, reason, version, at, hold)
    return subscription


def _licences_or_plan(
    actor: Actor, subscription_id: UUID, change: Change, reason: str, version: int | None, at: datetime, hold: bool
) -> Subscription:
    if change.when == AT_RENEWAL:
        return schedule_renewal(
            actor,
            subscription_id,
            quantity=change.quantity,
            plan_term_id=change.plan_term_id,
            reason=reason,
            version=version,
            at=at,
        )
    if change.plan_term_id is not None:
        return change_plan(
            actor, subscription_id, plan_term_id=change.plan_term_id, reason=reason, version=version, at=at
        )
    if change.quantity is None:
        raise NothingAsked
    return change_quantity(
        actor, subscription_id, quantity=change.quantity, reason=reason, version=version, at=at, hold=hold
    )


def _status(
    actor: Actor, subscription_id: UUID, change: Change, reason: str, version: int | None, at: datetime, hold: bool
) -> Subscription:
    match change.status:
        case "active":
            return reinstate(actor, subscription_id, reason=reason, version=version, at=at)
        case "suspended":
            return suspend(actor, subscription_id, reason=reason, version=version, at=at)
        case "deleted":
            return cancel(
                actor,
                subscription_id,
                reason=reason,
                version=version,
                at=at,
                steps_done=change.steps_done,
                agreement=change.agreement,
                agreed_refund=Refund(change.agreed_refund),
                hold=hold,
            )
    raise InvalidInput(field="status", problem=f"active, suspended or deleted is expected, not {change.status}")


def _following(changed: Subscription, version: int | None) -> int | None:
    """The version that the next field of the same change has to expect."""
    return None if version is None else changed.version
