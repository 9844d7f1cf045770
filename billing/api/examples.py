"""What the document shows: the tests bill this customer for November, and compare every answer."""

from typing import Any

CUSTOMER_ID = "5f3c1a52-7d1e-4c50-9a63-1b1c6f0f7d21"
ORDER_ID = "3b32616b-24ca-4f6e-b7d9-df088ba6bc92"
SUBSCRIPTION_ID = "a82ab91c-faa7-4b84-96eb-27c017e0e1b7"
PUBLISHER_ID = "5ff6ea62-afcd-4b4f-aab6-f7d6a1ad46ca"
CHARGE_ID = "0a00fc8a-d955-461b-8fc0-3bfdb466e2c9"
ORDER_NUMBER = "76e7d8c347fa"
SIGNATURE = "WyJHMDAwMDAwMDAxIiwxNzk2NjM1ODAwXQ%3AXlx1ogt-BcrBeQpj00c4O9KORy6wZUonm_U8YTIxzaY"
ISSUED = "2026-12-07T00:00:00Z"

Json = dict[str, Any]


def _link(uri: str) -> Json:
    return {"uri": uri, "method": "GET", "headers": []}


def _links(uri: str) -> Json:
    return {"self": _link(uri)}


def _collection(uri: str, *items: Json) -> Json:
    attributes = {"objectType": "Collection"}
    return {"totalCount": len(items), "items": list(items), "links": _links(uri), "attributes": attributes}


def _document(number: str, **changed: Any) -> Json:
    lines = f"/invoices/{number}/lineitems?provider=onetime&invoicelineitemtype=billinglineitems"
    detail = {
        "invoiceLineItemType": "billing_line_items",
        "billingProvider": "one_time",
        "links": _links(lines),
        "attributes": {"objectType": "InvoiceDetail"},
    }
    return {
        "id": number,
        "invoiceDate": ISSUED,
        "billingPeriodStartDate": "2026-11-01T00:00:00Z",
        "billingPeriodEndDate": "2026-11-30T00:00:00Z",
        "customerId": CUSTOMER_ID,
        "customerName": "Fabrykam sp. z o.o.",
        "totalCharges": 86.78,
        "totalNet": 70.56,
        "totalTax": 16.22,
        "paidAmount": 0.0,
        "currencyCode": "PLN",
        "currencySymbol": "zł",
        "taxReceipts": [],
        "invoiceDetails": [detail],
        "amendments": [],
        "documentType": "invoice",
        "invoiceType": "OneTime",
        "status": "due",
        "links": _links(f"/invoices/{number}"),
        "attributes": {"objectType": "Invoice"},
    } | changed


INVOICE = _document("G000000001", dueDate="2027-02-05T00:00:00Z")
INVOICES = _collection("/invoices", INVOICE)
INVOICE_WITH_LINK = INVOICE | {
    "pdfDownloadLink": f"https://hub.example/v1/invoices/G000000001/documents/statement?token={SIGNATURE}"
}
CREDIT_NOTE = _document(
    "C000000001",
    billingPeriodStartDate="2026-12-01T00:00:00Z",
    billingPeriodEndDate="2026-12-31T00:00:00Z",
    totalCharges=-86.78,
    totalNet=-70.56,
    totalTax=-16.22,
    documentType="void_note",
    amendsOf="G000000001",
    amendmentReason="Bought twice",
    status="issued",
)

_BALANCE = {
    "balanceAmount": 86.78,
    "currencyCode": "PLN",
    "currencySymbol": "zł",
    "accountingDate": "2026-12-07T09:00:00Z",
    "firstInvoiceCreationDate": ISSUED,
    "latestInvoiceDate": ISSUED,
}
SUMMARY = _BALANCE | {
    "details": [{"invoiceType": "OneTime", "summary": _BALANCE}],
    "links": _links("/invoices/summary?currencyCode=PLN"),
    "attributes": {"objectType": "InvoiceSummary"},
}
SUMMARIES = _collection("/invoices/summaries", SUMMARY)

