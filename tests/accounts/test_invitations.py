"""Invitations: a link in a mail that makes an agent once; and the command that makes the first one."""

import re
from datetime import timedelta
from io import StringIO

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.test import Client as Browser

from accounts.models import Invitation, User
from accounts.policy import Role
from partnerhub.logs import redact
from partnerhub.mail.models import Message
from partnerhub.mail.sealing import opened
from partnerhub.outbox.models import Event
from tests.factories.accounts import UserFactory
from tests.factories.customers import CustomerFactory
from tests.factories.subscriptions import NOON

pytestmark = pytest.mark.django_db
LINK = re.compile(r"https?://[^/\s]+(/accounts/invitation/[\w-]+/)")
PASSWORD = "kiedy pada deszcz"
EWA = {"email": "Ewa@Firma.example", "name": "Ewa Lis", "language": "pl", "scope": "all", "customers": ""}


@pytest.fixture(autouse=True)
def clock():
    with time_machine.travel(NOON, tick=False) as clock:
        yield clock


@pytest.fixture
def admin() -> Browser:
    browser = Browser()
    browser.force_login(UserFactory(name="Boss", active_role=Role.PLATFORM_ADMIN))
    return browser


def invite(admin: Browser, **given: str):
    return admin.post("/agents/invite/", EWA | {"sales_agent": "on"} | given)


def links() -> list[str]:
    """The addresses in all mails, oldest first."""
    bodies = [opened(bytes(mail.body))[0] for mail in Message.objects.order_by("created_at")]
    return [LINK.search(body)[1] for body in bodies]


def choose(path: str, browser: Browser | None = None, password: str = PASSWORD, again: str | None = None):
    return (browser or Browser()).post(path, {"password": password, "again": password if again is None else again})


def events() -> list[str]:
    return list(Event.objects.order_by("at", "sequence", "id").values_list("name", flat=True))


def test_who_is_invited_chooses_a_password_and_is_in(admin, clock):
    one = CustomerFactory(domain="one.example")
    assert invite(admin, scope="some", customers="one.example", ops_agent="on").status_code == 302
    mail, (path,) = Message.objects.get(), links()
    assert (mail.recipient, mail.language, mail.subject) == (
        "ewa@firma.example",
        "pl",
        "Zaproszenie do Partner Hub",
    )

    ewa = Browser()
    shown = ewa.get(path)
    assert (shown.status_code, shown["Cache-Control"], "Ewa Lis" in shown.content.decode()) == (200, "no-store", True)
    clock.shift(1)
    response = choose(path, ewa)

    user = User.objects.get(email="ewa@firma.example")
    assert (response.status_code, response["Location"]) == (302, "/")
    assert (user.name, user.language, user.customers) == ("Ewa Lis", "pl", [one.pk])
    assert (user.actor().roles, user.check_password(PASSWORD)) == ((Role.OPS_AGENT, Role.SALES_AGENT), True)
    assert ewa.get("/customers/").status_code == 200
    assert sorted(events()) == ["invitation.accepted", "invitation.sent", "user.signed_in"]
    assert Event.objects.get(name="invitation.accepted").actor_id == str(user.pk)
    assert not Invitation.objects.filter(token_hash__in=path).exists()
    assert path.split("/")[3] not in redact(None, "", {"path": path})["path"]


def test_a_link_that_is_used_over_forged_or_replaced_says_the_same(admin, clock):
    invite(admin)
    invitation = Invitation.objects.get()
    clock.shift(60)
    admin.post(f"/agents/invitations/{invitation.pk}/send/")
    replaced, path = links()
    clock.shift(timedelta(days=7) - timedelta(seconds=1))
    assert Browser().get(path).status_code == 200

    dead = [Browser().get(replaced), choose(replaced), Browser().get("/accounts/invitation/forged/")]
    clock.shift(1)
    dead += [Browser().get(path), choose(path)]
    admin.force_login(User.objects.get(name="Boss"))
    admin.post(f"/agents/invitations/{invitation.pk}/send/")
    fresh = links()[2]
    assert choose(fresh).status_code == 302
    dead += [Browser().get(fresh), choose(fresh, password="another pass phrase")]

    words = {re.search(r"<h1>.*?</p>", response.content.decode(), re.DOTALL)[0] for response in dead}
    assert ({response.status_code for response in dead}, len(words)) == ({410}, 1)
    assert User.objects.filter(email="ewa@firma.example").count() == 1
    told = ["invitation.accepted", "invitation.sent", "invitation.sent_again", "invitation.sent_again"]
    assert sorted(events()) == [*told, "user.signed_in"]


def test_a_revoked_invitation_is_over(admin, clock):
    invite(admin)
    clock.shift(1)
    revoke = f"/agents/invitations/{Invitation.objects.get().pk}/revoke/"
    assert admin.post(revoke).status_code == 302
    assert choose(links()[0]).status_code == 410
    assert admin.post(revoke).status_code == 409
    clock.shift(1)
    assert invite(admin).status_code == 302
    assert events() == ["invitation.sent", "invitation.revoked", "invitation.sent"]


@pytest.mark.parametrize(
    ("password", "again", "told"),
    [
        ("short", None, "too short"),
        ("passwordpassword", "different", "not the same"),
        ("ewa@firma.example", None, "too similar"),
    ],
)
def test_a_password_that_will_not_do_is_asked_for_again(admin, password, again, told):
    invite(admin, language="en")
    response = choose(links()[0], password=password, again=again)
    assert (response.status_code, told in response.content.decode()) == (422, True)
    assert (User.objects.count(), events()) == (1, ["invitation.sent"])


def test_nobody_is_invited_twice(admin):
    UserFactory(email="old@firma.example")
    invite(admin)
    for email, told in (("old@firma.example", "There is an agent"), ("EWA@firma.example", "is invited already")):
        response = invite(admin, email=email)
        assert (response.status_code, told in response.content.decode()) == (422, True)
    assert (Message.objects.count(), events()) == (1, ["invitation.sent"])


def test_the_first_agent_comes_from_the_command_line(monkeypatch):
    given = ["create_agent", "--email", "Anna@Firma.example", "--name", "Anna Nowak", "--role", "platform_admin"]
    monkeypatch.setenv("HUB_AGENT_PASSWORD", "short")
    with pytest.raises(CommandError, match="too short"):
        call_command(*given)
    assert (User.objects.count(), events()) == (0, [])

    monkeypatch.setenv("HUB_AGENT_PASSWORD", PASSWORD)
    told = StringIO()
    call_command(*given, "--role", "admin_agent", stdout=told)

    user = User.objects.get()
    assert "anna@firma.example" in told.getvalue()
    assert PASSWORD not in told.getvalue()
    assert (user.active_role, user.check_password(PASSWORD)) == (Role.PLATFORM_ADMIN, True)
    with pytest.raises(CommandError, match="There is an agent"):
        call_command(*given)
    assert events() == ["user.created"]
