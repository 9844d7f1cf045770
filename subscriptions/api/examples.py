"""What the document shows of purchases and subscriptions, written as the views write it.

The customer and the catalogue are those of the other examples.
"""

from copy import deepcopy
from typing import Any
from uuid import UUID

from customers.api.examples import CUSTOMER_ID
from partnerhub.api.etag import etag_of
from partnerhub.api.shapes import Attributes, SelfLinks, collection, link
from publishers.api.examples import (
    CATALOG_ITEM_ID,
    OTHER_CATALOG_ITEM_ID,
    PRODUCT_ID,
    PUBLISHER_ID,
    SKU_ID,
    availability,
    priced,
    product,
    sku,
)
from subscriptions.api.attention import AtRisk, AttentionItem, Person
from subscriptions.api.carts import CartCheckoutResult, CartLineItem, CartShown
from subscriptions.api.gates import Author, BillingGates, GateShown, TimelineEntry
from subscriptions.api.links import ActivationLink
from subscriptions.api.operations import OperationShown
from subscriptions.api.orders import (
    LineLinks,
    LineProvisioning,
    OrderLineItem,
    OrderLinks,
    OrderShown,
    QuantityProvisioning,
)
from subscriptions.api.previews import AmountShown, LineShown, NextCharge, NoteShown, PreviewShown
from subscriptions.api.pricing import Pricing
from subscriptions.api.requests import ChangeRequestShown
from subscriptions.api.shapes import (
    ProductKind,
    Refund,
    RefundableQuantity,
    RefundableSeats,
    SubscriptionLinks,
    SubscriptionListed,
    SubscriptionProvisioning,
    SubscriptionShown,
)

CUSTOMER = f"/customers/{CUSTOMER_ID}"
CART_ID = "9d2b1c1e-6f3c-4c0d-9a54-0e6f0c7b6a12"
ORDER_ID = "3b32616b-24ca-4f6e-b7d9-df088ba6bc92"
SUBSCRIPTION_ID = "a82ab91c-faa7-4b84-96eb-27c017e0e1b7"
OPERATION_ID = "c7294d31-f10e-4990-a890-15acedf1ca35"
REQUEST_ID = "0a0c1fbf-8752-426b-afa5-d9cd8dbefe9c"
QUOTE_ID = "7f643dbc-2e81-4d30-8593-d4c626adfb3a"
EVENT_ID = "9dd71036-1e49-492b-97bd-0ec51e918cf7"
CLIENT_ID = "178e70d4-8d4b-4595-b9f3-b11254eae17f"
PLAN_TERM_ID = "38a8b15d-07f0-4e2a-af9d-39d56406db17"
BOUGHT, EXPIRES, ACTIVATED = "2026-12-07T09:00:00Z", "2026-12-14T09:00:00Z", "2026-12-07T09:20:00Z"
CART, ORDER = f"{CUSTOMER}/carts/{CART_ID}", f"{CUSTOMER}/orders/{ORDER_ID}"
SUBSCRIPTION = f"{CUSTOMER}/subscriptions/{SUBSCRIPTION_ID}"
Json = dict[str, Any]

ROOT = f"{CUSTOMER}/products"
OWN_PRODUCT, OWN_SKU, OWN_AVAILABILITY = product(ROOT), sku(ROOT), priced(ROOT)
OWN_PRODUCTS = collection([OWN_PRODUCT], ROOT)
OWN_SKUS = collection([OWN_SKU], f"{ROOT}/{PRODUCT_ID}/skus")
OWN_AVAILABILITIES = collection([OWN_AVAILABILITY], f"{ROOT}/{PRODUCT_ID}/skus/{SKU_ID}/availabilities")

