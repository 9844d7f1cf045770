import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from customers.api import examples
from customers.models import IndirectReseller
from tests.api.conftest import refused
from tests.factories.accounts import LONG_AGO
from tests.factories.customers import ResellerFactory

pytestmark = pytest.mark.django_db

PROVIDER_OF = "/relationships?relationship_type=IsIndirectCloudSolutionProviderOf"
STATUS = "/compliance/csp/agreementstatus"


@pytest.fixture(autouse=True)
def litware() -> IndirectReseller:
    """The reseller that the document shows."""
    return ResellerFactory(partner_id="7654321", name="Litware Partnerzy", country="PL")


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        (PROVIDER_OF, examples.RELATIONSHIPS),
        ("/relationships?Relationship_Type=is_indirect_cloud_solution_provider_of", examples.RELATIONSHIPS),
        ("/profiles/mpn?mpnId=7654321", examples.MPN_PROFILE),
        (f"{STATUS}?mpnId=7654321", examples.AGREEMENT_STATUS),
        (f"{STATUS}?mpnid=7654321", examples.AGREEMENT_STATUS),
        (f"{STATUS}?tenantId={examples.RESELLER_ID}", examples.AGREEMENT_STATUS),
    ],
)
def test_what_is_read_is_what_the_document_shows(sales, path, shown):
    assert sales.get(path).json() == shown


def test_partner_ids_are_validated_as_the_document_shows(sales):
    answer = sales.send("post", "/partners/validateresellers", examples.PARTNER_IDS)
    assert (answer.status_code, answer.json()) == (200, examples.VALIDATIONS)


def test_partner_ids_are_validated_by_the_rules_of_a_purchase_at_the_cost_of_one(sales):
    ResellerFactory(partner_id="1111", agreement_signed_at=None)
    ResellerFactory(partner_id="2222", suspended_at=LONG_AGO)
    asked = ["7654321", "1111", "2222", "1234567", "x", "7654321"]

    with CaptureQueriesContext(connection) as queries:
        results = sales.send("post", "/partners/validateresellers", {"PartnerIds": asked}).json()["validationResults"]
    assert len(queries) == 1
    assert [(each["partnerId"], each.get("errorCode"), each.get("errorReason")) for each in results] == [
        ("7654321", None, None),
        ("1111", 900123, "reseller_agreement_missing"),
        ("2222", 900400, "reseller_suspended"),
        ("1234567", 2072, "reseller_is_provider"),
        ("x", 900400, "reseller_unknown"),
        ("7654321", None, None),
    ]


@pytest.mark.parametrize("body", [{}, {"partnerIds": None}, {"partnerIds": "1"}, {"partnerIds": ["1"] * 501}, []])
def test_what_are_no_partner_ids_is_refused(sales, body):
    refused(sales.send("post", "/partners/validateresellers", body), 400, 800002)


@pytest.mark.parametrize(
    ("path", "number"),
    [
        ("/profiles/mpn?mpnId=999999", (404, 3000)),
        ("/relationships", (400, 3000)),
        ("/relationships?relationship_type=IsFriendOf", (400, 3000)),
        (STATUS, (400, 2001)),
        (f"{STATUS}?mpnId=7654321&tenantId={examples.RESELLER_ID}", (400, 2000)),
        (f"{STATUS}?mpnId=abc", (400, 2000)),
        (f"{STATUS}?tenantId=abc", (400, 2000)),
        (f"{STATUS}?mpnId=999999", (400, 2200)),
        (f"{STATUS}?tenantId={examples.CUSTOMER_ID}", (400, 2205)),
    ],
)
def test_what_cannot_be_looked_up_is_refused(sales, path, number):
    refused(sales.get(path), *number)


def test_what_a_reseller_is_not_shows(sales, litware):
    IndirectReseller.objects.update(agreement_signed_at=None, suspended_at=LONG_AGO)
    assert sales.get(f"{STATUS}?mpnId=7654321").json() == {"isAgreementSigned": False}
    assert [each["state"] for each in sales.get(PROVIDER_OF).json()["items"]] == ["suspended"]
    assert sales.get("/relationships?relationship_type=IsIndirectResellerOf").json()["items"] == []


def test_our_own_profile_needs_no_partner_id(sales, settings):
    own = sales.get("/profiles/mpn").json()
    assert (own["mpnId"], own["partnerName"]) == (settings.HUB_PARTNER_ID, settings.HUB_SELLER_NAME)
