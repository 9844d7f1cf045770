"""Acts on invoices: drafted, held and released, approved, dropped, drafted anew, paid."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import transaction

from accounts.policy import Action, Actor, authorize
from billing.drafting import Failure, Owed, owed
from billing.enums import InvoiceKind, InvoiceState
from billing.events import (
    InvoiceDrafted,
    InvoiceFact,
    InvoiceHeld,
    InvoicePaid,
    InvoiceReleased,
    InvoiceUnpaid,
    InvoiceVoided,
)
from billing.models import Invoice, InvoiceLine
from billing.periods import Month
from billing.services.numbering import lock_series, number
from customers.models import Customer
from partnerhub import bulk
from partnerhub.errors import InvoiceStateForbids, NotFound
from partnerhub.outbox.recorder import Happening, record, record_many
from publishers.selectors import hub_policy_duration
from subscriptions.terms import midnight

_INVOICE = (
    "id", "kind", "customer_id", "currency", "period_start", "period_end", "state", "net", "tax", "gross", "buyer",
    "seller", "language", "drafted_at", "review_until", "credits_id", "reason", "finalized_by", "local_currency",
    "local_rate_source", "previous_hash", "hash", "paid_by", "payment_reference",
)  # fmt: skip
_LINE = (
    "invoice_id", "position", "charge_id", "stands", "description", "net", "tax_rate", "tax", "tax_reason",
    "credits_id",
)  # fmt: skip


# Drafts with their lines, as `billing.drafting` finds them. Of a draft nothing is known yet from `reason` on.
_KEEP = """
, buyer AS (
SELECT * FROM unnest(%s::uuid[], %s::jsonb[], %s::text[]) AS buyer (customer_id, profile, language)
), kept AS (
INSERT INTO billing_invoice
  (id, kind, customer_id, currency, period_start, period_end, state, net, tax, gross, buyer, seller, language,
   drafted_at, review_until, reason, finalized_by, local_currency, local_rate_source, previous_hash, hash, paid_by,
   payment_reference)
SELECT id, %s, customer_id, currency, %s, %s, %s, net, tax, net + tax, buyer.profile, %s, buyer.language,
       %s, %s, '', '', '', '', '', '', '', ''
  FROM draft JOIN buyer USING (customer_id)
), written AS (
INSERT INTO billing_invoiceline (invoice_id, position, charge_id, stands, description, net, tax_rate, tax, tax_reason)
SELECT invoice_id, position, id, true, names || jsonb_build_object('nickname', nickname), amount, rate, tax, reason
  FROM line
)
SELECT id, customer_id, currency, net + tax, lines FROM draft ORDER BY customer_id, currency COLLATE "C"
"""


@dataclass(slots=True)
class Kept:
    """What came of drafting some customers: how many invoices with how many lines, and who could not be drafted."""

    invoices: int
    lines: int
    failures: list[Failure]


@transaction.atomic
def draft_customers(
    actor: Actor, customer_ids: Sequence[UUID], month: Month, *, at: datetime, currency: str | None = None
) -> Kept:
    """Draft what some customers owe for a month; one that somebody else is drafting right now is left to them.

    Idempotent: a charge stands on one invoice. Raises NotPermitted, SellerIncomplete.
    """
    authorize(actor, Action.INVOICE_MANAGE)
    # Not the key: whoever buys or changes something for the customer meanwhile need not wait.
    locked = Customer.objects.select_for_update(no_key=True, skip_locked=True).filter(pk__in=customer_ids)
    found = owed(list(locked.order_by("pk")), month, currency)
    written = found.ask(_KEEP, _given(found, month, at))
    facts = [_drafted(month, *row) for row in written]
    record_many([Happening(fact, at) for fact in facts], actor=actor)
    return Kept(len(written), sum(lines for *_, lines in written), found.failures)


@transaction.atomic
def hold(actor: Actor, invoice_id: UUID, *, reason: str, at: datetime) -> Invoice:
    """Keep a draft from being finalized when its review is over. Raises NotPermitted, NotFound, InvoiceStateForbids."""
    invoice = _open(actor, invoice_id, "held", InvoiceState.DRAFT)
    return _moved(actor, invoice, InvoiceState.HELD, InvoiceHeld(invoice.pk, {}, reason), at)


@transaction.atomic
def release(actor: Actor, invoice_id: UUID, *, at: datetime) -> Invoice:
    """Let a held draft be finalized when its review is over. Raises as `hold` does."""
    invoice = _open(actor, invoice_id, "released", InvoiceState.HELD)
    return _moved(actor, invoice, InvoiceState.DRAFT, InvoiceReleased(invoice.pk), at)


@transaction.atomic
def approve(actor: Actor, invoice_id: UUID, *, at: datetime) -> Invoice:
    """Finalize a draft, held or not, without waiting for the end of its review.

    Raises NotPermitted, NotFound, InvoiceStateForbids, TaxMoved, ExchangeRateMissing, ClockBehind.
    """
    series = lock_series(InvoiceKind.INVOICE)
    invoice = _open(actor, invoice_id, "finalized", InvoiceState.DRAFT, InvoiceState.HELD)
    for refusal in number(actor, series, [invoice], at=at).values():
        raise refusal
    return invoice


@transaction.atomic
def void(actor: Actor, invoice_id: UUID, *, reason: str, at: datetime) -> Invoice:
    """Drop a draft: its charges stand on no invoice any more and go to the customer's next one. What is finalized is
    credited instead. Raises NotPermitted, NotFound, InvoiceStateForbids.
    """
    invoice = _open(actor, invoice_id, "dropped", InvoiceState.DRAFT, InvoiceState.HELD)
    _moved(actor, invoice, InvoiceState.VOID, InvoiceVoided(invoice.pk, {"gross": str(invoice.gross)}, reason), at)
    invoice.lines.update(stands=False)
    return invoice


@transaction.atomic
def redraft(actor: Actor, invoice_id: UUID, *, reason: str, at: datetime) -> Invoice:
    """Drop a draft and draft the same month anew, by the customer's profile and the seller's as they are now.

    Raises as `void` does, SellerIncomplete, and what keeps the customer from being drafted.
    """
    dropped = void(actor, invoice_id, reason=reason, at=at)
    Customer.objects.select_for_update(no_key=True).get(pk=dropped.customer_id)
    found = draft_customers(actor, [dropped.customer_id], Month(dropped.period_start), at=at, currency=dropped.currency)
    for failure in found.failures:
        raise failure.refusal
    return Invoice.objects.get(drafted_at=at, **_place(dropped))


@transaction.atomic
def mark_paid(actor: Actor, invoice_id: UUID, *, reference: str, at: datetime) -> Invoice:
    """Note that a finalized invoice was paid; nothing is collected here. Raises as `hold` does."""
    invoice = _open(actor, invoice_id, "paid", InvoiceState.FINALIZED)
    if invoice.paid_at is not None:
        raise InvoiceStateForbids(invoice=called(invoice), state="paid", wanted="paid")
    invoice.paid_at, invoice.paid_by, invoice.payment_reference = at, actor.label, reference
    return _paid(actor, invoice, InvoicePaid(invoice.pk, {"reference": reference}), at)


@transaction.atomic
def mark_unpaid(actor: Actor, invoice_id: UUID, *, reason: str, at: datetime) -> Invoice:
    """Take back that an invoice was paid. Raises as `hold` does."""
    invoice = _open(actor, invoice_id, "marked unpaid", InvoiceState.FINALIZED)
    if invoice.paid_at is None:
        raise InvoiceStateForbids(invoice=called(invoice), state="unpaid", wanted="marked unpaid")
    data = {"paid_at": invoice.paid_at.isoformat(), "reference": invoice.payment_reference}
    invoice.paid_at, invoice.paid_by, invoice.payment_reference = None, "", ""
    return _paid(actor, invoice, InvoiceUnpaid(invoice.pk, data, reason), at)


def _paid(actor: Actor, invoice: Invoice, fact: InvoiceFact, at: datetime) -> Invoice:
    invoice.save(update_fields=["paid_at", "paid_by", "payment_reference"])
    record(fact, actor=actor, at=at)
    return invoice


def lock_invoice(invoice_id: UUID) -> Invoice:
    """An invoice, locked. Raises NotFound."""
    invoice = Invoice.objects.select_for_update().filter(pk=invoice_id).first()
    if invoice is None:
        raise NotFound(what="invoice", id=invoice_id)
    return invoice


def called(invoice: Invoice) -> str:
    """How an invoice is named: by its number, a draft by its month."""
    return invoice.number or f"{Month(invoice.period_start)}"


def _open(actor: Actor, invoice_id: UUID, wanted: str, *states: InvoiceState) -> Invoice:
    authorize(actor, Action.INVOICE_MANAGE)
    invoice = lock_invoice(invoice_id)
    if invoice.state not in states or invoice.kind != InvoiceKind.INVOICE:
        state = invoice.state if invoice.kind == InvoiceKind.INVOICE else invoice.kind
        raise InvoiceStateForbids(invoice=called(invoice), state=state, wanted=wanted)
    return invoice


def _moved(actor: Actor, invoice: Invoice, state: InvoiceState, fact: InvoiceFact, at: datetime) -> Invoice:
    invoice.state = state
    invoice.save(update_fields=["state"])
    record(fact, actor=actor, at=at)
    return invoice


def _place(invoice: Invoice) -> dict[str, Any]:
    return {name: getattr(invoice, name) for name in ("kind", "customer_id", "currency", "period_start")}


def _given(found: Owed, month: Month, at: datetime) -> list[Any]:
    """What _KEEP asks for, in its order."""
    review_until = (midnight(at.astimezone(UTC).date()) or at) + hub_policy_duration("invoice_review", at)
    buyers = list(found.taxed)
    return [
        bulk.array(one.pk for one in buyers),
        bulk.array(json.dumps(buyer_profile(one)) for one in buyers),
        bulk.array(one.language for one in buyers),
        InvoiceKind.INVOICE, month.start, month.end, InvoiceState.DRAFT, json.dumps(found.seller), at, review_until,
    ]  # fmt: skip


def insert_invoices(invoices: Iterable[Invoice]) -> None:
    """Write new drafts in one statement."""
    bulk.insert("billing_invoice", _INVOICE, (_values(invoice, _INVOICE) for invoice in invoices))


def insert_lines(lines: Iterable[InvoiceLine]) -> None:
    """Write new lines of drafts in one statement, which the database then checks against their charges."""
    bulk.insert("billing_invoiceline", _LINE, (_values(line, _LINE) for line in lines))


def _values(row: Invoice | InvoiceLine, columns: Iterable[str]) -> list[Any]:
    values = (getattr(row, column) for column in columns)
    return [json.dumps(value) if isinstance(value, dict) else value for value in values]


def buyer_profile(customer: Customer) -> dict[str, str]:
    """Who is billed, as the invoice keeps it."""
    names = ("name", "domain", "address_line", "postal_code", "city", "region", "country", "vat_id")
    contact = {
        "contact": f"{customer.billing_first_name} {customer.billing_last_name}",
        "email": customer.billing_email,
    }
    return {name: getattr(customer, name) for name in names} | contact


def _drafted(
    month: Month, invoice_id: UUID, customer_id: UUID, currency: str, gross: Decimal, lines: int
) -> InvoiceDrafted:
    told = {"customer": str(customer_id), "currency": currency, "period": str(month), "gross": str(gross)}
    return InvoiceDrafted(invoice_id, told | {"lines": lines})
