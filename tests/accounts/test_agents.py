"""Agents on pages of the platform admin: found, changed, let in no more; never without one who could undo it."""

from datetime import timedelta

import pytest
import time_machine
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from accounts.models import User
from accounts.policy import Role
from accounts.services.people import deactivate
from accounts.services.personal_tokens import make_token
from partnerhub.errors import LastPlatformAdmin
from partnerhub.outbox.models import Event
from tests.factories.accounts import UserFactory
from tests.factories.customers import CustomerFactory
from tests.factories.subscriptions import NOON
from tests.subscriptions.test_concurrency import at_once

pytestmark = pytest.mark.django_db


@pytest.fixture
def clock():
    with time_machine.travel(NOON, tick=False) as clock:
        yield clock


@pytest.fixture
def boss(clock) -> User:
    return UserFactory(name="Boss", active_role=Role.PLATFORM_ADMIN)


def browser_of(user: User) -> Browser:
    browser = Browser()
    browser.force_login(user)
    return browser


def events() -> list[str]:
    return list(Event.objects.order_by("at", "sequence", "id").values_list("name", flat=True))


def form_of(browser: Browser, user: User) -> dict[str, str]:
    """The edit form as a browser would send it back."""
    form = browser.get(f"/agents/{user.pk}/edit/").context["form"]
    return {name: str(value) for name, value in form.initial.items() if value}


@pytest.mark.parametrize("role", [Role.ADMIN_AGENT, Role.SALES_AGENT, Role.OPS_AGENT])
def test_agents_are_for_platform_admins_alone(clock, role):
    user = UserFactory(active_role=role)
    browser = browser_of(user)
    for path in ("/agents/", "/agents/invite/", "/agents/invitations/", f"/agents/{user.pk}/"):
        assert browser.get(path).status_code == 403, path
    assert browser.post(f"/agents/{user.pk}/activation/", {"reason": "x"}).status_code == 403
    assert events() == []


def test_the_list_finds_by_name_role_and_state_at_the_same_cost(boss):
    browser = browser_of(boss)
    with CaptureQueriesContext(
        connection,
    ) as few:
        browser.get("/agents/")
    UserFactory(name="Zofia", email="zofia@partnerhub.example", active_role=Role.OPS_AGENT)
    UserFactory(name="Adam", active_role=Role.SALES_AGENT, is_active=False)
    with CaptureQueriesContext(connection) as many:
        shown = browser.get("/agents/")

    assert len(many) == len(few)
    assert [row["user"].name for row in shown.context["rows"]] == ["Adam", "Boss", "Zofia"]
    for query, names in (("?q=zof", ["Zofia"]), ("?role=ops_agent", ["Zofia"]), ("?state=deactivated", ["Adam"])):
        assert [row["user"].name for row in browser.get(f"/agents/{query}").context["rows"]] == names, query
    assert browser.get("/agents/00000000-0000-0000-0000-000000000000/").status_code == 404


def test_an_agent_is_changed_and_the_next_request_knows(boss):
    seen, hidden = CustomerFactory(domain="seen.example"), CustomerFactory()
    agent = UserFactory(active_role=Role.ADMIN_AGENT)
    theirs, browser = browser_of(agent), browser_of(boss)
    assert theirs.get(f"/customers/{hidden.pk}/").status_code == 200

    given = form_of(browser, agent) | {"name": "Ewa Lis", "ops_agent": "on", "language": "pl"}
    del given["admin_agent"]
    given |= {"scope": "some", "customers": "seen.example"}
    assert browser.post(f"/agents/{agent.pk}/edit/", given).status_code == 302

    agent.refresh_from_db()
    assert (agent.name, agent.language, agent.customers) == ("Ewa Lis", "pl", [seen.pk])
    assert (agent.active_role, agent.actor().roles, agent.version) == (Role.OPS_AGENT, (Role.OPS_AGENT,), 2)
    assert [theirs.get(f"/customers/{one.pk}/").status_code for one in (seen, hidden)] == [200, 404]
    assert theirs.get("/")["Content-Language"] == "pl"
    changed = Event.objects.get(name="user.changed")
    assert changed.data["roles"] == [["admin_agent"], ["ops_agent"]]
    assert changed.data["customers"] == [None, [str(seen.pk)]]


