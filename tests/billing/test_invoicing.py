"""The monthly run: every charge on one invoice, each customer by itself, numbers without gaps."""

import threading
from datetime import UTC, date, datetime

import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.policy import SYSTEM
from billing.drafting import customers_to_draft, draft
from billing.invoicing import bill, draft_month, preview
from billing.models import BillingRun, ExchangeRate, Invoice, InvoiceLine, TaxRate
from billing.periods import Month
from billing.services.charging import charge_cycles
from billing.services.invoices import approve, hold, mark_paid, mark_unpaid, redraft, release, void
from billing.services.rates import add_rates
from customers.models import Customer
from partnerhub.errors import ClockBehind, InvalidInput, InvoiceStateForbids, NotPermitted, SellerIncomplete
from partnerhub.outbox.models import Event
from tests.factories.billing import to_quantity
from tests.factories.customers import CustomerFactory
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

    looked = preview(SYSTEM, as_of=date(2026, 7, 19), at=on("2026-07-19"))
    assert Invoice.objects.count() == 0
    billed = run("2026-07-19")
    assert billed.totals == looked.totals
    lines = InvoiceLine.objects.order_by("position")
    assert [(f"{one.net:.2f}", f"{one.tax_rate:.0f}", f"{one.tax:.2f}", one.tax_reason) for one in lines] == [
        ("100.80", "19", "19.15", "destination"),
        ("-94.08", "19", "-17.87", "destination"),
        ("112.89", "19", "21.44", "destination"),
    ]
    assert run("2026-07-24").finalized == 0
    assert run("2026-07-25").finalized == 1
    invoice = Invoice.objects.get()
    assert (invoice.number, str(invoice.issued_on), str(invoice.due_on)) == ("G000000001", "2026-07-25", "2026-09-23")
    assert [f"{amount:.2f}" for amount in (invoice.net, invoice.tax, invoice.gross, invoice.local_tax)] == [
        "119.61",
        "22.72",
        "142.33",
        "96.56",
    ]


JUNE_18 = datetime(2026, 6, 18, 12, tzinfo=UTC)


def bought(**profile) -> None:
    """Ten licences of 10.08 PLN, for a customer of its own."""
    customer = CustomerFactory(**{"country": "PL", "currency": "PLN"} | profile)
    active(JUNE_18, customer=customer, term=PlanTermFactory(amounts={customer.currency: "10.08"}), quantity=10)


def told(invoice: Invoice) -> list[str]:
    return list(Event.objects.filter(stream_id=invoice.pk).order_by("sequence").values_list("name", flat=True))


def test_who_cannot_be_billed_stops_no_other_and_is_billed_once_it_can():
    bought()
    bought(country="SE", currency="PLN")
    TaxRate.objects.filter(country="SE").delete()
    [first] = run("2026-07-01").runs
    assert (first.invoices, first.finished_at, first.failures[0]["error"]) == (1, None, "tax_rate_missing")
    assert first.failures[0]["why"] == "No VAT rate of SE is known for 2026-06-30."

    TaxRate.objects.create(country="SE", rate=25, valid_from="2026-01-01")
    [again] = run("2026-07-02").runs
    assert (again.invoices, again.failures, again.finished_at is None) == (2, [], False)
    with CaptureQueriesContext(connection) as asked:
        assert run("2026-07-02").runs == []
    assert [one["sql"] for one in asked if "billing_invoiceline" in one["sql"]] == []
    assert sorted(f"{one.tax:.2f}" for one in Invoice.objects.all()) == ["23.18", "25.20"]


def test_a_month_that_was_billed_before_it_was_over_is_not_closed():
    bought()
    bill(SYSTEM, as_of=date(2027, 1, 1), at=on("2026-06-25"))
    bought()
    assert run("2026-07-01").runs[0].invoices == 2
    assert [str(month) for month in Invoice.objects.values_list("period_start", flat=True)] == ["2026-06-01"] * 2
    closed = BillingRun.objects.exclude(finished_at=None).values_list("month", flat=True)
    assert [str(month) for month in closed] == ["2026-06-01"]


def test_what_was_dropped_goes_to_the_next_month_though_the_run_goes_on(admin_agent):
    bought()
    bought(country="SE", currency="PLN")
    TaxRate.objects.filter(country="SE").delete()
    run("2026-07-01")
    dropped = void(admin_agent, Invoice.objects.get().pk, reason="Asked back", at=on("2026-07-02"))
    [again] = run("2026-07-03").runs
    assert (again.invoices, again.finished_at) == (1, None)
    run("2026-08-01")
    assert str(Invoice.objects.get(customer=dropped.customer_id, state="draft").period_start) == "2026-07-01"


