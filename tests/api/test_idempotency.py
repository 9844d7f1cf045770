import re
import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.urls import resolve
from drf_spectacular.generators import SchemaGenerator

from accounts.policy import Role
from partnerhub.api.idempotency import forget_old
from partnerhub.api.models import IdempotencyKey
from subscriptions.models import Cart, Subscription
from subscriptions.services import carts as cart_services
from tests.api.conftest import LATER, Program, program, refused
from tests.factories.customers import CustomerFactory
from tests.factories.publishers import PlanTermFactory

pytestmark = pytest.mark.django_db
FIRST, SECOND, THIRD = (f"0f0f4b7e-0000-4000-8000-00000000000{number}" for number in "abc")


def body_for(term, **line):
    return {
        "lineItems": [{"catalogItemId": term.catalog_item_id, "quantity": 7} | line],
        "partnerOnRecordAttestationAccepted": True,
    }


@pytest.fixture
def customer():
    return CustomerFactory()


@pytest.fixture
def term():
    return PlanTermFactory()


def test_a_retry_gets_the_same_answer_and_creates_nothing(sales, customer, term):
    path = f"/customers/{customer.pk}/carts"
    first = sales.send("post", path, body_for(term), MS_RequestId=FIRST)
    again = sales.send("post", path, body_for(term), MS_RequestId=FIRST)

    assert (again.status_code, again.content) == (first.status_code, first.content) == (201, first.content)
    assert Cart.objects.count() == 1


def test_without_the_header_every_call_is_a_new_request(sales, customer, term):
    for _ in range(2):
        sales.send("post", f"/customers/{customer.pk}/carts", body_for(term))
    assert Cart.objects.count() == 2
    assert IdempotencyKey.objects.count() == 0


@pytest.mark.parametrize("different", ["body", "path"])
def test_a_used_request_id_is_refused_for_another_request(sales, customer, term, different):
    sales.send("post", f"/customers/{customer.pk}/carts", body_for(term), MS_RequestId=FIRST)
    other = CustomerFactory() if different == "path" else customer
    body = body_for(term, quantity=8) if different == "body" else body_for(term)

    refused(sales.send("post", f"/customers/{other.pk}/carts", body, MS_RequestId=FIRST), 400, 3000)

    assert [line.quantity for line in Cart.objects.get().lines.all()] == [7]


def test_two_clients_may_use_the_same_request_id(sales, admin, customer, term):
    for caller in (sales, admin):
        caller.send("post", f"/customers/{customer.pk}/carts", body_for(term), MS_RequestId=FIRST)
    assert Cart.objects.count() == 2


def test_a_refusal_is_not_kept_and_the_request_may_be_tried_again(sales, customer, term):
    path = f"/customers/{customer.pk}/carts"
    refused(sales.send("post", path, body_for(term, quantity=0), MS_RequestId=FIRST), 400, 2002)
    assert IdempotencyKey.objects.count() == Cart.objects.count() == 0

    assert sales.send("post", path, body_for(term), MS_RequestId=FIRST).status_code == 201


@pytest.mark.parametrize("given", ["a\tb", f"{FIRST}\x01", f" {FIRST[1:]}", "x" * 65, "é" * 32])
def test_a_request_id_that_cannot_be_kept_is_refused_before_anything_is_done(sales, customer, term, given):
    answer = sales.send("post", f"/customers/{customer.pk}/carts", body_for(term), MS_RequestId=given)
    assert refused(answer, 400, 800002) == (
        "MS-RequestId is not valid: a GUID is expected, or at most 64 letters, digits and _ . : -"
    )
    assert Cart.objects.count() == 0


def test_a_guid_is_the_same_in_every_spelling(sales, customer, term):
    for given in (FIRST, FIRST.upper(), FIRST.replace("-", ""), f"{{{FIRST}}}"):
        answer = sales.send("post", f"/customers/{customer.pk}/carts", body_for(term), MS_RequestId=given)
        assert answer.status_code == 201
    assert Cart.objects.count() == 1


def test_a_name_of_a_clients_own_is_an_id_as_well(sales, customer, term):
    for _ in range(2):
        answer = sales.send("post", f"/customers/{customer.pk}/carts", body_for(term), MS_RequestId="import-2026:11.1")
        assert answer.status_code == 201
    assert Cart.objects.count() == 1


