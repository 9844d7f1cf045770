"""Invoices for programs: what is final, its lines, its document, and whether it was paid."""

import json
from dataclasses import replace
from datetime import timedelta
from urllib.parse import quote, urlsplit
from uuid import UUID, uuid4

import pytest
import time_machine
from rest_framework.test import APIClient

from accounts.policy import SYSTEM, Role
from billing.api import examples
from billing.api.line_views import LARGEST_PAGE
from billing.invoicing import draft_month
from billing.models import Charge, Invoice
from billing.services.charging import charge_cycles
from billing.services.crediting import credit
from billing.services.invoices import approve, mark_paid
from partnerhub.outbox.models import Event
from subscriptions.models import Subscription
from tests.api.conftest import program, refused
from tests.api.test_customers import follow
from tests.factories.billing import ADMIN, to_quantity
from tests.factories.customers import CustomerFactory
from tests.factories.invoices import AFTERWARDS, NOVEMBER, finalized
from tests.factories.publishers import PlanTermFactory
from tests.factories.subscriptions import NOON, active

pytestmark = pytest.mark.django_db
G1 = "/invoices/G000000001"


@pytest.fixture(autouse=True)
def december(an_hour_later, billing_data):
    """Programs call when November has been reviewed."""
    with time_machine.travel(AFTERWARDS, tick=False):
        yield


@pytest.fixture
def fabrykam() -> Subscription:
    """What the document's customer bought in November."""
    customer = CustomerFactory(
        id=UUID(examples.CUSTOMER_ID),
        name="Fabrykam sp. z o.o.",
        domain="fabrykam.example",
        country="PL",
        currency="PLN",
    )
    return active(customer=customer, term=PlanTermFactory(amounts={"PLN": "10.08"}))


def polish(**profile):
    return CustomerFactory(**{"country": "PL", "currency": "PLN"} | profile)


def invoiced(count: int = 3) -> list[Invoice]:
    """So many customers with an invoice each, the newest first."""
    term = PlanTermFactory(amounts={"PLN": "10.08"})
    for place in range(count):
        active(customer=polish(name=f"Customer {place}"), term=term)
    draft_month(SYSTEM, NOVEMBER, at=AFTERWARDS)
    return [approve(ADMIN, draft.pk, at=AFTERWARDS) for draft in Invoice.objects.order_by("-drafted_at", "-id")]


def as_documented(body: object, subscription: Subscription) -> object:
    """An answer with the document's names and ids for what factories make up."""
    charge, line = Charge.objects.get(charge_type="new"), subscription.order_line
    plan = subscription.plan
    members = {
        "productId": plan.offer.product_id,
        "skuId": plan.sku_id,
        "availabilityId": subscription.plan_term.availability_id,
        "skuName": plan.title,
        "productName": plan.offer.title,
        "publisherName": subscription.publisher.name,
        "publisherId": str(subscription.publisher_id),
        "subscriptionDescription": subscription.nickname,
        "subscriptionId": str(subscription.pk),
        "consoleSubscriptionId": str(subscription.pk),
        "orderId": str(line.order_id),
        "alternateId": line.order.number,
        "chargeId": str(charge.pk),
    }
    text = json.dumps(body)
    for name, value in members.items():
        text = text.replace(f'"{name}": {json.dumps(value)}', f'"{name}": {json.dumps(examples.LINE_ITEM[name])}')
    return json.loads(text)


def ids(answer) -> list[str]:
    return [item["id"] for item in answer.json()["items"]]


def filtered(**asked: str) -> str:
    return f"/invoices?filter={quote(json.dumps(asked))}"


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/invoices", examples.INVOICES),
        ("/invoices/summary", examples.SUMMARY),
        ("/invoices/summaries", examples.SUMMARIES),
        (f"{G1}/lineitems?provider=OneTime&invoicelineitemtype=billing_line_items", examples.LINE_ITEMS),
        (f"{G1}/lineitems/onetime/billinglineitems", examples.LINE_ITEMS_BY_PATH),
        (f"{G1}/payment", examples.UNPAID),
    ],
)
def test_what_is_read_is_what_the_document_shows(ops, fabrykam, path, shown):
    finalized()
    assert as_documented(ops.get(path).json(), fabrykam) == shown


