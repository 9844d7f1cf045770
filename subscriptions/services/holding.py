"""The moment in which a change can be undone: until it is over, nobody outside has heard of the change."""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

import structlog
from django.db import DatabaseError, transaction

from accounts.policy import Action, Actor, authorize
from partnerhub.errors import HubError, NotFound, TooLateToUndo
from partnerhub.outbox.recorder import record
from subscriptions.enums import OperationAction, OperationStatus
from subscriptions.events import ChangeUndone, OperationFailed
from subscriptions.models import Operation, Subscription
from subscriptions.services.edits import apply_auto_renew
from subscriptions.services.ending import end_as_held
from subscriptions.services.resellers import apply_reseller
from subscriptions.services.settling import complete, lock_operation
from subscriptions.services.starting import ask_publisher, author_of, tell_again

log = structlog.get_logger(__name__)

# Whoever could have begun a change may undo it, and no one else.
NEEDS = {
    OperationAction.UNSUBSCRIBE: Action.SUBSCRIPTION_CANCEL,
    OperationAction.SET_AUTO_RENEW: Action.SUBSCRIPTION_AUTO_RENEW,
}


@transaction.atomic
def undo(actor: Actor, subscription_id: UUID, operation_id: UUID, *, at: datetime) -> Operation:
    """Take back a change that is still held: it never was. Raises NotFound, NotPermitted, TooLateToUndo."""
    operation = _held(actor, subscription_id, operation_id)
    if operation.held_until is None or operation.held_until <= at:
        raise _too_late(operation)
    complete(operation, OperationStatus.WITHDRAWN, at)
    data = {"operation": str(operation.pk), "action": operation.action, **operation.payload}
    record(ChangeUndone(subscription_id, data), actor=actor, at=at)
    tell_again(operation, at)
    return operation


@transaction.atomic
def hurry(actor: Actor, subscription_id: UUID, operation_id: UUID, *, at: datetime) -> Operation:
    """Do not wait any longer: a held change goes on its way now. Raises NotFound, NotPermitted, TooLateToUndo."""
    operation = _held(actor, subscription_id, operation_id)
    if operation.held_until is None:
        raise _too_late(operation)
    _release(operation, at)
    return operation


def release_due(actor: Actor, *, at: datetime, limit: int = 200) -> int:
    """Let go every change whose moment is over, each in a transaction of its own; returns how many.

    What can no longer be done fails visibly; what cannot be released is logged and stops no other.
    """
    authorize(actor, Action.SUBSCRIPTION_CONFIRM)
    due = Operation.objects.filter(held_until__lte=at).order_by("held_until")
    return sum(_released(actor, operation_id, at) for operation_id in due.values_list("pk", flat=True)[:limit])


def _released(actor: Actor, operation_id: UUID, at: datetime) -> bool:
    try:
        with transaction.atomic():
            _subscription, operation = lock_operation(operation_id, actor)
            if operation.held_until is None or operation.held_until > at:
                return False
            _release(operation, at)
    except (DatabaseError, LookupError, NotFound) as error:
        log.exception("not_released", operation_id=str(operation_id), error=type(error).__name__)
        return False
    return True


def _release(operation: Operation, at: datetime) -> None:
    """In the name of the person who asked for it, with what was right at that time."""
    operation.held_until = None
    author = author_of(operation)
    try:
        with transaction.atomic():
            _RELEASES[OperationAction(operation.action)](author, operation.subscription, operation, at)
    except HubError as refusal:
        operation.last_error = str(refusal)[:300]
        complete(operation, OperationStatus.FAILED, at)
        data = {"operation": str(operation.pk), "action": operation.action, "attempts": 0, "detail": str(refusal)}
        record(OperationFailed(operation.subscription_id, data), actor=author, at=at)
    if not operation.is_in_flight:
        tell_again(operation, at)


def _ask(author: Actor, _subscription: Subscription, operation: Operation, at: datetime) -> None:
    ask_publisher(author, operation, at=at)


def _set_auto_renew(author: Actor, subscription: Subscription, operation: Operation, at: datetime) -> None:
    apply_auto_renew(author, subscription, operation.payload["after"]["auto_renew"], operation.reason, at)
    complete(operation, OperationStatus.SUCCEEDED, at)


def _change_reseller(author: Actor, subscription: Subscription, operation: Operation, at: datetime) -> None:
    apply_reseller(author, subscription, operation.payload["after"]["partner_id"], operation.reason, at)
    complete(operation, OperationStatus.SUCCEEDED, at)


_RELEASES: dict[OperationAction, Callable[[Actor, Subscription, Operation, datetime], None]] = {
    OperationAction.CHANGE_QUANTITY: _ask,
    OperationAction.UNSUBSCRIBE: end_as_held,
    OperationAction.SET_AUTO_RENEW: _set_auto_renew,
    OperationAction.CHANGE_RESELLER: _change_reseller,
}


def _held(actor: Actor, subscription_id: UUID, operation_id: UUID) -> Operation:
    subscription, operation = lock_operation(operation_id, actor)
    if subscription.pk != subscription_id:
        raise NotFound(what="operation", id=operation_id)
    authorize(actor, NEEDS.get(OperationAction(operation.action), Action.SUBSCRIPTION_CHANGE))
    return operation


def _too_late(operation: Operation) -> TooLateToUndo:
    since = f"{operation.created_at:%Y-%m-%d %H:%M} UTC"
    return TooLateToUndo(action=operation.action, since=since, status=operation.status)