def test_a_crash_leaves_neither_answer_nor_cart(sales, customer, term, monkeypatch):
    def crash(*args, **kwargs):
        raise ZeroDivisionError

    path = f"/customers/{customer.pk}/carts"
    with monkeypatch.context() as patched:
        patched.setattr("subscriptions.api.carts.cart", crash)  # after the cart was written
        refused(sales.send("post", path, body_for(term), MS_RequestId=FIRST), 500, 500)
    assert Cart.objects.count() == IdempotencyKey.objects.count() == 0

    assert sales.send("post", path, body_for(term), MS_RequestId=FIRST).status_code == 201


@pytest.mark.django_db(transaction=True)
def test_a_concurrent_duplicate_is_told_to_wait(sales, customer, term, monkeypatch):
    entered, leave = threading.Event(), threading.Event()
    create = cart_services.create_cart

    def slow(*args, **kwargs):
        entered.set()
        assert leave.wait(20)
        return create(*args, **kwargs)

    monkeypatch.setattr("subscriptions.api.purchases.create_cart", slow)
    path, answers = f"/customers/{customer.pk}/carts", []

    def first() -> None:
        answers.append(Program(Role.SALES_AGENT).send("post", path, body_for(term), MS_RequestId=FIRST))
        connection.close()

    thread = threading.Thread(target=first)
    thread.start()
    assert entered.wait(20)
    meanwhile = sales.send("post", path, body_for(term), MS_RequestId=FIRST)
    leave.set()
    thread.join(20)

    refused(meanwhile, 409, 800064)
    assert meanwhile["Retry-After"] == "2"
    assert [answer.status_code for answer in answers] == [201]
    assert Cart.objects.count() == 1


def test_checkout_is_replayed_by_request_id_and_by_cart(sales, customer, term):
    carts = f"/customers/{customer.pk}/carts"
    cart = sales.send("post", carts, body_for(term)).json()["id"]
    first = sales.send("post", f"{carts}/{cart}/checkout", MS_RequestId=SECOND)
    same_id = sales.send("post", f"{carts}/{cart}/checkout", MS_RequestId=SECOND)
    other_id = sales.send("post", f"{carts}/{cart}/checkout", MS_RequestId=THIRD)

    assert first.status_code == same_id.status_code == other_id.status_code == 201
    assert first.json() == same_id.json() == other_id.json()
    assert Subscription.objects.count() == 1


def test_every_write_is_idempotent_and_says_so():
    """Of every write that the document describes."""
    document = SchemaGenerator().get_schema(request=None, public=True)
    writes = {
        (path, method): [parameter["name"] for parameter in described["parameters"]]
        for path, methods in document["paths"].items()
        for method, described in methods.items()
        if method in ("post", "put", "patch", "delete")
    }
    assert len(writes) > 13
    for (path, method), headers in writes.items():
        view = resolve(re.sub(r"{.*?}", "x", path)).func.cls
        assert getattr(getattr(view, method), "is_idempotent", False), (path, method)
        assert "MS-RequestId" in headers, (path, method)


def test_a_stored_answer_holds_no_personalised_link(sales, customer, term):
    carts = f"/customers/{customer.pk}/carts"
    cart = sales.send("post", carts, body_for(term), MS_RequestId=FIRST).json()["id"]
    sales.send("post", f"{carts}/{cart}/checkout", MS_RequestId=SECOND)
    assert not [key for key in IdempotencyKey.objects.all() if "token=" in key.body]


def test_the_fingerprint_covers_what_was_sent_not_what_was_understood(sales, customer, term):
    path = f"/customers/{customer.pk}/carts"
    sales.send("post", path, body_for(term), MS_RequestId=FIRST)
    refused(sales.send("post", path, body_for(term) | {"unknown": 1}, MS_RequestId=FIRST), 400, 3000)
    assert Cart.objects.count() == 1


def test_a_program_keeps_its_name_as_owner_of_the_key(sales, customer, term):
    sales.send("post", f"/customers/{customer.pk}/carts", body_for(term), MS_RequestId=FIRST)
    assert IdempotencyKey.objects.get().client_id == program(Role.SALES_AGENT).id


def test_answers_are_forgotten_after_a_week(sales, customer, term):
    path = f"/customers/{customer.pk}/carts"
    sales.send("post", path, body_for(term), MS_RequestId=FIRST)
    assert forget_old(LATER + timedelta(days=7)) == 0
    assert forget_old(LATER + timedelta(days=7, seconds=1)) == 1
    assert IdempotencyKey.objects.count() == 0
