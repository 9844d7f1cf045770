"""Carts in the dialect (partner-center-v1.md section 1.4): what is read from a program, and what it is shown."""

from typing import Any, NotRequired, TypedDict

from rest_framework import serializers

from partnerhub.api.errors import number_of_code
from partnerhub.api.shapes import Attributes, Guid, SelfLinks, Utc, link, utc
from partnerhub.errors import (
    AvailabilityNotFound,
    InvalidInput,
    NoPriceInCurrency,
    OnePerCustomer,
    PriceMoved,
    QuantityOutOfRange,
)
from publishers.selectors import plan_term_by_catalog_item
from subscriptions.api.orders import OrderShown, order
from subscriptions.api.pricing import Pricing, pricing
from subscriptions.enums import CartStatus
from subscriptions.models import Cart, CartLine
from subscriptions.services.carts import LineRequest
from subscriptions.services.checkout import CheckoutResult, OrderError

RESELLER = "transaction_reseller"
# The dialect writes these two with a capital, unlike every other word of it.
STATUS = {CartStatus.ACTIVE: "Active", CartStatus.ORDERED: "Ordered"}
UNSUPPORTED: dict[str, Any] = {"max_length": "this is not supported here"}
# CartErrorCode of section 1.4; what is not listed is 0, unknown.
LINE_ERRORS = {
    NoPriceInCurrency.code: 10000,
    AvailabilityNotFound.code: 10001,
    PriceMoved.code: 10001,
    OnePerCustomer.code: 10002,
    QuantityOutOfRange.code: 10015,
}


class ParticipantBody(serializers.Serializer[Any]):
    key = serializers.CharField(max_length=64)
    value = serializers.CharField(max_length=16)


class CartLineBody(serializers.Serializer[Any]):
    """`billingCycle` and `termDuration` may be left out; given, they must be those of the catalogue item."""

    catalogItemId = serializers.CharField(max_length=64)
    quantity = serializers.IntegerField()
    friendlyName = serializers.CharField(max_length=200, required=False, allow_blank=True, allow_null=True)
    billingCycle = serializers.CharField(max_length=16, required=False, allow_null=True)
    termDuration = serializers.CharField(max_length=8, required=False, allow_null=True)
    participants = ParticipantBody(many=True, required=False, allow_null=True)
    orderGroup = serializers.CharField(max_length=64, required=False, allow_blank=True, allow_null=True)
    attestationAccepted = serializers.BooleanField(required=False, allow_null=True)
    autoRenewEnabled = serializers.BooleanField(required=False, allow_null=True)
    # Ignoring these would sell something else than was asked for.
    addonItems = serializers.ListField(required=False, allow_null=True, max_length=0, error_messages=UNSUPPORTED)
    promotionId = serializers.CharField(
        required=False, allow_null=True, allow_blank=True, max_length=0, error_messages=UNSUPPORTED
    )
    customTermEndDate = serializers.CharField(
        required=False, allow_null=True, allow_blank=True, max_length=0, error_messages=UNSUPPORTED
    )


class CartBody(serializers.Serializer[Any]):
    """The attestation of the partner's role is given for the whole cart or on every line."""

    lineItems = serializers.ListField(child=CartLineBody(), max_length=100)
    partnerOnRecordAttestationAccepted = serializers.BooleanField(required=False, allow_null=True)


class Participant(TypedDict):
    key: str
    value: str


class LineError(TypedDict):
    errorCode: int
    errorDescription: str


class CartLineItem(TypedDict):
    """`error` says why the last checkout left the line out."""

    id: int
    catalogItemId: str
    friendlyName: str
    quantity: int
    currencyCode: str
    billingCycle: str
    termDuration: str
    participants: list[Participant]
    orderGroup: str
    autoRenewEnabled: bool
    pricing: Pricing
    error: NotRequired[LineError]


class CartShown(TypedDict):
    id: Guid
    creationTimestamp: Utc
    lastModifiedTimestamp: Utc
    expirationTimestamp: Utc
    lastModifiedUser: str
    status: str
    partnerOnRecordAttestationAccepted: bool
    lineItems: list[CartLineItem]
    links: SelfLinks
    attributes: Attributes


