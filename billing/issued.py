"""What was issued: finalized invoices and credit notes by their numbers, and what is still open of them."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from django.db.models import F, Max, Min, Prefetch, Q, QuerySet, Sum

from accounts.policy import Actor
from billing.enums import InvoiceKind, InvoiceState
from billing.models import Invoice
from billing.selectors import invoices_visible_to
from partnerhub.errors import NotFound

_NOTE = Q(kind=InvoiceKind.CREDIT_NOTE)
_INVOICE = Q(kind=InvoiceKind.INVOICE)
# A note counts against an unpaid invoice; one that came after the payment is owed to the customer.
_OPEN = (_INVOICE & Q(paid_at=None)) | (_NOTE & (Q(credits__paid_at=None) | Q(finalized_at__gt=F("credits__paid_at"))))


@dataclass(frozen=True, slots=True)
class Balance:
    """What customers owe in one currency, and when they were last invoiced and last paid. Days are UTC."""

    currency: str
    owed: Decimal = Decimal(0)
    first_issued_on: date | None = None
    last_issued_on: date | None = None
    last_paid_at: datetime | None = None
    last_paid: Decimal | None = None


def issued_visible_to(actor: Actor) -> QuerySet[Invoice]:
    """Finalized invoices and credit notes, the newest first, each with its own credit notes. Raises NotPermitted."""
    return _issued(invoices_visible_to(actor))


def _issued(invoices: QuerySet[Invoice]) -> QuerySet[Invoice]:
    notes = Prefetch("credit_notes", queryset=Invoice.objects.filter(state=InvoiceState.FINALIZED).order_by("serial"))
    return invoices.filter(state=InvoiceState.FINALIZED).prefetch_related(notes)


def issued_for(actor: Actor, number: str) -> Invoice:
    """The finalized invoice or credit note of a number. Raises NotFound, for a draft's id too, NotPermitted."""
    return _numbered(issued_visible_to(actor), number)


def issued_by_number(number: str) -> Invoice:
    """The same for whoever was given a signed link to it. Raises NotFound."""
    return _numbered(_issued(Invoice.objects.all()), number)


def _numbered(invoices: QuerySet[Invoice], number: str) -> Invoice:
    found = invoices.filter(number=number).first()
    if found is None:
        raise NotFound(what="invoice", id=number[:64])
    return found


def paid_of(invoice: Invoice) -> Decimal:
    """What was paid for an issued invoice: what its credit notes had left of it by then. Nothing for a credit note."""
    paid_at = invoice.paid_at
    if paid_at is None:
        return Decimal(0)
    credited = (note.gross for note in invoice.credit_notes.all() if note.finalized_at and note.finalized_at <= paid_at)
    return invoice.gross + sum(credited, Decimal(0))


def balances(actor: Actor) -> list[Balance]:
    """What is owed in each currency that was invoiced in, by currency; nothing is converted. Raises NotPermitted."""
    issued = issued_visible_to(actor).order_by("currency")
    figures = issued.values("currency").annotate(
        owed=Sum("gross", filter=_OPEN),
        first_issued_on=Min("issued_on", filter=_INVOICE),
        last_issued_on=Max("issued_on", filter=_INVOICE),
        last_paid_at=Max("paid_at"),
    )
    newest = issued.exclude(paid_at=None).order_by("currency", "-paid_at", "-id").distinct("currency")
    paid = {invoice.currency: paid_of(invoice) for invoice in newest}
    return [
        Balance(**row | {"owed": row["owed"] or Decimal(0)}, last_paid=paid.get(row["currency"])) for row in figures
    ]
