from dataclasses import replace
from datetime import UTC, datetime

import pytest

from accounts.policy import Role
from customers.models import Customer, IndirectReseller
from customers.services.customers import CustomerProfile, create_customer
from customers.services.resellers import create_reseller
from partnerhub.errors import (
    InvalidInput,
    NotPermitted,
    PartnerIdTaken,
    ResellerAgreementMissing,
    ResellerIsProvider,
    ResellerUnknown,
)
from partnerhub.outbox.models import Event
from tests.factories.accounts import actor
from tests.factories.customers import ResellerFactory

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
PROFILE = CustomerProfile(
    name="Żółta Łódź S.A.",
    domain="zolta-lodz.example",
    country="PL",
    currency="PLN",
    language="pl",
    billing_first_name="Małgorzata",
    billing_last_name="Świątek",
    billing_email="billing@zolta-lodz.example",
    address_line="ul. Nabrzeżna 5",
    city="Gdańsk",
    postal_code="80-001",
    beneficiary_name="Łukasz Jóźwiak",
    beneficiary_email="it@zolta-lodz.example",
)


def test_a_customer_is_taken_on_through_its_reseller(admin_agent):
    reseller = ResellerFactory()
    customer = create_customer(admin_agent, PROFILE, partner_id=reseller.partner_id, at=NOON)

    customer.refresh_from_db()
    assert (customer.name, customer.reseller, customer.created_at) == ("Żółta Łódź S.A.", reseller, NOON)
    event = Event.objects.get()
    assert (event.name, event.stream_id) == ("customer.created", customer.pk)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", "x" * 201),
        ("name", "two\nlines"),
        ("name", " padded "),
        ("country", "pl"),
        ("country", "POL"),
        ("currency", "zł"),
        ("language", "de"),
        ("billing_email", "nobody"),
        ("beneficiary_email", ""),
        ("domain", "Zolta.example"),
        ("domain", "no domain"),
    ],
)
def test_a_profile_that_does_not_fit_is_refused(admin_agent, field, value):
    with pytest.raises(InvalidInput) as refusal:
        create_customer(admin_agent, replace(PROFILE, **{field: value}), at=NOON)

    assert refusal.value.values["field"] == field
    assert (Customer.objects.count(), Event.objects.count()) == (0, 0)


def test_a_customer_comes_through_a_real_reseller_only(admin_agent, settings):
    unsigned = ResellerFactory(agreement_signed_at=None)

    for partner_id, refusal in (
        ("999999", ResellerUnknown),
        (settings.HUB_PARTNER_ID, ResellerIsProvider),
        (unsigned.partner_id, ResellerAgreementMissing),
    ):
        with pytest.raises(refusal):
            create_customer(admin_agent, PROFILE, partner_id=partner_id, at=NOON)

    assert Customer.objects.count() == 0


def make_reseller(by, **different):
    given = {"partner_id": "4455661", "name": "Nordlicht GmbH", "country": "DE", "agreement_signed_at": NOON}
    return create_reseller(by, **given | different, at=NOON)


def test_a_reseller_is_taken_on(admin_agent):
    reseller = make_reseller(admin_agent)

    assert IndirectReseller.objects.get() == reseller
    assert Event.objects.get().name == "reseller.created"


@pytest.mark.parametrize(
    ("different", "field"),
    [
        ({"partner_id": "12"}, "partner_id"),
        ({"partner_id": "12345a"}, "partner_id"),
        ({"name": ""}, "name"),
        ({"country": "Germany"}, "country"),
    ],
)
def test_a_reseller_that_does_not_fit_is_refused(admin_agent, different, field):
    with pytest.raises(InvalidInput) as refusal:
        make_reseller(admin_agent, **different)

    assert refusal.value.values["field"] == field
    assert (IndirectReseller.objects.count(), Event.objects.count()) == (0, 0)


def test_a_partner_id_is_given_once_and_never_ours(admin_agent, settings):
    make_reseller(admin_agent)

    with pytest.raises(PartnerIdTaken):
        make_reseller(admin_agent)
    with pytest.raises(ResellerIsProvider):
        make_reseller(admin_agent, partner_id=settings.HUB_PARTNER_ID)

    assert IndirectReseller.objects.count() == 1


@pytest.mark.parametrize("role", [Role.SALES_AGENT, Role.OPS_AGENT, Role.PUBLISHER, Role.SYSTEM])
def test_only_admin_agents_take_on_customers(role):
    with pytest.raises(NotPermitted):
        create_customer(actor(role), PROFILE, at=NOON)
    with pytest.raises(NotPermitted):
        make_reseller(actor(role))

    assert (Customer.objects.count(), IndirectReseller.objects.count()) == (0, 0)