CART_LINE: Json = {"catalogItemId": CATALOG_ITEM_ID, "quantity": 5, "friendlyName": "Team North"}
CART_REQUEST: Json = {"lineItems": [CART_LINE], "partnerOnRecordAttestationAccepted": True}
PRICING = Pricing(listPrice=10.08, discountedPrice=10.08, proratedPrice=10.08, price=10.08, extendedPrice=50.4)
CART_SHOWN = CartShown(
    id=CART_ID,
    creationTimestamp=BOUGHT,
    lastModifiedTimestamp=BOUGHT,
    expirationTimestamp=EXPIRES,
    lastModifiedUser=CLIENT_ID,
    status="Active",
    partnerOnRecordAttestationAccepted=True,
    lineItems=[
        CartLineItem(
            id=0,
            catalogItemId=CATALOG_ITEM_ID,
            friendlyName="Team North",
            quantity=5,
            currencyCode="PLN",
            billingCycle="monthly",
            termDuration="P1Y",
            participants=[],
            orderGroup="",
            autoRenewEnabled=True,
            pricing=PRICING,
        )
    ],
    links=SelfLinks(self=link(CART)),
    attributes=Attributes(objectType="Cart"),
)
ORDER_SHOWN = OrderShown(
    id=ORDER_ID,
    alternateId="86dcfcce11f3",
    referenceCustomerId=CUSTOMER_ID,
    billingCycle="monthly",
    currencyCode="PLN",
    currencySymbol="zł",
    orderGroup="",
    lineItems=[
        OrderLineItem(
            lineItemNumber=0,
            offerId=CATALOG_ITEM_ID,
            subscriptionId=SUBSCRIPTION_ID,
            friendlyName="Team North",
            quantity=5,
            termDuration="P1Y",
            billingCycle="monthly",
            transactionType="new",
            partnerIdOnRecord="",
            pricing=PRICING,
            links=LineLinks(
                subscription=link(SUBSCRIPTION), activationLinks=link(f"{ORDER}/lineitems/0/activationlinks")
            ),
        )
    ],
    creationDate=BOUGHT,
    status="pending",
    transactionType="UserPurchase",
    totalPrice=50.4,
    links=OrderLinks(
        self=link(ORDER),
        provisioningStatus=link(f"{ORDER}/provisioningstatus"),
        activationLinks=link(f"{ORDER}/activationlinks"),
    ),
    attributes=Attributes(objectType="Order"),
)
CHECKED_OUT = CartCheckoutResult(orders=[ORDER_SHOWN], orderErrors=[])
ORDERS = collection([ORDER_SHOWN], f"{CUSTOMER}/orders")
WAITING = [QuantityProvisioning(quantity=5, status="prefulfillmentPending")]
ORDER_PROVISIONING = collection(
    [LineProvisioning(lineItemNumber=0, status="prefulfillmentPending", quantityProvisioningInformation=WAITING)],
    f"{ORDER}/provisioningstatus",
)
PUBLISHERS_PAGE = link("https://contoso.example/landing?token=ABCDEFGHIJKLMNOPQRSTUVWXYZ")
ACTIVATION_LINK = ActivationLink(lineItemNumber=0, link=PUBLISHERS_PAGE)
ORDER_LINKS = collection([ACTIVATION_LINK], f"{ORDER}/activationlinks")
LINE_LINKS = collection([ACTIVATION_LINK], f"{ORDER}/lineitems/0/activationlinks")
LINKS = collection([ACTIVATION_LINK], f"{SUBSCRIPTION}/activationlinks")

