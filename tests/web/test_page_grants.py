"""Every page × every role and nobody × every method, as the table of grants has it. Nobody gets in by default."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import time_machine
from django.conf import settings
from django.db import transaction
from django.http import HttpResponse
from django.test import Client

from accounts.policy import AGENT_ROLES, Action, Role
from partnerhub.outbox.models import Event
from tests.factories.invoices import AFTERWARDS
from tests.web.page_grants import AGENTS, ANYBODY, BODIES, CALLS_OUT, GRANTS, Own, Rule, roles_of
from tests.web.page_world import PageWorld, pages

SIGN_IN = "/accounts/sign-in/"


class Doors:
    """Everybody at a browser; what a request has done is forgotten."""

    def __init__(self) -> None:
        self.world, self.browser = PageWorld(), Client(raise_request_exception=False)
        self.cookies: dict[Role | None, dict[str, str]] = {None: {}}
        for role, person in self.world.people.items():
            browser = Client()
            browser.force_login(person)
            self.cookies[role] = {settings.SESSION_COOKIE_NAME: browser.cookies[settings.SESSION_COOKIE_NAME].value}

    def knock(self, role: Role | None, method: str, name: str, route: str) -> tuple[HttpResponse, int]:
        """The answer, and how many events it wrote."""
        self.browser.cookies.clear()
        self.browser.cookies.load(self.cookies[role])
        address = self.world.path(name, route, role or AGENT_ROLES[0])
        body = {"ids": str(self.world.ids["subscription_id"])} | BODIES.get(name, {}) if method == "post" else None
        with forgotten():
            before = Event.objects.count()
            response = getattr(self.browser, method)(address, body)
            if response.streaming:
                b"".join(response.streaming_content)
            return response, Event.objects.count() - before


@contextmanager
def forgotten() -> Iterator[None]:
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def wrong(doors: Doors, name: str, route: str, method: str, rule: Rule) -> Iterator[str]:
    """What is not as the rule of a page's method says."""

    def told(role: Role | None, *, allowed: bool, refusal: int) -> Iterator[str]:
        response, wrote = doors.knock(role, method, name, route)
        status = response.status_code
        is_in = status < 500 and status not in (403, 404, 405) and not led_to_sign_in(response)
        if allowed != is_in or (not allowed and (status != refusal or wrote)):
            yield f"{method} {name} as {role}: {status}, {wrote} events"

    if rule == ANYBODY:
        return
    if rule is None:
        yield from told(None, allowed=False, refusal=405)
        return
    yield from told(None, allowed=False, refusal=302)
    allowed = roles_of(name, rule)
    for role in AGENT_ROLES:
        if role not in allowed:
            yield from told(role, allowed=False, refusal=404 if isinstance(rule, Own) else 403)
    # A page for all roles is opened by the tests of what it shows.
    if len(allowed) < len(AGENT_ROLES) and (name not in CALLS_OUT or method == "get"):
        yield from told(allowed[0], allowed=True, refusal=0)


def led_to_sign_in(response: HttpResponse) -> bool:
    return response.status_code == 302 and response["Location"].startswith(SIGN_IN)


def test_every_address_has_a_row():
    assert sorted(pages()) == sorted(GRANTS)


def test_only_these_pages_are_open_to_whoever_knows_the_address():
    doors = {name.partition("/")[0] for name, rules in GRANTS.items() if ANYBODY in rules}

    assert doors == {
        "<str:tenant>", "account_login", "account_reset_password", "account_reset_password_done",
        "account_reset_password_from_key", "accounts:invitation", "accounts:login", "accounts:logout", "customer_page",
        "customer_page_go", "customer_page_answer", "customer_page_again", "developers", "fulfillment-developers",
        "fulfillment-openapi", "health", "metrics", "mfa_authenticate", "mfa_login_webauthn", "openid_connect_callback",
        "openid_connect_login", "set_language",
    }  # fmt: skip


@pytest.mark.timeout(300)
@pytest.mark.django_db
def test_each_page_lets_in_whom_its_row_names_and_nobody_else(billing_data):
    with time_machine.travel(AFTERWARDS, tick=False):
        doors, found = Doors(), list[str]()
        for name, route in pages().items():
            looking, posting = GRANTS[name]
            found += wrong(doors, name, route, "get", looking)
            found += wrong(doors, name, route, "post", posting)
            if ANYBODY not in (looking, posting):
                found += wrong(doors, name, route, "delete", None)

    assert "\n".join(found) == ""


def test_each_rule_is_a_grant_that_somebody_holds():
    for name, rules in GRANTS.items():
        for rule in rules:
            assert rule in (None, ANYBODY, AGENTS) or isinstance(rule, Action | Own), name
            assert rule is None or rule == ANYBODY or roles_of(name, rule), name
