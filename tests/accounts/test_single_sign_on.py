"""Single sign-on against a directory over HTTP: whose account it is, which roles the groups give, and who stays out."""

from urllib.error import HTTPError
from urllib.request import HTTPRedirectHandler, build_opener

import pytest
from allauth.socialaccount.models import SocialAccount
from django.test import Client

from accounts.models import User
from accounts.policy import Role
from partnerhub.outbox.models import Event
from tests.factories.accounts import UserFactory
from tests.factories.directory import CLIENT, SECRET, Directory, serving

pytestmark = pytest.mark.django_db
DOOR = "/accounts/sso/oidc/"


class NoFollowing(HTTPRedirectHandler):
    def redirect_request(self, *args, **kwargs):
        return None


@pytest.fixture(scope="module")
def running():
    with serving(Directory()) as directory:
        yield directory


@pytest.fixture
def directory(running, settings):
    running.claims, running.audience, running.fails = {"sub": "ada-1"}, CLIENT, False
    running.forgets, running.userinfo = (), {}
    settings.HUB_SSO_ISSUER, settings.HUB_SSO_NAME = running.issuer, "Example ID"
    settings.HUB_SSO_ROLES = {"g-admins": "admin_agent", "g-platform": "platform_admin"}
    told = {"server_url": running.issuer, "oauth_pkce_enabled": True, "token_auth_method": "client_secret_post"}
    app = {"provider_id": "oidc", "name": "Example ID", "client_id": CLIENT, "secret": SECRET, "settings": told}
    settings.SOCIALACCOUNT_PROVIDERS = {"openid_connect": {"APPS": [app]}}
    return running


def come_by(client: Client, **where: str):
    """What the hub answers after the directory sent somebody back."""
    away = client.get(DOOR, where)
    try:
        build_opener(NoFollowing).open(away["Location"], timeout=10)
    except HTTPError as answer:
        with answer:
            back = answer.headers["Location"]
    return client.get(back.removeprefix("http://testserver"))


def person(**more) -> dict:
    known = {"sub": "ada-1", "email": "Ada@Partnerhub.Example", "email_verified": True, "name": "Ada"}
    return {**known, "groups": ["g-admins", "g-other"], **more}


def test_who_is_in_a_group_with_a_role_gets_an_account_with_just_that_role(directory):
    directory.claims, client = person(), Client()
    answer = come_by(client, next="/customers/")
    assert (answer.status_code, answer["Location"]) == (302, "/customers/")
    user = User.objects.get(email="ada@partnerhub.example")
    assert (user.name, user.active_role, user.has_usable_password()) == ("Ada", "admin_agent", False)
    assert [held.role for held in user.roles_held.all()] == ["admin_agent"]
    assert client.get("/customers/").status_code == 200
    assert SocialAccount.objects.get().extra_data == {}
    events = Event.objects.filter(stream_id=user.pk).order_by("sequence").values_list("name", "actor_label")
    assert list(events) == [("user.created", "Single sign-on"), ("user.signed_in", "Ada")]


def test_an_own_tenant_of_entra_is_taken_at_its_word(directory, settings):
    settings.HUB_SSO_TRUST_EMAIL, settings.HUB_SSO_GROUPS_CLAIM = True, "roles"
    directory.claims = {"sub": "ada-1", "preferred_username": "Ada@Partnerhub.Example", "roles": "g-platform"}
    assert come_by(Client())["Location"] == "/"
    user = User.objects.get()
    assert (user.email, user.active_role) == ("ada@partnerhub.example", "platform_admin")


def test_the_roles_are_those_of_the_groups_at_every_sign_in(directory):
    UserFactory(active_role=Role.PLATFORM_ADMIN, roles=[Role.PLATFORM_ADMIN])
    user = UserFactory(email="ada@partnerhub.example", active_role=Role.SALES_AGENT)
    directory.claims = person()
    come_by(Client())
    directory.claims = person(email="renamed@partnerhub.example", email_verified=False, groups=["g-platform"])
    come_by(Client())
    user.refresh_from_db()
    assert (user.email, user.active_role) == ("ada@partnerhub.example", "platform_admin")
    assert [held.role for held in user.roles_held.all()] == ["platform_admin"]
    assert User.objects.count() == 2