class OrderErrorShown(TypedDict):
    orderGroupId: str
    code: int
    description: str


class CartCheckoutResult(TypedDict):
    """What was ordered, and which groups of lines were not and why."""

    orders: list[OrderShown]
    orderErrors: list[OrderErrorShown]


def lines_of(values: dict[str, Any]) -> list[LineRequest]:
    """The lines asked for. Raises InvalidInput for what this hub does not sell that way, and what plan terms raise."""
    return [_line_request(line, f"lineItems[{number}]") for number, line in enumerate(values["lineItems"])]


def is_attested(values: dict[str, Any]) -> bool:
    lines = values["lineItems"]
    return bool(values.get("partnerOnRecordAttestationAccepted")) or (
        bool(lines) and all(line.get("attestationAccepted") for line in lines)
    )


def _line_request(line: dict[str, Any], path: str) -> LineRequest:
    _check_terms(line, path)
    auto_renew = line.get("autoRenewEnabled")
    return LineRequest(
        catalog_item_id=line["catalogItemId"],
        quantity=line["quantity"],
        nickname=line.get("friendlyName") or "",
        partner_id=_reseller(line.get("participants") or [], path),
        auto_renew=auto_renew is not False,
        order_group=line.get("orderGroup") or "",
    )


def _check_terms(line: dict[str, Any], path: str) -> None:
    asked = {name: line[name] for name in ("billingCycle", "termDuration") if line.get(name)}
    if not asked:
        return
    term = plan_term_by_catalog_item(line["catalogItemId"])
    sold = {"billingCycle": term.billing_cycle, "termDuration": term.term}
    for name, value in asked.items():
        if value.lower() != sold[name].lower():
            raise InvalidInput(field=f"{path}.{name}", problem=f"{line['catalogItemId']} is sold with {sold[name]}")


def _reseller(participants: list[dict[str, str]], path: str) -> str:
    if len(participants) > 1 or any(participant["key"].lower() != RESELLER for participant in participants):
        raise InvalidInput(field=f"{path}.participants", problem=f"only one {RESELLER} can be named")
    return participants[0]["value"] if participants else ""


def cart(found: Cart) -> CartShown:
    return CartShown(
        id=str(found.pk),
        creationTimestamp=utc(found.created_at),
        lastModifiedTimestamp=utc(found.modified_at),
        expirationTimestamp=utc(found.expires_at),
        lastModifiedUser=found.created_by_id,
        status=STATUS[CartStatus(found.status)],
        partnerOnRecordAttestationAccepted=found.attested,
        lineItems=[_line(line) for line in found.lines.all()],
        links=SelfLinks(self=link(f"/customers/{found.customer_id}/carts/{found.pk}")),
        attributes=Attributes(objectType="Cart"),
    )


def _line(line: CartLine) -> CartLineItem:
    term = line.plan_term
    shown = CartLineItem(
        id=line.number,
        catalogItemId=term.catalog_item_id,
        friendlyName=line.nickname,
        quantity=line.quantity,
        currencyCode=line.price.currency,
        billingCycle=term.billing_cycle,
        termDuration=term.term,
        participants=[Participant(key=RESELLER, value=line.reseller_id)] if line.reseller_id else [],
        orderGroup=line.order_group,
        autoRenewEnabled=line.auto_renew,
        pricing=pricing(term.plan, line.price.amount, line.quantity, line.price.currency),
    )
    if line.error_code:
        shown["error"] = LineError(errorCode=LINE_ERRORS.get(line.error_code, 0), errorDescription=line.error_text)
    return shown


def checkout_result(result: CheckoutResult) -> CartCheckoutResult:
    return CartCheckoutResult(
        orders=[order(found) for found in result.orders], orderErrors=[_order_error(error) for error in result.errors]
    )


def _order_error(error: OrderError) -> OrderErrorShown:
    return OrderErrorShown(orderGroupId=error.order_group, code=number_of_code(error.code), description=error.sentence)