SHOWN = SubscriptionShown(
    id=SUBSCRIPTION_ID,
    offerId=CATALOG_ITEM_ID,
    offerName="Contoso Sign",
    friendlyName="Team North",
    productType=ProductKind(id="SaaS", displayName="SaaS"),
    quantity=5,
    unitType="License(s)",
    hasPurchasableAddons=False,
    creationDate=BOUGHT,
    effectiveStartDate="2026-12-07T00:00:00Z",
    commitmentEndDate="2027-12-06T00:00:00Z",
    billingCycleEndDate="2027-01-06T00:00:00Z",
    status="active",
    autoRenewEnabled=True,
    isTrial=False,
    billingType="license",
    billingCycle="monthly",
    termDuration="P1Y",
    renewalTermDuration="",
    cancellationAllowedUntilDate="2026-12-10T09:00:00Z",
    refundOptions=[Refund(type="Full", expiresAt="2026-12-10T09:00:00Z")],
    refundableQuantity=RefundableQuantity(
        totalQuantity=5, details=[RefundableSeats(quantity=5, allowedUntilDateTime=EXPIRES)]
    ),
    isMicrosoftProduct=False,
    publisherName="Contoso",
    partnerId="",
    attentionNeeded=False,
    attentionReason="",
    actionTaken=False,
    actions=["edit", "cancel"],
    suspensionReasons=[],
    contractType="subscription",
    orderId=ORDER_ID,
    links=SubscriptionLinks(
        product=OWN_PRODUCT["links"]["self"],
        sku=OWN_SKU["links"]["self"],
        availability=availability(ROOT)["links"]["self"],
        self=link(SUBSCRIPTION),
        order=link(ORDER),
        activationLinks=link(f"{SUBSCRIPTION}/activationlinks"),
        billingGates=link(f"{SUBSCRIPTION}/billinggates"),
    ),
    attributes=Attributes(etag=etag_of(UUID(SUBSCRIPTION_ID), 2), objectType="Subscription"),
)
SUBSCRIPTIONS = collection([SHOWN], f"{CUSTOMER}/subscriptions")
LISTED = SubscriptionListed(
    id=SUBSCRIPTION_ID,
    customerId=CUSTOMER_ID,
    customerName="Fabrikam",
    offerId=CATALOG_ITEM_ID,
    offerName="Contoso Sign",
    friendlyName="Team North",
    publisherName="Contoso",
    quantity=5,
    creationDate=BOUGHT,
    effectiveStartDate="2026-12-07T00:00:00Z",
    commitmentEndDate="2027-12-06T00:00:00Z",
    status="active",
    attentionNeeded=False,
    attentionReason="",
    autoRenewEnabled=True,
    billingCycle="monthly",
    termDuration="P1Y",
    partnerId="",
    orderId=ORDER_ID,
    links=SelfLinks(self=link(SUBSCRIPTION)),
    attributes=Attributes(etag=etag_of(UUID(SUBSCRIPTION_ID), 2), objectType="Subscription"),
)
EVERY_SUBSCRIPTION = collection([LISTED], "/subscriptions")
CHANGE: Json = {"friendlyName": "Team North and South", "quantity": 9, "attributes": {"etag": ""}}
# The quantity is the publisher's to accept: the answer leads to the change that waits for it.
CHANGED = deepcopy(SHOWN)
CHANGED["friendlyName"] = CHANGE["friendlyName"]
CHANGED["links"]["operation"] = link(f"{SUBSCRIPTION}/operations/{OPERATION_ID}")
CHANGED["attributes"]["etag"] = etag_of(UUID(SUBSCRIPTION_ID), 4)
PROVISIONING = SubscriptionProvisioning(
    skuId=SKU_ID,
    status="success",
    quantity=5,
    endDate="2027-12-06T00:00:00Z",
    attributes=Attributes(objectType="SubscriptionProvisioningStatus"),
)


def _gate(name: str, state: str, owner: str, since: str, **evidence: Any) -> GateShown:
    waits = state == "pending"
    return GateShown(
        gate=name,
        state=state,
        evidence=evidence or None,
        owner=owner,
        since=since,
        dueAt="2027-01-06T09:00:00Z" if waits else None,
        nextAction="open_publisher_site" if waits else None,
    )


