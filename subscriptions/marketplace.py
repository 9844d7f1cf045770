"""Our rows in the marketplace's words (fulfillment-v2.md section 5). A member without a value is absent, never null."""

import uuid
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.conf import settings

from customers.models import Customer
from publishers.models import Plan, PlanTerm, Pricing
from publishers.selectors import PolicyBook, Scope, policies_of
from subscriptions.enums import OperationAction, OperationSource, OperationStatus, Status
from subscriptions.models import Operation, Subscription
from subscriptions.terms import in_trial

# What a publisher may do to a reseller's purchase (rule 29): it confirms and reads; changes are the partner's, unless
# the policy of the plan leaves some to the publisher.
ALLOWED_OPERATIONS = {
    "refused": ["Read"],
    "update": ["Read", "Update"],
    "update_and_delete": ["Read", "Update", "Delete"],
}
NEVER_MODIFIED = "0001-01-01T00:00:00"  # deprecated by the marketplace, which sends this literal

STATUSES = {
    Status.PENDING: "PendingFulfillmentStart",
    Status.SUBSCRIBED: "Subscribed",
    Status.SUSPENDED: "Suspended",
    Status.UNSUBSCRIBED: "Unsubscribed",
}
ACTIONS = {
    OperationAction.UNSUBSCRIBE: "Unsubscribe",
    OperationAction.CHANGE_PLAN: "ChangePlan",
    OperationAction.CHANGE_QUANTITY: "ChangeQuantity",
    OperationAction.SUSPEND: "Suspend",
    OperationAction.REINSTATE: "Reinstate",
    OperationAction.RENEW: "Renew",
    OperationAction.SUBSCRIBE: "Subscribe",
}
# Programs that read operations do not know the word: it is told by webhook alone, to those who want it.
TOLD_ONLY_BY_WEBHOOK = (OperationAction.SUBSCRIBE,)
OPERATION_STATUSES = {
    OperationStatus.NOT_STARTED: "NotStarted",
    OperationStatus.IN_PROGRESS: "InProgress",
    OperationStatus.SUCCEEDED: "Succeeded",
    OperationStatus.FAILED: "Failed",
    OperationStatus.CONFLICT: "Conflict",
}
# What has happened before the publisher hears of it: done, whether or not it could be told yet.
HAPPENED = (OperationAction.UNSUBSCRIBE, OperationAction.SUSPEND, OperationAction.RENEW)
SOURCES = {OperationSource.MARKETPLACE: "Azure", OperationSource.PUBLISHER: "Partner"}
TERMS = {"P1M": "1 month", "P1Y": "1 year", "P2Y": "2 years", "P3Y": "3 years"}


def allowed_operations(subscription: Subscription, at: datetime, book: PolicyBook | None = None) -> list[str]:
    """What the publisher may do at a moment (policy `publisher_changes`); `book` holds it where many are shown."""
    book = book or policies_of(subscription.plan, "publisher_changes")
    scope = Scope(subscription.plan_id, subscription.offer_id, subscription.publisher_id, subscription.plan_term.term)
    return ALLOWED_OPERATIONS[book.text("publisher_changes", scope, at)]


def resolved(subscription: Subscription, at: datetime) -> dict[str, Any]:
    """What a purchase token stands for."""
    return {
        "id": str(subscription.id),
        "subscriptionName": subscription.nickname,
        "offerId": subscription.offer.offer_id,
        "planId": subscription.plan.plan_id,
        **_quantity(subscription),
        "subscription": whole(subscription, at),
    }


def whole(subscription: Subscription, at: datetime, book: PolicyBook | None = None) -> dict[str, Any]:
    """A subscription as its publisher sees it at a moment; `book` is that of `allowed_operations`."""
    return {
        "id": str(subscription.id),
        "publisherId": str(subscription.publisher_id),
        "offerId": subscription.offer.offer_id,
        "planId": subscription.plan.plan_id,
        "name": subscription.nickname,
        "saasSubscriptionStatus": STATUSES[Status(subscription.status)],
        "beneficiary": _beneficiary(subscription.customer),
        "purchaser": _purchaser(),
        **_quantity(subscription),
        "term": _term(subscription),
        "autoRenew": subscription.auto_renew,
        "isTest": False,
        "isFreeTrial": _is_in_trial(subscription, at),
        "allowedCustomerOperations": allowed_operations(subscription, at, book),
        "sandboxType": "None",
        "sessionMode": "None",
        "created": _seven_digits(subscription.purchased_at),
        "lastModified": NEVER_MODIFIED,
    }


