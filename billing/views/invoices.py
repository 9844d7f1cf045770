"""Invoices and credit notes: the list of all, a customer's, and one of them with its lines."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.db.models import Count, QuerySet, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from accounts.middleware import actor_of
from billing.drafting import draft, unbilled
from billing.enums import InvoiceKind, InvoiceState, TaxReason
from billing.filters import InvoiceFilter
from billing.forecasting import NextInvoice, next_invoices
from billing.models import Invoice, InvoiceLine
from billing.pdf import LANGUAGES, file_name, pdf_of
from billing.periods import Month
from billing.selectors import invoice_for, invoices_visible_to
from billing.views.acts import controls_of
from billing.views.frame import frame
from billing.words import KIND, STATE, TAX_REASON, charge_kind, charge_part, charge_share
from customers.models import Customer
from customers.selectors import customer_for
from partnerhub.clock import now
from partnerhub.errors import HubError
from partnerhub.money import Money
from partnerhub.outbox.models import Entry
from partnerhub.web.pages import keyset_page
from partnerhub.web.refusals import sentence_of
from partnerhub.web.templatetags.hub import absolute, day_text
from subscriptions.selectors import within
from subscriptions.views.customers import customer_frame
from subscriptions.views.listing import is_partial
from subscriptions.views.timeline import happenings

LINES_A_PAGE = 100
UNBILLED_SHOWN = 50
TONE = {
    InvoiceState.DRAFT: "wait",
    InvoiceState.HELD: "attention",
    InvoiceState.FINALIZED: "ok",
    InvoiceState.VOID: "off",
}


@dataclass(frozen=True, slots=True)
class InvoiceRow:
    """An invoice in a list. `last_day` of its period is included."""

    url: str
    name: str
    kind: str
    is_credit: bool
    customer: Customer
    first_day: date
    last_day: date
    net: Money
    tax: Money
    gross: Money
    tone: str
    word: str
    note: str
    due_on: date | None


def invoice_row(invoice: Invoice, today: date) -> InvoiceRow:
    """The row of an invoice that was read with its customer; `today` (UTC) decides what is overdue."""
    tone, word, note = badge_of(invoice, today)
    net, tax, gross = (Money(amount, invoice.currency) for amount in (invoice.net, invoice.tax, invoice.gross))
    is_credit = invoice.kind == InvoiceKind.CREDIT_NOTE
    return InvoiceRow(
        url=reverse("billing:invoice", args=[invoice.pk]),
        name=name_of(invoice),
        kind=str(KIND[InvoiceKind(invoice.kind)]),
        is_credit=is_credit,
        customer=invoice.customer,
        first_day=invoice.period_start,
        last_day=invoice.period_end - timedelta(days=1),
        net=net,
        tax=tax,
        gross=gross,
        tone=tone,
        word=word,
        note=note,
        due_on=None if is_credit else invoice.due_on,
    )


def name_of(invoice: Invoice) -> str:
    """The number, or what it is while it has none."""
    return invoice.number or _("Draft of {month}").format(month=f"{invoice.period_start:%Y-%m}")


def badge_of(invoice: Invoice, today: date) -> tuple[str, str, str]:
    """Tone, word and reason of the state: what becomes of a draft, whether a final one is paid."""
    state = InvoiceState(invoice.state)
    tone, word = TONE[state], str(STATE[state])
    if state == InvoiceState.DRAFT:
        return tone, word, _("Finalized after {moment}").format(moment=absolute(invoice.review_until))
    if state == InvoiceState.HELD:
        return tone, word, _("Not finalized until it is released")
    if state != InvoiceState.FINALIZED or invoice.kind == InvoiceKind.CREDIT_NOTE:
        return tone, word, ""
    if invoice.gross <= 0:
        return tone, word, _("Nothing to pay")
    if invoice.paid_at is not None:
        return "ok", _("Paid"), day_text(invoice.paid_at.astimezone(UTC).date())
    if invoice.due_on is not None and invoice.due_on < today:
        return "attention", _("Overdue"), _("since {day}").format(day=day_text(invoice.due_on))
    return "info", word, _("Not paid yet")


@require_safe
@login_required
def invoices(request: HttpRequest) -> HttpResponse:
    """Every invoice and credit note."""
    actor = actor_of(request)
    context = _listed(request, invoices_visible_to(actor))
    if is_partial(request):
        return render(request, "billing/_invoices.html", context)
    month = Month.of(now().astimezone(UTC).date())
    owed = within(unbilled(month.begins_next), actor).values("currency")
    open_sums = owed.annotate(net=Sum("amount"), lines=Count("id"))
    unbilled_sums = [
        {"net": Money(row["net"], row["currency"]), "lines": row["lines"]} for row in open_sums.order_by("currency")
    ]
    return render(request, "billing/invoices.html", context | {"unbilled": unbilled_sums} | frame(actor, "invoices"))


@require_safe
@login_required
def customer_invoices(request: HttpRequest, customer_id: UUID) -> HttpResponse:
    """The Invoices tab of a customer, and what the running month owes so far: a draft that is not kept."""
    actor = actor_of(request)
    customer = customer_for(actor, customer_id)
    context = _listed(request, invoices_visible_to(actor).filter(customer=customer)) | {"customer": customer}
    if is_partial(request):
        return render(request, "billing/_invoices.html", context)
    frame_of = customer_frame(actor, customer, "customer_invoices")
    told = _estimate(customer, now()) | {"next_invoices": _next_invoices(customer, now())}
    return render(request, "billing/customer.html", context | told | frame_of)


def _listed(request: HttpRequest, found: QuerySet[Invoice]) -> dict[str, Any]:
    today = now().astimezone(UTC).date()
    filters = InvoiceFilter(request.GET, found, today=today)
    page = keyset_page(filters.qs, ("-drafted_at", "-id"), request.GET)
    return {
        "filter": filters,
        "address": request.path,
        "rows": [invoice_row(invoice, today) for invoice in page.rows],
        "totals": _totals(filters.qs),
        "previous_url": page.previous_url,
        "next_url": page.next_url,
    }


def _totals(found: QuerySet[Invoice]) -> list[dict[str, Any]]:
    """The sums by currency of what the filter leaves, without dropped drafts; credit notes count against invoices."""
    rows = found.exclude(state=InvoiceState.VOID).order_by("currency").values("currency")
    return [
        {
            "invoices": row["invoices"],
            "net": Money(row["net"], row["currency"]),
            "tax": Money(row["tax"], row["currency"]),
            "gross": Money(row["gross"], row["currency"]),
        }
        for row in rows.annotate(invoices=Count("id"), net=Sum("net"), tax=Sum("tax"), gross=Sum("gross"))
    ]


def _estimate(customer: Customer, at: datetime) -> dict[str, Any]:
    """What would be drafted for the customer if the month ended now; or why it could not be."""
    month = Month.of(at.astimezone(UTC).date())
    try:
        found = draft([customer], month)
    except HubError as refusal:
        return {"estimates": [], "no_estimate": sentence_of(refusal), "month": month}
    estimates = [
        {
            "net": Money(one.net, one.currency),
            "tax": Money(one.tax, one.currency),
            "gross": Money(one.gross, one.currency),
            "lines": [
                {"names": line.names, "net": Money(line.net, one.currency), "url": _subscription(line.subscription_id)}
                for line in one.lines[:UNBILLED_SHOWN]
            ],
            "more": max(0, len(one.lines) - UNBILLED_SHOWN),
        }
        for one in found.drafts
    ]
    failures = [sentence_of(failure.refusal) for failure in found.failures]
    return {"estimates": estimates, "no_estimate": " ".join(failures), "month": month}


def _next_invoices(customer: Customer, at: datetime) -> list[NextInvoice]:
    """None where nothing can be drafted: the estimate says why."""
    try:
        return next_invoices(customer, at=at)
    except HubError:
        return []


def _subscription(subscription_id: UUID | str) -> str:
    return reverse("subscriptions:detail", args=[subscription_id])


@require_safe
@login_required
def invoice(request: HttpRequest, invoice_id: UUID) -> HttpResponse:
    """One invoice or credit note: who, how much, every line, what was credited and what happened to it."""
    actor = actor_of(request)
    found = invoice_for(actor, invoice_id)
    lines = found.lines.select_related("charge__cause")
    page = keyset_page(lines, ("position", "id"), request.GET, LINES_A_PAGE)
    context = {
        "invoice": found,
        "row": invoice_row(found, now().astimezone(UTC).date()),
        "facts": _facts(found),
        "lines": [_line(line, found) for line in page.rows],
        "taxes": _taxes(found),
        "local": _local(found),
        "notes": [_note(note) for note in found.credit_notes.order_by("serial")],
        "credits": found.credits and _note(found.credits),
        "controls": controls_of(actor, found),
        "events": happenings(Entry.objects.filter(stream_id=found.pk).order_by("-at", "-sequence")[:50]),
        "previous_url": page.previous_url,
        "next_url": page.next_url,
        "languages": LANGUAGES,
        "crumbs": _crumbs(found),
    }
    return render(request, "billing/invoice.html", context)


@require_safe
@login_required
def invoice_pdf(request: HttpRequest, invoice_id: UUID) -> HttpResponse:
    """The document, in the customer's language or in `?language=`."""
    found = invoice_for(actor_of(request), invoice_id)
    wanted = request.GET.get("language", "")
    response = HttpResponse(pdf_of(found, wanted if wanted in LANGUAGES else ""), content_type="application/pdf")
    response["Content-Disposition"] = f'inline; filename="{file_name(found)}"'
    return response


