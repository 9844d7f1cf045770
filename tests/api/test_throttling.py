"""Too many calls, and too many guesses: told to wait, and kept out by nothing when the cache is away."""

import re
from uuid import uuid4

import pytest
from django.test import Client as Browser

from accounts.policy import Actor, Role
from accounts.services.clients import create_client
from partnerhub.api.throttling import MINUTE, counted, resource_of
from tests.api.conftest import LATER, Program
from tests.factories.accounts import PASSWORD, UserFactory

pytestmark = pytest.mark.django_db


def somebody() -> Program:
    """A program that nobody has counted yet."""
    program, role = Program(Role.ADMIN_AGENT), Role.ADMIN_AGENT
    program.force_authenticate(user=Actor(kind="client", id=str(uuid4()), label="New", role=role, roles=(role,)))
    return program


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/v1/customers", "customers"),
        ("/v1/customers/1", "customers"),
        ("/v1/customers/1/subscriptions/2/billinggates", "subscriptions"),
        ("/v1/customers/1/orders", "orders"),
        ("/v1/customers/1/products/2/skus", "other"),
        ("/v1/publishers", "other"),
        ("/v1", "other"),
    ],
)
def test_calls_are_counted_by_resource(path, kind):
    assert resource_of(path) == kind


def test_one_call_too_many_is_told_to_wait(settings):
    settings.HUB_API_CALLS_A_MINUTE = 2
    program, other = somebody(), somebody()
    assert [program.get("/customers").status_code for _ in range(3)] == [200, 200, 429]

    answer = program.get("/customers")
    assert answer.json() == {
        "statusCode": 429,
        "message": f"Rate limit is exceeded. Try again in {answer['Retry-After']} seconds.",
    }
    assert 50 <= int(answer["Retry-After"]) <= 60
    assert [program.get("/publishers").status_code, other.get("/customers").status_code] == [200, 200]


def test_without_a_cache_nobody_is_kept_out(settings):
    settings.HUB_API_CALLS_A_MINUTE = 1
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    program = somebody()
    assert [program.get("/customers").status_code for _ in range(2)] == [200, 200]


def test_a_count_ends_by_itself():
    key = str(uuid4())
    assert [count.calls for _ in range(2) for count in counted([key], MINUTE)] == [1, 2]
    assert [count.calls for count in counted([key, str(uuid4())], MINUTE, more=0)] == [2, 0]
    assert 0 < counted([key], MINUTE)[0].seconds <= 60


@pytest.mark.parametrize("known", [True, False])
def test_guessing_a_secret_is_slowed_down_whether_there_is_such_a_client_or_not(client, settings, known):
    settings.HUB_FAILED_SIGN_INS_A_MINUTE = 2
    made, secret = create_client("Program", Role.ADMIN_AGENT, uuid4(), LATER)
    name = str(made.pk) if known else str(uuid4())

    def attempt(tried: str):
        form = {"grant_type": "client_credentials", "client_id": name, "client_secret": tried}
        return client.post(f"/{made.tenant_id}/oauth2/token", form)

    assert [attempt("wrong").status_code for _ in range(3)] == [401, 401, 429]
    late = attempt(secret)
    assert (late.status_code, late.json()["error"]) == (429, "temporarily_unavailable")
    assert re.fullmatch(r"\d+", late["Retry-After"])


def test_guessing_from_one_address_is_slowed_down_whoever_is_meant(client, settings):
    settings.HUB_FAILED_SIGN_INS_PER_ADDRESS = 3
    settings.BEHIND_TLS_PROXY = True
    address = f"2001:db8::{uuid4().hex[:4]}"

    def attempt(seen_from: str) -> int:
        form = {"grant_type": "client_credentials", "client_id": str(uuid4()), "client_secret": "x"}
        seen = f"198.51.100.1, {seen_from}"  # the first is the guesser's own word
        return client.post(f"/{uuid4()}/oauth2/token", form, headers={"X-Forwarded-For": seen}).status_code

    assert [attempt(address) for _ in range(4)] == [401, 401, 401, 429]
    assert attempt(f"2001:db8:1::{uuid4().hex[:4]}") == 401


@pytest.mark.parametrize("known", [True, False])
def test_guessing_a_password_is_slowed_down_whether_there_is_such_a_person_or_not(settings, known):
    settings.HUB_FAILED_SIGN_INS_A_MINUTE = 2
    email = f"{uuid4().hex}@partnerhub.example"
    if known:
        UserFactory(email=email)

    def attempt(password: str):
        return Browser().post("/accounts/sign-in/", {"username": email, "password": password})

    assert [attempt("wrong").status_code for _ in range(3)] == [200, 200, 429]
    late = attempt(PASSWORD)
    assert (late.status_code, "too many failed attempts" in late.content.decode()) == (429, True)
