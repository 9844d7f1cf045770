"""API clients on pages of the platform admin, and everybody's personal tokens; each secret is shown once."""

import re
from datetime import timedelta

import pytest
import time_machine
from django.test import Client as Browser
from rest_framework.test import APIClient

from accounts.models import Client, ClientSecret, PersonalToken, RoleHeld
from accounts.policy import Role
from accounts.services.clients import verify_secret
from accounts.services.personal_tokens import MOST_TOKENS
from partnerhub.outbox.models import Event
from tests.factories.accounts import ClientFactory, UserFactory
from tests.factories.customers import CustomerFactory
from tests.factories.subscriptions import NOON

pytestmark = pytest.mark.django_db
SECRET = re.compile(r'data-copy="([\w-]{43})"')
TOKEN = re.compile(r'data-copy="(hub_[\w-]{43})"')


@pytest.fixture(autouse=True)
def clock():
    with time_machine.travel(NOON, tick=False) as clock:
        yield clock


def person(*roles: Role):
    user, browser = UserFactory(active_role=roles[0], roles=roles), Browser()
    browser.force_login(user)
    return browser, user


@pytest.fixture
def platform() -> Browser:
    return person(Role.PLATFORM_ADMIN)[0]


def events() -> list[str]:
    return list(Event.objects.order_by("at", "sequence", "id").values_list("name", flat=True))


def shown(response, pattern: re.Pattern[str]) -> str:
    """The one secret of a page that no cache keeps."""
    (secret,) = set(pattern.findall(response.content.decode()))
    assert "no-store" in response["Cache-Control"]
    return secret


def make(platform: Browser, **given: str):
    return platform.post(
        "/clients/new/", {"name": "ERP", "role": "sales_agent", "scope": "all", "customers": ""} | given
    )


def token_for(client: Client, secret: str, browser: APIClient):
    form = {"grant_type": "client_credentials", "client_id": str(client.pk), "client_secret": secret}
    return browser.post(f"/{client.tenant_id}/oauth2/token", form)


def test_a_client_is_made_and_its_secret_shown_once(platform):
    secret = shown(make(platform), SECRET)
    client = Client.objects.get()

    assert (client.name, client.role, client.customers) == ("ERP", "sales_agent", None)
    assert verify_secret(client, secret, NOON)
    assert secret not in platform.get(f"/clients/{client.pk}/").content.decode()
    assert events() == ["client.created"]


def test_its_customers_are_named_by_domain_or_id_and_changed_later(platform):
    one, other = CustomerFactory(domain="One.example"), CustomerFactory(domain="other.example")
    make(platform, scope="some", customers=f" one.example \n{other.pk}\n\nONE.example")
    client = Client.objects.get()
    assert client.actor().customers == {one.pk, other.pk}
    form = platform.get(f"/clients/{client.pk}/customers/").context["form"]
    assert form.initial == {"scope": "some", "customers": "One.example\nother.example"}

    path = f"/clients/{client.pk}/customers/"
    assert platform.post(path, {"scope": "some", "customers": "other.example"}).status_code == 302
    client.refresh_from_db()
    assert client.actor().customers == {other.pk}
    changed = Event.objects.get(name="client.scope_changed")
    assert changed.data == {"customers": [sorted([str(one.pk), str(other.pk)]), [str(other.pk)]]}

    assert platform.post(path, {"scope": "all", "customers": ""}).status_code == 302
    client.refresh_from_db()
    assert client.actor().customers is None


@pytest.mark.parametrize(
    ("customers", "told"), [("  \n", "Name at least one customer"), ("nobody.example", "Not found: nobody.example")]
)
def test_a_scope_that_names_nobody_is_refused(platform, customers, told):
    response = make(platform, scope="some", customers=customers)
    assert (response.status_code, told in response.content.decode()) == (422, True)
    assert (Client.objects.count(), events()) == (0, [])


def test_a_new_secret_leaves_the_old_ones_time_to_end(platform):
    old = shown(make(platform), SECRET)
    client = Client.objects.get()
    new = shown(platform.post(f"/clients/{client.pk}/secrets/", {"overlap": "24"}), SECRET)

    later = NOON + timedelta(hours=24)
    assert [verify_secret(client, secret, later - timedelta(seconds=1)) for secret in (old, new)] == [True, True]
    assert [verify_secret(client, secret, later) for secret in (old, new)] == [False, True]

    kept = ClientSecret.objects.order_by("pk")[1]
    platform.post(f"/clients/{client.pk}/secrets/{kept.pk}/revoke/")
    assert not verify_secret(client, new, NOON)
    assert events()[-1] == "client.secret_revoked"


