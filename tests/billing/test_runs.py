"""The monthly run as pages: months, progress, who could not be billed and why, and billing at once."""

import html
import re
from datetime import date, timedelta

import pytest
import time_machine
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.urls import reverse

from accounts.policy import SYSTEM, Role
from billing import tasks
from billing.invoicing import bill, draft_month
from billing.models import BillingRun, Invoice, TaxRate
from customers.models import Customer
from partnerhub.errors import BilledLater, ClockBehind
from partnerhub.outbox.models import Event
from publishers.models import Price
from tests.factories.accounts import UserFactory
from tests.factories.customers import CustomerFactory
from tests.factories.invoices import AFTERWARDS, NOVEMBER
from tests.factories.publishers import PlanTermFactory
from tests.factories.subscriptions import NOON, active

pytestmark = pytest.mark.django_db
NOW = reverse("billing:bill_now")
RUNS = reverse("billing:runs")
RUN = reverse("billing:run", args=["2026-11"])
PROGRESS = reverse("billing:run_progress", args=["2026-11"])
WHEN = AFTERWARDS + timedelta(hours=1)


@pytest.fixture(autouse=True)
def december(billing_data):
    with time_machine.travel(WHEN):
        yield


def signed_in(role: Role) -> Client:
    client = Client()
    client.force_login(UserFactory(active_role=role))
    return client


@pytest.fixture
def admin() -> Client:
    return signed_in(Role.ADMIN_AGENT)


def bought(**profile) -> Customer:
    """A customer that owes 70.56 of its currency for November."""
    customer = CustomerFactory(**{"country": "PL", "currency": "PLN"} | profile)
    active(NOON, customer=customer, term=PlanTermFactory(amounts={customer.currency: "10.08"}))
    return customer


def text(response) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", response.content.decode())).split())


def kept() -> tuple[int, int, int]:
    return Invoice.objects.count(), BillingRun.objects.count(), Event.objects.filter(name__startswith="invoice").count()


def test_billing_now_is_shown_first_done_once_and_leaves_out_only_who_cannot_be_billed(admin):
    bought()
    swede = bought(country="SE", name="Svea AB")
    TaxRate.objects.filter(country="SE").delete()

    shown = admin.get(NOW)
    assert (shown.status_code, kept()) == (200, (0, 0, 0))
    assert "Svea AB No VAT rate of SE is known for 30 Nov 2026. tax_rate_missing" in text(shown)
    assert "New drafts 1 Drafts finalized 0" in text(shown)
    for _ in range(2):
        assert admin.post(NOW)["Location"] == RUN
    assert kept() == (1, 1, 1)

    page = text(admin.get(RUN))
    assert "Some could not be billed" in page
    assert "1 of 2" in page
    assert "Svea AB No VAT rate of SE" in page
    [row] = admin.get(RUNS).context["rows"]
    assert (str(row.run), row.done, row.failed, [str(total.text) for total in row.totals]) == (
        "2026-11",
        1,
        1,
        ["86.78"],
    )

    TaxRate.objects.create(country="SE", rate=25, valid_from="2026-01-01")
    admin.post(NOW)
    assert Invoice.objects.filter(customer=swede).count() == 1
    assert "Finished" in text(admin.get(RUN))
    assert "There is nothing to bill now." in text(admin.get(NOW))


def test_a_page_that_waits_is_sent_again_only_when_something_has_changed(admin):
    bought(country="SE")
    TaxRate.objects.filter(country="SE").delete()
    draft_month(SYSTEM, NOVEMBER, at=WHEN)
    first = admin.get(PROGRESS)
    etag = f'"{first.context["etag"]}"'
    assert f'hx-get="{PROGRESS}"' in first.content.decode()
    assert admin.get(PROGRESS, headers={"If-None-Match": etag}).status_code == 304

    TaxRate.objects.create(country="SE", rate=25, valid_from="2026-01-01")
    draft_month(SYSTEM, NOVEMBER, at=WHEN)
    last = admin.get(PROGRESS, headers={"If-None-Match": etag})
    assert (last.status_code, "hx-get" in last.content.decode()) == (200, False)


