"""Finalizing: numbers without gaps, due dates, the tax in the seller's own currency, and the chain of hashes."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef

from billing.enums import InvoiceKind, InvoiceState
from billing.events import InvoiceFinalized
from billing.models import ExchangeRate, Invoice, InvoiceLine, InvoiceSeries
from billing.tax import LOCAL_CURRENCY
from partnerhub import bulk
from partnerhub.errors import ClockBehind, ExchangeRateMissing, HubError, TaxMoved
from partnerhub.money import smallest_unit
from partnerhub.outbox.recorder import Author, Happening, digest, record_many
from publishers.selectors import hub_policy_duration

_WRITTEN = (
    "state", "serial", "number", "issued_on", "due_on", "finalized_at", "finalized_by", "local_currency", "local_rate",
    "local_rate_on", "local_rate_source", "local_net", "local_tax", "previous_hash", "hash",
)  # fmt: skip
# Of a line, by `content`: there are many, and reading all of each with its charge would take most of the time.
_PROTECTED = (
    "invoice_id", "position", "charge_id", "description", "net", "tax_rate", "tax", "tax_reason", "credits_id",
)  # fmt: skip


def lock_series(kind: InvoiceKind) -> InvoiceSeries:
    """The counter of a kind; lock it before the invoices that it numbers."""
    return InvoiceSeries.objects.select_for_update().get(pk=kind)


def number(actor: Author, series: InvoiceSeries, invoices: Sequence[Invoice], *, at: datetime) -> dict[UUID, HubError]:
    """Finalize locked drafts in the given order, the series locked before them; returns those that cannot be, and why.

    Raises ClockBehind when the newest number is of a later day.
    """
    last = Invoice.objects.filter(kind=series.kind, serial=series.last_serial).first()
    today = at.astimezone(UTC).date()
    if last is not None and last.issued_on is not None and last.issued_on > today:
        raise ClockBehind(at=f"{at:%Y-%m-%d %H:%M}", newest=f"{last.issued_on:%Y-%m-%d}")
    lines, rates, moved = _lines_of(invoices), _Rates(today), _taxed_otherwise(invoices)
    due_on = today + hub_policy_duration("invoice_due_within", at)
    refused: dict[UUID, HubError] = {}
    numbered: list[Invoice] = []
    previous_hash = last.hash if last else ""
    for invoice in invoices:
        try:
            if invoice.pk in moved:
                raise TaxMoved(invoice=f"{invoice.period_start:%Y-%m}")
            rates.put_on(invoice)
        except (TaxMoved, ExchangeRateMissing) as error:
            # Kept until the run ends: its traceback would keep all lines of these invoices with it.
            refused[invoice.pk] = error.with_traceback(None)
            continue
        invoice.serial = series.last_serial + len(numbered) + 1
        invoice.number = f"{series.prefix}{invoice.serial:09d}"
        invoice.issued_on, invoice.due_on = today, due_on
        invoice.state, invoice.finalized_at, invoice.finalized_by = InvoiceState.FINALIZED, at, actor.label
        invoice.previous_hash = previous_hash
        previous_hash = invoice.hash = digest(content(invoice, lines[invoice.pk]), previous_hash)
        numbered.append(invoice)
    if numbered:
        bulk.update("billing_invoice", _WRITTEN, [_row(invoice) for invoice in numbered])
        series.last_serial += len(numbered)
        series.save(update_fields=["last_serial"])
        record_many([Happening(_finalized(invoice), at) for invoice in numbered], actor=actor)
    return refused


def content(invoice: Invoice, lines: Iterable[InvoiceLine]) -> dict[str, Any]:
    """What the hash of a finalized invoice protects: all but its payment. A line holds the hash of its charge."""
    local = (invoice.local_rate, invoice.local_net, invoice.local_tax)
    return {
        "id": str(invoice.pk),
        "kind": str(invoice.kind),
        "number": [invoice.serial, invoice.number],
        "customer": str(invoice.customer_id),
        "currency": invoice.currency,
        "period": [str(invoice.period_start), str(invoice.period_end)],
        "amounts": [f"{amount:.4f}" for amount in (invoice.net, invoice.tax, invoice.gross)],
        "buyer": invoice.buyer,
        "seller": invoice.seller,
        "language": invoice.language,
        "days": [str(invoice.issued_on), str(invoice.due_on)],
        "finalized": [invoice.finalized_at and invoice.finalized_at.astimezone(UTC).isoformat(), invoice.finalized_by],
        "credits": str(invoice.credits_id or ""),
        "reason": invoice.reason,
        "local": [
            invoice.local_currency,
            str(invoice.local_rate_on or ""),
            invoice.local_rate_source,
            *("" if value is None else f"{value:.6f}" for value in local),
        ],
        "lines": [_content_of(line) for line in lines],
    }


def _content_of(line: InvoiceLine) -> dict[str, Any]:
    return {
        "position": line.position,
        "charge": [str(line.charge_id), line.charge.hash],
        "net": f"{line.net:.4f}",
        "tax": [f"{line.tax_rate:.2f}", f"{line.tax:.4f}", str(line.tax_reason)],
        "description": line.description,
        "credits": str(line.credits_id or ""),
    }


def _lines_of(invoices: Sequence[Invoice]) -> dict[UUID, list[InvoiceLine]]:
    lines = InvoiceLine.objects.filter(invoice__in=invoices).select_related("charge").order_by("position")
    lines = lines.only(*_PROTECTED, "charge__hash")
    found: dict[UUID, list[InvoiceLine]] = defaultdict(list)
    for line in lines:
        found[line.invoice_id].append(line)
    return found


def _taxed_otherwise(invoices: Sequence[Invoice]) -> set[UUID]:
    """Those with a credit whose charge stands with another tax than it had when they were drafted."""
    charged = InvoiceLine.objects.filter(charge=OuterRef("charge__reverses"), stands=True)
    moved = charged.exclude(tax_rate=OuterRef("tax_rate"), tax_reason=OuterRef("tax_reason"))
    return set(InvoiceLine.objects.filter(Exists(moved), invoice__in=invoices).values_list("invoice_id", flat=True))


def _row(invoice: Invoice) -> dict[str, Any]:
    return {"id": invoice.pk, **{name: getattr(invoice, name) for name in _WRITTEN}}


def _finalized(invoice: Invoice) -> InvoiceFinalized:
    data = {
        "number": invoice.number,
        "customer": str(invoice.customer_id),
        "currency": invoice.currency,
        "gross": str(invoice.gross),
        "due_on": str(invoice.due_on),
        "hash": invoice.hash,
    }
    return InvoiceFinalized(invoice.pk, data, invoice.reason)


class _Rates:
    """Exchange rates into the seller's own currency, the newest from before a day, each read once. A credit note takes
    back what its invoice told the tax office, so at that invoice's rate.
    """

    def __init__(self, day: date) -> None:
        self._day = day
        self._found: dict[tuple[str, str], ExchangeRate | None] = {}

    def put_on(self, invoice: Invoice) -> None:
        """Write the tax in the currency of the seller's tax office onto an invoice in another. Raises
        ExchangeRateMissing.
        """
        into = LOCAL_CURRENCY.get(invoice.seller["country"], invoice.currency)
        if into == invoice.currency:
            return
        first = invoice.credits
        if first is not None and first.local_rate is not None:
            rate, published_on, source = first.local_rate, first.local_rate_on, first.local_rate_source
        else:
            newest = self._newest(invoice.currency, into)
            rate, published_on, source = newest.rate, newest.published_on, newest.source
        invoice.local_currency, invoice.local_rate = into, rate
        invoice.local_rate_on, invoice.local_rate_source = published_on, source
        invoice.local_net = converted(invoice.net, rate, into)
        invoice.local_tax = converted(invoice.tax, rate, into)

    def _newest(self, currency: str, into: str) -> ExchangeRate:
        pair = (currency, into)
        if pair not in self._found:
            known = ExchangeRate.objects.filter(currency=currency, into=into, published_on__lt=self._day)
            self._found[pair] = known.order_by("-published_on").first()
        newest = self._found[pair]
        if newest is None:
            raise ExchangeRateMissing(currency=currency, into=into, day=f"{self._day:%Y-%m-%d}")
        return newest


def converted(amount: Decimal, rate: Decimal, into: str) -> Decimal:
    """An amount in another currency, rounded half up to its smallest unit."""
    return (amount * rate).quantize(smallest_unit(into), ROUND_HALF_UP)
