"""Invoices in the dialect (partner-center-v1.md section 1.11)."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import NotRequired, TypedDict
from urllib.parse import urlencode

from django.conf import settings

from billing.api.signing import signature_of
from billing.enums import InvoiceKind
from billing.issued import Balance, paid_of
from billing.models import Invoice
from billing.uninvoiced import Due, Estimate
from partnerhub.api.shapes import Attributes, Guid, Link, SelfLinks, Utc, link, midnight, utc
from partnerhub.money import symbol_of

PROVIDER, LINE_TYPE = "one_time", "billing_line_items"
# As they are written in an address.
LINES = {"provider": "onetime", "invoicelineitemtype": "billinglineitems"}


class TaxReceipt(TypedDict):
    id: str
    taxReceiptPdfDownloadLink: str


class InvoiceDetail(TypedDict):
    """Where its line items are."""

    invoiceLineItemType: str
    billingProvider: str
    links: SelfLinks
    attributes: Attributes


class InvoiceShown(TypedDict):
    """A finalized invoice, or a credit note, whose amounts are negative. Days are UTC, end dates inclusive.

    `totalCharges` is with tax, `totalNet` and `totalTax` are its parts. `documentType` is `invoice`; of a credit note
    `void_note` where it credits the whole invoice that it `amendsOf`, else `adjustment_note`. `status` is `paid`,
    `due` or `overdue`, of a credit note `issued`. `pdfDownloadLink`, given where one invoice is read, needs no bearer
    token and works for 30 minutes. `taxReceipts` are none: the invoice itself is the tax document.
    """

    id: str
    invoiceDate: Utc
    dueDate: NotRequired[Utc]
    billingPeriodStartDate: Utc
    billingPeriodEndDate: Utc
    customerId: Guid
    customerName: str
    totalCharges: float
    totalNet: float
    totalTax: float
    paidAmount: float
    currencyCode: str
    currencySymbol: str
    pdfDownloadLink: NotRequired[str]
    taxReceipts: list[TaxReceipt]
    invoiceDetails: list[InvoiceDetail]
    amendments: "list[InvoiceShown]"
    documentType: str
    amendsOf: NotRequired[str]
    amendmentReason: NotRequired[str]
    invoiceType: str
    status: str
    links: SelfLinks
    attributes: Attributes


class Payment(TypedDict):
    """Whether an invoice is noted as paid. `paidAmount` is what its credit notes had left of it by then."""

    invoiceId: str
    isPaid: bool
    paidAmount: float
    currencyCode: str
    paidDate: NotRequired[Utc]
    reference: NotRequired[str]
    links: SelfLinks
    attributes: Attributes


class BalanceShown(TypedDict):
    """`balanceAmount` is what all customers owe in the currency, less the credit notes; what never was is absent."""

    balanceAmount: float
    currencyCode: str
    currencySymbol: str
    accountingDate: Utc
    firstInvoiceCreationDate: NotRequired[Utc]
    latestInvoiceDate: NotRequired[Utc]
    lastPaymentDate: NotRequired[Utc]
    lastPaymentAmount: NotRequired[float]


class SummaryDetail(TypedDict):
    """The part of one type of invoices: there is one type here."""

    invoiceType: str
    summary: BalanceShown


class InvoiceSummary(BalanceShown):
    details: list[SummaryDetail]
    links: SelfLinks
    attributes: Attributes


class EstimateLink(TypedDict):
    """`subtotal` of the `lineItemCount` lines behind the link is before tax. `period` is `current` or `previous`."""

    title: str
    description: str
    period: str
    currencyCode: str
    lineItemCount: int
    subtotal: float
    link: Link
    attributes: Attributes


TITLES = {
    Due.CURRENT: ("Current month", "What was charged since the month began, for its invoice."),
    Due.PREVIOUS: ("Earlier months", "What months that are over will be invoiced with, drafts included."),
}


def invoice(found: Invoice, today: date) -> InvoiceShown:
    """An issued invoice or credit note; `today` (UTC) decides what is overdue."""
    shown = InvoiceShown(
        id=found.number or "",
        invoiceDate=_day(found.issued_on),
        billingPeriodStartDate=midnight(found.period_start),
        billingPeriodEndDate=midnight(found.period_end - timedelta(days=1)),
        customerId=str(found.customer_id),
        customerName=found.buyer["name"],
        totalCharges=float(found.gross),
        totalNet=float(found.net),
        totalTax=float(found.tax),
        paidAmount=float(paid_of(found)),
        currencyCode=found.currency,
        currencySymbol=symbol_of(found.currency),
        taxReceipts=[],
        invoiceDetails=[_detail(found)],
        amendments=[invoice(note, today) for note in found.credit_notes.all()] if found.credits is None else [],
        documentType=_document_type(found),
        invoiceType="OneTime",
        status=_status(found, today),
        links=SelfLinks(self=link(f"/invoices/{found.number}")),
        attributes=Attributes(objectType="Invoice"),
    )
    if found.credits is None:
        shown["dueDate"] = _day(found.due_on)
    else:
        shown["amendsOf"] = found.credits.number or ""
        shown["amendmentReason"] = found.reason
    return shown


def download_link(found: Invoice, until: datetime) -> str:
    """The whole address of the PDF, signed until a moment, exclusive: whoever has it gets the document."""
    query = urlencode({"token": signature_of(found.number or "", until)})
    return f"{settings.HUB_BASE_URL}/v1/invoices/{found.number}/documents/statement?{query}"


def _day(day: date | None) -> Utc:
    """A day that every finalized invoice has."""
    if day is None:
        raise ValueError("the invoice is not finalized")
    return midnight(day)


def _detail(found: Invoice) -> InvoiceDetail:
    return InvoiceDetail(
        invoiceLineItemType=LINE_TYPE,
        billingProvider=PROVIDER,
        links=SelfLinks(self=link(f"/invoices/{found.number}/lineitems", LINES)),
        attributes=Attributes(objectType="InvoiceDetail"),
    )


def _document_type(found: Invoice) -> str:
    if found.credits is None:
        return "invoice"
    return "void_note" if found.net == -found.credits.net else "adjustment_note"


def _status(found: Invoice, today: date) -> str:
    if found.kind == InvoiceKind.CREDIT_NOTE:
        return "issued"
    if found.paid_at is not None:
        return "paid"
    return "overdue" if found.due_on is not None and found.due_on < today else "due"


def payment(found: Invoice) -> Payment:
    shown = Payment(
        invoiceId=found.number or "",
        isPaid=found.paid_at is not None,
        paidAmount=float(paid_of(found)),
        currencyCode=found.currency,
        links=SelfLinks(self=link(f"/invoices/{found.number}/payment")),
        attributes=Attributes(objectType="InvoicePayment"),
    )
    if found.paid_at is not None:
        shown["paidDate"] = utc(found.paid_at)
        shown["reference"] = found.payment_reference
    return shown


def summary(found: Balance, accounting_date: Utc) -> InvoiceSummary:
    balance = _balance(found, accounting_date)
    return InvoiceSummary(
        **balance,
        details=[SummaryDetail(invoiceType="OneTime", summary=balance)],
        links=SelfLinks(self=link("/invoices/summary", {"currencyCode": found.currency})),
        attributes=Attributes(objectType="InvoiceSummary"),
    )


def _balance(found: Balance, accounting_date: Utc) -> BalanceShown:
    shown = BalanceShown(
        balanceAmount=float(found.owed),
        currencyCode=found.currency,
        currencySymbol=symbol_of(found.currency),
        accountingDate=accounting_date,
    )
    if found.first_issued_on is not None and found.last_issued_on is not None:
        shown["firstInvoiceCreationDate"] = midnight(found.first_issued_on)
        shown["latestInvoiceDate"] = midnight(found.last_issued_on)
    if found.last_paid_at is not None:
        shown["lastPaymentDate"] = utc(found.last_paid_at)
        shown["lastPaymentAmount"] = float(found.last_paid or Decimal(0))
    return shown


def estimate(found: Estimate) -> EstimateLink:
    title, description = TITLES[found.due]
    query = LINES | {"currencycode": found.currency.lower(), "period": found.due.value, "size": "2000"}
    return EstimateLink(
        title=title,
        description=description,
        period=found.due.value,
        currencyCode=found.currency,
        lineItemCount=found.lines,
        subtotal=float(found.net),
        link=link("/invoices/unbilled/lineitems", query),
        attributes=Attributes(objectType="EstimateLink"),
    )