def plan_on_sale(plan: Plan, country: str) -> dict[str, Any]:
    """A plan of plans_on_sale; its quantity limits are inclusive and only those of per-user plans are told."""
    per_seat = plan.pricing == Pricing.PER_USER
    limits = {"minQuantity": plan.min_quantity, "maxQuantity": plan.max_quantity} if per_seat else {}
    terms: list[PlanTerm] = plan.terms_on_sale  # type: ignore[attr-defined]  # prefetched by plans_on_sale
    return {
        "planId": plan.plan_id,
        "displayName": plan.title,
        "isPrivate": False,
        "description": plan.description,
        **limits,
        "hasFreeTrials": plan.trial_days > 0,
        "isPricePerSeat": per_seat,
        "isStopSell": False,
        "market": country,
        "planComponents": {
            "recurrentBillingTerms": [_billing_term(term, price) for term in terms for price in _prices(term)],
            "meteringDimensions": [],
        },
    }


def operation(one: Operation, subscription: Subscription) -> dict[str, Any]:
    """An operation on a subscription, with the plan and quantity that it asks for."""
    failed = one.status in (OperationStatus.FAILED, OperationStatus.CONFLICT)
    details = {"errorMessage": one.last_error} if failed and one.last_error else {}
    return {
        "id": str(one.id),
        "activityId": str(one.id),
        "subscriptionId": str(subscription.id),
        "offerId": subscription.offer.offer_id,
        "publisherId": str(subscription.publisher_id),
        "planId": new_plan_id(one, subscription),
        **({"quantity": new_quantity(one, subscription)} if has_seats(subscription) else {}),
        "action": ACTIONS[OperationAction(one.action)],
        "timeStamp": _seven_digits(one.created_at),
        "status": _status_of(one),
        "operationRequestSource": SOURCES[OperationSource(one.source)],
        **details,
    }


def _status_of(one: Operation) -> str:
    happened = one.is_in_flight and one.action in HAPPENED
    return OPERATION_STATUSES[OperationStatus.SUCCEEDED if happened else OperationStatus(one.status)]


def new_plan_id(one: Operation, subscription: Subscription) -> str:
    """The plan that an operation leads to: the present one unless it asks for another."""
    return str(one.payload.get("after", {}).get("plan_id", subscription.plan.plan_id))


def new_quantity(one: Operation, subscription: Subscription) -> int:
    """The quantity that an operation leads to: the present one, 1 on flat rates, unless it asks for another."""
    return int(one.payload.get("after", {}).get("quantity", subscription.quantity))


def _beneficiary(customer: Customer) -> dict[str, str]:
    return {
        "emailId": customer.beneficiary_email,
        "objectId": str(customer.beneficiary_object_id),
        "tenantId": str(customer.tenant_id),
        "puid": customer.beneficiary_object_id.hex[:16],
    }


def _purchaser() -> dict[str, str]:
    """We, the partner, buy: with one identity for the whole company, which has no mailbox."""
    tenant = uuid.UUID(settings.HUB_TENANT_ID)
    identity = uuid.uuid5(tenant, "purchaser")
    return {"objectId": str(identity), "tenantId": str(tenant), "puid": identity.hex[:16]}


def _quantity(subscription: Subscription) -> dict[str, int]:
    return {"quantity": subscription.quantity} if has_seats(subscription) else {}


def has_seats(subscription: Subscription) -> bool:
    """Seats exist only on per-user plans, and are gone once unsubscribed (fulfillment-v2.md sections 5 and 6)."""
    return subscription.plan.pricing == Pricing.PER_USER and subscription.status != Status.UNSUBSCRIBED


def _term(subscription: Subscription) -> dict[str, str]:
    unit = {"termUnit": subscription.plan_term.term}
    if subscription.term_start is None or subscription.term_end is None:
        return unit
    # Inclusive in the marketplace, exclusive here.
    last_day = subscription.term_end - timedelta(days=1)
    return {**unit, "startDate": _midnight(subscription.term_start), "endDate": _midnight(last_day)}


def _is_in_trial(subscription: Subscription, at: datetime) -> bool:
    if subscription.status == Status.UNSUBSCRIBED:
        return False
    return in_trial(subscription.trial_days, subscription.activated_at, at)


def _billing_term(term: PlanTerm, price: Any) -> dict[str, Any]:
    return {
        "currency": price.currency,
        "price": float(price.amount),
        "termUnit": term.term,
        "termDescription": f"{TERMS[term.term]}, billed {term.get_billing_cycle_display().lower()}",
        "meteredQuantityIncluded": [],
    }


def _prices(term: PlanTerm) -> list[Any]:
    return list(term.valid_prices)  # type: ignore[attr-defined]  # prefetched by plans_on_sale


def _midnight(day: date) -> str:
    return f"{day:%Y-%m-%d}T00:00:00Z"


def _seven_digits(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}0Z"