def test_what_somebody_else_changed_meanwhile_is_shown(boss):
    agent, browser = UserFactory(name="Ewa"), browser_of(boss)
    first, second = form_of(browser, agent), form_of(browser, agent)
    browser.post(f"/agents/{agent.pk}/edit/", first | {"name": "Ewa Lis"})

    response = browser.post(f"/agents/{agent.pk}/edit/", second | {"name": "Ewa Kot"})

    (conflict,) = response.context["form"].conflicts
    assert response.status_code == 409
    assert (conflict.base, conflict.theirs, conflict.yours) == ("Ewa", "Ewa Lis", "Ewa Kot")
    assert User.objects.get(pk=agent.pk).name == "Ewa Lis"


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"sales_agent": ""}, "Choose at least one role."),
        ({"platform_admin": "on", "scope": "some", "customers": "one.example"}, "A platform admin sees all customers"),
        ({"scope": "some", "customers": ""}, "Name at least one customer"),
        ({"language": "de"}, "Select a valid choice"),
        ({"name": " "}, "This field is required"),
    ],
)
def test_an_unfit_profile_is_refused(boss, given, told):
    CustomerFactory(domain="one.example")
    agent, browser = UserFactory(), browser_of(boss)
    response = browser.post(f"/agents/{agent.pk}/edit/", form_of(browser, agent) | given)
    assert (response.status_code, told in response.content.decode()) == (422, True)
    assert (User.objects.get(pk=agent.pk).version, events()) == (1, [])


def test_a_deactivated_agent_is_out_at_once_and_for_good(boss):
    agent = UserFactory(active_role=Role.ADMIN_AGENT)
    live, program, browser = browser_of(agent), APIClient(), browser_of(boss)
    expires_at = NOON + timedelta(days=30)
    _token, text = make_token(agent.actor(), name="Script", role=Role.ADMIN_AGENT, expires_at=expires_at, at=NOON)
    program.credentials(HTTP_AUTHORIZATION=f"Bearer {text}")
    assert (live.get("/customers/").status_code, program.get("/v1/customers").status_code) == (200, 200)

    assert browser.post(f"/agents/{agent.pk}/activation/", {"act": "deactivate", "reason": "Left"}).status_code == 302

    assert live.get("/customers/").status_code == 302
    assert program.get("/v1/customers").status_code == 401
    gone = Event.objects.get(name="user.deactivated")
    assert (gone.reason, gone.data) == ("Left", {"sessions": 1, "personal_tokens": 1})

    browser.post(f"/agents/{agent.pk}/activation/", {"act": "reactivate", "reason": "Back"})
    assert (live.get("/customers/").status_code, program.get("/v1/customers").status_code) == (302, 401)
    assert browser_of(User.objects.get(pk=agent.pk)).get("/customers/").status_code == 200


def test_the_last_platform_admin_stays(boss):
    browser = browser_of(boss)
    UserFactory(active_role=Role.PLATFORM_ADMIN, is_active=False)

    refused = browser.post(f"/agents/{boss.pk}/activation/", {"act": "deactivate", "reason": "Holiday"})
    given = form_of(browser, boss) | {"ops_agent": "on", "platform_admin": ""}
    edited = browser.post(f"/agents/{boss.pk}/edit/", given)

    assert [refused.status_code, edited.status_code] == [422, 422]
    assert "Nobody else is an active platform admin" in refused.content.decode()
    assert "Nobody else is an active platform admin" in edited.content.decode()
    boss.refresh_from_db()
    assert (boss.is_active, boss.actor().roles, events()) == (True, (Role.PLATFORM_ADMIN,), [])


@pytest.mark.django_db(transaction=True)
def test_two_platform_admins_do_not_put_each_other_out():
    first, second = UserFactory.create_batch(2, active_role=Role.PLATFORM_ADMIN)

    results = at_once(
        lambda: deactivate(first.actor(), second.pk, reason="x", at=NOON),
        lambda: deactivate(second.actor(), first.pk, reason="y", at=NOON),
    )

    assert sorted(type(result).__name__ for result in results) == [LastPlatformAdmin.__name__, "User"]
    assert User.objects.filter(is_active=True).count() == 1
