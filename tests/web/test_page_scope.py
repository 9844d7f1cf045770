"""Agents who see only some customers: whatever is of another is not found, by every address of a page there is."""

import re

import pytest
import time_machine
from django.test import Client as Browser

from accounts.policy import Role
from billing.models import Invoice
from customers.models import Customer
from partnerhub.outbox.models import Event
from subscriptions.models import Cart, ChangeRequest, Operation, PurchaseToken, Subscription
from tests.factories.customers import CustomerFactory
from tests.factories.invoices import AFTERWARDS
from tests.web.page_world import PageWorld, pages

OF_CUSTOMERS = {
    *("customer_id", "subscription_id", "order_id", "cart_id", "operation_id", "request_id", "invoice_id"),
    *("divergence_id", "page_id", "key"),
}
IDS = re.compile(r"<(?:\w+:)?(\w+)>")
pytestmark = pytest.mark.django_db


@pytest.fixture
def world(billing_data):
    with time_machine.travel(AFTERWARDS, tick=False):
        yield PageWorld()


def limited(world: PageWorld, role: Role) -> Browser:
    """The role's person, who may see one customer that has nothing to do with the world's."""
    user = world.people[role]
    user.customers = [CustomerFactory(name="Own").pk]
    user.save()
    browser = Browser()
    browser.force_login(user)
    return browser


def test_everything_of_another_customer_is_not_found_on_any_page(world):
    Customer.objects.update(name="Zebra Foreign", domain="zebra.example", beneficiary_email="z@zebra.example")
    Subscription.objects.update(nickname="Zebra seats")
    browser, before = limited(world, Role.ADMIN_AGENT), state()
    found = [line for name, route in pages().items() for line in told_by(browser, world, name, route)]

    assert found == []
    assert state() == before


def told_by(browser: Browser, world: PageWorld, name: str, route: str) -> list[tuple[str, str, int]]:
    """Where one address tells something of what is not in scope, or acts on it."""
    if route.startswith(("c/", "accounts/", "agents/")):  # of whoever holds the address; one's own; of platform admins
        return []
    path, is_of_customer = world.path(name, route, Role.ADMIN_AGENT), bool(OF_CUSTOMERS & set(IDS.findall(route)))
    seen = browser.get(path)
    text = b"".join(seen.streaming_content) if seen.streaming else seen.content
    told = b"zebra" in text.lower() or (is_of_customer and seen.status_code not in (403, 404, 405))
    found = [("GET", name, seen.status_code)] if told else []
    if is_of_customer:
        # Some lead back to where the row was: that page is not found in its turn.
        status = browser.post(path).status_code
        found += [("POST", name, status)] if status not in (302, 403, 404, 405, 409) else []
    return found


def state() -> list[object]:
    """What would differ if anything had been done."""
    streams = [*Customer.objects.values_list("pk", flat=True), *Subscription.objects.values_list("pk", flat=True)]
    return [
        Event.objects.filter(stream_id__in=streams).count(),
        list(Subscription.objects.order_by("pk").values_list("pk", "version", "nickname", "status")),
        list(Operation.objects.order_by("pk").values_list("pk", "status", "seen_at")),
        list(ChangeRequest.objects.order_by("pk").values_list("pk", "status")),
        list(Cart.objects.order_by("pk").values_list("pk", "status", "modified_at")),
        list(Invoice.objects.order_by("pk").values_list("pk", "state", "paid_at")),
        PurchaseToken.objects.count(),
    ]
