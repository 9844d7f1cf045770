"""Invoices of tests, made by the run itself."""

from datetime import UTC, date, datetime
from decimal import Decimal

from accounts.policy import SYSTEM
from billing.invoicing import draft_month
from billing.models import ExchangeRate, Invoice
from billing.periods import Month
from billing.services.invoices import approve
from tests.factories.billing import ADMIN

NOVEMBER = Month(date(2026, 11, 1))
AFTERWARDS = datetime(2026, 12, 7, 9, 0, tzinfo=UTC)


def drafted(at: datetime = AFTERWARDS) -> Invoice:
    """The draft of November 2026 of the only customer who has one."""
    draft_month(SYSTEM, NOVEMBER, at=at)
    return Invoice.objects.get()


def finalized(at: datetime = AFTERWARDS) -> Invoice:
    """The invoice of November 2026 of the only customer who has one."""
    know_the_rate()
    return approve(ADMIN, drafted(at).pk, at=at)


def know_the_rate() -> None:
    """What a Polish seller needs to finalize an invoice in euros."""
    rate = {"rate": Decimal("4.2512"), "source": "NBP 234/A/NBP/2026"}
    ExchangeRate.objects.create(currency="EUR", into="PLN", published_on=date(2026, 12, 4), **rate)
