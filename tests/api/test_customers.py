import json
from urllib.parse import quote, urlencode
from uuid import UUID

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from customers.api import examples
from customers.models import Customer
from partnerhub.outbox.models import Event, Refusal
from tests.api.conftest import refused
from tests.factories.customers import CustomerFactory, ResellerFactory
from tests.factories.subscriptions import buy

pytestmark = pytest.mark.django_db


def names(response) -> list[str]:
    return [item["companyProfile"]["companyName"] for item in response.json()["items"]]


def filtered(**asked: str) -> str:
    return f"/customers?{urlencode({'filter': json.dumps(asked)})}"


def row_of(customer: Customer) -> dict[str, object]:
    return Customer.objects.values().get(pk=customer.pk)


def follow(program, link):
    headers = {header["key"].replace("-", "_"): header["value"] for header in link["headers"]}
    return program.send(link["method"].lower(), link["uri"], **headers)


@pytest.fixture
def fabrykam() -> Customer:
    """The customer that the document shows."""
    return CustomerFactory(
        id=UUID(examples.CUSTOMER_ID),
        tenant_id=UUID(examples.TENANT_ID),
        name="Fabrykam sp. z o.o.",
        domain="fabrykam.example",
        country="PL",
        currency="PLN",
        language="pl",
        vat_id="PL5260250274",
        billing_first_name="Anna",
        billing_last_name="Nowak",
        billing_email="faktury@fabrykam.example",
        address_line="ul. Prosta 1",
        city="Warszawa",
        postal_code="00-838",
        beneficiary_name="Jan Kowalski",
        beneficiary_email="jan.kowalski@fabrykam.example",
        reseller=ResellerFactory(partner_id="7654321", name="Litware Partnerzy", country="PL"),
    )


@pytest.mark.parametrize("nobody", ["nobody", "4c4f1e6e-0000-4000-8000-000000000000"])
@pytest.mark.parametrize("part", ["", "/profiles/billing", "/profiles/company", "/relationships"])
def test_an_unknown_customer_is_missing(sales, nobody, part):
    refused(sales.get(f"/customers/{nobody}{part}"), 404, 1000)


def test_pages_follow_their_links_to_the_end_and_back(sales):
    for name in ("Beta", "Alpha", "Alpha", "Gamma", "Delta"):
        CustomerFactory(name=name)
    page, seen = sales.get("/customers?size=2"), []
    assert "previous" not in page.json()["links"]
    while "next" in (links := page.json()["links"]):
        assert page.json()["totalCount"] == 5
        seen.append(names(page))
        page = follow(sales, links["next"])
    seen.append(names(page))
    assert seen == [["Alpha", "Alpha"], ["Beta", "Delta"], ["Gamma"]]

    back = [page.json()]
    while "previous" in (links := back[-1]["links"]):
        back.append(follow(sales, links["previous"]).json())
    ids = [item["id"] for listed in reversed(back) for item in listed["items"]]
    assert ids == [item["id"] for item in sales.get("/customers").json()["items"]]
    assert names(follow(sales, back[-1]["links"]["next"])) == ["Beta", "Delta"]


def test_the_last_page_is_reached_at_once(sales):
    for name in ("Alpha", "Beta", "Gamma"):
        CustomerFactory(name=name)
    last = sales.get("/customers?size=2&seekOperation=Last")
    assert (names(last), "next" in last.json()["links"]) == (["Beta", "Gamma"], False)
    first = follow(sales, last.json()["links"]["previous"])
    assert (names(first), "previous" in first.json()["links"]) == (["Alpha"], False)


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"Field": "CompanyName", "Value": "cont", "Operator": "starts_with"}, ["Contoso", "contraband"]),
        ({"field": "companyName", "value": "contoso", "operator": "Equals"}, ["Contoso"]),
        ({"Field": "CompanyName", "Value": "con", "Operator": "equals"}, []),
        ({"Field": "Domain", "Value": "fab"}, ["Fabrikam"]),
        ({"Field": "IndirectReseller", "Value": "7654321", "Operator": "starts_with"}, ["contraband"]),
    ],
)
def test_a_filter_finds(sales, asked, found):
    CustomerFactory(name="Contoso", domain="contoso.example")
    CustomerFactory(name="contraband", domain="no.example", reseller=ResellerFactory(partner_id="7654321"))
    CustomerFactory(name="Fabrikam", domain="fabrikam.example")
    assert names(sales.get(filtered(**asked))) == found


