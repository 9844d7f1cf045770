"""The publisher's own call about a change that it was asked for: it agrees, or it refuses (rule 41)."""

from datetime import datetime
from uuid import UUID

from django.db import transaction

from accounts.policy import Action, Actor, authorize
from partnerhub.errors import ForeignSubscription, NotFound, OperationFinal, OperationNeedsNoAnswer
from publishers.fulfillment.reading import LONGEST_REASON, excerpt
from subscriptions.enums import Acceptance, OperationAction, OperationSource
from subscriptions.models import Operation
from subscriptions.services.settling import accept, lock_operation
from subscriptions.services.suspension import refuse_asked

ANSWERED = (OperationAction.CHANGE_PLAN, OperationAction.CHANGE_QUANTITY, OperationAction.REINSTATE)


@transaction.atomic
def acknowledge(actor: Actor, operation_id: UUID, *, agrees: bool, reason: str = "", at: datetime) -> Operation:
    """Take in a publisher's word; it may come before the publisher has answered the notice of the change.

    `reason` is a stranger's text. A word on what the publisher began itself is not needed and changes nothing. Raises
    NotFound (also for what can still be undone), ForeignSubscription, OperationNeedsNoAnswer, OperationFinal when it is
    settled, by silence too.
    """
    authorize(actor, Action.SUBSCRIPTION_CONFIRM)
    subscription, operation = lock_operation(operation_id, actor)
    if str(subscription.publisher.client_id) != actor.id:
        raise ForeignSubscription(id=subscription.pk)
    if operation.held_until is not None:
        raise NotFound(what="operation", id=operation_id)
    if operation.source == OperationSource.PUBLISHER:
        return operation
    if operation.action not in ANSWERED:
        raise OperationNeedsNoAnswer(action=operation.action)
    if not operation.is_in_flight:
        raise OperationFinal(id=operation_id, status=operation.status, completed_at=_moment(operation.completed_at))
    if agrees:
        return accept(actor, operation_id, how=Acceptance.PUBLISHER, at=at)
    said = excerpt(reason, LONGEST_REASON)
    why = f"The publisher refused: {said}" if said else "The publisher refused."
    return refuse_asked(actor, operation_id, why=why, at=at)


def _moment(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC" if at else ""
