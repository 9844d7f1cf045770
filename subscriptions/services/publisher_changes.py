"""What a publisher does to a reseller's purchase by calls of its own: nothing, unless `publisher_changes` of the plan
lets it (rules 29, 43). Nobody has to agree, and no window of ours stands in its way.
"""

from datetime import datetime
from uuid import UUID

from django.db import transaction

from accounts.policy import Action, Actor, authorize
from partnerhub.errors import ForeignSubscription, NoLicences, NothingNew, PlanNotAvailable, PublisherMayNot
from publishers.selectors import plan_terms_of, price_at
from subscriptions.enums import Acceptance, OperationAction, OperationSource, Status
from subscriptions.marketplace import allowed_operations, has_seats
from subscriptions.models import Operation, Subscription
from subscriptions.quantities import check_quantity
from subscriptions.services.checks import check_active, check_nothing_in_flight
from subscriptions.services.ending import cancel_terms, carry_out
from subscriptions.services.locking import check_not_ended, lock_subscription
from subscriptions.services.plans import Offered, values_of, values_offered
from subscriptions.services.quantity import seats_wanted
from subscriptions.services.settling import accept
from subscriptions.services.starting import Wanted, begin, begin_for_publisher
from subscriptions.services.suspension import refuse_asked

NOT_TAKEN_UP = "The publisher refused by ending it there."


@transaction.atomic
def change_by_publisher(
    actor: Actor, subscription_id: UUID, *, plan_id: str | None = None, quantity: int | None = None, at: datetime
) -> Operation:
    """Let the publisher set another plan or another quantity: one of them, and one only. Its webhook is told, and it
    takes effect when that has heard, or after `answer_within`; without a webhook at once.

    Licences are taken out of open batches only (rule 38). Raises NotPermitted, NotFound, ForeignSubscription,
    PublisherMayNot, SubscriptionEnded, NotActivatedYet, SuspendedForbids, RenewalUnderWay, OperationPending,
    NothingNew, PlanNotAvailable, NoLicences, QuantityOutOfRange, ReductionWindowClosed.
    """
    subscription = _lock_own(actor, subscription_id)
    _check_allowed(subscription, "Update", at)
    check_active(subscription, "plan" if quantity is None else "quantity", at)
    check_nothing_in_flight(subscription)
    wanted = _other_plan(subscription, plan_id or "", at) if quantity is None else _seats(subscription, quantity, at)
    operation = begin_for_publisher(actor, subscription, wanted, at=at)
    if not subscription.publisher.webhook_url:
        return accept(actor, operation.pk, how=Acceptance.PUBLISHER, at=at)
    return operation


@transaction.atomic
def cancel_by_publisher(actor: Actor, subscription_id: UUID, *, at: datetime) -> Operation:
    """Let the publisher end a subscription: what was charged is paid back inside the window, later nothing is. While it
    is asked to take a suspended subscription up again, this refuses that and no more.

    Raises NotPermitted, NotFound, ForeignSubscription, PublisherMayNot, SubscriptionEnded, OperationPending.
    """
    subscription = _lock_own(actor, subscription_id)
    asked = subscription.operations.filter(action=OperationAction.REINSTATE, completed_at=None).first()
    if asked is not None:
        return refuse_asked(actor, asked.pk, why=NOT_TAKEN_UP, at=at)
    _check_allowed(subscription, "Delete", at)
    check_not_ended(subscription)
    check_nothing_in_flight(subscription)
    after = {"status": Status.UNSUBSCRIBED.value, "refund": cancel_terms(subscription, at).refund.value}
    wanted = Wanted(OperationAction.UNSUBSCRIBE, {"status": subscription.status}, after)
    operation = begin(actor, subscription, wanted, held_until=None, at=at, source=OperationSource.PUBLISHER)
    carry_out(actor, subscription, operation, at)
    return operation


def _lock_own(actor: Actor, subscription_id: UUID) -> Subscription:
    authorize(actor, Action.SUBSCRIPTION_CHANGE_AS_PUBLISHER)
    subscription = lock_subscription(subscription_id, actor)
    if str(subscription.publisher.client_id) != actor.id:
        raise ForeignSubscription(id=subscription_id)
    return subscription


def _check_allowed(subscription: Subscription, operation: str, at: datetime) -> None:
    allowed = allowed_operations(subscription, at)
    if operation not in allowed:
        raise PublisherMayNot(operation=operation, id=subscription.pk, allowed=", ".join(allowed))


def _other_plan(subscription: Subscription, plan_id: str, at: datetime) -> Wanted:
    """The plan of the offer, in the same term with the same billing frequency, at its price of today."""
    if plan_id == subscription.plan.plan_id:
        raise NothingNew(field="planId", value=plan_id)
    current = subscription.plan_term
    terms = plan_terms_of(subscription.offer_id).filter(term=current.term, billing_cycle=current.billing_cycle)
    found = terms.filter(plan__plan_id=plan_id).first()
    price = price_at(found, subscription.currency, at) if found else None
    if found is None or price is None:
        raise PlanNotAvailable(plan=plan_id)
    check_quantity(found.plan, subscription.quantity)
    return Wanted(OperationAction.CHANGE_PLAN, values_of(subscription), values_offered(Offered(found, price)))


def _seats(subscription: Subscription, quantity: int, at: datetime) -> Wanted:
    if not has_seats(subscription):
        raise NoLicences(plan=subscription.plan.plan_id)
    if quantity == subscription.quantity:
        raise NothingNew(field="quantity", value=quantity)
    return seats_wanted(subscription, quantity, "", at)
