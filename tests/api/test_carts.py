import json
from datetime import timedelta

import pytest
import time_machine
from django.conf import settings

from partnerhub.outbox.models import Event
from publishers.models import BillingCycle, Pricing
from subscriptions.models import Cart, CartLine, Order, Subscription
from tests.api.conftest import LATER, refused
from tests.factories.customers import CustomerFactory, ResellerFactory
from tests.factories.publishers import PlanTermFactory
from tests.factories.subscriptions import NOON, buy

pytestmark = pytest.mark.django_db


@pytest.fixture
def customer():
    return CustomerFactory()


@pytest.fixture
def term():
    return PlanTermFactory()


@pytest.fixture
def carts(customer) -> str:
    return f"/customers/{customer.pk}/carts"


def line(term, **different):
    return {"catalogItemId": term.catalog_item_id, "quantity": 7} | different


def body(*lines, attested: bool | None = True):
    return {"lineItems": list(lines), "PartnerOnRecordAttestationAccepted": attested}


def nothing_happened() -> bool:
    return not (
        Cart.objects.exists() or Order.objects.exists() or Subscription.objects.exists() or Event.objects.exists()
    )


def test_a_cart_shows_what_was_put_in_and_what_it_costs(sales, carts, term, customer):
    reseller = ResellerFactory()
    participants = [{"key": "transaction_reseller", "value": reseller.partner_id}]
    wanted = line(term, friendlyName="Sales team", orderGroup="1", participants=participants)

    response = sales.send("post", carts, body(wanted))
    shown = response.json()

    assert response.status_code == 201
    assert shown["lineItems"] == [
        {
            "id": 0,
            "catalogItemId": term.catalog_item_id,
            "friendlyName": "Sales team",
            "quantity": 7,
            "currencyCode": "EUR",
            "billingCycle": "monthly",
            "termDuration": "P1M",
            "participants": participants,
            "orderGroup": "1",
            "autoRenewEnabled": True,
            "pricing": {
                "listPrice": 10.08,
                "discountedPrice": 10.08,
                "proratedPrice": 10.08,
                "price": 10.08,
                "extendedPrice": 70.56,
            },
        }
    ]
    assert (shown["status"], shown["partnerOnRecordAttestationAccepted"]) == ("Active", True)
    assert shown["creationTimestamp"] == "2026-11-23T13:00:00Z"
    assert shown["expirationTimestamp"] == "2026-11-30T13:00:00Z"
    assert sales.get(shown["links"]["self"]["uri"]).json() == shown


def test_a_flat_rate_costs_the_same_for_any_quantity(sales, carts):
    flat = PlanTermFactory(plan__pricing=Pricing.FLAT_RATE)
    shown = sales.send("post", carts, body(line(flat))).json()
    assert shown["lineItems"][0]["pricing"]["extendedPrice"] == 10.08


def test_names_may_begin_with_capitals(sales, carts, term):
    shouted = {
        "LineItems": [
            {
                "CatalogItemId": term.catalog_item_id,
                "Quantity": 3,
                "FriendlyName": "Loud",
                "Nonsense": {},
                "AddonItems": [],
                "PromotionId": None,
                "CustomTermEndDate": "",
            }
        ],
        "partnerOnRecordAttestationAccepted": True,
    }
    shown = sales.send("post", carts, shouted).json()
    assert (shown["lineItems"][0]["quantity"], shown["lineItems"][0]["friendlyName"]) == (3, "Loud")


def test_media_types_do_not_matter(sales, carts, term):
    plain = json.dumps(body(line(term)))
    response = sales.post(carts, plain, content_type="text/plain", headers={"Accept": "application/xml"})
    assert (response.status_code, response["Content-Type"]) == (201, "application/json")