@pytest.mark.parametrize("query", ["size=0", "size=501", "size=²", "size=-1", "seekOperation=PageIndex"])
def test_a_page_that_cannot_be_asked_for_is_refused(sales, query):
    refused(sales.get(f"/customers?{query}"), 400, 800002)


@pytest.mark.parametrize(
    "text",
    [
        "nonsense",
        "[]",
        '{"Field":"Shoe","Value":"1"}',
        '{"Field":"Domain","Value":"1","Operator":"ends_with"}',
        '{"Field":"Domain","Value":"\\u0000"}',
        '{"Field":"Domain","Value":"\\ud800"}',
    ],
)
def test_a_filter_that_is_none_of_ours_is_refused(sales, text):
    refused(sales.get(f"/customers?filter={quote(text)}"), 400, 3000)


@pytest.mark.parametrize("operation", ["Next", "Previous"])
@pytest.mark.parametrize("token", ["", "x", "e30=", "WyJBIiwgMV0=", "WzEsMiwzXQ==", "W1siQSIsMV0sWyJBIiwxXV0=", "é"])
def test_a_token_that_is_none_of_ours_is_refused(sales, token, operation):
    answer = sales.send("get", f"/customers?seekOperation={operation}", MS_ContinuationToken=token)
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


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/customers", examples.CUSTOMERS),
        (f"/customers/{examples.CUSTOMER_ID}", examples.CUSTOMER),
        (f"/customers/{examples.CUSTOMER_ID}/profiles/billing", examples.CUSTOMER["billingProfile"]),
        (f"/customers/{examples.CUSTOMER_ID}/profiles/company", examples.CUSTOMER["companyProfile"]),
        (f"/customers/{examples.CUSTOMER_ID}/relationships", examples.CUSTOMER_RELATIONSHIPS),
    ],
)
def test_what_is_read_is_what_the_document_shows(sales, fabrykam, path, shown):
    assert sales.get(path).json() == shown


def test_what_is_changed_is_what_the_document_shows(admin, fabrykam):
    path = f"/customers/{fabrykam.pk}"
    billed = admin.send("put", f"{path}/profiles/billing", examples.BILLING_CHANGE)
    assert (billed.status_code, billed.json()) == (200, examples.CHANGED_BILLING)

    Customer.objects.filter(pk=fabrykam.pk).update(version=1, billing_email="faktury@fabrykam.example")
    ended = admin.send("patch", path, examples.RELATIONSHIP_END)
    assert (ended.status_code, ended.json()) == (200, examples.ENDED_CUSTOMER)
    assert list(Event.objects.order_by("sequence").values_list("name", flat=True)) == [
        "customer.changed",
        "customer.relationship_ended",
    ]


def test_what_is_created_is_what_the_document_shows(admin):
    ResellerFactory(partner_id="7654321")
    created = admin.send("post", "/customers", examples.NEW_CUSTOMER, MS_RequestId=examples.CUSTOMER_ID)
    again = admin.send("post", "/customers", examples.NEW_CUSTOMER, MS_RequestId=examples.CUSTOMER_ID)

    shown = created.json()
    as_documented = json.dumps(examples.CREATED_CUSTOMER).replace(examples.CUSTOMER_ID, shown["id"])
    as_documented = as_documented.replace(examples.ETAG, shown["attributes"]["etag"])
    assert (created.status_code, shown) == (201, json.loads(as_documented))
    assert again.content == created.content
    assert Customer.objects.count() == Event.objects.count() == 1