LINE_ITEM = {
    "partnerId": "7c1b3f0e-52f5-4f0c-9b1e-5f1a3c2d4e6f",
    "customerId": CUSTOMER_ID,
    "customerName": "Fabrykam sp. z o.o.",
    "customerDomainName": "fabrykam.example",
    "customerCountry": "PL",
    "invoiceNumber": "G000000001",
    "mpnId": "1234567",
    "resellerMpnId": "",
    "orderId": ORDER_ID,
    "orderDate": "2026-11-23T00:00:00Z",
    "productId": "DZH318Z0BXWC",
    "skuId": "0002",
    "availabilityId": "DZH318Z0BMRV",
    "skuName": "Team",
    "productName": "Contoso Mail",
    "chargeType": "new",
    "unitPrice": 10.08,
    "quantity": 7,
    "subtotal": 70.56,
    "taxTotal": 16.22,
    "totalForCustomer": 86.78,
    "currency": "PLN",
    "priceAdjustmentDescription": "",
    "discountDetails": "",
    "publisherName": "Contoso",
    "publisherId": PUBLISHER_ID,
    "subscriptionDescription": "Contoso Mail",
    "subscriptionId": SUBSCRIPTION_ID,
    "consoleSubscriptionId": SUBSCRIPTION_ID,
    "chargeStartDate": "2026-11-23T00:00:00Z",
    "chargeEndDate": "2026-12-22T00:00:00Z",
    "termAndBillingCycle": "1 Month, Monthly",
    "effectiveUnitPrice": 10.08,
    "unitType": "License(s)",
    "alternateId": ORDER_NUMBER,
    "billableQuantity": 7,
    "billingFrequency": "Monthly",
    "pricingCurrency": "PLN",
    "pcToBCExchangeRate": 1,
    "pcToBCExchangeRateDate": "2026-11-23T00:00:00Z",
    "meterDescription": "",
    "reservationOrderId": "",
    "creditReasonCode": "",
    "subscriptionStartDate": "2026-11-23T00:00:00Z",
    "subscriptionEndDate": "2026-12-22T00:00:00Z",
    "referenceId": "",
    "productQualifiers": [],
    "promotionId": "",
    "chargeId": CHARGE_ID,
    "invoiceLineItemType": "billing_line_items",
    "billingProvider": "one_time",
    "attributes": {"objectType": "OneTimeInvoiceLineItem"},
}
LINE_ITEMS = _collection("/invoices/G000000001/lineitems", LINE_ITEM)
LINE_ITEMS_BY_PATH = _collection("/invoices/G000000001/lineitems/onetime/billinglineitems", LINE_ITEM)
# Before it was drafted.
UNBILLED = _collection(
    "/invoices/unbilled/lineitems",
    {name: value for name, value in LINE_ITEM.items() if name not in ("taxTotal", "totalForCustomer")}
    | {"invoiceNumber": ""},
)
ESTIMATES = _collection(
    "/invoices/estimates/links",
    {
        "title": "Earlier months",
        "description": "What months that are over will be invoiced with, drafts included.",
        "period": "previous",
        "currencyCode": "PLN",
        "lineItemCount": 1,
        "subtotal": 70.56,
        "link": _link(
            "/invoices/unbilled/lineitems?provider=onetime&invoicelineitemtype=billinglineitems"
            "&currencycode=pln&period=previous&size=2000"
        ),
        "attributes": {"objectType": "EstimateLink"},
    },
)

UNPAID = {
    "invoiceId": "G000000001",
    "isPaid": False,
    "paidAmount": 0.0,
    "currencyCode": "PLN",
    "links": _links("/invoices/G000000001/payment"),
    "attributes": {"objectType": "InvoicePayment"},
}
PAYMENT = {"isPaid": True, "reference": "Przelew 1207"}
PAID = UNPAID | {
    "isPaid": True,
    "paidAmount": 86.78,
    "paidDate": "2026-12-07T09:00:00Z",
    "reference": "Przelew 1207",
}