@pytest.mark.parametrize(
    ("role", "reads", "bills"),
    [(Role.PLATFORM_ADMIN, 200, 200), (Role.OPS_AGENT, 200, 403), (Role.SALES_AGENT, 403, 403)],
)
def test_who_may_see_runs_and_bill(role, reads, bills):
    bought()
    draft_month(SYSTEM, NOVEMBER, at=WHEN)
    before, client = kept(), signed_in(role)
    assert [client.get(url).status_code for url in (RUNS, RUN, PROGRESS)] == [reads] * 3
    assert client.get(NOW).status_code == bills
    if bills == 403:
        assert client.post(NOW).status_code == 403
    assert kept() == before


@pytest.mark.parametrize("month", ["2026-10", "2026-13", "november", "2026-11-01"])
def test_a_month_that_was_never_billed_is_not_found(admin, month):
    assert admin.get(reverse("billing:run", args=[month])).status_code == 404


def test_without_a_seller_the_pages_say_why_nothing_is_billed(admin, settings):
    bought()
    settings.HUB_SELLER_NAME = ""
    why = "Nothing is invoiced before the seller is known: set HUB_SELLER_NAME."
    for name in ("invoices", "runs", "seats"):
        assert why in text(admin.get(reverse(f"billing:{name}")))
    assert why in text(admin.get(NOW))
    assert (admin.post(NOW).status_code, kept()) == (422, (0, 0, 0))
    tasks.bill()
    assert kept() == (0, 0, 0)


def test_those_who_cannot_be_billed_do_not_keep_the_others_waiting(monkeypatch):
    monkeypatch.setattr("billing.invoicing.CUSTOMERS_AT_ONCE", 1)
    customers = sorted([bought() for _ in range(3)], key=lambda customer: customer.pk)
    Customer.objects.filter(pk__in=[one.pk for one in customers[:2]]).update(country="SE", vat_id="")
    TaxRate.objects.filter(country="SE").delete()
    for _ in range(3):
        run = draft_month(SYSTEM, NOVEMBER, at=WHEN, chunks=1)
    assert Invoice.objects.get().customer_id == customers[2].pk
    assert {failure["customer"] for failure in run.failures} == {str(one.pk) for one in customers[:2]}


def test_nothing_is_billed_before_what_is_recorded_or_final():
    bought()
    bill(SYSTEM, as_of=date(2026, 12, 14), at=WHEN)
    assert Invoice.objects.get().state == "finalized"
    before = kept()
    with pytest.raises(BilledLater) as refusal:
        bill(SYSTEM, as_of=date(2026, 11, 30), at=WHEN)
    assert str(refusal.value) == "Invoices of 2026-11 are final already: nothing is billed as of 2026-11-30."
    assert (refusal.value.code, kept()) == ("billed_later", before)


def test_nothing_is_billed_by_a_clock_that_was_set_back_behind_the_ledger():
    bought()
    behind = NOON - timedelta(minutes=2)
    with pytest.raises(ClockBehind) as refusal:
        bill(SYSTEM, as_of=date(2026, 12, 14), at=behind)
    assert refusal.value.code == "clock_behind"
    assert kept() == (0, 0, 0)
    with time_machine.travel(behind):
        tasks.bill()
    assert kept() == (0, 0, 0)


def test_two_prices_of_one_day_are_refused_by_the_database():
    price = PlanTermFactory().prices.get()
    with pytest.raises(IntegrityError, match="price_unambiguous"), transaction.atomic():
        Price.objects.create(plan_term=price.plan_term, currency="EUR", amount="9", valid_from=NOON)
    assert [one.pk for one in Price.objects.all()] == [price.pk]


def test_whom_the_database_refuses_is_listed_and_stops_no_other():
    customers = [bought() for _ in range(3)]
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        refused = f"ALTER TABLE billing_invoice ADD CONSTRAINT nobody CHECK (customer_id <> '{customers[1].pk}')"
        cursor.execute(refused)
    run = draft_month(SYSTEM, NOVEMBER, at=WHEN)
    assert set(Invoice.objects.values_list("customer_id", flat=True)) == {customers[0].pk, customers[2].pk}
    assert [(one["customer"], one["error"]) for one in run.failures] == [(str(customers[1].pk), "row_failed")]
    assert run.finished_at is None
