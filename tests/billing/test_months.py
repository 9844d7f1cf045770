"""Fourteen months through the doors: programs buy, change and read, a publisher's program confirms, the ticks of the
scheduler do the rest; invoices to the cent in three currencies, on four anchors.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta

import pytest
import time_machine
from django.core.management import call_command

from accounts.policy import Role
from billing import tasks as billing_tasks
from billing.models import ExchangeRate, InvoiceLine
from partnerhub.clock import now
from partnerhub.outbox.tasks import deliver
from publishers.models import Adapter, BillingCycle, PlanTerm, Publisher, Term
from subscriptions import tasks
from tests.api.conftest import Program
from tests.factories.customers import CustomerFactory
from tests.factories.publishers import PlanTermFactory, PublisherFactory
from tests.subscriptions.test_fulfillment_api import Vendor

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("billing_data")]
# Country and VAT id of a customer, and the price of a licence for a month; for a year at once it is ten times that.
CUSTOMERS = {"PLN": ("PL", "", "10.08"), "EUR": ("DE", "DE811999005", "12.00"), "USD": ("US", "", "7.35")}
# Day of January 2026 on which ten licences of each are bought.
MONTHLY, NOT_RENEWED, RENEWED, YEAR_AT_ONCE = 15, 28, 30, 31
TERMS = {
    MONTHLY: (Term.P1M, BillingCycle.MONTHLY),
    NOT_RENEWED: (Term.P1Y, BillingCycle.MONTHLY),
    RENEWED: (Term.P1Y, BillingCycle.MONTHLY),
    YEAR_AT_ONCE: (Term.P1Y, BillingCycle.ANNUAL),
}
# Net and tax of each month's invoice, by hand:
#   January 2026: three monthly cycles and a year. February: the year is 8 instead of 10 from the 2nd on, 363 of 365
#   days. March: the 15th's cycle is 12 instead of 10 from the 27th on, 19 of 31 days. The year of the 28th is not
#   renewed on 28 January 2027, the year at once is on the 31st, for 8. Lines are cut off, and so is their tax.
INVOICES = {
    "PLN": [
        ("1310.40", "301.38"),  # 3 x 100.80 + 1008.00; 3 x 23.18 + 231.84
        ("101.91", "23.43"),  # 302.40 - 1002.47 + 801.98; 69.54 - 230.56 + 184.45
        ("314.75", "72.38"),  # 302.40 - 61.78 + 74.13; 69.54 - 14.20 + 17.04
        *[("322.56", "74.18")] * 9,  # 120.96 + 2 x 100.80; 27.82 + 2 x 23.18
        ("1028.16", "236.47"),  # 120.96 + 100.80 + 806.40; 27.82 + 23.18 + 185.47
        ("221.76", "51.00"),
    ],
    "EUR": [
        ("1560.00", "0.00"),  # 3 x 120.00 + 1200.00
        ("121.31", "0.00"),  # 360.00 - 1193.42 + 954.73
        ("374.71", "0.00"),  # 360.00 - 73.54 + 88.25
        *[("384.00", "0.00")] * 9,
        ("1224.00", "0.00"),
        ("264.00", "0.00"),
    ],
    "USD": [
        ("955.50", "0.00"),  # 3 x 73.50 + 735.00
        ("74.30", "0.00"),  # 220.50 - 730.97 + 584.77
        ("229.51", "0.00"),  # 220.50 - 45.04 + 54.05
        *[("235.20", "0.00")] * 9,
        ("749.70", "0.00"),
        ("161.70", "0.00"),
    ],
}


@contextmanager
def travelled(day: date, hour: int = 0) -> Iterator[None]:
    with time_machine.travel(datetime.combine(day, time(hour, 30), UTC)):
        yield


def tick() -> None:
    """The scheduler's tasks, in whatever order they come."""
    tasks.renew_due()
    tasks.send_operations()
    deliver()
    tasks.end_suspensions()
    billing_tasks.charge_cycles()
    billing_tasks.bill()


