import json
from urllib.parse import quote

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.api.conftest import refused
from tests.factories.customers import CustomerFactory, ResellerFactory

pytestmark = pytest.mark.django_db


def names(response) -> list[str]:
    return [item["companyProfile"]["companyName"] for item in response.json()["items"]]


def test_one_customer(sales):
    customer = CustomerFactory(reseller=ResellerFactory(partner_id="7654321"))
    shown = sales.get(f"/customers/{customer.pk}").json()

    assert shown["id"] == str(customer.pk)
    assert shown["relationshipToPartner"] == "reseller"
    assert shown["associatedPartnerId"] == "7654321"
    assert shown["billingProfile"]["currencyCode"] == "EUR"
    assert shown["attributes"]["objectType"] == "Customer"


@pytest.mark.parametrize("nobody", ["nobody", "4c4f1e6e-0000-4000-8000-000000000000"])
def test_an_unknown_customer_is_missing(sales, nobody):
    refused(sales.get(f"/customers/{nobody}"), 404, 1000)


def test_pages_follow_their_links_to_the_end(sales):
    for name in ("Beta", "Alpha", "Alpha", "Gamma", "Delta"):
        CustomerFactory(name=name)
    seen, response = [], sales.get("/customers?size=2")
    while "next" in (links := response.json()["links"]):
        assert response.json()["totalCount"] == 5
        seen += names(response)
        headers = {header["key"].replace("-", "_"): header["value"] for header in links["next"]["headers"]}
        response = sales.send("get", links["next"]["uri"], **headers)

    assert seen + names(response) == ["Alpha", "Alpha", "Beta", "Delta", "Gamma"]


def test_a_filter_finds_by_the_beginning_of_a_name(sales):
    for name in ("Contoso", "contraband", "Fabrikam"):
        CustomerFactory(name=name)
    wanted = json.dumps({"Field": "CompanyName", "Value": "cont", "Operator": "starts_with"})

    assert names(sales.get(f"/customers?filter={quote(wanted)}")) == ["Contoso", "contraband"]


@pytest.mark.parametrize(
    "query",
    [
        "size=0",
        "size=501",
        "size=²",
        "size=-1",
        "seekOperation=Previous",
        "seekOperation=Next",
        "filter=nonsense",
        "filter=[]",
        'filter={"Field":"Shoe","Value":"1"}',
        'filter={"Field":"Domain","Value":"1","Operator":"ends_with"}',
        'filter={"Field":"Domain","Value":"\\u0000"}',
        'filter={"Field":"Domain","Value":"\\ud800"}',
    ],
)
def test_what_cannot_be_asked_is_refused(sales, query):
    refused(sales.get(f"/customers?{query}"), 400, 800002)


@pytest.mark.parametrize("token", ["", "x", "e30=", "WyJBIiwgMV0=", "WzEsMiwzXQ==", "é"])
def test_a_token_that_is_none_of_ours_is_refused(sales, token):
    answer = sales.send("get", "/customers?seekOperation=Next", MS_ContinuationToken=token)
    refused(answer, 400, 800002)


def test_the_list_costs_the_same_for_one_and_for_three(sales):
    counts = []
    for more in (1, 2):
        for _ in range(more):
            CustomerFactory(reseller=ResellerFactory())
        with CaptureQueriesContext(connection) as queries:
            listed = sales.get("/customers").json()["totalCount"]
        counts.append((listed, len(queries)))
    assert counts == [(1, counts[0][1]), (3, counts[0][1])]