ORDERED: Json = {"source": "order", "by": "Shop", "order": "86dcfcce11f3", "at": "2026-12-07T09:00:00+00:00"}
GATES = BillingGates(
    subscriptionId=SUBSCRIPTION_ID,
    billingStartedAt=None,
    blocker="licenses_assigned",
    items=[
        _gate("ordered", "satisfied", "partner", BOUGHT, **ORDERED),
        _gate("licenses_assigned", "pending", "customer", BOUGHT),
        _gate("configuration_confirmed", "pending", "customer", BOUGHT),
        _gate("not_cancelled", "satisfied", "partner", BOUGHT, **ORDERED),
    ],
)
ENTRY = TimelineEntry(
    id=EVENT_ID,
    sequence=1,
    name="subscription.ordered",
    at=BOUGHT,
    actor=Author(kind="client", id=CLIENT_ID, label="Shop", role="sales_agent"),
    reason="",
    data={"offer": "Contoso Sign", "plan": "team", "quantity": 5, "unit_price": "10.0800", "currency": "PLN"},
    requestId="c3a1f0de-0f6d-4cf0-8f0e-6c5fb0a5b0d4",
    correlationId="0b7c1f9a-2a0e-4b55-9f5c-1f3d2c4b5a69",
    attributes=Attributes(objectType="TimelineEntry"),
)
TIMELINE = collection([ENTRY], f"{SUBSCRIPTION}/timeline")
POLLED = {"subscriptionId": SUBSCRIPTION_ID, "askedAt": BOUGHT}
ITEM_ID = f"{SUBSCRIPTION_ID}:licenses_assigned"
ASSIGNEE = Person(id="5f0d9c1e-3a4b-4c5d-8e6f-7a8b9c0d1e2f", name="Anna Nowak")
ATTENTION_ITEM = AttentionItem(
    id=ITEM_ID,
    subscriptionId=SUBSCRIPTION_ID,
    customerId=CUSTOMER_ID,
    publisherId=PUBLISHER_ID,
    reason="awaiting_customer_setup",
    message="",
    subjectId=None,
    owner="customer",
    since=BOUGHT,
    dueAt="2027-01-06T09:00:00Z",
    amountAtRisk=AtRisk(amount=50.4, currency="PLN"),
    nextAction="open_publisher_site",
    assignee=None,
    snoozed=False,
    snoozedUntil=None,
    customerAnsweredAt="2026-12-07T12:00:00Z",
    customerAnswersComplete=True,
    customerAskedAgainAt=None,
)
ATTENTION = collection([ATTENTION_ITEM], "/attention")
ASSIGNEES = collection([ASSIGNEE], "/attention/assignees")
ASSIGNMENT: Json = {"assigneeId": ASSIGNEE["id"]}
ASSIGNED_ITEM = ATTENTION_ITEM | {"assignee": ASSIGNEE}
SNOOZE: Json = {"until": "2027-01-04T08:00:00Z"}
SNOOZED_ITEM = ATTENTION_ITEM | {"snoozed": True, "snoozedUntil": SNOOZE["until"]}


def _state(quantity: int) -> Json:
    return {
        "nickname": "Team North",
        "status": "subscribed",
        "quantity": quantity,
        "plan": "Team",
        "plan_term_id": PLAN_TERM_ID,
        "term": "P1Y",
        "billing_cycle": "monthly",
        "auto_renew": True,
        "partner_id": "",
        "unit_price": "10.0800",
        "currency": "PLN",
        "term_end": "2027-12-07",
        "scheduled": {},
    }


def _line(quantity: int, unit: str, amount: str) -> LineShown:
    return LineShown(
        chargeType="addQuantity",
        quantity=quantity,
        unitPrice="10.0800",
        effectiveUnitPrice=unit,
        amount=amount,
        currency="PLN",
        startDate="2026-12-07T00:00:00Z",
        endDate="2027-01-06T00:00:00Z",
        billingDays=31,
        chargeCycleDays=31,
    )