class World:
    """A program that buys and changes, the publisher's, and three customers."""

    def __init__(self) -> None:
        self.program = Program(Role.ADMIN_AGENT)
        self.publisher: Publisher = PublisherFactory(adapter=Adapter.PUSH, fulfillment_base_url="")
        self.customers = {
            currency: CustomerFactory(country=country, currency=currency, vat_id=vat_id)
            for currency, (country, vat_id, _price) in CUSTOMERS.items()
        }
        self.terms = {day: self._term(*sold) for day, sold in TERMS.items()}
        self.bought: dict[tuple[str, int], str] = {}

    def _term(self, term: Term, cycle: BillingCycle) -> PlanTerm:
        times = 10 if cycle == BillingCycle.ANNUAL else 1
        prices = {currency: float(price) * times for currency, (_, _, price) in CUSTOMERS.items()}
        amounts = {currency: f"{price:.2f}" for currency, price in prices.items()}
        sold = {"term": term, "billing_cycle": cycle, "amounts": amounts}
        return PlanTermFactory(plan__offer__publisher=self.publisher, **sold)

    @property
    def vendor(self) -> Vendor:
        return Vendor(self.publisher.client, at=now())

    def buy(self, day: int) -> None:
        """Every customer buys what is bought on this day, and the publisher confirms it."""
        for currency, customer in self.customers.items():
            carts = f"/customers/{customer.pk}/carts"
            line = {"catalogItemId": self.terms[day].catalog_item_id, "quantity": 10}
            cart = self._send("post", carts, 201, {"lineItems": [line], "PartnerOnRecordAttestationAccepted": True})
            [order] = self._send("post", f"{carts}/{cart['id']}/checkout", 201)["orders"]
            subscription_id = order["lineItems"][0]["subscriptionId"]
            assert self.vendor.call("POST", f"/{subscription_id}/activate").status_code == 200
            self.bought[currency, day] = subscription_id
        tick()

    def change(self, day: int, **members: object) -> None:
        """A subscription of every customer is changed; the publisher agrees to what it is asked."""
        for currency, customer in self.customers.items():
            path = f"/customers/{customer.pk}/subscriptions/{self.bought[currency, day]}"
            assert self.program.send("patch", path, members).status_code in (200, 202)

    def agree(self, day: int) -> None:
        """The publisher reads what it is asked, and agrees."""
        tasks.send_operations()
        for currency in self.customers:
            path = f"/{self.bought[currency, day]}/operations"
            [asked] = self.vendor.get(path).json()["operations"]
            assert self.vendor.call("PATCH", f"{path}/{asked['id']}", {"status": "Success"}).status_code == 200
        tick()

    def _send(self, method: str, path: str, status: int, body: object = None) -> dict:
        response = self.program.send(method, path, body)
        assert response.status_code == status, response.content
        return response.json()

    def invoices(self, currency: str) -> list[dict]:
        """The final invoices of a currency, the oldest first."""
        found = self.program.get("/invoices?size=200").json()["items"]
        return sorted((one for one in found if one["currencyCode"] == currency), key=lambda one: one["id"])

    def lines(self, invoice: dict) -> list[dict]:
        return self.program.get(f"/invoices/{invoice['id']}/lineitems").json()["items"]


def days_of_cycles() -> list[date]:
    """The days on which a cycle begins; a month is drafted on the first of them after it, and final by the second."""
    start, end = date(2026, 2, 3), date(2027, 3, 28)
    days = (start + timedelta(days=number) for number in range((end - start).days + 1))
    return [day for day in days if day.day in TERMS and (day.day != YEAR_AT_ONCE or day.month == 1)]


def test_fourteen_months_through_the_doors_to_the_cent():
    world = World()
    for currency in ("EUR", "USD"):
        ExchangeRate.objects.create(currency=currency, into="PLN", published_on="2025-12-31", rate=4, source="NBP")
    for day in TERMS:
        with travelled(date(2026, 1, day), 12):
            world.buy(day)
    with travelled(date(2026, 2, 1)):
        tick()
    with travelled(date(2026, 2, 2), 9):
        world.change(YEAR_AT_ONCE, quantity=8)
    with travelled(date(2026, 2, 2), 10):
        world.agree(YEAR_AT_ONCE)
    for day in days_of_cycles():
        if day == date(2026, 3, 28):
            with travelled(date(2026, 3, 27), 9):
                world.change(MONTHLY, quantity=12)
                world.agree(MONTHLY)
                world.change(NOT_RENEWED, autoRenewEnabled=False)
        with travelled(day):
            tick()

    with travelled(date(2027, 3, 28), 1):
        for currency, expected in INVOICES.items():
            invoices = world.invoices(currency)
            assert [(f"{one['totalNet']:.2f}", f"{one['totalTax']:.2f}") for one in invoices] == expected
            lines = [world.lines(one) for one in invoices[:3]]
            sums = [f"{sum(line['totalForCustomer'] for line in some):.2f}" for some in lines]
            assert sums == [f"{one['totalCharges']:.2f}" for one in invoices[:3]]
        kept = list(InvoiceLine.objects.order_by("id").values())
        # Each currency: 12 cycles of the year that is not renewed, 14 of what goes on by month, 2 years, two changes.
        assert len(kept) == 3 * (12 + 14 + 14 + 2 + 4)
        tick()
        assert list(InvoiceLine.objects.order_by("id").values()) == kept
        call_command("verify_ledger")
