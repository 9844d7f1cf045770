from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db.models import Min

from accounts.policy import OPERATOR
from billing.enums import InvoiceKind, InvoiceState
from billing.invoicing import draft_month, finalize_reviewed, months_to_draft
from billing.models import BillingRun, Charge, Invoice
from billing.periods import Month
from billing.services.invoices import mark_paid
from billing.services.rates import add_rates
from partnerhub.clock import now

RATES = {"EUR": "4.2650", "USD": "3.6420", "GBP": "4.9110"}
REVIEWED = timedelta(days=6)
PAID_AFTER = timedelta(days=21)


class Command(BaseCommand):
    help = "Bill the months of the demo's past once, as the hub would have done each month, with invented rates."

    def handle(self, *args: Any, **options: Any) -> None:
        if settings.IN_PRODUCTION:
            raise CommandError("The demo's exchange rates are invented: load them only where HUB_ENV is demo or test.")
        first = Charge.objects.aggregate(at=Min("recorded_at"))["at"]
        if first is None or BillingRun.objects.exists():
            return
        at, month = now(), Month.of(first.astimezone(UTC).date())
        add_rates(OPERATOR, _rates(month.start, at.date()))
        while month.begins_next <= at:
            for moment in (month.begins_next, month.begins_next + REVIEWED):
                if moment <= at:
                    _bill(moment)
            month = month.next
        _pay(at)


def _bill(at: datetime) -> None:
    """What `bill` would have done at a moment, when what the demo holds of later ones was not there yet."""
    for month in months_to_draft(at.date()):
        draft_month(OPERATOR, month, at=at)
    finalize_reviewed(OPERATOR, reviewed_by=at.date(), at=at)


def _rates(start: date, end: date) -> list[dict[str, str]]:
    days = [start - timedelta(days=1)]
    while (following := Month.of(days[-1] + timedelta(days=1)).end - timedelta(days=1)) < end:
        days.append(following)
    return [
        {"published_on": str(day), "currency": currency, "into": "PLN", "rate": rate, "source": "Demo"}
        for day in days
        for currency, rate in RATES.items()
    ]


def _pay(at: datetime) -> None:
    """Most customers have paid what is old enough."""
    old = Invoice.objects.filter(
        kind=InvoiceKind.INVOICE, state=InvoiceState.FINALIZED, issued_on__lt=(at - PAID_AFTER).date()
    )
    for number, invoice in enumerate(old.order_by("serial"), 1):
        if number % 5 and invoice.issued_on:
            paid_at = datetime.combine(invoice.issued_on, time(9), UTC) + PAID_AFTER
            mark_paid(OPERATOR, invoice.pk, reference=f"Transfer {number:04d}", at=paid_at)
