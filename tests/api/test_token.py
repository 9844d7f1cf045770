import pytest
from django.conf import settings
from django.test import Client as Browser

from accounts.policy import Role
from accounts.services.clients import create_client
from subscriptions.models import Subscription
from tests.api.conftest import LATER, refused
from tests.factories.customers import CustomerFactory
from tests.factories.publishers import PlanTermFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def headers():
    client, secret = create_client("A program", Role.SALES_AGENT, settings.HUB_TENANT_ID, LATER)
    form = {"grant_type": "client_credentials", "client_id": str(client.pk), "client_secret": secret}
    form |= {"resource": "https://api.partnercenter.microsoft.com"}
    token = Browser().post(f"/{settings.HUB_TENANT_ID}/oauth2/token", form).json()
    return {"Authorization": f"Bearer {token['access_token']}"}


def test_a_program_buys_with_nothing_but_its_secret(headers):
    """The whole path of a program: token, catalogue, cart, checkout, order, subscription, link, gates, poll."""
    customer, term = CustomerFactory(), PlanTermFactory()
    program = Browser(headers=headers, enforce_csrf_checks=True)

    def get(uri):
        return program.get(f"/v1{uri}").json()

    customer_uri = get("/customers")["items"][0]["links"]["self"]["uri"]
    product = get(f"{customer_uri}/products?targetView=MarketplaceSaaS")["items"][0]
    sku = get(product["links"]["skus"]["uri"])["items"][0]
    item = get(sku["links"]["availabilities"]["uri"])["items"][0]
    body = {
        "lineItems": [{"id": 0, "catalogItemId": item["catalogItemId"], "quantity": 7, "billingCycle": "monthly"}],
        "PartnerOnRecordAttestationAccepted": True,
    }
    cart = program.post(f"/v1{customer_uri}/carts", body, "application/json").json()
    order = program.post(f"/v1{cart['links']['self']['uri']}/checkout").json()["orders"][0]
    line = get(order["links"]["self"]["uri"])["lineItems"][0]
    subscription = get(line["links"]["subscription"]["uri"])
    link = get(line["links"]["activationLinks"]["uri"])["items"][0]["link"]["uri"]
    gates = get(subscription["links"]["billingGates"]["uri"])
    poll = program.post(f"/v1{subscription['links']['self']['uri']}/poll")

    assert customer_uri == f"/customers/{customer.pk}"
    assert subscription["offerId"] == term.catalog_item_id
    assert link.startswith("https://publisher.example/landing?token=")
    assert (gates["blocker"], gates["billingStartedAt"]) == ("licenses_assigned", None)
    assert poll.status_code == 202
    assert Subscription.objects.get().order_line.order.ordered_by == "A program"


@pytest.mark.parametrize("header", ["Bearer nonsense", "Bearer ", "Basic abc", ""])
def test_a_bad_token_is_refused_as_json(header):
    refused(Browser().get("/v1/customers", headers={"Authorization": header} if header else {}), 401, 400)


def test_a_publishers_token_opens_nothing_here(headers):
    client, secret = create_client("A publisher", Role.PUBLISHER, settings.HUB_TENANT_ID, LATER)
    form = {"grant_type": "client_credentials", "client_id": str(client.pk), "client_secret": secret}
    form |= {"resource": "20e940b3-4c77-4b0b-9a53-9e16a1b010a7"}
    token = Browser().post(f"/{settings.HUB_TENANT_ID}/oauth2/token", form).json()["access_token"]

    refused(Browser().get("/v1/customers", headers={"Authorization": f"Bearer {token}"}), 401, 400)
