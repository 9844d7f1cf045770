"""Invoices and credit notes: drafted from the ledger, numbered without gaps when finalized, then never changed."""

import uuid

import pgtrigger
from django.db import models
from django.db.models import F, Q

from billing.enums import InvoiceKind, InvoiceState, TaxReason
from billing.models.ledger import Charge
from customers.models import Customer

# Of a finalized row only the record of its payment moves; a draft that was dropped stays dropped.
_ONLY_BY_RULE = """
    IF OLD.state = 'void'
       OR (OLD.state = 'finalized'
           AND to_jsonb(NEW) - '{paid_at,paid_by,payment_reference}'::text[]
            <> to_jsonb(OLD) - '{paid_at,paid_by,payment_reference}'::text[])
    THEN RAISE EXCEPTION 'invoice_final_never_changes: %', OLD.id USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
"""
_NUMBERED_WITHOUT_GAPS = """
    IF NEW.serial > 1 AND NOT EXISTS (
        SELECT FROM billing_invoice
         WHERE kind = NEW.kind AND serial = NEW.serial - 1 AND hash = NEW.previous_hash AND issued_on <= NEW.issued_on)
    THEN RAISE EXCEPTION 'invoice_numbers_without_gaps: %', NEW.number USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
"""
_ADDS_UP = """
    IF EXISTS (SELECT FROM billing_invoiceline WHERE invoice_id = NEW.id
               HAVING SUM(net) IS DISTINCT FROM NEW.net OR SUM(tax) IS DISTINCT FROM NEW.tax)
    THEN RAISE EXCEPTION 'invoice_adds_up: %', NEW.number USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
"""
# The invoice is locked, so that two notes at one moment are added up one after the other.
_NOTES_WITHIN_INVOICE = """
    SELECT * INTO credited FROM billing_invoice WHERE id = NEW.credits_id FOR NO KEY UPDATE;
    IF credited.kind <> 'invoice' OR credited.state <> 'finalized'
       OR credited.customer_id <> NEW.customer_id OR credited.currency <> NEW.currency
       OR credited.net + (SELECT SUM(net) FROM billing_invoice
                           WHERE credits_id = credited.id AND state = 'finalized') < 0
    THEN RAISE EXCEPTION 'credit_note_within_its_invoice: %', NEW.number USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
"""
_LINES_ARE_CHARGES = """
    SELECT line.id INTO wrong FROM added line
      JOIN billing_invoice invoice ON invoice.id = line.invoice_id
      JOIN billing_charge charge ON charge.id = line.charge_id
     WHERE invoice.state <> 'draft' OR NOT line.stands OR line.net <> charge.amount
        OR charge.currency <> invoice.currency OR charge.customer_id <> invoice.customer_id
        OR (invoice.kind = 'credit_note') <> (charge.charge_type = 'customerCredit')
        OR charge.recorded_at >= (invoice.period_end::timestamp AT TIME ZONE 'UTC')
     LIMIT 1;
    IF FOUND
    THEN RAISE EXCEPTION 'invoice_line_is_its_charge: %', wrong USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
"""
_FREED_ONLY_BY_VOID = """
    IF to_jsonb(NEW) - 'stands' <> to_jsonb(OLD) - 'stands' OR NEW.stands
       OR (SELECT state FROM billing_invoice WHERE id = NEW.invoice_id) <> 'void'
    THEN RAISE EXCEPTION 'invoice_line_never_changes: %', OLD.id USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
"""


