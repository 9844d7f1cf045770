import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from publishers.models import Policy
from publishers.selectors import policy_book, policy_duration, scope_of
from tests.api.conftest import refused
from tests.factories.accounts import LONG_AGO
from tests.factories.customers import CustomerFactory
from tests.factories.publishers import OfferFactory, PlanFactory, PlanTermFactory
from tests.factories.subscriptions import NOON

pytestmark = pytest.mark.django_db


def test_from_products_to_a_catalogue_item(sales):
    term = PlanTermFactory()
    offer, plan = term.plan.offer, term.plan

    product = sales.get("/products?country=de&targetView=MarketplaceSaaS").json()["items"][0]
    sku = sales.get(product["links"]["skus"]["uri"]).json()["items"][0]
    shown = sales.get(sku["links"]["availabilities"]["uri"]).json()["items"][0]

    assert (product["id"], product["publisherName"]) == (offer.product_id, offer.publisher.name)
    assert product["productType"]["subType"]["id"] == "SaaS"
    assert (sku["minimumQuantity"], sku["maximumQuantity"]) == (1, 100)
    assert sku["supportedBillingCycles"] == ["monthly"]
    assert sku["attestationProperties"] == {"attestationType": "none", "enforceAttestation": False}
    assert sku["consumptionType"] == "none"
    assert shown["catalogItemId"] == f"{offer.product_id}:{plan.sku_id}:{term.availability_id}"
    assert shown["terms"][0]["duration"] == "P1M"
    assert shown["terms"][0]["cancellationPolicies"] == [
        {"refundOptions": [{"sequenceId": 0, "type": "Full", "expiresAfter": "P3D"}]}
    ]
    assert "price" not in shown
    assert sales.get(shown["links"]["self"]["uri"]).json() == shown
    assert sales.get(sku["links"]["self"]["uri"]).json() == sku
    assert sales.get(product["links"]["self"]["uri"]).json() == product


def test_a_country_lists_only_what_is_sold_there(sales):
    PlanTermFactory(plan__offer__countries=["PL"])
    german = PlanTermFactory(plan__offer__countries=["DE"])

    assert [item["id"] for item in sales.get("/products?country=DE").json()["items"]] == [german.plan.offer.product_id]
    refused(sales.get(f"/products/{german.plan.offer.product_id}?country=PL"), 404, 400013)


@pytest.mark.parametrize("country", ["", "?country=", "?country=DEU", "?country=1!"])
def test_a_country_must_be_named(sales, country):
    refused(sales.get(f"/products{country}"), 400, 800002)


def test_another_view_or_segment_of_the_catalogue_is_refused(sales):
    term = PlanTermFactory()
    root = f"/customers/{CustomerFactory().pk}/products"
    skus = f"/products/{term.plan.offer.product_id}/skus"
    for path in ("/products?country=DE", f"{root}?"):
        refused(sales.get(f"{path}&targetView=Azure"), 403, 400036)
        refused(sales.get(f"{path}&targetView="), 403, 400036)
    for path in (skus, f"{skus}/{term.plan.sku_id}/availabilities"):
        refused(sales.get(f"{path}?country=DE&targetSegment=education"), 403, 400030)
        assert sales.get(f"{path}?country=DE&targetSegment=Commercial").status_code == 200


def test_a_customer_sees_its_prices(sales):
    customer = CustomerFactory(country="PL", currency="PLN")
    term = PlanTermFactory(amounts={"EUR": "10.08", "PLN": "45.3"})
    root = f"/customers/{customer.pk}/products"
    path = f"{root}/{term.plan.offer.product_id}/skus/{term.plan.sku_id}/availabilities/{term.availability_id}"

    shown = sales.get(path).json()

    assert shown["price"] == {"amount": 45.3, "currency": "PLN"}
    assert shown["defaultCurrency"] == {"code": "PLN", "symbol": "zł"}
    assert (shown["country"], shown["isPurchasable"]) == ("PL", True)
    assert shown["links"]["self"]["uri"] == path
    assert sales.get(root).json()["items"][0]["links"]["self"]["uri"] == path.partition("/skus")[0]


@pytest.mark.parametrize(
    ("different", "code", "name"),
    [({"plan__offer__countries": ["US"]}, 2085, "not_sold_in_country"), ({}, 2091, "no_price_in_currency")],
)
def test_a_customer_sees_why_something_cannot_be_bought(sales, different, code, name):
    customer = CustomerFactory(country="PL", currency="PLN")
    term = PlanTermFactory(**different)
    own = f"/customers/{customer.pk}/products/{term.plan.offer.product_id}/skus/{term.plan.sku_id}/availabilities"

    shown = sales.get(own).json()["items"][0]

    assert shown["isPurchasable"] is False
    assert (shown["unavailable"]["code"], shown["unavailable"]["data"]) == (code, [name])
    assert "price" not in shown


def test_what_is_unknown_is_named(sales):
    term = PlanTermFactory()
    product = f"/products/{term.plan.offer.product_id}"
    refused(sales.get("/products/NOPE?country=DE"), 404, 400013)
    refused(sales.get(f"{product}/skus/NOPE?country=DE"), 404, 400018)
    refused(sales.get(f"{product}/skus/{term.plan.sku_id}/availabilities/NOPE?country=DE"), 404, 400019)
    refused(sales.get("/customers/nobody/products"), 404, 1000)


def test_the_list_costs_the_same_for_one_product_and_for_three(sales):
    customer = CustomerFactory()
    counts = []
    for more in (1, 2):
        for _ in range(more):
            PlanTermFactory()
        with CaptureQueriesContext(
            connection,
        ) as queries:
            listed = sales.get(f"/customers/{customer.pk}/products").json()["totalCount"]
        counts.append((listed, len(queries)))
    assert [listed for listed, _ in counts] == [1, 3]
    assert counts[0][1] == counts[1][1]


def test_publishers_and_their_health_are_shown_to_agents(sales):
    publisher = OfferFactory().publisher
    shown = sales.get("/publishers").json()["items"][0]

    health = sales.get(shown["links"]["health"]["uri"]).json()

    assert (shown["id"], shown["name"], shown["adapter"]) == (str(publisher.pk), publisher.name, "saas_v2_poll")
    assert (health["circuit"], health["retryAt"], health["consecutiveFailures"]) == ("closed", None, 0)
    refused(sales.get("/publishers/nobody/health"), 404, 1000)


def test_one_query_finds_the_policy_that_many_would(sales):
    plan, sibling = PlanFactory(), PlanFactory()
    offer, publisher = plan.offer, plan.offer.publisher
    for scope, value in [
        ({"publisher": publisher}, "P4D"),
        ({"offer": offer}, "P5D"),
        ({"plan": sibling}, "P6D"),
    ]:
        Policy.objects.create(name="cancel_within", value=value, valid_from=LONG_AGO, **scope)
    book = policy_book("cancel_within")

    found = {
        item: (
            f"P{book.duration('cancel_within', scope_of(item), NOON).days}D",
            f"P{policy_duration('cancel_within', item, NOON).days}D",
        )
        for item in (plan, sibling, PlanFactory(offer=OfferFactory(publisher=publisher)), PlanFactory())
    }

    assert list(found.values()) == [("P5D", "P5D"), ("P6D", "P6D"), ("P4D", "P4D"), ("P3D", "P3D")]
