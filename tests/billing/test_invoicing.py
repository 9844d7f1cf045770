"""The monthly run: every charge on one invoice, each customer by itself, numbers without gaps."""

from datetime import UTC, date, datetime

import pytest

from accounts.policy import SYSTEM
from billing.invoicing import bill, preview
from billing.models import ExchangeRate, Invoice, InvoiceLine
from billing.services.charging import charge_cycles
from tests.factories.billing import to_quantity
from tests.factories.publishers import PlanTermFactory
from tests.factories.subscriptions import active

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def exchange_rate(billing_data):
    ExchangeRate.objects.create(currency="EUR", into="PLN", published_on="2026-01-02", rate="4.25", source="NBP")


def on(day: str) -> datetime:
    return datetime.fromisoformat(f"{day}T00:30:00+00:00")


def run(day: str):
    return bill(SYSTEM, as_of=date.fromisoformat(day), at=on(day))


def test_a_month_is_drafted_as_previewed_then_numbered_when_its_review_is_over():
    june = datetime(2026, 6, 18, 12, tzinfo=UTC)
    subscription = active(june, term=PlanTermFactory(term="P1Y"), quantity=10)
    to_quantity(subscription, 12, datetime(2026, 6, 20, 12, tzinfo=UTC))
    charge_cycles(SYSTEM, at=on("2026-07-18"))

    looked = preview(SYSTEM, as_of=date(2026, 7, 1), at=on("2026-07-01"))
    assert Invoice.objects.count() == 0
    billed = run("2026-07-01")
    assert billed.totals == looked.totals
    lines = InvoiceLine.objects.order_by("position")
    assert [(f"{one.net:.2f}", f"{one.tax_rate:.0f}", f"{one.tax:.2f}", one.tax_reason) for one in lines] == [
        ("100.80", "19", "19.15", "destination"),
        ("-94.08", "19", "-17.87", "destination"),
        ("112.89", "19", "21.44", "destination"),
    ]
    assert run("2026-07-06").finalized == 0
    assert run("2026-07-07").finalized == 1
    invoice = Invoice.objects.get()
    assert (invoice.number, str(invoice.issued_on), str(invoice.due_on)) == ("G000000001", "2026-07-07", "2026-09-05")
    assert [f"{amount:.2f}" for amount in (invoice.net, invoice.tax, invoice.gross, invoice.local_tax)] == [
        "119.61",
        "22.72",
        "142.33",
        "96.56",
    ]
