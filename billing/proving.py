"""Invoices proved: every line against its charge, its tax and its sums recomputed, numbers and hashes in order."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import timedelta
from decimal import Decimal
from itertools import islice
from typing import Any
from uuid import UUID

from django.db.models import Exists, F, OuterRef, Subquery, Sum
from django.db.models.fields.json import KT

from billing.drafting import unbilled
from billing.enums import InvoiceKind, InvoiceState
from billing.events import InvoiceDrafted, InvoiceFinalized, InvoicePaid, InvoiceUnpaid
from billing.models import BillingRun, Invoice, InvoiceLine, InvoiceSeries
from billing.periods import Month
from billing.replaying import Fault, row_of
from billing.services.numbering import content, converted
from billing.tax import tax_on
from partnerhub.outbox.models import Event
from partnerhub.outbox.recorder import digest

INVOICES_AT_ONCE = 500


def invoice_row(invoice: Invoice) -> str:
    """How an invoice is named in a report."""
    return f"invoice {invoice.pk} ({invoice.number or invoice.state})"


def with_lines() -> Iterator[tuple[Invoice, list[InvoiceLine]]]:
    """Every invoice with its lines and their charges, the numbered ones in the order of their series."""
    ordered = Invoice.objects.order_by("kind", F("serial").asc(nulls_last=True), "id")
    rows = ordered.iterator(chunk_size=INVOICES_AT_ONCE)
    while some := list(islice(rows, INVOICES_AT_ONCE)):
        lines: dict[UUID, list[InvoiceLine]] = defaultdict(list)
        found = InvoiceLine.objects.filter(invoice__in=some).select_related("charge", "credits")
        for line in found.order_by("position"):
            lines[line.invoice_id].append(line)
        yield from ((invoice, lines[invoice.pk]) for invoice in some)


def invoice_faults() -> Iterator[tuple[int, list[Fault]]]:
    """Of each invoice how many lines it has and its faults; at last what the event log tells otherwise, the faults of
    the series and what nobody has billed.
    """
    before: Invoice | None = None
    last: dict[str, int] = dict.fromkeys(InvoiceKind, 0)
    for invoice, lines in with_lines():
        problems = [*_line_problems(invoice, lines), *_sum_problems(invoice, lines)]
        if invoice.state == InvoiceState.FINALIZED:
            follows = before if before is not None and before.kind == invoice.kind else None
            problems.extend(_number_problems(invoice, lines, follows))
            before, last[invoice.kind] = invoice, invoice.serial or 0
        yield len(lines), [Fault(invoice_row(invoice), problem) for problem in problems]
    yield 0, [*_told_faults(), *_lost_faults(), *_note_faults(), *_series_faults(last), *_unbilled_faults()]


def _line_problems(invoice: Invoice, lines: list[InvoiceLine]) -> Iterator[str]:
    for place, line in enumerate(lines, 1):
        if line.position != place:
            yield f"line {place} is missing"
            return
        for problem in _problems_of(invoice, line):
            yield f"line {place} {problem}"


def _problems_of(invoice: Invoice, line: InvoiceLine) -> Iterator[str]:
    charge = line.charge
    if (charge.amount, charge.currency, charge.customer_id) != (line.net, invoice.currency, invoice.customer_id):
        yield f"is not its charge: {line.net} {invoice.currency}, charged {charge.amount} {charge.currency}"
    if charge.recorded_at >= Month.of(invoice.period_start).begins_next:
        yield f"was charged {charge.recorded_at:%Y-%m-%d}, after the month {Month.of(invoice.period_start)}"
    if line.tax != (right := tax_on(line.net, line.tax_rate, invoice.currency)):
        yield f"has a tax of {line.tax}, recomputed {right}"
    if line.stands == (invoice.state == InvoiceState.VOID):
        yield "stands on a dropped invoice" if line.stands else "does not stand any more"
    credited = (line.credits.invoice_id, line.credits.charge_id) if line.credits else None
    if credited != ((invoice.credits_id, charge.reverses_id) if invoice.kind == InvoiceKind.CREDIT_NOTE else None):
        yield "credits another line than it says"


def _sum_problems(invoice: Invoice, lines: list[InvoiceLine]) -> Iterator[str]:
    net, tax = sum(line.net for line in lines), sum(line.tax for line in lines)
    if not lines:
        yield "has no lines"
    for name, stored, right in (
        ("net", invoice.net, net),
        ("tax", invoice.tax, tax),
        ("gross", invoice.gross, net + tax),
    ):
        if stored != right:
            yield f"its {name} is {stored}, recomputed {right}"
    if invoice.local_rate is not None:
        right = converted(invoice.tax, invoice.local_rate, invoice.local_currency)
        if invoice.local_tax != right:
            yield f"its tax in {invoice.local_currency} is {invoice.local_tax}, recomputed {right}"


def _number_problems(invoice: Invoice, lines: list[InvoiceLine], follows: Invoice | None) -> Iterator[str]:
    serial = (follows.serial or 0) + 1 if follows else 1
    if invoice.serial != serial:
        yield f"its serial is {invoice.serial}, but {serial} was to follow"
    if invoice.previous_hash != (follows.hash if follows else ""):
        yield "does not continue the chain of the invoice before it"
    if invoice.hash != digest(content(invoice, lines), invoice.previous_hash):
        yield "its content does not match its hash"
    if follows and invoice.issued_on and follows.issued_on and invoice.issued_on < follows.issued_on:
        yield f"is of {invoice.issued_on}, before the number before it"


def _told_faults() -> Iterator[Fault]:
    """The event log, a chain of its own, knows what was drafted, the hash of what was finalized, and who has paid."""
    payments = [InvoicePaid.name, InvoiceUnpaid.name]
    invoices = Invoice.objects.exclude(state=InvoiceState.VOID).annotate(
        gross_told=_told(InvoiceDrafted.name, told="data__gross"),
        hash_told=_told(InvoiceFinalized.name, told="data__hash"),
        payment=_told(*payments, told="name"),
        paid_at_told=_told(*payments, told="at"),
        reference_told=_told(*payments, told="data__reference"),
    )
    for invoice in invoices.order_by("kind", "serial", "id").iterator(chunk_size=INVOICES_AT_ONCE):
        for problem in _told_problems(invoice, vars(invoice)):
            yield Fault(invoice_row(invoice), problem)


def _told(*names: str, told: str) -> Subquery:
    """What the last event of these names tells of an invoice, as text."""
    events = Event.objects.filter(stream_id=OuterRef("pk"), name__in=names).order_by("-sequence")
    what = KT(told) if told.startswith("data__") else F(told)
    return Subquery(events.annotate(told=what).values("told")[:1])


def _told_problems(invoice: Invoice, told: dict[str, Any]) -> Iterator[str]:
    if invoice.kind == InvoiceKind.INVOICE and Decimal(told["gross_told"] or 0) != invoice.gross:
        yield f"its gross is {invoice.gross}, drafted was {told['gross_told']}"
    if (told["hash_told"] or "") != invoice.hash:
        yield "is not what was finalized"
    is_paid = told["payment"] == InvoicePaid.name
    paid = (told["paid_at_told"], told["reference_told"]) if is_paid else (None, "")
    if (invoice.paid_at, invoice.payment_reference) != paid:
        yield "its payment is not what was noted"


def _lost_faults() -> Iterator[Fault]:
    """What was finalized is still there."""
    there = Invoice.objects.filter(pk=OuterRef("stream_id"), state=InvoiceState.FINALIZED)
    told = Event.objects.filter(~Exists(there), name=InvoiceFinalized.name)
    for event in told.order_by("at", "id").iterator():
        yield Fault(f"invoice {event.stream_id} ({event.data['number']})", "was finalized, and is not there")


def _note_faults() -> Iterator[Fault]:
    invoices = Invoice.objects.filter(kind=InvoiceKind.INVOICE).annotate(noted=Sum("credit_notes__net"))
    for invoice in invoices.filter(noted__lt=-F("net")).order_by("serial").iterator():
        yield Fault(invoice_row(invoice), "its credit notes come to more than it charged")


def _series_faults(last: dict[str, int]) -> Iterator[Fault]:
    for series in InvoiceSeries.objects.order_by("kind"):
        if series.last_serial != last[series.kind]:
            row = f"series {series.prefix}"
            yield Fault(row, f"counts {series.last_serial} numbers, {last[series.kind]} are there")


def _unbilled_faults() -> Iterable[Fault]:
    """Charges of before the newest month that is drafted for everybody are on an invoice; who was dropped, waits."""
    newest = BillingRun.objects.filter(finished_at__isnull=False).order_by("-month").first()
    if newest is None:
        return
    begins = Month.of(newest.month - timedelta(days=1)).begins_next
    waiting = Exists(InvoiceLine.objects.filter(charge=OuterRef("pk"), stands=False))
    for charge in unbilled(begins).exclude(amount=0).exclude(waiting).order_by("customer_id", "id").iterator():
        yield Fault(row_of(charge), "stands on no invoice")
