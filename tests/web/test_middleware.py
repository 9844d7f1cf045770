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


@pytest.mark.parametrize("charset", ["rot13", "utf-16", "idna", "nobody-knows"])
@pytest.mark.parametrize("path", ["/accounts/sign-in/", "/v1/customers", "/api/saas/subscriptions", "/nowhere"])
def test_a_charset_of_the_callers_choice_breaks_nothing(path, charset):
    client = Client(raise_request_exception=False)
    content_type = f"application/x-www-form-urlencoded; charset={charset}"

    assert client.generic("GET", f"{path}?q=%C4%85", content_type=content_type).status_code in (200, 401, 404)
    assert client.generic("POST", path, "q=1", content_type=content_type).status_code in (200, 401, 404, 405)


@pytest.mark.django_db
def test_a_nul_in_a_pages_address_is_a_bad_request(browser):
    customer = CustomerFactory()
    PlanTermFactory()

    assert browser.get(f"/customers/?q={NUL}").status_code == 400
    assert browser.get(f"/customers/{customer.pk}/buy/{NUL}/").status_code == 400
