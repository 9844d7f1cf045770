import pytest
from django.test import Client

from accounts.policy import Role
from tests.factories.accounts import UserFactory
from tests.factories.customers import CustomerFactory
from tests.factories.publishers import PlanTermFactory

NUL = "%00"


@pytest.fixture
def browser() -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(UserFactory(active_role=Role.ADMIN_AGENT, roles=[Role.ADMIN_AGENT]))
    return client


@pytest.mark.django_db
def test_a_nul_in_a_pages_address_is_a_bad_request(browser):
    customer = CustomerFactory()
    PlanTermFactory()

    assert browser.get(f"/customers/?q={NUL}").status_code == 400
    assert browser.get(f"/customers/{customer.pk}/buy/{NUL}/").status_code == 400
