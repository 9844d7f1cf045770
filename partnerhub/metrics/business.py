"""Metrics of the business: subscriptions, what somebody must act on, charges, and the monthly run."""

from datetime import UTC, datetime, time, timedelta

from billing.enums import InvoiceState
from billing.models import Account, BillingRun, Charge, Invoice
from partnerhub.metrics.families import Families, age, counted, gauge, single
from subscriptions.enums import Cause, Reason, Status
from subscriptions.models import Subscription
from subscriptions.ranking import count_by_cause

DAY = timedelta(days=1)
CAUSES = (*Reason, *Cause)


def business_families(at: datetime) -> Families:
    """Gauges of one moment (UTC); ages in seconds."""
    yield from _subscriptions()
    yield from _attention(at)
    yield from _charges(at)
    yield from _billing_run(at)


def _subscriptions() -> Families:
    family = gauge("hub_subscriptions", "Subscriptions by status", "status")
    found = counted(Subscription.objects.all(), "status")
    for status in Status:
        family.add_metric([status.value], found.get(status.value, 0))
    yield family


def _attention(at: datetime) -> Families:
    items = gauge("hub_attention_items", "What somebody must act on, by cause", "cause")
    late = gauge("hub_attention_overdue", "Those of them whose deadline has passed", "cause")
    found = count_by_cause(at)
    for cause in CAUSES:
        count, overdue = found.get(cause.value, (0, 0))
        items.add_metric([cause.value], count)
        late.add_metric([cause.value], overdue)
    yield from (items, late)


def _charges(at: datetime) -> Families:
    family = gauge("hub_charges_recent", "Charges recorded within 24 hours", "type")
    for charge_type, count in counted(Charge.objects.filter(recorded_at__gt=at - DAY), "charge_type").items():
        family.add_metric([charge_type], count)
    yield family
    due = Account.objects.filter(next_charge_on__lte=at.astimezone(UTC).date()).count()
    yield single("hub_charges_due", "Subscriptions whose next cycle is to be charged", due)
    late = Invoice.objects.filter(state=InvoiceState.DRAFT, review_until__lte=at).count()
    yield single("hub_invoices_due", "Drafts whose review is over, to be finalized", late)


def _billing_run(at: datetime) -> Families:
    run = BillingRun.objects.order_by("-month").first()
    month = datetime.combine(run.month, time(), UTC).timestamp() if run else 0
    took = (run.finished_at or at) - run.started_at if run else timedelta(0)
    yield single("hub_billing_run_month_timestamp_seconds", "First day of the month billed last, 0 before any", month)
    yield single("hub_billing_run_finished", "1 when that run is finished", float(bool(run and run.finished_at)))
    yield single("hub_billing_run_age_seconds", "How long ago it began", age(run.started_at if run else None, at))
    yield single("hub_billing_run_seconds", "How long it took, or has taken so far", took.total_seconds())
    yield single("hub_billing_run_invoices", "Invoices that it drafted", run.invoices if run else 0)
    yield single("hub_billing_run_lines", "Lines of those", run.lines if run else 0)
    yield single("hub_billing_run_failures", "Customers that it could not draft", len(run.failures) if run else 0)
