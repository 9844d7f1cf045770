"""The publisher's word on a change: accepted, and it takes effect; refused, and all is as it was (rule 41).

Whatever brings the word (an operation that was polled, a PATCH of ours, an answer to a webhook, silence) enters here.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from accounts.policy import Action, Actor, authorize
from partnerhub import prepared
from partnerhub.errors import NotFound
from partnerhub.outbox.recorder import record
from publishers.selectors import policy_duration, policy_word, price_at
from subscriptions.enums import Acceptance, OperationAction, OperationStatus, TrancheCause
from subscriptions.events import OperationRefused, OperationSucceeded, PlanChanged, SeatsChanged
from subscriptions.models import Operation, SeatTranche, Subscription
from subscriptions.selectors import batches_of
from subscriptions.services.locking import lock_subscription, save_changed
from subscriptions.tranches import Batch


@transaction.atomic
def accept(
    actor: Actor, operation_id: UUID, *, how: Acceptance, at: datetime, remote_id: str = "", told: bool = True
) -> Operation:
    """Let a change take effect because the publisher agreed, in words or by silence. Idempotent: one that is final,
    or still held, is left alone. Raises NotFound, NotPermitted.
    """
    authorize(actor, Action.SUBSCRIPTION_CONFIRM)
    subscription, operation = lock_operation(operation_id, actor)
    if not operation.is_in_flight or operation.held_until is not None:
        return operation
    operation.accepted_by, operation.last_error = how, ""
    if remote_id:
        operation.remote_id = remote_id
    complete(operation, OperationStatus.SUCCEEDED, at)
    effect = _EFFECTS.get(OperationAction(operation.action))
    if effect is not None:
        effect(actor, subscription, operation, at)
    else:
        data = {"operation": str(operation.pk), "action": operation.action, "remote_id": operation.remote_id}
        record(OperationSucceeded(subscription.pk, data | {"told": told}), actor=actor, at=at)
    return operation


@transaction.atomic
def refuse(actor: Actor, operation_id: UUID, *, why: str, at: datetime) -> Operation:
    """Drop a change that the publisher refused: quantity and plan stay as they were. Idempotent like `accept`."""
    authorize(actor, Action.SUBSCRIPTION_CONFIRM)
    subscription, operation = lock_operation(operation_id, actor)
    if not operation.is_in_flight or operation.held_until is not None:
        return operation
    operation.last_error = why[:300]
    complete(operation, OperationStatus.FAILED, at)
    data = {"operation": str(operation.pk), "action": operation.action, **operation.payload, "why": why}
    record(OperationRefused(subscription.pk, data), actor=actor, at=at)
    return operation


def lock_operation(operation_id: UUID, actor: Actor) -> tuple[Subscription, Operation]:
    """An operation and its subscription, both locked, the subscription first. Raises NotFound."""
    subscription_id = Operation.objects.filter(pk=operation_id).values_list("subscription_id", flat=True).first()
    if subscription_id is None:
        raise NotFound(what="operation", id=operation_id)
    subscription = lock_subscription(subscription_id, actor)
    operation = Operation.objects.select_for_update(of=("self",)).get(pk=operation_id)
    operation.subscription = subscription
    return subscription, operation


def complete(operation: Operation, status: OperationStatus, at: datetime) -> None:
    """Write that an operation is final."""
    operation.status, operation.completed_at = status, at
    operation.lease_until = operation.held_until = None
    operation.save()


def _change_seats(actor: Actor, subscription: Subscription, operation: Operation, at: datetime) -> None:
    before, after = operation.payload["before"]["quantity"], operation.payload["after"]["quantity"]
    if after > before:
        open_batch(subscription, after - before, TrancheCause.INCREASE, at)
    else:
        taken = operation.payload["after"]["taken"]
        give_back(subscription, batches_of(subscription), taken, TrancheCause.REDUCTION, at)
    subscription.quantity = after
    save_changed(subscription, "quantity")
    data = _told(operation, at) | {"before": before, "after": after}
    data["causes"] = TrancheCause.INCREASE if after > before else TrancheCause.REDUCTION
    if after > before:
        data |= _price_of_added(subscription, operation.created_at)
    record(SeatsChanged(subscription.pk, data, operation.reason), actor=actor, at=at)


def _price_of_added(subscription: Subscription, at: datetime) -> dict[str, str]:
    """The price of licences that were asked for at a moment, where the policy does not give them that of the term."""
    term = subscription.plan_term
    if policy_word("added_seats_price", subscription.plan, at, term.term) == "term":
        return {}
    price = price_at(term, subscription.currency, at)
    return {"price": str(price.pk), "unit_price": str(price.amount)} if price else {}


def _change_plan(actor: Actor, subscription: Subscription, operation: Operation, at: datetime) -> None:
    before, after = operation.payload["before"], operation.payload["after"]
    subscription.plan_id, subscription.plan_term_id = UUID(after["plan"]), UUID(after["plan_term"])
    subscription.price_id, subscription.unit_price = UUID(after["price"]), after["unit_price"]
    if not subscription.plan.trial_days:
        subscription.trial_ends, subscription.on_trial = None, False
    save_changed(subscription, "plan", "plan_term", "price", "unit_price", "trial_ends", "on_trial")
    data = _told(operation, at) | {"before": before, "after": after, "quantity": subscription.quantity}
    record(PlanChanged(subscription.pk, data, operation.reason), actor=actor, at=at)


_EFFECTS: dict[OperationAction, Callable[[Actor, Subscription, Operation, datetime], None]] = {
    OperationAction.CHANGE_QUANTITY: _change_seats,
    OperationAction.CHANGE_PLAN: _change_plan,
}


def _told(operation: Operation, at: datetime) -> dict[str, Any]:
    return {
        "operation": str(operation.pk),
        "requested_at": operation.created_at.isoformat(),
        "requested_by": operation.requested_by,
        "accepted_at": at.isoformat(),
        "accepted_by": operation.accepted_by,
    }


def open_batch(subscription: Subscription, quantity: int, cause: TrancheCause, at: datetime) -> None:
    """Add seats as a batch with its own reduction window (policy `reduce_within`, rule 39)."""
    until = at + policy_duration("reduce_within", subscription.plan, at, subscription.plan_term.term)
    _write_seats(subscription, quantity, cause, at, until)


def give_back(
    subscription: Subscription, batches: list[Batch], taken: list[list[int]], cause: TrancheCause, at: datetime
) -> None:
    """Take seats out of its batches: `taken` lists pairs of a batch's id and a number of seats."""
    until = {batch.id: batch.reducible_until for batch in batches}
    for batch_id, quantity in taken:
        _write_seats(subscription, -quantity, cause, at, until[batch_id], batch_id)


def _write_seats(
    subscription: Subscription,
    quantity: int,
    cause: TrancheCause,
    at: datetime,
    until: datetime,
    batch_id: int | None = None,
) -> None:
    prepared.insert(
        SeatTranche(
            subscription=subscription,
            quantity=quantity,
            cause=cause,
            batch_id=batch_id,
            opened_at=at,
            reducible_until=until,
        )
    )
