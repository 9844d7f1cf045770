"""What the document shows of drafts, billing runs and statements, beside the invoices of `examples`."""

from typing import Any

from billing.api.draft_shapes import (
    BilledShown,
    BilledTotal,
    BillingFailure,
    BillingRunShown,
    DraftLinks,
    DraftShown,
    MissingThere,
    StatementCompared,
    StatementImported,
    StatementLineShown,
    StatementShown,
)
from billing.api.examples import CREDIT_NOTE, CUSTOMER_ID, INVOICE, LINE_ITEM, PUBLISHER_ID, SUBSCRIPTION_ID
from partnerhub.api.shapes import Attributes, SelfLinks, collection, link

DRAFT_ID = "4b1f5b7e-0a52-4b8f-9d0b-2f7f2c1b9a10"
STATEMENT_ID = "c2a94c35-4f0e-45a3-8d5d-5e1f9f0b6d77"
_URI, _STATEMENT_URI = f"/invoices/drafts/{DRAFT_ID}", f"/statements/{STATEMENT_ID}"

DRAFT = DraftShown(
    id=DRAFT_ID,
    status="draft",
    customerId=CUSTOMER_ID,
    customerName="Fabrykam sp. z o.o.",
    billingPeriodStartDate="2026-11-01T00:00:00Z",
    billingPeriodEndDate="2026-11-30T00:00:00Z",
    currencyCode="PLN",
    totalCharges=86.78,
    totalNet=70.56,
    totalTax=16.22,
    draftedAt="2026-12-01T03:00:00Z",
    reviewUntil="2026-12-04T00:00:00Z",
    links=DraftLinks(self=link(_URI), lineItems=link(f"{_URI}/lineitems")),
    attributes=Attributes(objectType="InvoiceDraft"),
)
DRAFTS = collection([DRAFT], "/invoices/drafts")
DRAFT_LINES = collection([LINE_ITEM | {"invoiceNumber": ""}], f"{_URI}/lineitems")
HELD: dict[str, Any] = {**DRAFT, "status": "held"}
DROPPED: dict[str, Any] = {**DRAFT, "status": "void"}
REASON = {"reason": "The address is being changed"}
FINALIZED = INVOICE
CREDIT: dict[str, Any] = {"reason": "Bought twice", "lines": [1]}
CREDITED = CREDIT_NOTE

RUN = BillingRunShown(
    month="2026-11",
    status="running",
    startedAt="2026-12-01T03:00:00Z",
    finishedAt=None,
    invoices=1,
    lines=1,
    failed=1,
    failures=[
        BillingFailure(
            customerId=CUSTOMER_ID,
            draftId=None,
            code=3000,
            reason="tax_rate_missing",
            description="No VAT rate of PL is known for 2026-11-30.",
        )
    ],
    links=SelfLinks(self=link("/billingruns/2026-11")),
    attributes=Attributes(objectType="BillingRun"),
)
RUNS = collection([RUN], "/billingruns")
BILLED = BilledShown(
    months=["2026-11"],
    drafted=[BilledTotal(currencyCode="PLN", invoices=1, totalNet=70.56, totalTax=16.22, totalCharges=86.78)],
    finalized=0,
    failed=0,
    failures=[],
    attributes=Attributes(objectType="Billed"),
)

STATEMENT_FILE = {
    "publisherId": PUBLISHER_ID,
    "statementId": "2026/11",
    "csv": f"subscriptionId,period,quantity,amount,currency\n{SUBSCRIPTION_ID},2026-11,7,70.56,PLN\n",
}
_STATEMENT = StatementShown(
    id=STATEMENT_ID,
    publisherId=PUBLISHER_ID,
    statementId="2026/11",
    importedAt="2026-12-02T10:00:00Z",
    importedBy="ERP",
    links=DraftLinks(self=link(_STATEMENT_URI), lineItems=link(f"{_STATEMENT_URI}/lineitems")),
    attributes=Attributes(objectType="Statement"),
)
STATEMENTS = collection([_STATEMENT], "/statements")
STATEMENT_IMPORTED = StatementImported(**_STATEMENT, added=1, changed=0, same=0, gone=0)
STATEMENT = StatementCompared(
    **_STATEMENT,
    differences={"agrees": 1},
    missingThere=[
        MissingThere(
            subscriptionId="6e7aa601-629e-461b-8933-0898c3cc3c7c",
            period="2026-11",
            ourAmount=20.16,
            ourCurrencyCode="PLN",
        )
    ],
)
STATEMENT_LINES = collection(
    [
        StatementLineShown(
            number=2,
            subscriptionId=SUBSCRIPTION_ID,
            period="2026-11",
            quantity=7,
            amount=70.56,
            currencyCode="PLN",
            ourQuantity=7,
            ourAmount=70.56,
            ourCurrencyCode="PLN",
            difference="agrees",
        )
    ],
    f"{_STATEMENT_URI}/lineitems",
)
