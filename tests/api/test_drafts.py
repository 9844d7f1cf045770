"""Drafts, billing runs, credits and statements by program: what each refuses changes nothing."""

from uuid import uuid4

import pytest
import time_machine
from rest_framework.test import APIClient

from accounts.policy import SYSTEM, Role
from billing.invoicing import draft_month
from billing.models import BillingRun, Invoice, Statement
from customers.models import Customer
from partnerhub.outbox.models import Event
from tests.api.conftest import Program, refused
from tests.factories.accounts import ClientFactory
from tests.factories.customers import CustomerFactory
from tests.factories.invoices import AFTERWARDS, NOVEMBER
from tests.factories.publishers import PlanTermFactory
from tests.factories.subscriptions import active

pytestmark = pytest.mark.django_db
WHY = {"reason": "The address is being changed"}


@pytest.fixture(autouse=True)
def december(an_hour_later, billing_data):
    with time_machine.travel(AFTERWARDS, tick=False):
        yield


@pytest.fixture
def customer() -> Customer:
    found = CustomerFactory(country="PL", currency="PLN")
    active(customer=found, term=PlanTermFactory(amounts={"PLN": "10.08"}))
    return found


def drafted() -> str:
    draft_month(SYSTEM, NOVEMBER, at=AFTERWARDS)
    return f"/invoices/drafts/{Invoice.objects.get(number=None).pk}"


def test_a_draft_is_held_released_finalized_and_credited(admin: Program, customer: Customer) -> None:
    draft = drafted()
    assert [one["status"] for one in admin.get("/invoices/drafts").json()["items"]] == ["draft"]
    assert len(admin.get(f"{draft}/lineitems").json()["items"]) == 1

    assert admin.send("post", f"{draft}/hold", WHY).json()["status"] == "held"
    refused(admin.send("post", f"{draft}/hold", WHY), 400, 800040)
    assert admin.get("/invoices/drafts?status=draft").json()["totalCount"] == 0
    assert admin.send("post", f"{draft}/release").json()["status"] == "draft"
    refused(admin.send("post", f"{draft}/release"), 400, 800040)
    invoice = admin.send("post", f"{draft}/finalize").json()
    assert (invoice["id"], invoice["status"]) == ("G000000001", "due")
    refused(admin.send("post", f"{draft}/drop", WHY), 400, 800040)
    assert admin.get(draft).json()["invoiceNumber"] == "G000000001"

    refused(admin.send("post", "/invoices/G000000001/credit", {**WHY, "lines": [2]}), 400, 800040)
    refused(admin.send("post", "/invoices/G000000001/credit", {**WHY, "lines": ["1"]}), 400, 800002)
    note = admin.send("post", "/invoices/G000000001/credit", {**WHY, "lines": [1]})
    assert (note.status_code, note.json()["amendsOf"], note.json()["documentType"]) == (201, "G000000001", "void_note")
    assert refused(admin.send("post", "/invoices/G000000001/credit", WHY), 400, 800040).startswith("Nothing of this")
    about = Event.objects.filter(stream_type="invoice").exclude(name="invoice.finalized")
    told = ["invoice.drafted", "invoice.held", "invoice.released", "invoice.credited"]
    assert list(about.order_by("sequence").values_list("name", flat=True)) == told


def test_a_draft_is_dropped_and_another_drafted_with_the_profile_of_now(admin: Program, customer: Customer) -> None:
    with time_machine.travel(AFTERWARDS.replace(hour=8), tick=False):
        draft_month(SYSTEM, NOVEMBER, at=AFTERWARDS.replace(hour=8))
    draft = f"/invoices/drafts/{Invoice.objects.get().pk}"
    Customer.objects.update(name="Fabrykam S.A.")
    refused(admin.send("post", f"{draft}/redraft"), 400, 800002)
    anew = admin.send("post", f"{draft}/redraft", WHY).json()
    assert (anew["customerName"], admin.get(draft).json()["status"]) == ("Fabrykam S.A.", "void")


def test_billing_is_looked_at_then_done_once(admin: Program, ops: Program, customer: Customer) -> None:
    looked = admin.send("post", "/billingruns/preview").json()
    assert (looked["months"], [one["invoices"] for one in looked["drafted"]]) == (["2026-11"], [1])
    assert not Invoice.objects.exists()
    assert not BillingRun.objects.exists()

    refused(ops.send("post", "/billingruns"), 403, 900150)
    request_id = str(uuid4())
    first, again = (admin.send("post", "/billingruns", MS_RequestId=request_id) for _ in range(2))
    assert first.json() == again.json() == looked
    assert admin.send("post", "/billingruns").json()["drafted"] == []
    assert Invoice.objects.count() == 1
    run = ops.get("/billingruns/2026-11").json()
    assert (run["status"], run["invoices"], ops.get("/billingruns").json()["items"]) == ("finished", 1, [run])
    refused(ops.get("/billingruns/2026-13"), 404, 1000)


def test_who_sees_only_some_customers_acts_on_theirs_and_never_for_all(customer: Customer) -> None:
    draft, other = drafted(), CustomerFactory()
    mine, others = (_limited(one) for one in (customer, other))
    refused(others.post(f"/v1{draft}/finalize"), 404, 1000)
    for path in ("/v1/billingruns", "/v1/billingruns/preview"):
        refused(mine.post(path), 403, 900308)
    refused(mine.get("/v1/billingruns"), 403, 900308)
    assert Invoice.objects.get().number is None
    assert mine.post(f"/v1{draft}/finalize").status_code == 200


def test_a_statement_is_imported_and_compared_or_named_line_by_line(admin: Program, customer: Customer) -> None:
    found = customer.subscriptions.get()
    heading = "subscriptionId,period,quantity,amount,currency\n"
    body = {
        "publisherId": str(found.publisher_id),
        "statementId": "1",
        "csv": f"{heading}{found.pk},2026-11,7,1.00,PLN",
    }
    wrong = refused(admin.send("post", "/statements", body | {"csv": f"{heading}{found.pk},now,7,1,PLN"}), 400, 800002)
    assert "Line 2" in wrong
    assert not Statement.objects.exists()

    imported = admin.send("post", "/statements", body).json()
    again = admin.send("post", "/statements", body).json()
    assert (imported["added"], again["same"], again["id"]) == (1, 1, imported["id"])
    assert admin.get(f"/statements/{imported['id']}").json()["differences"] == {"amount_differs": 1}
    [line] = admin.get(f"/statements/{imported['id']}/lineitems?difference=amount_differs").json()["items"]
    assert (line["amount"], line["ourAmount"], line["difference"]) == (1.0, 70.56, "amount_differs")
    assert admin.get(f"/statements/{imported['id']}/lineitems?difference=agrees").json()["items"] == []


def _limited(customer: Customer) -> APIClient:
    client = APIClient()
    client.force_authenticate(user=ClientFactory(role=Role.ADMIN_AGENT, customers=[customer.pk]).actor())
    return client