@pytest.mark.parametrize(
    ("different", "status", "code"),
    [
        ({"quantity": 0}, 400, 2002),
        ({"quantity": 101}, 400, 2002),
        ({"quantity": 10**40}, 400, 2002),
        ({"quantity": "many"}, 400, 800002),
        ({"quantity": None}, 400, 800002),
        ({"quantity": True}, 400, 800002),
        ({"catalogItemId": "NOPE:0001:NOPE"}, 404, 400013),
        ({"catalogItemId": ""}, 400, 800002),
        ({"billingCycle": "annual"}, 400, 800002),
        ({"termDuration": "P3Y"}, 400, 800002),
        ({"friendlyName": "x" * 201}, 400, 800002),
        ({"friendlyName": "\0"}, 400, 800002),
        ({"participants": [{"key": "consumption_reseller", "value": "1"}]}, 400, 800002),
        ({"participants": [{"key": "transaction_reseller", "value": "999999"}]}, 404, 800015),
        ({"participants": [{"key": "transaction_reseller", "value": settings.HUB_PARTNER_ID}]}, 404, 2072),
        ({"participants": "transaction_reseller"}, 400, 800002),
        ({"addonItems": [{"catalogItemId": "A:B:C", "quantity": 1}]}, 400, 800002),
        ({"promotionId": "39NFJQT1PJQB:0001:39NFJQT1Q5KN"}, 400, 800002),
        ({"customTermEndDate": "2027-01-01T00:00:00Z"}, 400, 800002),
    ],
)
def test_a_line_that_cannot_be_bought_is_refused_and_changes_nothing(sales, carts, term, different, status, code):
    refused(sales.send("post", carts, body(line(term, **different))), status, code)
    assert nothing_happened()


def test_half_a_surrogate_pair_is_refused(sales, carts, term):
    raw = json.dumps(body(line(term, friendlyName="\ud800")))
    refused(sales.post(carts, raw, content_type="application/json"), 400, 800002)
    assert nothing_happened()


def test_a_refusal_names_the_line(sales, carts, term):
    lines = [line(term), {"catalogItemId": term.catalog_item_id}]
    sentence = refused(sales.send("post", carts, body(*lines), Accept_Language="pl"), 400, 800002)
    assert sentence == "lineItems[1].quantity is not valid: This field is required."


@pytest.mark.parametrize("raw", ["", "{", "[]", '"x"', "null", '{"lineItems": 1}', "[" * 100_000, '{"lineItems": NaN}'])
def test_what_is_no_cart_is_refused(sales, carts, raw):
    refused(sales.post(carts, raw, content_type="application/json"), 400, 800002)
    assert nothing_happened()


@pytest.mark.parametrize("path", ["{carts}", "{carts}/1/checkout"])
def test_a_huge_body_is_refused(sales, carts, path):
    refused(sales.post(path.format(carts=carts), " " * 3_000_000, content_type="application/json"), 413, 413)
    assert nothing_happened()


def test_an_offer_that_is_not_sold_there_is_refused(sales, carts):
    abroad = PlanTermFactory(plan__offer__countries=["US"])
    refused(sales.send("post", carts, body(line(abroad))), 403, 2085)
    assert nothing_happened()


def test_an_offer_without_a_price_in_the_currency_is_refused(sales, carts):
    dollars = PlanTermFactory(amounts={"USD": "1"})
    refused(sales.send("post", carts, body(line(dollars))), 403, 2091)
    assert nothing_happened()


def test_a_once_per_customer_offer_is_not_sold_twice(sales, carts, customer):
    once = PlanTermFactory(plan__offer__one_per_customer=True)
    buy(customer=customer, term=once)
    refused(sales.send("post", carts, body(line(once))), 403, 800066)
    assert Cart.objects.count() == 1


def test_a_reseller_must_have_signed(sales, carts, term):
    unsigned = ResellerFactory(agreement_signed_at=None)
    participants = [{"key": "transaction_reseller", "value": unsigned.partner_id}]
    refused(sales.send("post", carts, body(line(term, participants=participants))), 403, 900123)
    assert nothing_happened()


def test_an_ended_relationship_buys_nothing(sales, term):
    former = CustomerFactory(relationship_ended_at=NOON)
    refused(sales.send("post", f"/customers/{former.pk}/carts", body(line(term))), 403, 20002)
    assert nothing_happened()


def test_an_ops_agent_may_not_buy(ops, carts, term):
    refused(ops.send("post", carts, body(line(term))), 403, 900150)
    assert nothing_happened()


def test_a_cart_is_replaced_whole(sales, carts, term):
    other = PlanTermFactory(billing_cycle=BillingCycle.MONTHLY)
    cart = sales.send("post", carts, body(line(term))).json()["id"]

    shown = sales.send("put", f"{carts}/{cart}", body(line(other, quantity=2), attested=False)).json()

    assert [(item["catalogItemId"], item["quantity"]) for item in shown["lineItems"]] == [(other.catalog_item_id, 2)]
    assert shown["partnerOnRecordAttestationAccepted"] is False


