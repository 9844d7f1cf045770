"""Performing a change: the one door for the page, the API, bulk changes and approved requests."""

from collections.abc import Iterator
from datetime import datetime
from functools import partial
from typing import Any, Protocol
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


class Step(Protocol):
    """One service with its own values, still to be told who acts on what, when, and which version was seen."""

    def __call__(
        self, actor: Actor, subscription_id: UUID, /, *, version: int | None, at: datetime
    ) -> Subscription: ...


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
    subscription = lock_subscription(subscription_id, actor)
    for step in _steps(change, reason, hold):
        subscription = step(actor, subscription_id, version=version, at=at)
        # The next field of the same change has to expect what this one left.
        version = None if version is None else subscription.version
    return subscription


def _steps(change: Change, reason: str, hold: bool) -> Iterator[Step]:
    """The services that make the change, field by field."""
    told: dict[str, Any] = {"reason": reason}
    if change.nickname is not None:
        yield partial(rename, nickname=change.nickname)
    if change.partner_id is not None:
        yield partial(change_reseller, partner_id=change.partner_id, hold=hold, **told)
    if change.auto_renew is not None:
        yield partial(set_auto_renew, auto_renew=change.auto_renew, hold=hold, **told)
    if change.when == AT_RENEWAL and (change.quantity is not None or change.plan_term_id is not None):
        yield partial(schedule_renewal, quantity=change.quantity, plan_term_id=change.plan_term_id, **told)
    elif change.plan_term_id is not None:
        yield partial(change_plan, plan_term_id=change.plan_term_id, **told)
    elif change.quantity is not None:
        yield partial(change_quantity, quantity=change.quantity, hold=hold, **told)
    if change.status is not None:
        yield _status(change, told, hold)


def _status(change: Change, told: dict[str, Any], hold: bool) -> Step:
    match change.status:
        case "active":
            return partial(reinstate, **told)
        case "suspended":
            return partial(suspend, **told)
        case "deleted":
            agreed: dict[str, Any] = {"agreement": change.agreement, "agreed_refund": Refund(change.agreed_refund)}
            return partial(cancel, steps_done=change.steps_done, hold=hold, **agreed, **told)
    raise InvalidInput(field="status", problem=f"active, suspended or deleted is expected, not {change.status}")
