"""More licences, or fewer: asked of the publisher, who may refuse (rules 35-43)."""

from datetime import datetime
from uuid import UUID

from django.db import transaction

from accounts.policy import Action, Actor, authorize
from subscriptions.enums import OperationAction
from subscriptions.models import Subscription
from subscriptions.quantities import check_quantity
from subscriptions.selectors import batches_of, with_sold
from subscriptions.services.checks import check_changeable, check_reducible
from subscriptions.services.locking import check_version, lock_subscription
from subscriptions.services.starting import Wanted, begin, begin_asking, hold_until
from subscriptions.tranches import Taken, open_batches, take


@transaction.atomic
def change_quantity(
    actor: Actor,
    subscription_id: UUID,
    *,
    quantity: int,
    reason: str = "",
    version: int | None,
    at: datetime,
    hold: bool = True,
) -> Subscription:
    """Ask the publisher for another quantity; until it agrees, the subscription is as it was.

    More is possible at any time (rule 37), fewer only out of batches whose window is open (rule 38): the right to it is
    judged now, however long the publisher takes. A reduction by a person is held first, unless `hold` is False.
    Raises NotPermitted, NotFound, StaleVersion, SubscriptionEnded, NotActivatedYet, QuantityWhileSuspended,
    RenewalUnderWay, OperationPending, QuantityOutOfRange (rule 36), ReductionWindowClosed, and what is wrong with the
    reseller (rule 86).
    """
    authorize(actor, Action.SUBSCRIPTION_CHANGE)
    subscription = with_sold(lock_subscription(subscription_id, actor))
    check_version(subscription, version)
    check_changeable(subscription, "quantity", at)
    if quantity == subscription.quantity:
        return subscription
    wanted = seats_wanted(subscription, quantity, reason, at)
    taken = {batch_id for batch_id, _seats in wanted.after["taken"]}
    held_until = _hold_of(actor, subscription, taken, at) if hold and taken else None
    if held_until is None:
        begin_asking(actor, subscription, wanted, at=at)
    else:
        begin(actor, subscription, wanted, held_until=held_until, at=at)
    return subscription


def seats_wanted(subscription: Subscription, quantity: int, reason: str, at: datetime) -> Wanted:
    """Another quantity, with the batches that a reduction takes it out of. Raises QuantityOutOfRange (rule 36),
    ReductionWindowClosed (rule 38).
    """
    check_quantity(subscription.plan, quantity)
    fewer = subscription.quantity - quantity
    taken: list[Taken] = []
    if fewer > 0:
        check_reducible(subscription, fewer, at)
        taken = take(batches_of(subscription), fewer, at)
    after = {"quantity": quantity, "taken": [[one.batch_id, one.quantity] for one in taken]}
    return Wanted(OperationAction.CHANGE_QUANTITY, {"quantity": subscription.quantity}, after, reason)


def _hold_of(actor: Actor, subscription: Subscription, taken: set[int], at: datetime) -> datetime | None:
    closes_at = min(batch.reducible_until for batch in open_batches(batches_of(subscription), at) if batch.id in taken)
    return hold_until(actor, subscription, closes_at=closes_at, at=at)