def test_what_is_not_invoiced_yet_is_estimated_as_the_document_shows(ops, fabrykam):
    assert ops.get("/invoices/estimates/links").json() == examples.ESTIMATES
    unbilled = follow(ops, examples.ESTIMATES["items"][0]["link"]).json()
    assert as_documented(unbilled, fabrykam) == examples.UNBILLED


def test_a_draft_is_nowhere_but_among_the_estimates(ops, fabrykam):
    draft_month(SYSTEM, NOVEMBER, at=AFTERWARDS)
    draft = Invoice.objects.get()

    assert ids(ops.get("/invoices")) == []
    for name in (draft.pk, "G000000001"):
        refused(ops.get(f"/invoices/{name}"), 404, 1000)
        refused(ops.get(f"/invoices/{name}/lineitems"), 404, 1000)
        refused(ops.get(f"/invoices/{name}/documents/statement"), 404, 1000)
    (line,) = ops.get("/invoices/unbilled/lineitems?period=previous").json()["items"]
    assert (line["invoiceNumber"], line["taxTotal"], line["totalForCustomer"]) == ("", 16.22, 86.78)
    assert ops.get("/invoices/estimates/links").json() == examples.ESTIMATES


def test_every_charge_is_invoiced_or_of_this_month_or_of_an_earlier_one(ops):
    term = PlanTermFactory(term="P1Y", amounts={"PLN": "10.08"})
    active(customer=polish(), term=term)
    finalized()
    active(customer=polish(), term=term)  # heard of late: of November, after its invoices
    charge_cycles(SYSTEM, at=NOON + timedelta(days=30))
    with time_machine.travel(NOON + timedelta(days=31), tick=False):
        found = {
            where: [item["chargeId"] for item in ops.get(path).json()["items"]]
            for where, path in {
                "invoiced": f"{G1}/lineitems",
                "previous": "/invoices/unbilled/lineitems?period=Previous",
                "current": "/invoices/unbilled/lineitems?currencycode=pln",
                "elsewhere": "/invoices/unbilled/lineitems?currencyCode=EUR",
            }.items()
        }
    assert {where: len(lines) for where, lines in found.items()} == {
        "invoiced": 1,
        "previous": 1,
        "current": 2,
        "elsewhere": 0,
    }
    assert len({line for lines in found.values() for line in lines}) == Charge.objects.count() == 4


def test_a_credit_note_stands_with_its_invoice_and_by_itself(ops, fabrykam):
    invoice = finalized()
    credit(ADMIN, invoice.pk, reason="Bought twice", at=AFTERWARDS)

    assert ops.get(filtered(Field="DocumentType", Value="credit_note")).json()["items"] == [examples.CREDIT_NOTE]
    assert ops.get("/invoices").json()["items"] == [examples.INVOICE | {"amendments": [examples.CREDIT_NOTE]}]
    (line,) = ops.get("/invoices/C000000001/lineitems").json()["items"]
    told = ("invoiceNumber", "chargeType", "subtotal", "taxTotal", "totalForCustomer", "creditReasonCode")
    assert [line[name] for name in told] == [
        "C000000001",
        "customerCredit",
        -70.56,
        -16.22,
        -86.78,
        "Bought twice",
    ]
    assert ops.get("/invoices/summary").json()["balanceAmount"] == 0


def test_a_part_is_credited_by_an_adjustment_and_owed_after_the_payment(ops, fabrykam):
    to_quantity(fabrykam, 9, NOON + timedelta(days=2))
    invoice = finalized()
    mark_paid(ADMIN, invoice.pk, reference="Przelew", at=AFTERWARDS)
    note = credit(ADMIN, invoice.pk, positions=[3], reason="One line", at=AFTERWARDS + timedelta(hours=1))

    (shown,) = ops.get("/invoices").json()["items"]
    assert (shown["status"], shown["paidAmount"]) == ("paid", float(invoice.gross))
    assert [one["documentType"] for one in shown["amendments"]] == ["adjustment_note"]
    balance = ops.get("/invoices/summary?currencycode=pln").json()
    assert [balance[name] for name in ("balanceAmount", "lastPaymentAmount", "lastPaymentDate")] == [
        float(note.gross),
        float(invoice.gross),
        "2026-12-07T09:00:00Z",
    ]


