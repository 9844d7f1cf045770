import pytest
from django.test import Client

from accounts.policy import Role
from tests.factories.accounts import UserFactory


@pytest.fixture
def browser() -> Client:
    client = Client()
    client.force_login(UserFactory(active_role=Role.ADMIN_AGENT, roles=[Role.ADMIN_AGENT]))
    return client


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/", "/customers/", "/subscriptions/", "/accounts/sign-out/", "/nowhere"])
def test_what_a_signed_in_person_is_shown_is_kept_by_no_cache(browser, path):
    assert browser.get(path)["Cache-Control"] == "max-age=0, no-cache, no-store, must-revalidate, private"


def test_what_anybody_may_read_can_be_kept():
    assert Client().get("/common/v2.0/.well-known/openid-configuration")["Cache-Control"] == "public, max-age=300"