@pytest.mark.parametrize(
    ("claims", "told"),
    [
        ({"groups": ["g-other"]}, "give you no role"),
        ({"groups": None}, "give you no role"),
        ({"email_verified": False}, "does not vouch for your e-mail address"),
        ({"email_verified": "true"}, "does not vouch for your e-mail address"),
        ({"email": ""}, "does not vouch for your e-mail address"),
    ],
)
def test_a_stranger_without_role_or_proven_address_gets_no_account(directory, claims, told):
    directory.claims, client = person(**claims), Client()
    answer = come_by(client)
    assert (answer.status_code, answer["Location"]) == (302, "/accounts/sign-in/")
    assert told in client.get("/accounts/sign-in/").content.decode()
    assert (User.objects.count(), SocialAccount.objects.count(), Event.objects.count()) == (0, 0, 0)


def test_who_is_deactivated_stays_out(directory):
    user = UserFactory(email="ada@partnerhub.example", active_role=Role.ADMIN_AGENT)
    directory.claims, client = person(), Client()
    come_by(client)
    User.objects.filter(pk=user.pk).update(is_active=False)
    late = Client()
    assert come_by(late)["Location"] == "/accounts/sign-in/"
    assert "deactivated" in late.get("/accounts/sign-in/").content.decode()
    assert [client.get("/customers/").status_code, late.get("/customers/").status_code] == [302, 302]
    assert Event.objects.filter(stream_id=user.pk).latest("sequence").data == {"why": "account_deactivated"}


@pytest.mark.parametrize("broken", ["audience", "token", "state", "away"])
def test_what_the_directory_did_not_say_to_this_hub_signs_nobody_in(directory, settings, broken):
    directory.claims, client = person(), Client()
    directory.audience, directory.fails = ("another", False) if broken == "audience" else (CLIENT, broken == "token")
    if broken == "away":
        settings.SOCIALACCOUNT_PROVIDERS["openid_connect"]["APPS"][0]["settings"]["server_url"] = "http://127.0.0.1:9"
        answer = client.get(DOOR)
    elif broken == "state":
        answer = client.get(f"{DOOR}callback/", {"code": "code-0", "state": "made up"})
    else:
        answer = come_by(client)
    assert (answer.status_code, answer["Location"], User.objects.count()) == (302, "/accounts/sign-in/", 0)
    assert "did not work" in client.get("/accounts/sign-in/").content.decode()


@pytest.mark.parametrize(
    ("claims", "forgets", "userinfo"),
    [
        ({"iss": "https://elsewhere.example"}, (), {}),
        ({"exp": 1}, (), {}),
        ({"nonce": "of another sign-in"}, (), {}),
        ({"azp": "another"}, (), {}),
        ({}, (), {"sub": "somebody-else"}),
        *(({}, (name,), {}) for name in ("iss", "aud", "exp", "nonce", "sub")),
    ],
)
def test_a_token_that_is_not_the_answer_of_this_directory_signs_nobody_in(directory, claims, forgets, userinfo):
    directory.claims, directory.forgets, directory.userinfo = person(**claims), forgets, {"sub": "ada-1", **userinfo}
    client = Client()
    answer = come_by(client)
    assert (answer.status_code, answer["Location"]) == (302, "/accounts/sign-in/")
    assert "did not work" in client.get("/accounts/sign-in/").content.decode()
    assert (User.objects.count(), SocialAccount.objects.count(), Event.objects.count()) == (0, 0, 0)


def test_nothing_in_the_address_changes_what_the_directory_is_asked(directory):
    directory.claims = person()
    come_by(Client())
    usual = directory.asked
    come_by(Client(), auth_params="redirect_uri=https://evil.example/&nonce=known&prompt=none", scope="admin")
    assert directory.asked.keys() == usual.keys()
    assert directory.asked["redirect_uri"] == usual["redirect_uri"] == "http://testserver/accounts/sso/oidc/callback/"
    assert sorted(directory.asked["scope"].split()) == ["email", "openid", "profile"]
    assert len({usual["nonce"], directory.asked["nonce"], "known"}) == 3


def test_nobody_binds_another_identity_to_an_account(directory):
    user = UserFactory(email="bob@partnerhub.example", active_role=Role.ADMIN_AGENT)
    directory.claims, client = person(), Client()
    client.force_login(user)
    assert come_by(client, process="connect")["Location"] == "/accounts/sign-in/"
    assert (SocialAccount.objects.count(), User.objects.count()) == (0, 1)