def test_what_old_clients_send_is_enough(admin):
    body = {
        "CompanyProfile": {"TenantId": None, "Domain": "Contoso.onmicrosoft.example", "CompanyName": None},
        "BillingProfile": {
            "Id": None,
            "FirstName": None,
            "Email": "anna@contoso.example",
            "Culture": "EN-US",
            "CompanyName": "Contoso",
            "DefaultAddress": {
                "FirstName": "Anna",
                "LastName": "Smith",
                "Country": "us",
                "City": "Redmond",
                "State": "WA",
                "AddressLine1": "One Way",
                "AddressLine2": "Suite 2",
                "PostalCode": "98052",
                "PhoneNumber": "1",
            },
            "Attributes": {"ObjectType": "CustomerBillingProfile"},
        },
        "RelationshipToPartner": "none",
    }
    assert admin.send("post", "/customers", body).status_code == 201

    created = Customer.objects.values().get()
    assert {name: created[name] for name in ("name", "domain", "country", "currency", "language", "region")} == {
        "name": "Contoso",
        "domain": "contoso.onmicrosoft.example",
        "country": "US",
        "currency": "USD",
        "language": "en",
        "region": "WA",
    }
    assert (created["address_line"], created["billing_last_name"]) == ("One Way, Suite 2", "Smith")
    assert (created["beneficiary_name"], created["beneficiary_email"]) == ("Anna Smith", "anna@contoso.example")


def in_new(path: str, value: object) -> dict[str, object]:
    """The document's new customer with one member different."""
    body = json.loads(json.dumps(examples.NEW_CUSTOMER))
    part = body
    *way, last = path.split(".")
    for step in way:
        part = part[step]
    part[last] = value
    return body


@pytest.mark.parametrize(
    ("path", "value", "number", "sentence"),
    [
        ("companyProfile.domain", "TAKEN.example", (400, 3000), "The domain taken.example already belongs to"),
        ("companyProfile.domain", None, (400, 800002), "companyProfile.domain is not valid"),
        ("companyProfile.tenantId", "not a guid", (400, 800002), "companyProfile.tenantId is not valid"),
        ("companyProfile.organizationRegistrationNumber", "1", (400, 3000), "1 is not a VAT ID of PL"),
        ("billingProfile.companyName", "", (400, 800002), "companyProfile.companyName is not valid"),
        ("billingProfile.email", "nobody", (400, 800002), "billingProfile.email is not valid"),
        ("billingProfile.language", "de", (400, 800002), "billingProfile.language is not valid: 'de' is not one of"),
        ("billingProfile.defaultAddress.country", "XX", (400, 800002), "billingProfile.defaultAddress.country is not"),
        ("billingProfile.defaultAddress.country", "KZ", (400, 800002), "billingProfile.currencyCode is not valid"),
        ("billingProfile.defaultAddress.city", None, (400, 800002), "billingProfile.defaultAddress.city is not"),
        ("billingProfile.firstName", "A\u0007", (400, 800002), "billingProfile.firstName is not valid"),
        ("associatedPartnerId", "999999", (404, 800015), "There is no indirect reseller with PartnerID 999999."),
        ("associatedPartnerId", "1234567", (404, 2072), "PartnerID 1234567 is our own"),
        ("billingProfile", 1, (400, 800002), "billingProfile is not valid"),
    ],
)
def test_a_customer_that_does_not_fit_is_refused(admin, path, value, number, sentence):
    CustomerFactory(domain="taken.example")
    body = in_new(path, value)
    if path.endswith("country"):
        body["companyProfile"]["organizationRegistrationNumber"] = ""
    ResellerFactory(partner_id="7654321")

    assert refused(admin.send("post", "/customers", body), *number).startswith(sentence)
    assert (Customer.objects.count(), Event.objects.count()) == (1, 0)


def test_a_tenant_belongs_to_one_customer(admin, fabrykam):
    response = admin.send("post", "/customers", in_new("companyProfile.domain", "other.example"))
    assert refused(response, 400, 3000).endswith("already belongs to the customer Fabrykam sp. z o.o..")
    assert response.json()["data"] == ["tenant_taken"]
    assert Customer.objects.count() == 1


