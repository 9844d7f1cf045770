"""What attackers write into every field of every form: a refusal or what was asked, never a failure or a script."""

import re
from collections.abc import Iterator

import pytest
import time_machine
from django.db import transaction
from django.test import Client

from accounts.policy import Role
from tests.factories.invoices import AFTERWARDS
from tests.web.page_grants import ANYBODY, BODIES, CALLS_OUT, GRANTS, roles_of
from tests.web.page_world import PageWorld, pages
from tests.web.test_defences import HOSTILE, MARK, read

pytestmark = [pytest.mark.django_db, pytest.mark.exhaustive, pytest.mark.timeout(3000)]
FIELD = re.compile(r'<(?:input|select|textarea|button)\b[^>]*\bname="([\w-]+)"')
WORDS = (
    "act",
    "reason",
    "version",
    "quantity",
    "plan_term",
    "phrase",
    "recipient",
    "subject",
    "body",
    "language",
    "page",
    "text",
)
VALUES = [*HOSTILE, "", "0", "-1", "1.5", "9999-12-31", "NaN", "\x00", "x" * 6000, "[]", "🦄" * 300]


def wrong_of(browser: Client, address: str, name: str) -> Iterator[str]:
    fields = {*WORDS, *BODIES.get(name, {}), *FIELD.findall(read(browser.get(address)))} - {"csrfmiddlewaretoken"}
    for value in VALUES:
        for some in (fields, *({field} for field in BODIES.get(name, ()))):
            with transaction.atomic():
                response = browser.post(address, BODIES.get(name, {}) | dict.fromkeys(some, value))
                if response.status_code >= 500 or MARK in read(response):
                    yield f"{name}: {response.status_code} for {value[:20]!r} in {len(some)} fields"
                transaction.set_rollback(True)


def test_hostile_values_in_every_form_are_answered_and_never_run(billing_data: None) -> None:
    wrong = list[str]()
    with time_machine.travel(AFTERWARDS, tick=False):
        world = PageWorld()
        for name, route in pages().items():
            posting = GRANTS[name][1]
            if posting is None or name in CALLS_OUT or name.startswith("health/"):  # no form; 503 without a broker
                continue
            role = Role.ADMIN_AGENT if posting == ANYBODY else roles_of(name, posting)[0]
            browser = Client(raise_request_exception=False)
            if posting != ANYBODY:
                browser.force_login(world.people[role])
            wrong += wrong_of(browser, world.path(name, route, role), name)
    assert "\n".join(wrong) == ""
