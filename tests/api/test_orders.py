from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.policy import SYSTEM, Role
from publishers.models import Publisher
from subscriptions.models import PurchaseToken
from subscriptions.services.ending import cancel
from subscriptions.services.links import resolve_token
from tests.api.conftest import LATER, program, refused
from tests.factories.accounts import actor
from tests.factories.customers import CustomerFactory
from tests.factories.publishers import PlanTermFactory
from tests.factories.subscriptions import active, buy

pytestmark = pytest.mark.django_db


def order_path(subscription) -> str:
    return f"/customers/{subscription.customer_id}/orders/{subscription.order_line.order_id}"


def end(subscription) -> None:
    cancel(actor(Role.ADMIN_AGENT), subscription.pk, reason="", version=None, at=LATER, hold=False)


def test_an_order_is_pending_until_its_publisher_confirmed(sales):
    waiting, confirmed, ended = buy(), active(), buy()
    end(ended)
    statuses = [sales.get(order_path(bought)).json()["status"] for bought in (waiting, confirmed, ended)]
    assert statuses == ["pending", "completed", "cancelled"]


def test_an_order_names_its_currency_by_code_and_by_sign(sales):
    shown = sales.get(order_path(buy())).json()
    assert (shown["currencyCode"], shown["currencySymbol"]) == ("EUR", "€")


def test_provisioning_tells_of_each_line(sales):
    waiting, confirmed, ended = buy(), active(), buy()
    end(ended)
    answers = [sales.get(f"{order_path(bought)}/provisioningstatus").json() for bought in (waiting, confirmed, ended)]

    assert [answer["items"][0]["status"] for answer in answers] == ["prefulfillmentPending", "fulfilled", "unfulfilled"]
    assert answers[0]["items"][0]["quantityProvisioningInformation"] == [
        {"quantity": 7, "status": "prefulfillmentPending"}
    ]


@pytest.mark.parametrize(
    "address", ["{order}/activationlinks", "{order}/lineitems/0/activationlinks", "{own}/activationlinks"]
)
def test_a_link_is_fresh_each_time_and_leads_to_the_publisher(sales, address):
    bought = buy()
    own = f"/customers/{bought.customer_id}/subscriptions/{bought.pk}"
    path = address.format(order=order_path(bought), own=own)

    answers = [sales.get(path) for _ in range(2)]
    uris = [answer.json()["items"][0]["link"]["uri"] for answer in answers]

    assert answers[0]["Cache-Control"] == "no-store"
    assert uris[0] != uris[1]
    assert PurchaseToken.objects.count() == 2
    publisher = Publisher.objects.get(pk=bought.publisher_id).client.actor()
    for uri in uris:
        landing, _, token = uri.partition("?token=")
        assert landing == bought.publisher.landing_url
        assert resolve_token(publisher, token, at=LATER).pk == bought.pk


def test_an_ended_line_has_no_link(sales):
    ended = buy()
    end(ended)
    assert sales.get(f"{order_path(ended)}/activationlinks").json()["items"] == []
    refused(sales.get(f"{order_path(ended)}/lineitems/0/activationlinks"), 400, 2011)
    assert not PurchaseToken.objects.exists()


def test_an_order_is_found_only_under_its_customer(sales):
    bought = buy()
    stranger = CustomerFactory()
    refused(sales.get(f"/customers/{stranger.pk}/orders/{bought.order_line.order_id}"), 404, 20000)
    refused(sales.get(f"/customers/{bought.customer_id}/orders/{uuid4()}"), 404, 20000)
    refused(sales.get(f"/customers/{bought.customer_id}/orders/x"), 404, 20000)
    refused(sales.get(f"{order_path(bought)}/lineitems/1/activationlinks"), 404, 1000)
    assert sales.get(f"/customers/{stranger.pk}/orders").json()["items"] == []


def test_the_list_costs_the_same_for_one_and_for_three(sales):
    customer, counts = CustomerFactory(), []
    for more in (1, 2):
        for _ in range(more):
            buy(customer=customer, term=PlanTermFactory())
        with CaptureQueriesContext(connection) as queries:
            listed = sales.get(f"/customers/{customer.pk}/orders").json()["totalCount"]
        counts.append((listed, len(queries)))
    assert counts == [(1, counts[0][1]), (3, counts[0][1])]


def test_the_system_reads_no_orders_for_programs():
    from rest_framework.test import APIClient

    client = APIClient()
    client.force_authenticate(user=SYSTEM)
    refused(client.get(f"/v1/customers/{uuid4()}/orders"), 403, 900150)
    assert program("ops_agent").kind == "client"
