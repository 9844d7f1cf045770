"""Credit notes: what an invoice charged is credited in the ledger and on a note of its own, at once and for good."""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

from django.db import transaction
from django.db.models import Sum

from accounts.policy import SYSTEM, Action, Actor, authorize
from billing.enums import InvoiceKind, InvoiceState
from billing.events import InvoiceCredited, SubscriptionCredited
from billing.hearing import CONSUMER
from billing.models import Charge, Invoice, InvoiceLine
from billing.periods import Month
from billing.selectors import is_behind
from billing.services.charging import take_in
from billing.services.invoices import called, insert_invoices, insert_lines, lock_invoice
from billing.services.numbering import lock_series, number
from billing.tax import tax_on
from partnerhub.errors import CreditBeyondInvoice, InvoiceStateForbids, LedgerBehind, NothingToCredit
from partnerhub.money import Money
from partnerhub.outbox.models import Delivery
from partnerhub.outbox.recorder import record
from subscriptions.models import Subscription


@transaction.atomic
def credit(
    actor: Actor, invoice_id: UUID, *, positions: Collection[int] | None = None, reason: str, at: datetime
) -> Invoice:
    """Credit a finalized invoice, whole or some of its lines (by position), with a credit note; returns the note.

    Of each line that charged something it credits what is left, so nothing is credited twice: what the ledger credits
    elsewhere is not credited here. The whole invoice is credited as far as anything is left of it, what stands for
    itself before what a change charged anew. Raises NotPermitted, NotFound, InvoiceStateForbids, NothingToCredit,
    CreditBeyondInvoice, LedgerBehind, ExchangeRateMissing, ClockBehind.
    """
    authorize(actor, Action.INVOICE_MANAGE)
    series = lock_series(InvoiceKind.CREDIT_NOTE)
    invoice = lock_invoice(invoice_id)
    if invoice.state != InvoiceState.FINALIZED or invoice.kind != InvoiceKind.INVOICE:
        state = invoice.state if invoice.kind == InvoiceKind.INVOICE else invoice.kind
        raise InvoiceStateForbids(invoice=called(invoice), state=state, wanted="credited")
    lines = _charging(invoice, positions)
    limits = _left(invoice, lines) if positions is None else {}
    credits = _credit_charges(actor, invoice, lines, limits, reason, at)
    if not credits:
        raise NothingToCredit(invoice=called(invoice))
    note = _note(invoice, lines, credits, reason, at)
    _check_within(invoice)
    for refusal in number(actor, series, [note], at=at).values():
        raise refusal
    record(InvoiceCredited(invoice.pk, {"number": note.number, "gross": str(note.gross)}, reason), actor=actor, at=at)
    return note


def _charging(invoice: Invoice, positions: Collection[int] | None) -> dict[UUID, InvoiceLine]:
    """The lines that charged something, by their charges."""
    lines = invoice.lines.select_related("charge").filter(net__gt=0)
    wanted = lines if positions is None else lines.filter(position__in=positions)
    return {line.charge_id: line for line in wanted.order_by("position")}


def _left(invoice: Invoice, lines: dict[UUID, InvoiceLine]) -> dict[UUID, Decimal]:
    """The lines, by their charges, of which the whole invoice credits less than is left, and how much: all of it
    together is what is left of the invoice.
    """
    left = invoice.net + (invoice.credit_notes.aggregate(net=Sum("net"))["net"] or Decimal(0))
    credited = Charge.objects.filter(reverses__in=lines).values_list("reverses").annotate(Sum("amount"))
    taken = dict(credited.order_by())
    limits: dict[UUID, Decimal] = {}
    for line in sorted(lines.values(), key=lambda line: (line.charge.reference_id is not None, line.position)):
        rest = line.net + taken.get(line.charge_id, Decimal(0))
        if rest > left:
            limits[line.charge_id] = max(left, Decimal(0))
        left -= min(rest, max(left, Decimal(0)))
    return limits


def _credit_charges(
    actor: Actor,
    invoice: Invoice,
    lines: dict[UUID, InvoiceLine],
    limits: dict[UUID, Decimal],
    reason: str,
    at: datetime,
) -> list[Charge]:
    lines = {key: line for key, line in lines.items() if limits.get(key, line.net) > 0}
    numbers: dict[UUID, list[int]] = {}
    for line in lines.values():
        numbers.setdefault(line.charge.subscription_id, []).append(line.charge.sequence)
    written: list[Charge] = []
    for subscription in Subscription.objects.select_for_update().filter(pk__in=numbers).order_by("pk"):
        if is_behind(subscription.pk):
            raise LedgerBehind(subscription=subscription.nickname)
        own = [line for line in lines.values() if line.charge.subscription_id == subscription.pk]
        most = {str(line.charge.sequence): str(limits[line.charge_id]) for line in own if line.charge_id in limits}
        data = {"invoice": invoice.number, "charges": numbers[subscription.pk], "limits": most}
        event = record(SubscriptionCredited(subscription.pk, data, reason), actor=actor, at=at)
        written.extend(take_in(SYSTEM, event, at=at))
        # Heard already: the note needs the lines of the ledger now.
        Delivery.objects.filter(event=event, handler=CONSUMER).update(delivered_at=at, attempts=1)
    return written


def _note(
    invoice: Invoice, lines: dict[UUID, InvoiceLine], credits: Sequence[Charge], reason: str, at: datetime
) -> Invoice:
    month = Month.of(max(charge.recorded_at for charge in credits).astimezone(UTC).date())
    note = Invoice(
        kind=InvoiceKind.CREDIT_NOTE,
        customer_id=invoice.customer_id,
        currency=invoice.currency,
        period_start=month.start,
        period_end=month.end,
        buyer=invoice.buyer,
        seller=invoice.seller,
        language=invoice.language,
        drafted_at=at,
        review_until=at,
        credits=invoice,
        reason=reason,
    )
    own = [_line(note, place, lines[_charge_of(charge)], charge) for place, charge in enumerate(credits, 1)]
    note.net, note.tax = (sum((getattr(line, name) for line in own), Decimal(0)) for name in ("net", "tax"))
    note.gross = note.net + note.tax
    insert_invoices([note])
    insert_lines(own)
    return note


def _check_within(invoice: Invoice) -> None:
    """Refuse notes that come to more than the invoice: what a change charged anew may stand on it beside what that
    change took back of an earlier one. Raises CreditBeyondInvoice.
    """
    credited = invoice.credit_notes.aggregate(net=Sum("net"))["net"]
    if invoice.net + credited < 0:
        sums = {"charged": Money(invoice.net, invoice.currency), "credited": Money(-credited, invoice.currency)}
        told = {name: f"{money.text} {money.currency}" for name, money in sums.items()}
        raise CreditBeyondInvoice(invoice=called(invoice), **told)


def _charge_of(credit: Charge) -> UUID:
    if credit.reverses_id is None:
        raise LookupError(f"charge {credit.pk} credits nothing")
    return credit.reverses_id


def _line(note: Invoice, position: int, line: InvoiceLine, charge: Charge) -> InvoiceLine:
    """A line that takes back, with its tax, what is left of a line."""
    return InvoiceLine(
        invoice_id=note.pk,
        position=position,
        charge=charge,
        description=line.description,
        net=charge.amount,
        tax_rate=line.tax_rate,
        tax=tax_on(charge.amount, line.tax_rate, note.currency),
        tax_reason=line.tax_reason,
        credits=line,
    )
