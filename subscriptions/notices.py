"""What a publisher's webhook is told of an operation (fulfillment-v2.md section 8)."""

from datetime import datetime
from typing import Any

from publishers.fulfillment.gateway import Expected
from publishers.selectors import PolicyBook
from subscriptions import marketplace
from subscriptions.enums import OperationAction
from subscriptions.models import Operation

OF_A_PURCHASE = ("id", "activityId", "operationRequestSource", "subscriptionId", "timeStamp", "action")


def notice_of(operation: Operation, at: datetime, book: PolicyBook | None = None) -> dict[str, Any]:
    """The body of the webhook: what is asked for on top, the subscription as it is inside; of a purchase only the ids.

    `book` holds `publisher_changes` where many are told.
    """
    subscription = operation.subscription
    told = marketplace.operation(operation, subscription)
    if operation.action == OperationAction.SUBSCRIBE:
        return {name: told[name] for name in OF_A_PURCHASE}
    return {
        **told,
        # Always a number: publishers' programs keep it in a type that has no null.
        "quantity": marketplace.new_quantity(operation, subscription),
        "status": _status(operation, told),
        "subscription": marketplace.whole(subscription, at, book),
        "purchaseToken": None,
    }


def _status(operation: Operation, told: dict[str, Any]) -> str:
    """What has happened already is told as done, however often; the rest waits for the publisher until it is final."""
    if operation.action in marketplace.HAPPENED:
        return "Succeeded"
    return "InProgress" if operation.is_in_flight else str(told["status"])


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
