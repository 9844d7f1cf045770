"""Invoices as agents see them: lists, one with its lines that explain themselves, and what can be done with it."""

import html
import re
from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from accounts.policy import Role
from billing.enums import InvoiceState
from billing.forms import CreditForm
from billing.models import Invoice
from partnerhub.outbox.models import Event
from subscriptions.changes import Change
from subscriptions.services.requests import approve, ask
from tests.factories.accounts import UserFactory, actor
from tests.factories.billing import ADMIN, settle, to_quantity
from tests.factories.invoices import AFTERWARDS, drafted, finalized, know_the_rate
from tests.factories.subscriptions import NOON, active

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def december():
    with time_machine.travel(AFTERWARDS + timedelta(hours=1)):
        yield


def signed_in(role: Role) -> Client:
    client = Client()
    client.force_login(UserFactory(active_role=role))
    return client


@pytest.fixture
def admin() -> Client:
    return signed_in(Role.ADMIN_AGENT)


def text(client: Client, url: str, status: int = 200, **given) -> str:
    page = client.get(url, given)
    assert page.status_code == status
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page.content.decode())).split())


def act(client: Client, invoice: Invoice, name: str, **given):
    return client.post(reverse("billing:act", args=[invoice.pk, name]), given)


def test_from_draft_to_paid_by_the_pages(admin):
    active()
    invoice = drafted()
    url = reverse("billing:invoice", args=[invoice.pk])
    know_the_rate()

    assert act(admin, invoice, "hold").status_code == 422
    assert Invoice.objects.get().state == InvoiceState.DRAFT
    for name, given, state in [
        ("hold", {"reason": "Ask the customer"}, "held"),
        ("release", {}, "draft"),
        ("finalize", {}, "finalized"),
        ("paid", {"reference": "MT940 7"}, "finalized"),
    ]:
        assert act(admin, invoice, name, **given)["Location"] == url
        assert Invoice.objects.get().state == state

    page = text(admin, url)
    kept = Invoice.objects.get()
    assert (kept.payment_reference, kept.number in page) == ("MT940 7", True)
    assert "Mark as not paid" in page
    assert act(admin, invoice, "drop", reason="x").status_code == 409
    assert Invoice.objects.get().state == InvoiceState.FINALIZED


def test_some_lines_are_credited_with_a_note_of_their_own(admin):
    to_quantity(active(), 9, NOON + timedelta(days=2))
    invoice = finalized()

    assert act(admin, invoice, "credit", lines="one", reason="Twice").status_code == 422
    answer = act(admin, invoice, "credit", lines="3", reason="Twice")

    note = Invoice.objects.get(kind="credit_note")
    assert answer["Location"] == reverse("billing:invoice", args=[note.pk])
    assert [f"{line.net:.2f}" for line in note.lines.all()] == ["-84.67"]
    assert f"Corrects invoice {invoice.number}" in text(admin, answer["Location"])
    assert f"{note.number} : −€100.75" in text(admin, reverse("billing:invoice", args=[invoice.pk]))


def test_only_who_may_acts_and_sees():
    active()
    invoice = drafted()
    url = reverse("billing:invoice", args=[invoice.pk])
    ops, sales = signed_in(Role.OPS_AGENT), signed_in(Role.SALES_AGENT)

    assert "Who can: Admin agent, Platform admin" in text(ops, url)
    assert act(ops, invoice, "finalize").status_code == 403
    assert sales.get(url).status_code == sales.get("/billing/invoices/").status_code == 403
    assert sales.get("/billing/")["Location"] == "/billing/seats/"
    assert Invoice.objects.get().state == InvoiceState.DRAFT


def test_lists_filter_and_add_up_by_currency(admin):
    subscription = active()
    invoice = finalized()
    customer_url = reverse("billing:customer_invoices", args=[subscription.customer_id])

    everything = text(admin, "/billing/invoices/")
    overdue = text(admin, "/billing/invoices/", payment="overdue")

    assert f"{invoice.number} {subscription.customer.name} 1 Nov 2026 – 30 Nov 2026" in everything
    assert "EUR 1 €70.56" in everything
    assert "No invoice fits these filters" in overdue
    assert invoice.number in text(admin, "/billing/invoices/", month="2026-11", state="finalized", q=invoice.number)
    assert invoice.number in text(admin, customer_url)


def test_a_line_explains_itself_and_holds_when_it_is_rebuilt(admin):
    subscription, later = active(), NOON + timedelta(days=2)
    seller = actor(Role.SALES_AGENT)
    request = ask(seller, subscription.pk, Change(quantity=9), reason="They hired two people", at=later)
    approve(ADMIN, request.pk, at=later)
    settle(subscription, later)
    invoice = finalized()

    page = text(admin, reverse("billing:line", args=[invoice.pk, 3]), rebuild="on")

    for words in [
        "More licences: charged anew",
        "25 Nov 2026 – 22 Dec 2026",
        "Changed from 7 to 9 licences. The publisher accepted it.",
        "Approved by A admin_agent asked for by A sales_agent: They hired two people",
        "Billing started 23 Nov 2026, 12:00 UTC",
        "+7 bought 23 Nov 2026, 12:00 UTC",
        "+2 added 25 Nov 2026, 12:00 UTC",
        "EUR 10.08 valid from 1 Jan 2026",
        "10.08 × 9 × 28/30 = 84.672 The exact amount of the line is rounded down once.",
        "A unit for these days 9.408 Amount €84.67",
        "All 3 lines of this subscription hold, with their chain.",
    ]:
        assert words in page, words


def test_the_document_comes_in_either_language(admin):
    active()
    invoice = finalized()
    url = reverse("billing:invoice_pdf", args=[invoice.pk])

    english, polish = admin.get(url), admin.get(f"{url}?language=pl")

    assert english["Content-Type"] == "application/pdf"
    assert english["Content-Disposition"] == f'inline; filename="{invoice.number}.pdf"'
    assert english.content[:5] == polish.content[:5] == b"%PDF-"
    assert english.content != polish.content
    assert Event.objects.filter(stream_id=invoice.pk).count() == 2


@pytest.mark.parametrize(("typed", "lines"), [("1, 3-5", [1, 3, 4, 5]), ("", None), ("1-9999999", "refused")])
def test_lines_are_chosen_by_their_numbers(typed, lines):
    form = CreditForm({"lines": typed, "reason": "x"})
    assert (form.positions if form.is_valid() else "refused") == lines