def test_without_an_exchange_rate_a_draft_stays_one_and_leaves_no_gap():
    bought(currency="USD", country="US")
    bought()
    run("2026-07-01")
    assert [str(why) for why in run("2026-07-07").refused.values()] == [
        "No exchange rate from USD into PLN is known from before 2026-07-07."
    ]
    assert list(Invoice.objects.exclude(number=None).values_list("number", "currency")) == [("G000000001", "PLN")]
    ExchangeRate.objects.create(currency="USD", into="PLN", published_on="2026-07-07", rate="3.60", source="NBP")
    assert run("2026-07-08").finalized == 1
    assert Invoice.objects.get(currency="USD").number == "G000000002"


def test_a_refusal_that_is_kept_holds_nothing_of_its_chunk():
    bought(currency="USD", country="US")
    bought(country="SE", currency="PLN")
    TaxRate.objects.filter(country="SE").delete()
    [failure] = draft(list(Customer.objects.order_by("country")), Month(date(2026, 6, 1))).failures
    assert (failure.refusal.code, failure.refusal.__traceback__) == ("tax_rate_missing", None)
    run("2026-07-01")
    [refusal] = run("2026-07-07").refused.values()
    assert (refusal.code, refusal.__traceback__) == ("exchange_rate_missing", None)


@pytest.mark.parametrize("rate", ["NaN", "0", "-4.2", "4.12345678", "1e40", "four"])
def test_what_is_no_published_rate_is_refused(rate):
    row = {"published_on": "2026-07-01", "currency": "USD", "into": "PLN", "rate": rate, "source": "NBP"}
    with pytest.raises(InvalidInput):
        add_rates(SYSTEM, [row | {"rate": "3.6"}, row])
    assert ExchangeRate.objects.filter(currency="USD").count() == 0


def test_a_run_goes_on_where_it_stopped(monkeypatch):
    monkeypatch.setattr("billing.invoicing.CUSTOMERS_AT_ONCE", 1)
    for _ in range(3):
        bought()
    june = Month(date(2026, 6, 1))
    stopped = draft_month(SYSTEM, june, at=on("2026-07-01"), chunks=2)
    assert (stopped.invoices, stopped.chunks, stopped.finished_at) == (2, 2, None)
    [finished] = run("2026-07-02").runs
    assert (finished.invoices, finished.chunks, finished.finished_at) == (3, 3, on("2026-07-02"))


def test_the_ledger_is_asked_again_only_where_nobody_is_known_to_be_left(monkeypatch):
    june, asked = Month(date(2026, 6, 1)), []

    def counted(month: Month):
        asked.append(month)
        return customers_to_draft(month)

    monkeypatch.setattr("billing.invoicing.customers_to_draft", counted)
    bought(country="SE", currency="PLN")
    TaxRate.objects.filter(country="SE").delete()
    assert (draft_month(SYSTEM, june, at=on("2026-07-01")).finished_at, asked) == (None, [june])
    TaxRate.objects.create(country="SE", rate=25, valid_from="2026-01-01")
    bought()
    assert (draft_month(SYSTEM, june, at=on("2026-07-02"), chunks=0).finished_at, asked) == (None, [june] * 2)
    assert (draft_month(SYSTEM, june, at=on("2026-07-03")).finished_at, asked) == (on("2026-07-03"), [june] * 4)


def test_what_cannot_be_numbered_is_tried_once_and_makes_no_question_longer(monkeypatch):
    monkeypatch.setattr("billing.invoicing.INVOICES_AT_ONCE", 1)
    for _ in range(3):
        bought(currency="USD", country="US")
    bought()
    run("2026-07-01")
    with CaptureQueriesContext(connection) as asked:
        billed = run("2026-07-07")
    assert (billed.finalized, len(billed.refused)) == (1, 3)
    sought = [len(one["sql"]) for one in asked if "SKIP LOCKED" in one["sql"] and "review_until" in one["sql"]]
    assert sought[1:] == [sought[1]] * 4