def test_a_revoked_client_is_out_at_once(platform):
    secret, program = shown(make(platform), SECRET), APIClient()
    client = Client.objects.get()
    bearer = {"Authorization": f"Bearer {token_for(client, secret, program).json()['access_token']}"}
    assert program.get("/v1/customers", headers=bearer).status_code == 200
    client.refresh_from_db()
    assert client.last_used_at == NOON

    assert "cannot be undone" in platform.get(f"/clients/{client.pk}/revoke/").content.decode()
    platform.post(f"/clients/{client.pk}/revoke/")
    assert program.get("/v1/customers", headers=bearer).status_code == 401
    assert token_for(client, secret, program).status_code == 401
    platform.post(f"/clients/{client.pk}/secrets/", {"overlap": "0"})
    assert ClientSecret.objects.count() == 1


def test_publishers_programs_and_other_roles_stay_out(platform):
    publishers = ClientFactory(role=Role.PUBLISHER)
    for path in ("", "customers/", "revoke/"):
        assert platform.get(f"/clients/{publishers.pk}/{path}").status_code == 404
        assert platform.post(f"/clients/{publishers.pk}/{path}", {"scope": "all"}).status_code in (404, 405)
    admin, _ = person(Role.ADMIN_AGENT)
    assert [admin.get(path).status_code for path in ("/clients/", "/clients/new/")] == [403, 403]
    assert make(admin).status_code == 403
    assert [Client.objects.count(), Client.objects.get().is_active] == [1, True]


# Personal tokens


def ask_for_token(browser: Browser, **given: str):
    return browser.post("/accounts/tokens/", {"name": "Report", "role": "sales_agent", "days": "30"} | given)


def called_with(token: str, path: str = "/v1/customers"):
    return APIClient().get(path, headers={"Authorization": f"Bearer {token}"})


def test_a_token_acts_as_its_person_in_the_role_that_was_chosen(clock):
    browser, user = person(Role.ADMIN_AGENT, Role.SALES_AGENT)
    token = shown(ask_for_token(browser), TOKEN)
    customer = CustomerFactory()
    assert called_with(token).json()["totalCount"] == 1

    change = APIClient().patch(
        f"/v1/customers/{customer.pk}",
        {"domain": "x.example"},
        headers={"Authorization": f"Bearer {token}"},
        format="json",
    )
    assert (change.status_code, change.json()["code"]) == (403, 900150)
    assert token not in browser.get("/accounts/tokens/").content.decode()
    assert events() == ["personal_token.made"]
    assert Event.objects.get().actor_id == str(user.pk)


def test_its_last_use_is_written_once_a_minute(clock):
    token = shown(ask_for_token(person(Role.SALES_AGENT)[0]), TOKEN)
    uses = []
    for seconds in (0, 59, 60):
        clock.move_to(NOON + timedelta(seconds=seconds))
        called_with(token)
        uses.append(PersonalToken.objects.get().last_used_at)
    assert uses == [NOON, NOON, NOON + timedelta(seconds=60)]


@pytest.mark.parametrize("end", ["revoked", "over", "person gone", "role lost", "unknown"])
def test_a_token_ends(clock, end):
    browser, user = person(Role.SALES_AGENT)
    token = shown(ask_for_token(browser), TOKEN)
    if end == "revoked":
        browser.post(f"/accounts/tokens/{PersonalToken.objects.get().pk}/revoke/")
    elif end == "over":
        clock.move_to(NOON + timedelta(days=30))
    elif end == "person gone":
        type(user).objects.update(is_active=False)
    elif end == "role lost":
        RoleHeld.objects.all().delete()
    else:
        token = f"hub_{'x' * 43}"
    refusal = called_with(token)
    assert (refusal.status_code, refusal.json()["data"]) == (401, ["personal_token_refused"])


def test_nobody_revokes_or_makes_what_is_not_theirs():
    browser, _ = person(Role.SALES_AGENT)
    token = shown(ask_for_token(browser), TOKEN)
    other, _ = person(Role.ADMIN_AGENT)

    assert other.post(f"/accounts/tokens/{PersonalToken.objects.get().pk}/revoke/").status_code == 404
    assert ask_for_token(browser, role="admin_agent").status_code == 422
    assert ask_for_token(browser, days="3650").status_code == 422
    assert (called_with(token).status_code, PersonalToken.objects.count()) == (200, 1)


def test_so_many_tokens_and_no_more():
    browser, _ = person(Role.SALES_AGENT)
    answers = [ask_for_token(browser, name=f"Token {number}").status_code for number in range(MOST_TOKENS + 1)]
    assert answers == [200] * MOST_TOKENS + [422]
    assert PersonalToken.objects.count() == MOST_TOKENS
