"""API clients that see only some customers: everything of the others is not found, by every address there is."""

import re
from uuid import UUID

import pytest
from drf_spectacular.generators import SchemaGenerator

from accounts.policy import Actor, Role
from customers.models import Customer
from subscriptions.changes import Change
from subscriptions.models import Cart
from subscriptions.services.quantity import change_quantity
from subscriptions.services.requests import ask
from tests.api.conftest import LATER, Program, refused
from tests.factories.accounts import actor
from tests.factories.customers import CustomerFactory
from tests.factories.publishers import PlanTermFactory
from tests.factories.subscriptions import active, buy

pytestmark = pytest.mark.django_db

DOCUMENT = SchemaGenerator().get_schema(request=None, public=True)
OF_CUSTOMERS = [
    (path, method)
    for path, methods in DOCUMENT["paths"].items()
    for method in methods
    if "{customer_id}" in path and method in ("get", "post", "put", "patch", "delete")
]
LISTS = ("/customers", "/subscriptions", "/attention", "/divergences", "/changerequests")


def limited(*customers: Customer, role: Role = Role.ADMIN_AGENT) -> Program:
    made = Program(role)
    scope = frozenset(customer.pk for customer in customers)
    who = Actor(kind="client", id=f"limited-{role}", label="Limited", role=role, roles=(role,), customers=scope)
    made.force_authenticate(user=who)
    return made


@pytest.fixture
def theirs(sales):
    """What another customer has: an order that waits, a running subscription with a change and a request, a cart."""
    term = PlanTermFactory()
    waiting = buy(term=term)
    running = active(customer=waiting.customer, term=term)
    ask(actor(Role.SALES_AGENT), running.pk, Change(quantity=8), reason="More people", at=LATER)
    change_quantity(actor(Role.ADMIN_AGENT), running.pk, quantity=9, version=None, at=LATER)
    body = {"lineItems": [{"catalogItemId": term.catalog_item_id, "quantity": 2}]}
    sales.send("post", f"/customers/{waiting.customer_id}/carts", body)
    return running


def filled(path: str, theirs, customer_id: UUID) -> str:
    """An address of the document, with the ids of what the other customer has."""
    offer = theirs.plan.offer
    ids = {
        "customer_id": customer_id,
        "subscription_id": theirs.pk,
        "order_id": theirs.order_line.order_id,
        "number": theirs.order_line.number,
        "cart_id": Cart.objects.exclude(status="ordered").get().pk,
        "operation_id": theirs.operations.get().pk,
        "request_id": theirs.change_requests.get().pk,
        "page_id": theirs.pk,
        "product_id": offer.product_id,
        "sku_id": theirs.plan.sku_id,
        "availability_id": theirs.plan_term.availability_id,
    }
    return re.sub(r"{(\w+)}", lambda found: str(ids[found[1]]), path).removeprefix("/v1")


def bodies(theirs) -> dict[str, object]:
    """A body that would be read, by the last word of the address."""
    line = {"catalogItemId": theirs.plan_term.catalog_item_id, "quantity": 2}
    return {
        "carts": {"lineItems": [line]},
        "{cart_id}": {"lineItems": [line]},
        "{subscription_id}": {"friendlyName": "X"},
        "changerequests": {"quantity": 8, "reason": "More"},
        "transitions": {"toCatalogItemId": line["catalogItemId"]},
        "preview": {"quantity": 8},
    }


def state(theirs) -> list[object]:
    theirs.refresh_from_db()
    return [
        theirs.version,
        theirs.nickname,
        *theirs.operations.values_list("pk", "status"),
        *theirs.change_requests.values_list("pk", "status"),
        *Cart.objects.values_list("pk", "status", "modified_at"),
        *Customer.objects.values_list("pk", "version"),
    ]


def test_everything_of_another_customer_is_not_found(theirs):
    assert len(OF_CUSTOMERS) > 30
    program, before, wanted = limited(CustomerFactory()), state(theirs), bodies(theirs)
    sees = limited(theirs.customer)
    for path, method in OF_CUSTOMERS:
        address, body = filled(path, theirs, theirs.customer_id), wanted.get(path.rpartition("/")[2])
        assert program.send(method, address, body).status_code == 404, (method, path)
        if method == "get":
            assert sees.get(address).status_code == 200, path
    assert state(theirs) == before


def test_by_way_of_an_own_customer_it_is_not_found_either(theirs):
    own = CustomerFactory()
    program, before, wanted = limited(own), state(theirs), bodies(theirs)
    below = [each for each in OF_CUSTOMERS if re.search("{(subscription|order|cart)_id}", each[0])]
    for path, method in below:
        body = wanted.get(path.rpartition("/")[2])
        assert program.send(method, filled(path, theirs, own.pk), body).status_code == 404, (method, path)
    assert state(theirs) == before


@pytest.mark.parametrize("path", LISTS)
def test_lists_hold_only_what_is_in_scope(theirs, path):
    mine = buy(term=theirs.plan_term)
    seen = limited(mine.customer).get(path).json()
    everything = Program(Role.ADMIN_AGENT).get(path).json()

    assert str(theirs.customer_id) not in str(seen)
    assert (
        seen["totalCount"]
        == {"/customers": 1, "/subscriptions": 1, "/attention": 1, "/divergences": 0, "/changerequests": 0}[path]
    )
    assert (
        everything["totalCount"]
        == {"/customers": 2, "/subscriptions": 3, "/attention": 3, "/divergences": 0, "/changerequests": 1}[path]
    )


def test_an_empty_scope_sees_nobody(theirs):
    assert limited().get("/customers").json()["items"] == []


def test_a_limited_program_takes_on_no_customer():
    program = limited(CustomerFactory())
    body = {
        "companyProfile": {"companyName": "New", "domain": "new.example"},
        "billingProfile": {
            "firstName": "A",
            "lastName": "B",
            "email": "a@new.example",
            "defaultAddress": {"country": "PL", "city": "X", "addressLine1": "Y 1", "postalCode": "00-001"},
        },
    }
    told = refused(program.send("post", "/customers", body), 403, 900308)
    assert "limited to some customers" in told
    assert Customer.objects.count() == 1