def test_lines_are_followed_to_the_end_and_add_up_to_the_invoice(ops, fabrykam):
    to_quantity(fabrykam, 9, NOON + timedelta(days=2))
    invoice = finalized()
    whole = ops.get(f"{G1}/lineitems").json()["items"]
    assert len(whole) == 3
    assert round(sum(item["totalForCustomer"] for item in whole), 2) == float(invoice.gross)

    page = ops.get(f"{G1}/lineitems?provider=onetime&size=2")
    then = follow(ops, page.json()["links"]["next"])
    assert (page.json()["totalCount"], "next" in then.json()["links"]) == (3, False)
    assert page.json()["items"] + then.json()["items"] == whole
    assert follow(ops, then.json()["links"]["previous"]).json()["items"] == whole[:2]
    assert ops.get(f"{G1}/lineitems/onetime/billinglineitems?offset=2&size=5").json()["items"] == whole[2:]


def test_unbilled_lines_are_followed_to_the_end(ops, fabrykam):
    to_quantity(fabrykam, 9, NOON + timedelta(days=2))
    address = "/invoices/unbilled/lineitems?period=previous&currencycode=PLN"
    whole = ops.get(address).json()["items"]
    page, seen = ops.get(f"{address}&size=1"), []
    while "next" in (links := page.json()["links"]):
        seen += page.json()["items"]
        page = follow(ops, links["next"])
    assert seen + page.json()["items"] == whole
    assert len(whole) == 3


def test_invoices_are_counted_through_by_offset(ops):
    numbers = [invoice.number for invoice in invoiced(3)]
    first = ops.get("/invoices?size=2")
    last = follow(ops, first.json()["links"]["next"])
    assert (ids(first), ids(last), first.json()["totalCount"]) == (numbers[:2], numbers[2:], 3)
    assert ids(follow(ops, last.json()["links"]["previous"])) == numbers[:2]
    assert (sorted(first.json()["links"]), sorted(last.json()["links"])) == (["next", "self"], ["previous", "self"])


def test_a_filter_finds(ops):
    of_customer = invoiced(2)[0]
    for asked, found in [
        ({"Field": "CustomerId", "Value": str(of_customer.customer_id)}, [of_customer.number]),
        ({"field": "customername", "value": of_customer.buyer["name"].upper()}, [of_customer.number]),
        ({"Field": "CustomerName", "Value": "cust", "Operator": "starts_with"}, ["G000000001", "G000000002"]),
        ({"Field": "InvoiceId", "Value": "g000000002"}, ["G000000002"]),
        ({"Field": "CurrencyCode", "Value": "EUR"}, []),
        ({"Field": "DocumentType", "Value": "Invoice"}, ["G000000001", "G000000002"]),
    ]:
        assert sorted(ids(ops.get(filtered(**asked)))) == found, asked


@pytest.mark.parametrize(
    ("path", "number"),
    [
        ("/invoices?filter=nonsense", 3000),
        (filtered(Field="Shoe", Value="1"), 3000),
        (filtered(Field="CustomerId", Value="nobody"), 3000),
        (filtered(Field="InvoiceId", Value="1", Operator="ends_with"), 3000),
        ("/invoices?size=501", 800002),
        ("/invoices?offset=-1", 800002),
        ("/invoices?offset=00000000000000000000099999999999", 800002),
        ("/invoices/summary?currencyCode=zloty", 800002),
        ("/invoices/unbilled/lineitems?period=next", 800002),
        ("/invoices/unbilled/lineitems?provider=shop", 800002),
        (f"/invoices/unbilled/lineitems?size={LARGEST_PAGE + 1}", 800002),
    ],
)
def test_what_cannot_be_asked_for_is_refused(ops, path, number):
    refused(ops.get(path), 400, number)


def test_what_is_sold_elsewhere_has_no_lines(ops, fabrykam):
    finalized()
    for kind in ("azure/billinglineitems", "onetime/usagelineitems"):
        answer = ops.get(f"{G1}/lineitems/{kind}").json()
        assert (answer["totalCount"], answer["items"]) == (0, [])