def _crumbs(found: Invoice) -> list[dict[str, str]]:
    customer = {"url": reverse("billing:customer_invoices", args=[found.customer_id]), "label": found.customer.name}
    return [{"url": reverse("billing:invoices"), "label": _("Invoices")}, customer]


def _facts(found: Invoice) -> list[dict[str, Any]]:
    last_day = found.period_end - timedelta(days=1)
    facts = [
        (_("Customer"), found.buyer["name"], found.buyer["vat_id"]),
        (_("Period"), f"{day_text(found.period_start)} – {day_text(last_day)}", ""),
        (_("Drafted"), absolute(found.drafted_at), ""),
        (_("Issued"), found.issued_on and day_text(found.issued_on), found.finalized_by),
        (_("Payment due"), found.due_on and found.kind == InvoiceKind.INVOICE and day_text(found.due_on), ""),
        (_("Paid"), found.paid_at and absolute(found.paid_at), _by(found)),
        (_("Reason"), found.reason, ""),
        (_("Seller"), found.seller["name"], found.seller["vat_id"]),
    ]
    return [{"term": term, "value": value, "note": note} for term, value, note in facts if value]


def _by(found: Invoice) -> str:
    return ", ".join(filter(None, [found.paid_by, found.payment_reference]))


def _line(line: InvoiceLine, found: Invoice) -> dict[str, Any]:
    charge, part = line.charge, charge_part(line.charge)
    kind = charge_kind(charge)
    return {
        "position": line.position,
        "names": line.description,
        "url": reverse("billing:line", args=[found.pk, line.position]),
        "kind": f"{kind}: {part}" if part else kind,
        "first_day": charge.period_start,
        "last_day": charge.period_end - timedelta(days=1),
        "share": charge_share(charge),
        "quantity": charge.quantity,
        "unit_price": Money(charge.unit_price, found.currency),
        "net": Money(line.net, found.currency),
        "rate": line.tax_rate,
        "tax": Money(line.tax, found.currency),
    }


def _taxes(found: Invoice) -> list[dict[str, Any]]:
    rows = found.lines.order_by("-tax_rate", "tax_reason").values("tax_rate", "tax_reason")
    return [
        {
            "rate": row["tax_rate"],
            "reason": TAX_REASON[TaxReason(row["tax_reason"])],
            "net": Money(row["net_sum"], found.currency),
            "tax": Money(row["tax_sum"], found.currency),
        }
        for row in rows.annotate(net_sum=Sum("net"), tax_sum=Sum("tax"))
    ]


def _local(found: Invoice) -> dict[str, Any] | None:
    """The tax in the seller's own currency, where the invoice is in another."""
    if found.local_tax is None or found.local_rate is None:
        return None
    return {
        "tax": Money(found.local_tax, found.local_currency),
        "net": Money(found.local_net or Decimal(0), found.local_currency),
        "rate": number_format(found.local_rate, decimal_pos=4),
        "source": found.local_rate_source,
        "on": found.local_rate_on,
    }


def _note(note: Invoice) -> dict[str, Any]:
    return {
        "url": reverse("billing:invoice", args=[note.pk]),
        "number": note.number,
        "gross": Money(note.gross, note.currency),
        "issued_on": note.issued_on,
        "reason": note.reason,
    }
