"""Changes in flight: what was asked of the publisher, who asked, and what became of it."""

from typing import Any, NotRequired, TypedDict

from partnerhub.api.shapes import Attributes, Guid, Utc, utc, utc_or_none
from partnerhub.errors import NotFound
from subscriptions.models import Operation, Subscription


class OperationShown(TypedDict):
    """`status` is not_started, in_progress, succeeded, failed or withdrawn; `acceptedBy` publisher or silence.

    `source` is marketplace for what the partner wanted, publisher for what its publisher began. Until `heldUntil` it
    can be undone; `seenAt` is when somebody looked at one that failed and let it be.
    """

    id: Guid
    subscriptionId: Guid
    action: str
    source: str
    status: str
    before: dict[str, Any]
    after: dict[str, Any]
    reason: str
    requestedBy: str
    createdAt: Utc
    heldUntil: Utc | None
    dueAt: Utc | None
    completedAt: Utc | None
    seenAt: Utc | None
    acceptedBy: NotRequired[str]
    error: NotRequired[str]
    attributes: Attributes


def operation_shown(operation: Operation) -> OperationShown:
    shown = OperationShown(
        id=str(operation.pk),
        subscriptionId=str(operation.subscription_id),
        action=operation.action,
        source=operation.source,
        status=operation.status,
        before=operation.payload.get("before", {}),
        after=operation.payload.get("after", {}),
        reason=operation.reason,
        requestedBy=operation.requested_by,
        createdAt=utc(operation.created_at),
        heldUntil=utc_or_none(operation.held_until),
        dueAt=utc_or_none(operation.due_at),
        completedAt=utc_or_none(operation.completed_at),
        seenAt=utc_or_none(operation.seen_at),
        attributes=Attributes(objectType="Operation"),
    )
    if operation.accepted_by:
        shown["acceptedBy"] = operation.accepted_by
    if operation.last_error:
        shown["error"] = operation.last_error
    return shown


def operation_of(found: Subscription, operation_id: Any) -> Operation:
    """One operation of a subscription. Raises NotFound, for another subscription's too."""
    operation = found.operations.filter(pk=operation_id).first()
    if operation is None:
        raise NotFound(what="operation", id=operation_id)
    return operation