class InvoiceSeries(models.Model):
    """The counter of one kind's numbers. Its row is locked while numbers are given, so that none is missing."""

    kind = models.CharField(max_length=16, primary_key=True)
    prefix = models.CharField(max_length=8, unique=True)
    last_serial = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(kind__in=list(InvoiceKind)), name="series_kind_known")]
        triggers = [
            pgtrigger.Protect(name="series_never_deleted", operation=pgtrigger.Delete),
            pgtrigger.Protect(
                name="series_only_counts_up",
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(new__last_serial__lte=pgtrigger.F("old__last_serial")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.prefix}{self.last_serial:09d}"


class BillingRun(models.Model):
    """The drafting of one calendar month (`month` is its first day). Unfinished, it goes on where it stopped.

    `failures` lists customers that could not be drafted: `{"customer", "error", "values", "why"}`.
    """

    month = models.DateField(primary_key=True)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    chunks = models.PositiveIntegerField(default=0)
    invoices = models.PositiveIntegerField(default=0)
    lines = models.PositiveIntegerField(default=0)
    failures = models.JSONField(default=list)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(month__day=1), name="billing_run_of_a_month"),
            models.CheckConstraint(
                condition=Q(finished_at=None) | Q(finished_at__gte=F("started_at")),
                name="billing_run_finished_after_start",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.month:%Y-%m}"


class Invoice(models.Model):
    """What one customer owes in one currency for a calendar month, or a credit note on such an invoice.

    Days are UTC; `period_end` is exclusive. A draft has no number yet, and is finalized when `review_until` is over.
    `buyer` and `seller` are as they were when it was drafted. `local_*` hold the tax in the currency of the seller's
    tax office where that is another one. A credit note's amounts are negative; it names the invoice that it `credits`.
    Each series is a chain of hashes in the order of its serials.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=16, default=InvoiceKind.INVOICE)
    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="invoices")
    currency = models.CharField(max_length=3)
    period_start = models.DateField()
    period_end = models.DateField()
    state = models.CharField(max_length=16, default=InvoiceState.DRAFT)
    net = models.DecimalField(max_digits=16, decimal_places=4)
    tax = models.DecimalField(max_digits=16, decimal_places=4)
    gross = models.DecimalField(max_digits=16, decimal_places=4)
    buyer = models.JSONField()
    seller = models.JSONField()
    language = models.CharField(max_length=5)
    drafted_at = models.DateTimeField()
    review_until = models.DateTimeField()
    credits = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="credit_notes")
    reason = models.CharField(max_length=500, blank=True)

    serial = models.PositiveIntegerField(null=True)
    number = models.CharField(max_length=20, null=True, unique=True)
    issued_on = models.DateField(null=True)
    due_on = models.DateField(null=True)
    finalized_at = models.DateTimeField(null=True)
    finalized_by = models.CharField(max_length=200, blank=True)
    local_currency = models.CharField(max_length=3, blank=True)
    local_rate = models.DecimalField(max_digits=14, decimal_places=6, null=True)
    local_rate_on = models.DateField(null=True)
    local_rate_source = models.CharField(max_length=100, blank=True)
    local_net = models.DecimalField(max_digits=16, decimal_places=4, null=True)
    local_tax = models.DecimalField(max_digits=16, decimal_places=4, null=True)
    previous_hash = models.CharField(max_length=64, blank=True)
    hash = models.CharField(max_length=64, blank=True)

    paid_at = models.DateTimeField(null=True)
    paid_by = models.CharField(max_length=200, blank=True)
    payment_reference = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=list(InvoiceKind)), name="invoice_kind_known"),
            models.CheckConstraint(condition=Q(state__in=list(InvoiceState)), name="invoice_state_known"),
            models.CheckConstraint(condition=Q(currency__regex=r"^[A-Z]{3}$"), name="invoice_currency_iso"),
            models.CheckConstraint(condition=Q(gross=F("net") + F("tax")), name="invoice_gross_is_net_and_tax"),
            models.CheckConstraint(condition=Q(period_end__gt=F("period_start")), name="invoice_period_not_empty"),
            models.CheckConstraint(
                condition=Q(kind=InvoiceKind.INVOICE, credits=None)
                | Q(kind=InvoiceKind.CREDIT_NOTE, credits__isnull=False, net__lte=0),
                name="invoice_credit_note_credits_an_invoice",
            ),
            models.CheckConstraint(
                condition=Q(
                    state=InvoiceState.FINALIZED,
                    serial__gte=1,
                    number__isnull=False,
                    issued_on__isnull=False,
                    due_on__gte=F("issued_on"),
                    finalized_at__isnull=False,
                    hash__regex=r"^[0-9a-f]{64}$",
                )
                | (
                    ~Q(state=InvoiceState.FINALIZED)
                    & Q(serial=None, number=None, issued_on=None, due_on=None, finalized_at=None, hash="")
                ),
                name="invoice_numbered_when_finalized",
            ),
            models.CheckConstraint(
                condition=Q(paid_at=None, paid_by="", payment_reference="")
                | (Q(state=InvoiceState.FINALIZED, paid_at__gte=F("finalized_at")) & ~Q(paid_by="")),
                name="invoice_paid_when_finalized",
            ),
            models.CheckConstraint(
                condition=Q(local_currency="", local_rate=None, local_rate_on=None, local_net=None, local_tax=None)
                | (
                    ~Q(local_currency=F("currency"))
                    & Q(local_currency__regex=r"^[A-Z]{3}$")
                    & Q(local_rate__gt=0, local_rate_on__lt=F("issued_on"))
                    & Q(local_net__isnull=False, local_tax__isnull=False)
                ),
                name="invoice_local_tax_at_an_earlier_rate",
            ),
            models.UniqueConstraint(fields=["kind", "serial"], name="invoice_serial_once"),
            models.UniqueConstraint(
                fields=["customer", "currency", "period_start"],
                condition=Q(kind=InvoiceKind.INVOICE) & ~Q(state=InvoiceState.VOID),
                name="invoice_once_a_month",
            ),
        ]
        indexes = [
            models.Index(fields=["customer", "-period_start", "-id"], name="invoice_of_customer"),
            models.Index(fields=["-drafted_at", "-id"], name="invoice_newest_first"),
            models.Index(
                fields=["review_until", "id"], condition=Q(state=InvoiceState.DRAFT), name="invoice_review_over"
            ),
        ]
        triggers = [
            pgtrigger.Protect(name="invoice_never_deleted", operation=pgtrigger.Delete),
            pgtrigger.Trigger(
                name="invoice_final_never_changes",
                operation=pgtrigger.Update,
                when=pgtrigger.Before,
                condition=pgtrigger.Q(old__state__in=[InvoiceState.FINALIZED, InvoiceState.VOID]),
                func=_ONLY_BY_RULE,
            ),
            pgtrigger.Trigger(
                name="invoice_numbers_without_gaps",
                operation=pgtrigger.Insert | pgtrigger.Update,
                when=pgtrigger.After,
                condition=pgtrigger.Q(new__state=InvoiceState.FINALIZED),
                func=_NUMBERED_WITHOUT_GAPS,
            ),
            pgtrigger.Trigger(
                name="invoice_adds_up",
                operation=pgtrigger.Insert | pgtrigger.Update,
                when=pgtrigger.After,
                condition=pgtrigger.Q(new__state=InvoiceState.FINALIZED),
                func=_ADDS_UP,
            ),
            pgtrigger.Trigger(
                name="credit_note_within_its_invoice",
                operation=pgtrigger.Insert | pgtrigger.Update,
                when=pgtrigger.After,
                condition=pgtrigger.Q(new__state=InvoiceState.FINALIZED, new__credits__isnull=False),
                declare=[("credited", "billing_invoice%ROWTYPE")],
                func=_NOTES_WITHIN_INVOICE,
            ),
        ]

    def __str__(self) -> str:
        return self.number or f"{self.kind} {self.state} {self.period_start:%Y-%m}"

    @property
    def is_open(self) -> bool:
        """Whether it is not final yet."""
        return self.state in (InvoiceState.DRAFT, InvoiceState.HELD)


class InvoiceLine(models.Model):
    """A charge of the ledger on an invoice, and its tax. `tax_rate` is a percentage.

    A charge stands on one invoice only; `stands` is false on a void one, whose charges go to the next. `description`
    holds the names as they were (publisher, offer, plan, nickname, term, billing cycle). A line of a credit note names
    the invoice line that it `credits`.
    """

    id = models.BigAutoField(primary_key=True)
    # Without indexes of their own: those below find lines by invoice and by charge, and leave nothing out.
    invoice = models.ForeignKey(Invoice, on_delete=models.PROTECT, related_name="lines", db_index=False)
    position = models.PositiveIntegerField()
    charge = models.ForeignKey(Charge, on_delete=models.PROTECT, related_name="invoice_lines", db_index=False)
    stands = models.BooleanField(default=True)
    description = models.JSONField()
    net = models.DecimalField(max_digits=14, decimal_places=4)
    tax_rate = models.DecimalField(max_digits=5, decimal_places=2)
    tax = models.DecimalField(max_digits=14, decimal_places=4)
    tax_reason = models.CharField(max_length=16)
    credits = models.ForeignKey(
        "self", null=True, on_delete=models.PROTECT, related_name="credit_lines", db_index=False
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["invoice", "position"], name="invoice_line_position_once"),
            models.UniqueConstraint(fields=["charge"], condition=Q(stands=True), name="charge_on_one_invoice"),
            models.CheckConstraint(condition=Q(tax_reason__in=list(TaxReason)), name="invoice_line_tax_reason_known"),
            models.CheckConstraint(
                condition=Q(tax_rate=0, tax=0)
                | Q(tax_rate__gt=0, net__gte=0, tax__gte=0, tax__lte=F("net") * F("tax_rate") / 100)
                | Q(tax_rate__gt=0, net__lt=0, tax__lte=0, tax__gte=F("net") * F("tax_rate") / 100),
                name="invoice_line_tax_within_its_rate",
            ),
        ]
        indexes = [
            models.Index(fields=["charge"], condition=Q(stands=False), name="invoice_line_freed"),
            models.Index(fields=["credits"], condition=Q(credits__isnull=False), name="invoice_line_credits"),
        ]
        triggers = [
            pgtrigger.Protect(name="invoice_line_never_deleted", operation=pgtrigger.Delete),
            pgtrigger.Trigger(
                name="invoice_line_never_changes",
                operation=pgtrigger.Update,
                when=pgtrigger.Before,
                func=_FREED_ONLY_BY_VOID,
            ),
            pgtrigger.Trigger(
                name="invoice_line_is_its_charge",
                level=pgtrigger.Statement,
                operation=pgtrigger.Insert,
                when=pgtrigger.After,
                referencing=pgtrigger.Referencing(new="added"),
                declare=[("wrong", "bigint")],
                func=_LINES_ARE_CHARGES,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.position}: {self.net}"