QUANTITY_CHANGE: Json = {"quantity": 9}
PREVIEW = PreviewShown(
    quoteId=QUOTE_ID,
    quoteExpiresAt="2026-12-07T09:45:00Z",
    before=_state(5),
    after=_state(9),
    lines=[_line(5, "-10.0800", "-50.40"), _line(9, "10.0800", "90.72")],
    dueToday=AmountShown(amount="40.32", currency="PLN"),
    nextCharge=NextCharge(date="2027-01-07T00:00:00Z", amount="90.72", currency="PLN"),
    nextRenewal="2027-12-07T00:00:00Z",
    effectiveAt="2026-12-07T09:30:00Z",
    exitDeadline="2026-12-14T09:30:00Z",
    notes=[NoteShown(code="publisher_decides", values={"publisher": "Contoso"})],
    attributes=Attributes(objectType="Preview"),
)
OPERATION = OperationShown(
    id=OPERATION_ID,
    subscriptionId=SUBSCRIPTION_ID,
    action="change_quantity",
    source="marketplace",
    status="in_progress",
    before={"quantity": 5},
    after={"quantity": 9},
    reason="",
    requestedBy="ERP",
    createdAt="2026-12-07T09:30:00Z",
    heldUntil=None,
    dueAt="2026-12-07T17:30:00Z",
    completedAt=None,
    seenAt=None,
    attributes=Attributes(objectType="Operation"),
)
UNDONE = OPERATION | {"status": "withdrawn", "dueAt": None, "completedAt": "2026-12-07T09:30:20Z"}
LET_BE = OPERATION | {
    "status": "failed",
    "completedAt": "2026-12-07T09:40:00Z",
    "seenAt": "2026-12-07T10:00:00Z",
    "error": "The publisher refused: no more than 8 licences",
}
OPERATIONS = collection([OPERATION], f"{SUBSCRIPTION}/operations")
ASKED: Json = {"quantity": 9, "reason": "Four colleagues join in January"}
CHANGE_REQUEST = ChangeRequestShown(
    id=REQUEST_ID,
    subscriptionId=SUBSCRIPTION_ID,
    customerId=CUSTOMER_ID,
    baseEtag=etag_of(UUID(SUBSCRIPTION_ID), 2),
    changes={"quantity": [5, 9]},
    preview={"before": _state(5), "after": _state(9), "due_today": {"amount": "40.3200", "currency": "PLN"}},
    status="open",
    requestedBy="Shop",
    requestedAt="2026-12-07T09:30:00Z",
    reason=ASKED["reason"],
    expiresAt="2026-12-14T09:30:00Z",
    decidedBy="",
    decidedAt=None,
    decision="",
    attributes=Attributes(objectType="ChangeRequest"),
)
CHANGE_REQUESTS = collection([CHANGE_REQUEST], f"{SUBSCRIPTION}/changerequests")
EVERY_CHANGE_REQUEST = collection([CHANGE_REQUEST], "/changerequests")


def _decided(status: str, decision: str) -> ChangeRequestShown:
    decided = deepcopy(CHANGE_REQUEST)
    decided["status"], decided["decision"] = status, decision
    decided["decidedBy"], decided["decidedAt"] = "ERP", "2026-12-07T10:00:00Z"
    return decided


APPROVAL: Json = {"quantity": 8, "reason": "Three join in January"}
APPROVED = _decided("partly_approved", APPROVAL["reason"])
REFUSAL: Json = {"reason": "They join in March"}
DECLINED = _decided("declined", REFUSAL["reason"])
WITHDRAWN = _decided("withdrawn", "withdrawn") | {"decidedBy": "Shop"}
PLAN_CHANGE: Json = {"toCatalogItemId": OTHER_CATALOG_ITEM_ID}
TRANSITION: Json = {
    "operationId": OPERATION_ID,
    "fromCatalogItemId": CATALOG_ITEM_ID,
    "fromSubscriptionId": SUBSCRIPTION_ID,
    "toCatalogItemId": OTHER_CATALOG_ITEM_ID,
    "toSubscriptionId": SUBSCRIPTION_ID,
    "quantity": 5,
    "termDuration": "P1Y",
    "billingCycle": "monthly",
    "transitionType": "transition_only",
    "events": [{"name": "Conversion", "status": "Started", "timestamp": "2026-12-07T09:30:00Z"}],
}
TRANSITIONS = collection([TRANSITION], f"{SUBSCRIPTION}/transitions")
ELIGIBILITIES = collection(
    [
        {
            "catalogItemId": OTHER_CATALOG_ITEM_ID,
            "title": "Business",
            "description": "",
            "quantity": 5,
            "eligibilities": [{"isEligible": True, "transitionType": "transition_only", "errors": []}],
        }
    ],
    f"{SUBSCRIPTION}/transitionEligibilities",
)