def test_a_refused_replacement_leaves_the_cart_as_it_was(sales, carts, term):
    before = sales.send("post", carts, body(line(term))).json()
    refused(sales.send("put", f"{carts}/{before['id']}", body(line(term, quantity=500))), 400, 2002)
    assert sales.get(f"{carts}/{before['id']}").json() == before


def test_a_cart_is_found_only_under_its_customer(sales, carts, term):
    cart = sales.send("post", carts, body(line(term))).json()["id"]
    stranger = f"/customers/{CustomerFactory().pk}/carts"
    refused(sales.get(f"{stranger}/{cart}"), 404, 800008)
    refused(sales.get(f"{carts}/nothing"), 404, 800008)
    refused(sales.send("post", f"{stranger}/{cart}/checkout"), 404, 800008)
    assert not Order.objects.exists()


def test_an_expired_cart_cannot_be_ordered(sales, carts, term):
    cart = sales.send("post", carts, body(line(term))).json()["id"]
    with time_machine.travel(LATER + timedelta(days=7), tick=False):
        refused(sales.send("post", f"{carts}/{cart}/checkout"), 400, 800009)
        refused(sales.send("put", f"{carts}/{cart}", body(line(term))), 400, 800009)
    assert not Order.objects.exists()


@pytest.mark.parametrize("attested", [False, None])
def test_the_partner_must_attest_its_role(sales, carts, term, attested):
    cart = sales.send("post", carts, body(line(term), attested=attested)).json()["id"]
    refused(sales.send("post", f"{carts}/{cart}/checkout"), 400, 900206)
    assert not Order.objects.exists()


def test_an_attestation_on_every_line_is_one_for_the_cart(sales, carts, term):
    wanted = body(line(term, attestationAccepted=True), attested=None)
    assert sales.send("post", carts, wanted).json()["partnerOnRecordAttestationAccepted"] is True


def test_an_empty_cart_cannot_be_ordered(sales, carts):
    cart = sales.send("post", carts, body()).json()["id"]
    refused(sales.send("post", f"{carts}/{cart}/checkout"), 400, 800002)
    assert not Order.objects.exists()


def test_an_ordered_cart_cannot_be_changed(sales, carts, term):
    cart = sales.send("post", carts, body(line(term))).json()["id"]
    sales.send("post", f"{carts}/{cart}/checkout")
    refused(sales.send("put", f"{carts}/{cart}", body(line(term, quantity=1))), 400, 800065)
    assert CartLine.objects.get().quantity == 7


@pytest.mark.parametrize("ignored", ["", '"success"', "null", "{", "<xml/>"])
def test_the_body_of_a_checkout_is_ignored(sales, carts, term, ignored):
    cart = sales.send("post", carts, body(line(term))).json()["id"]
    response = sales.post(f"{carts}/{cart}/checkout", ignored, content_type="application/json")
    assert (response.status_code, len(response.json()["orders"]), response.json()["orderErrors"]) == (201, 1, [])


def test_a_checkout_succeeds_in_part_and_says_which_line_was_left_out(sales, carts, term, customer):
    once = PlanTermFactory(plan__offer__one_per_customer=True)
    wanted = body(line(term, orderGroup="a"), line(once, orderGroup="b"))
    cart = sales.send("post", carts, wanted).json()["id"]
    buy(customer=customer, term=once)

    result = sales.send("post", f"{carts}/{cart}/checkout").json()
    shown = sales.get(f"{carts}/{cart}").json()

    assert [order["orderGroup"] for order in result["orders"]] == ["a"]
    assert [(error["orderGroupId"], error["code"]) for error in result["orderErrors"]] == [("b", 800066)]
    assert [item.get("error", {}).get("errorCode") for item in shown["lineItems"]] == [None, 10002]
    assert shown["status"] == "Ordered"
    assert Subscription.objects.count() == 2


def test_an_order_is_read_as_it_was_answered(sales, carts, term):
    cart = sales.send("post", carts, body(line(term, friendlyName="Team"))).json()["id"]
    order = sales.send("post", f"{carts}/{cart}/checkout").json()["orders"][0]
    item = order["lineItems"][0]

    assert (order["status"], order["billingCycle"], order["totalPrice"]) == ("pending", "monthly", 70.56)
    assert (item["offerId"], item["quantity"], item["friendlyName"]) == (term.catalog_item_id, 7, "Team")
    assert item["subscriptionId"] == str(Subscription.objects.get().pk)
    assert sales.get(order["links"]["self"]["uri"]).json() == order
    assert sales.get(item["links"]["subscription"]["uri"]).json()["orderId"] == order["id"]
