"""What a publisher's webhook is told of an operation (fulfillment-v2.md section 8)."""

from datetime import datetime
from typing import Any

from publishers.fulfillment.gateway import Expected
from subscriptions import marketplace
from subscriptions.enums import OperationAction
from subscriptions.models import Operation

# What has happened already is told as done; the rest waits for the publisher.
DONE = (OperationAction.UNSUBSCRIBE, OperationAction.SUSPEND, OperationAction.RENEW)


def notice_of(operation: Operation, at: datetime) -> dict[str, Any]:
    """The body of the webhook: what is asked for on top, the subscription as it is inside."""
    subscription = operation.subscription
    return {
        **marketplace.operation(operation, subscription),
        # Always a number: publishers' programs keep it in a type that has no null.
        "quantity": marketplace.new_quantity(operation, subscription),
        "status": "Succeeded" if operation.action in DONE else "InProgress",
        "subscription": marketplace.whole(subscription, at),
        "purchaseToken": None,
    }


def expected_of(operation: Operation) -> Expected:
    """What the publisher shows once the operation is done there."""
    subscription = operation.subscription
    plan_id = marketplace.new_plan_id(operation, subscription)
    quantity = marketplace.new_quantity(operation, subscription)
    match operation.action:
        case OperationAction.CHANGE_QUANTITY:
            return Expected(quantity=quantity)
        case OperationAction.CHANGE_PLAN:
            return Expected(plan_id=plan_id)
        case OperationAction.RENEW:
            return Expected(plan_id, quantity if marketplace.has_seats(subscription) else None)
    return Expected(ended=True)