@pytest.mark.parametrize("role", ["sales", "ops", "platform"])
def test_only_an_admin_agent_keeps_customers(role, request, fabrykam):
    program, before = request.getfixturevalue(role), row_of(fabrykam)
    path = f"/customers/{fabrykam.pk}"
    for method, where, body in (
        ("post", "/customers", in_new("companyProfile.domain", "other.example")),
        ("patch", path, {"companyProfile": {"companyName": "Other"}}),
        ("patch", path, {"relationshipToPartner": "none"}),
        ("put", f"{path}/profiles/billing", {"email": "other@fabrykam.example"}),
    ):
        refused(program.send(method, where, body), 403, 900150)
    assert row_of(fabrykam) == before
    assert (Customer.objects.count(), Event.objects.count(), Refusal.objects.count()) == (1, 0, 4)


def test_sending_back_what_was_read_changes_nothing(admin, fabrykam):
    before = row_of(fabrykam)
    whole = admin.get(f"/customers/{fabrykam.pk}").json()
    assert admin.send("patch", f"/customers/{fabrykam.pk}", whole).json() == whole
    assert admin.send("put", f"/customers/{fabrykam.pk}/profiles/billing", whole["billingProfile"]).status_code == 200
    assert (row_of(fabrykam), Event.objects.count()) == (before, 0)


@pytest.mark.parametrize(
    ("body", "changed"),
    [
        ({"companyProfile": {"companyName": "New"}}, {"name": "New"}),
        ({"billingProfile": {"companyName": "New"}}, {"name": "New"}),
        ({"BillingProfile": {"DefaultAddress": {"City": "Łódź"}}}, {"city": "Łódź"}),
        ({"associatedPartnerId": ""}, {"reseller_id": None}),
        ({"beneficiary": {"name": "Ewa"}}, {"beneficiary_name": "Ewa"}),
        ({"companyProfile": {"organizationRegistrationNumber": ""}}, {"vat_id": ""}),
        ({"id": "1", "allowDelegatedAccess": True, "companyProfile": {"tenantId": None}}, {}),
    ],
)
def test_a_change_leaves_the_rest_alone(admin, fabrykam, body, changed):
    before = row_of(fabrykam)
    assert admin.send("patch", f"/customers/{fabrykam.pk}", body).status_code == 200
    assert row_of(fabrykam) == before | changed | {"version": 2 if changed else 1}


@pytest.mark.parametrize("at", ["header", "body"])
@pytest.mark.parametrize("part", ["", "/profiles/billing"])
def test_a_stale_etag_is_refused(admin, fabrykam, at, part):
    Customer.objects.filter(pk=fabrykam.pk).update(version=2)
    before = row_of(fabrykam)
    body = {"email": "new@fabrykam.example"} if part else {"relationshipToPartner": "none"}
    headers = {"If_Match": f'"{examples.ETAG}"'} if at == "header" else {}
    if at == "body":
        body["attributes"] = {"etag": examples.ETAG}

    refused(admin.send("put" if part else "patch", f"/customers/{fabrykam.pk}{part}", body, **headers), 400, 2055)
    assert (row_of(fabrykam), Event.objects.count()) == (before, 0)


def test_a_relationship_outlives_no_live_subscription(admin):
    customer = buy().customer
    path, before = f"/customers/{customer.pk}", row_of(customer)
    both = {"relationshipToPartner": "none", "companyProfile": {"companyName": "New"}}

    response = admin.send("patch", path, both)
    assert refused(response, 400, 800040).startswith("New still has live subscriptions (1)")
    assert response.json()["data"] == ["live_subscriptions"]
    other_currency = admin.send("put", f"{path}/profiles/billing", {"currencyCode": "usd"})
    assert "(1)" in refused(other_currency, 400, 3000)
    assert row_of(customer) == before


def test_a_relationship_ends_with_a_reason_and_is_taken_up_again(admin, fabrykam):
    path = f"/customers/{fabrykam.pk}"
    for word, reason in (("None", "They moved."), ("reseller", None), ("reseller", None)):
        shown = admin.send("patch", path, {"relationshipToPartner": word, "relationshipReason": reason}).json()
        assert shown["relationshipToPartner"] == word.lower()
    kept = list(Event.objects.order_by("sequence").values_list("name", "reason"))
    assert kept == [
        ("customer.relationship_ended", "They moved."),
        ("customer.relationship_resumed", "No reason was given."),
    ]
    refused(admin.send("patch", path, {"relationshipToPartner": "advisor"}), 400, 800002)