def test_held_approved_dropped_drafted_anew_and_paid(admin_agent, sales_agent):
    for _ in range(2):
        bought()
    run("2026-07-01")
    first, second = Invoice.objects.order_by("id")
    hold(admin_agent, first.pk, reason="Asked back", at=on("2026-07-02"))
    dropped = void(admin_agent, second.pk, reason="Address", at=on("2026-07-02"))
    assert run("2026-07-07").finalized == 0
    with pytest.raises(NotPermitted):
        approve(sales_agent, first.pk, at=on("2026-07-08"))
    release(admin_agent, first.pk, at=on("2026-07-08"))
    Customer.objects.filter(pk=first.customer_id).update(name="Nowa Nazwa S.A.")
    anew = redraft(admin_agent, first.pk, reason="New name", at=on("2026-07-08"))
    approve(admin_agent, anew.pk, at=on("2026-07-08"))
    mark_paid(admin_agent, anew.pk, reference="Transfer 7", at=on("2026-07-20"))
    with pytest.raises(InvoiceStateForbids):
        mark_paid(admin_agent, anew.pk, reference="Again", at=on("2026-07-21"))
    mark_unpaid(admin_agent, anew.pk, reason="Bounced", at=on("2026-07-21"))

    anew.refresh_from_db()
    assert (anew.buyer["name"], anew.number, anew.paid_at) == ("Nowa Nazwa S.A.", "G000000001", None)
    assert told(first) == ["invoice.drafted", "invoice.held", "invoice.released", "invoice.voided"]
    assert told(anew) == ["invoice.drafted", "invoice.finalized", "invoice.paid", "invoice.unpaid"]
    run("2026-08-01")
    august = Invoice.objects.get(customer=dropped.customer_id, state="draft")
    assert (f"{august.net:.2f}", str(august.period_start)) == ("100.80", "2026-07-01")


def test_a_credit_takes_back_the_tax_that_its_charge_stands_with_in_the_end(admin_agent):
    """June is held until the customer has told its VAT id; meanwhile July took some of June's licences back."""
    customer = CustomerFactory(country="DE", currency="EUR")
    subscription = active(JUNE_18, customer=customer, term=PlanTermFactory(term="P1Y"), quantity=10)
    run("2026-07-01")
    june = Invoice.objects.get()
    hold(admin_agent, june.pk, reason="VAT id asked for", at=on("2026-07-01"))
    to_quantity(subscription, 12, on("2026-07-02"))
    run("2026-08-01")
    july = Invoice.objects.get(state="draft")
    Customer.objects.filter(pk=customer.pk).update(vat_id="DE811999013")
    june = redraft(admin_agent, june.pk, reason="VAT id", at=on("2026-08-02"))

    assert [str(why) for why in run("2026-08-07").refused.values()] == [
        "A charge that 2026-07 credits is taxed otherwise by now: draft 2026-07 anew."
    ]
    july = redraft(admin_agent, july.pk, reason="VAT id", at=on("2026-08-07"))
    approve(admin_agent, july.pk, at=on("2026-08-08"))
    assert [f"{one.tax:.2f}" for one in (june, july)] == ["0.00", "0.00"]


def test_a_charge_is_taxed_as_its_credit_was_that_is_final_already(admin_agent):
    customer = CustomerFactory(country="DE", currency="EUR")
    subscription = active(JUNE_18, customer=customer, term=PlanTermFactory(term="P1Y"), quantity=10)
    run("2026-07-01")
    june = Invoice.objects.get()
    hold(admin_agent, june.pk, reason="VAT id asked for", at=on("2026-07-01"))
    to_quantity(subscription, 12, on("2026-07-02"))
    run("2026-08-01")
    approve(admin_agent, Invoice.objects.get(state="draft").pk, at=on("2026-08-01"))
    Customer.objects.filter(pk=customer.pk).update(vat_id="DE811999013")
    june = redraft(admin_agent, june.pk, reason="VAT id", at=on("2026-08-02"))
    assert [(one.tax_reason, f"{one.tax:.2f}") for one in june.lines.all()] == [("destination", "19.15")]


def test_nothing_is_billed_by_a_clock_that_was_set_back_nor_by_an_unknown_seller(settings):
    bought()
    run("2026-07-01")
    with pytest.raises(ClockBehind):
        run("2026-06-30")
    settings.HUB_SELLER_NAME = ""
    bought()
    with pytest.raises(SellerIncomplete) as refusal:
        run("2026-08-01")
    assert "HUB_SELLER_NAME" in str(refusal.value)
    assert Invoice.objects.count() == 1


def test_the_command_previews_and_bills(capsys):
    bought()
    call_command("bill", "--as-of", "2026-07-07", "--preview")
    shown = capsys.readouterr().out
    assert Invoice.objects.count() == 0
    call_command("bill", "--as-of", "2026-07-07")
    assert capsys.readouterr().out == shown
    assert shown == "2026-06: 1 drafts, 1 lines.\nPLN: 1 invoices, net 100.80, tax 23.18, total 123.98.\n0 finalized.\n"


@pytest.mark.django_db(transaction=True)
def test_two_workers_draft_each_customer_once():
    for _ in range(4):
        bought()
    june, both = Month(date(2026, 6, 1)), threading.Barrier(2)

    def work() -> None:
        both.wait()
        draft_month(SYSTEM, june, at=on("2026-07-01"))
        connection.close()

    workers = [threading.Thread(target=work) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert draft_month(SYSTEM, june, at=on("2026-07-01")).finished_at is not None
    assert Invoice.objects.count() == InvoiceLine.objects.count() == 4
