"""Orders in the dialect (partner-center-v1.md section 1.5)."""

from decimal import Decimal
from typing import TypedDict

from partnerhub.api.shapes import Attributes, Guid, Link, Utc, link, utc
from partnerhub.money import symbol_of
from publishers.pricing import cycle_total
from subscriptions.api.pricing import Pricing, pricing
from subscriptions.enums import Status
from subscriptions.models import Order, OrderLine


class LineLinks(TypedDict):
    subscription: Link
    activationLinks: Link


class OrderLineItem(TypedDict):
    """`offerId` is the catalogItemId. `partnerIdOnRecord` is the indirect reseller's PartnerID, empty without one."""

    lineItemNumber: int
    offerId: str
    subscriptionId: Guid
    friendlyName: str
    quantity: int
    termDuration: str
    billingCycle: str
    transactionType: str
    partnerIdOnRecord: str
    pricing: Pricing
    links: LineLinks


class OrderLinks(TypedDict):
    self: Link
    provisioningStatus: Link
    activationLinks: Link


class OrderShown(TypedDict):
    """`pending` while a line waits for its publisher, `cancelled` when all have ended. `totalPrice` is of one cycle."""

    id: Guid
    alternateId: str
    referenceCustomerId: Guid
    billingCycle: str
    currencyCode: str
    currencySymbol: str
    orderGroup: str
    lineItems: list[OrderLineItem]
    creationDate: Utc
    status: str
    transactionType: str
    totalPrice: float
    links: OrderLinks
    attributes: Attributes


class QuantityProvisioning(TypedDict):
    quantity: int
    status: str


class LineProvisioning(TypedDict):
    """`prefulfillmentPending`: it waits for its publisher; `fulfilled`: activated; `unfulfilled`: ended before that."""

    lineItemNumber: int
    status: str
    quantityProvisioningInformation: list[QuantityProvisioning]


def order(found: Order) -> OrderShown:
    lines = list(found.lines.all())
    own = f"/customers/{found.customer_id}/orders/{found.pk}"
    cycles = {line.plan_term.billing_cycle for line in lines}
    return OrderShown(
        id=str(found.pk),
        alternateId=found.number,
        referenceCustomerId=str(found.customer_id),
        billingCycle=cycles.pop() if len(cycles) == 1 else "unknown",
        currencyCode=found.currency,
        currencySymbol=symbol_of(found.currency),
        orderGroup=found.order_group,
        lineItems=[_line(line, found) for line in lines],
        creationDate=utc(found.ordered_at),
        status=_status({line.subscription.status for line in lines}),
        transactionType="UserPurchase",
        totalPrice=float(sum(map(_total, lines), Decimal(0))),
        links=OrderLinks(
            self=link(own),
            provisioningStatus=link(f"{own}/provisioningstatus"),
            activationLinks=link(f"{own}/activationlinks"),
        ),
        attributes=Attributes(objectType="Order"),
    )


def _status(lines: set[str]) -> str:
    if Status.PENDING in lines:
        return "pending"
    return "cancelled" if lines == {Status.UNSUBSCRIBED} else "completed"


def _total(line: OrderLine) -> Decimal:
    return cycle_total(line.plan_term.plan, line.unit_price, line.quantity, line.currency).amount


def _line(line: OrderLine, found: Order) -> OrderLineItem:
    customer = f"/customers/{found.customer_id}"
    return OrderLineItem(
        lineItemNumber=line.number,
        offerId=line.plan_term.catalog_item_id,
        subscriptionId=str(line.subscription.pk),
        friendlyName=line.subscription.nickname,
        quantity=line.quantity,
        termDuration=line.plan_term.term,
        billingCycle=line.plan_term.billing_cycle,
        transactionType="new",
        partnerIdOnRecord=line.reseller_id or "",
        pricing=pricing(line.plan_term.plan, line.unit_price, line.quantity, line.currency),
        links=LineLinks(
            subscription=link(f"{customer}/subscriptions/{line.subscription.pk}"),
            activationLinks=link(f"{customer}/orders/{found.pk}/lineitems/{line.number}/activationlinks"),
        ),
    )


def line_provisioning(line: OrderLine) -> LineProvisioning:
    subscription = line.subscription
    waiting = subscription.status == Status.PENDING
    state = "prefulfillmentPending" if waiting else "fulfilled" if subscription.activated_at else "unfulfilled"
    return LineProvisioning(
        lineItemNumber=line.number,
        status=state,
        quantityProvisioningInformation=[QuantityProvisioning(quantity=line.quantity, status=state)],
    )
