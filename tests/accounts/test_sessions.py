"""Sessions: seen by whose they are, ended by them or by a platform admin, and cheap to keep."""

from datetime import timedelta

import pytest
import time_machine
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext

from accounts.devices import device_words
from accounts.models import Session, User
from accounts.policy import Role
from accounts.tasks import forget_sessions
from partnerhub.outbox.models import Event
from tests.factories.accounts import PASSWORD, UserFactory
from tests.factories.subscriptions import NOON

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"
EDGE = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/142.0 Safari/537.36 Edg/142.0"
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1 Version/19.0 Mobile Safari/604.1"


@pytest.fixture
def clock():
    with time_machine.travel(NOON, tick=False) as clock:
        yield clock


def signed_in(user: User, agent: str = FIREFOX) -> Browser:
    browser = Browser(headers={"user-agent": agent})
    browser.post("/accounts/sign-in/", {"username": user.email, "password": PASSWORD})
    return browser


def works(browser: Browser) -> bool:
    return browser.get("/customers/").status_code == 200


@pytest.mark.parametrize(
    ("said", "words"),
    [(FIREFOX, "Firefox · Linux"), (EDGE, "Edge · Windows"), (IPHONE, "Safari · iPhone"), ("x", ""), ("", "")],
)
def test_a_device_is_told_in_few_words(said, words):
    assert device_words(said) == words


@pytest.mark.django_db
def test_one_sees_and_ends_ones_own_sessions(clock):
    user, other = UserFactory(), UserFactory()
    desk, phone, third, theirs = signed_in(user), signed_in(user, IPHONE), signed_in(user, EDGE), signed_in(other)
    rows = desk.get("/accounts/sessions/").context["sessions"]

    assert sorted(row["device"] for row in rows[1:]) == ["Edge · Windows", "Safari · iPhone"]
    assert (rows[0]["device"], rows[0]["is_this"], rows[0]["session"].address) == ("Firefox · Linux", True, "127.0.0.1")

    foreign = Session.objects.get(user=other).public_id
    assert desk.post(f"/accounts/sessions/{foreign}/end/").status_code == 404
    one = next(row["session"].public_id for row in rows if row["device"] == "Safari · iPhone")
    assert desk.post(f"/accounts/sessions/{one}/end/").status_code == 302
    assert [works(each) for each in (desk, phone, third, theirs)] == [True, False, True, True]

    assert desk.post("/accounts/sessions/end-others/").status_code == 302
    assert [works(each) for each in (desk, phone, third, theirs)] == [True, False, False, True]
    ended = Event.objects.filter(name="user.sessions_ended", stream_id=user.pk)
    assert list(ended.order_by("sequence").values_list("data__count", flat=True)) == [1, 1]


@pytest.mark.django_db
def test_what_is_over_is_forgotten(clock):
    over, alive = signed_in(UserFactory()), UserFactory()
    clock.shift(timedelta(hours=12))
    signed_in(alive)
    forget_sessions()
    assert (list(Session.objects.values_list("user", flat=True)), works(over)) == ([alive.pk], False)


@pytest.mark.django_db
def test_a_platform_admin_ends_all_of_anothers(clock):
    user, boss = UserFactory(), UserFactory(active_role=Role.PLATFORM_ADMIN)
    desk, phone, admin = signed_in(user), signed_in(user), signed_in(boss)

    assert desk.post(f"/agents/{boss.pk}/sessions/").status_code == 403
    assert admin.post(f"/agents/{user.pk}/sessions/").status_code == 302

    assert [works(each) for each in (desk, phone, admin)] == [False, False, True]


@pytest.mark.django_db
def test_a_new_password_ends_the_sessions_of_the_old_one(clock):
    user = UserFactory()
    desk = signed_in(user)
    user.set_password("another pass phrase")
    user.save()

    assert admin_sees(user) == 0
    assert not works(desk)


def admin_sees(user: User) -> int:
    admin = signed_in(UserFactory(active_role=Role.PLATFORM_ADMIN))
    return len(admin.get(f"/agents/{user.pk}/").context["sessions"])


@pytest.mark.django_db
def test_being_seen_is_written_once_in_five_minutes_and_asks_nothing_more(clock):
    browser = signed_in(UserFactory())
    browser.get("/accounts/tokens/")
    session = Session.objects.get()

    def writes() -> list[str]:
        with CaptureQueriesContext(connection) as queries:
            assert browser.get("/accounts/tokens/").status_code == 200
        asked = [one["sql"] for one in queries if "accounts_session" in one["sql"]]
        assert len([sql for sql in asked if sql.startswith("SELECT")]) == 1
        return [sql for sql in asked if not sql.startswith("SELECT")]

    clock.shift(timedelta(minutes=5) - timedelta(seconds=1))
    assert writes() == []
    clock.shift(1)
    assert len(writes()) == 1
    assert writes() == []
    seen = Session.objects.get()
    assert (seen.seen_at, seen.public_id, seen.began_at) == (NOON + timedelta(minutes=5), session.public_id, NOON)