def test_the_document_opens_by_its_link_alone_and_for_half_an_hour(ops, fabrykam):
    finalized()
    link = ops.get(G1).json()["pdfDownloadLink"]
    anybody, path = APIClient(), link.removeprefix("http://127.0.0.1:8000")
    assert {**examples.INVOICE_WITH_LINK, "pdfDownloadLink": link} == ops.get(G1).json()

    given, own = anybody.get(path), ops.get(f"{G1}/documents/statement")
    assert (given.status_code, given["Content-Type"], given.content[:5]) == (200, "application/pdf", b"%PDF-")
    assert given["Content-Disposition"] == 'attachment; filename="Invoice_G000000001.pdf"'
    assert own.content == given.content

    refused(anybody.get(urlsplit(path).path), 401, 400)
    refused(anybody.get(path[:-1]), 403, 900308)
    refused(anybody.get(path.replace("G000000001", "G000000002")), 403, 900308)
    with time_machine.travel(AFTERWARDS + timedelta(minutes=30), tick=False):
        refused(anybody.get(path), 403, 900308)


def test_a_payment_is_noted_once_and_taken_back_with_a_reason(admin, fabrykam):
    invoice = finalized()
    paid = admin.send("put", f"{G1}/payment", examples.PAYMENT, MS_RequestId=str(uuid4()))
    assert (paid.status_code, paid.json()) == (200, examples.PAID)
    for body in (examples.PAYMENT, {"IsPaid": True}):
        assert admin.send("put", f"{G1}/payment", body).json() == examples.PAID
    assert "is paid" in refused(admin.send("put", f"{G1}/payment", {"isPaid": True, "reference": "B"}), 400, 800040)
    refused(admin.send("put", f"{G1}/payment", {"isPaid": False, "reason": " "}), 400, 800002)
    refused(admin.send("put", f"{G1}/payment", {"reference": "B"}), 400, 800002)
    assert admin.get(f"{G1}/payment").json() == examples.PAID

    back = admin.send("put", f"{G1}/payment", {"isPaid": False, "reason": "Another customer's"})
    assert back.json() == examples.UNPAID
    told = Event.objects.filter(stream_id=invoice.pk, name__contains="paid").order_by("sequence")
    assert [(event.name, event.reason) for event in told] == [
        ("invoice.paid", ""),
        ("invoice.unpaid", "Another customer's"),
    ]


def test_only_who_may_reads_and_notes(sales, ops, fabrykam):
    invoice = finalized()
    for path in ("", "/summary", "/summaries", "/estimates/links", "/unbilled/lineitems", "/G000000001"):
        refused(sales.get(f"/invoices{path}"), 403, 900150)
    for part in ("lineitems", "documents/statement", "payment"):
        refused(sales.get(f"{G1}/{part}"), 403, 900150)
    for reader in (sales, ops):
        refused(reader.send("put", f"{G1}/payment", examples.PAYMENT), 403, 900150)
    invoice.refresh_from_db()
    assert invoice.paid_at is None


def test_a_client_of_some_customers_sees_theirs_alone(ops, fabrykam):
    finalized()
    active(customer=polish(), term=fabrykam.plan_term)
    for customers, lines in ((frozenset(), None), (frozenset({fabrykam.customer_id}), 1)):
        ops.force_authenticate(user=replace(program(Role.OPS_AGENT), customers=customers))
        assert ops.get(f"{G1}/lineitems").json().get("totalCount") == lines
        seen = ("", "/summaries", "/unbilled/lineitems?period=previous")
        assert [ops.get(f"/invoices{path}").json()["totalCount"] for path in seen] == [lines or 0, lines or 0, 0]


def test_a_page_of_two_costs_what_a_page_of_one_does(ops, django_assert_num_queries):
    for invoice in invoiced(3):
        credit(ADMIN, invoice.pk, reason="Test", at=AFTERWARDS)
    for _ in range(3):
        active(customer=polish(), term=PlanTermFactory(amounts={"PLN": "10.08"}))
    unbilled = "/invoices/unbilled/lineitems?period=previous"
    for path, queries in (("/invoices?", 3), (f"{G1}/lineitems?", 5), (f"{unbilled}&", 3)):
        for size in (1, 2):  # a page that shows them all counts nothing
            with django_assert_num_queries(queries):
                assert len(ops.get(f"{path}size={size}").json()["items"]) in (size, 1)
