"""Line items in the dialect (partner-center-v1.md section 1.11): the reconciliation file's rows, by other names."""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, NotRequired, TypedDict, cast
from uuid import UUID

from billing.reconciliation import COLUMNS, rows_of, with_lines
from partnerhub.api.shapes import Attributes, Guid, Utc, midnight

_CHARGE = COLUMNS.index("ChargeId")
# Columns whose member is called otherwise than the column with a small first letter.
_NAMES = {
    "MPNID": "mpnId",
    "ResellerMPNID": "resellerMpnId",
    "Total": "totalForCustomer",
    "PCToBCExchangeRate": "pcToBCExchangeRate",
    "PCToBCExchangeRateDate": "pcToBCExchangeRateDate",
    "ReferenceID": "referenceId",
    "PromotionID": "promotionId",
}
MEMBERS = [_NAMES.get(column, column[:1].lower() + column[1:]) for column in COLUMNS]


class LineItem(TypedDict):
    """A charge or, with a negative `subtotal`, a credit. End dates are inclusive days.

    `taxTotal` and `totalForCustomer` are absent until the line stands on an invoice or a draft; `invoiceNumber` is
    empty until that is final. `subscriptionId` is the id of the subscription resource, and so is
    `consoleSubscriptionId`; `chargeId` is the line of the hub's ledger. Members that Partner Center fills for other
    products are empty.
    """

    partnerId: Guid
    customerId: Guid
    customerName: str
    customerDomainName: str
    customerCountry: str
    invoiceNumber: str
    mpnId: str
    resellerMpnId: str
    orderId: Guid
    orderDate: Utc
    productId: str
    skuId: str
    availabilityId: str
    productName: str
    skuName: str
    productQualifiers: list[str]
    chargeType: str
    unitPrice: float
    effectiveUnitPrice: float
    unitType: str
    quantity: int
    subtotal: float
    taxTotal: NotRequired[float]
    totalForCustomer: NotRequired[float]
    currency: str
    publisherName: str
    publisherId: Guid
    subscriptionDescription: str
    subscriptionId: Guid
    consoleSubscriptionId: Guid
    subscriptionStartDate: NotRequired[Utc]
    subscriptionEndDate: NotRequired[Utc]
    chargeStartDate: Utc
    chargeEndDate: Utc
    termAndBillingCycle: str
    alternateId: str
    referenceId: str
    priceAdjustmentDescription: str
    discountDetails: str
    pricingCurrency: str
    pcToBCExchangeRate: float
    pcToBCExchangeRateDate: Utc
    billableQuantity: int
    meterDescription: str
    billingFrequency: str
    reservationOrderId: str
    creditReasonCode: str
    promotionId: str
    chargeId: Guid
    invoiceLineItemType: str
    billingProvider: str
    attributes: Attributes


def line_items(charge_ids: Sequence[UUID]) -> list[LineItem]:
    """The line items of charges, in the order given."""
    rows = {str(row[_CHARGE]): row for row in rows_of(with_lines().filter(pk__in=charge_ids))}
    return [_line_item(dict(zip(MEMBERS, rows[str(charge_id)], strict=True))) for charge_id in charge_ids]


def _line_item(told: Mapping[str, Any]) -> LineItem:
    shown = {name: _on_the_wire(value) for name, value in told.items() if value is not None}
    given = {
        "invoiceNumber": "",
        "discountDetails": "",
        **shown,
        "productQualifiers": [],
        "invoiceLineItemType": "billing_line_items",
        "billingProvider": "one_time",
        "attributes": Attributes(objectType="OneTimeInvoiceLineItem"),
    }
    return cast(LineItem, given)


def _on_the_wire(value: Any) -> Any:
    if isinstance(value, Decimal):
        return float(value)
    return midnight(value) if isinstance(value, date) else value
