"""Other ways: added with a sealed address, tried out, posted to with retries, and guarded like other addresses."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
import time_machine
from django.test import Client

from accounts.policy import Role
from partnerhub.errors import AddressNotAllowed, InvalidInput, NotFound
from partnerhub.mail.models import Message
from partnerhub.notifications.contents import body_for, content_of
from partnerhub.notifications.enums import How, Kind, Topic
from partnerhub.notifications.models import Channel, Choice, Delivery, Notification, Preference
from partnerhub.notifications.sending import WAITS, send_due
from partnerhub.notifications.services.channels import add_channel, forget_told, remove_channel, try_channel
from partnerhub.notifications.services.telling import tell_due, tell_person
from partnerhub.outbox.models import Event
from tests.factories.accounts import UserFactory
from tests.factories.subscriptions import NOON

MINUTE = timedelta(minutes=1)


@pytest.fixture
def olga(db):
    return UserFactory(name="Olga", email="olga@hub.example", active_role=Role.OPS_AGENT)


class Ear(BaseHTTPRequestHandler):
    """Keeps what it is told, and answers what `server.answers` says next."""

    def do_POST(self) -> None:
        self.server.heard.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        answers = self.server.answers
        self.send_response(answers.pop(0) if answers else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def listening(*answers: int) -> Iterator[ThreadingHTTPServer]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Ear)
    server.answers, server.heard = list(answers), []
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def address(server: ThreadingHTTPServer) -> str:
    return f"http://127.0.0.1:{server.server_port}/hook/s3cret"


def news(user, *, key: str = "mentioned:1", offer: str = "eSign") -> None:
    facts = {"who": "Anna", "offer": offer, "customer": "Contoso"}
    assert tell_person(user.pk, Topic.MENTIONED, key=key, facts=facts, subscription=None, at=NOON)


@pytest.mark.django_db(transaction=True)
def test_a_channel_is_told_again_until_it_has_heard_and_given_up_at_last(olga, settings):
    settings.HUB_ALLOW_PRIVATE_PUBLISHERS = True
    Preference.objects.create(user=olga, only_own=False, by_mail=False, language="en", zone="UTC", digest_hour=8)
    with listening(500, 200) as good, listening(*[404] * 20) as bad:
        for name, server in (("Good", good), ("Bad", bad)):
            add_channel(olga.actor(), kind=Kind.WEBHOOK, name=name, address=address(server), at=NOON)
        news(olga)
        assert tell_due(at=NOON) == 1

        at, received = NOON, []
        for wait in (timedelta(0), *WAITS, timedelta(days=1)):
            at += wait
            received.append(send_due(lambda at=at: at))

    assert received == [0, 1, 0, 0, 0, 0, 0, 0]
    heard, told = Delivery.objects.get(channel__name="Good"), Delivery.objects.get(channel__name="Bad")
    assert (
        good.heard[1]
        == good.heard[0]
        == {
            "title": "Anna mentions you in a note on eSign of Contoso.",
            "lines": [
                {
                    "topic": "mentioned",
                    "text": "Anna mentions you in a note on eSign of Contoso.",
                    "url": f"{settings.HUB_BASE_URL}/notifications/",
                }
            ],
            "total": 1,
            "url": f"{settings.HUB_BASE_URL}/notifications/",
            "id": str(heard.pk),
        }
    )
    assert (heard.attempts, heard.delivered_at, heard.last_error) == (2, NOON + MINUTE, "")
    assert (told.attempts, told.failed_at is not None, told.last_error) == (7, True, "HTTP 404")
    assert (len(bad.heard), Message.objects.count()) == (7, 0)


@pytest.mark.django_db(transaction=True)
def test_the_settings_page_adds_tries_and_removes_a_way_and_never_shows_its_secret(olga, settings):
    settings.HUB_ALLOW_PRIVATE_PUBLISHERS = True
    client = Client()
    client.force_login(olga)
    with time_machine.travel(NOON, tick=False), listening() as slack:
        given = {"kind": "slack", "name": "Operations", "address": address(slack)}
        assert client.post("/notifications/channels/", given).status_code == 302
        channel = Channel.objects.get()
        client.post(f"/notifications/channels/{channel.pk}/test/")
        assert send_due(lambda: NOON) == 1
        page = client.get("/notifications/settings/").content.decode()
        other = Client()
        other.force_login(UserFactory(email="eva@hub.example"))
        foreign = [other.post(f"/notifications/channels/{channel.pk}/{act}/").status_code for act in ("test", "remove")]
        removed = client.post(f"/notifications/channels/{channel.pk}/remove/").status_code

    link = f"<{settings.HUB_BASE_URL}/notifications/|This is a test. What you chose to be told of arrives here.>"
    assert slack.heard == [{"text": f"*Partner Hub: a test*\n• {link}"}]
    assert ["Operations" in page, "http://127.0.0.1/…" in page, "Delivered" in page] == [True, True, True]
    assert ["s3cret" in page, b"s3cret" in bytes(channel.address)] == [False, False]
    assert (foreign, removed, Channel.objects.count()) == ([404, 404], 302, 0)
    names = Event.objects.filter(stream_id=channel.pk).order_by("sequence")
    assert [(one.name, "s3cret" in str(one.data)) for one in names] == [
        ("notification_channel.added", False),
        ("notification_channel.removed", False),
    ]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("kind", "given", "refusal"),
    [
        (Kind.WEBHOOK, "https://127.0.0.1/hook", AddressNotAllowed),
        (Kind.SLACK, "http://hooks.slack.com/x", AddressNotAllowed),
        (Kind.TEAMS, "https://user:pw@example.com/x", AddressNotAllowed),
        (Kind.OTHER, "json://10.0.0.1/", InvalidInput),
        (Kind.OTHER, "ntfy://10.0.0.1/topic", InvalidInput),
        (Kind.OTHER, "nonsense", InvalidInput),
        (Kind.WEBHOOK, "", InvalidInput),
    ],
)
def test_an_address_that_the_hub_may_not_call_is_refused(olga, kind, given, refusal):
    with pytest.raises(refusal):
        add_channel(olga.actor(), kind=kind, name="X", address=given, at=NOON)

    assert (Channel.objects.count(), Event.objects.count()) == (0, 0)


@pytest.mark.django_db(transaction=True)
def test_a_host_that_became_private_is_not_called(olga, settings):
    settings.HUB_ALLOW_PRIVATE_PUBLISHERS = True
    with listening() as server:
        channel = add_channel(olga.actor(), kind=Kind.TEAMS, name="X", address=address(server), at=NOON)
        settings.HUB_ALLOW_PRIVATE_PUBLISHERS = False
        try_channel(olga.actor(), channel.pk, at=NOON)
        assert send_due(lambda: NOON) == 0

    tried = Delivery.objects.get()
    assert (server.heard, tried.failed_at) == ([], NOON)
    assert tried.last_error == "The address is not public, so this hub may not call it."


@pytest.mark.django_db
def test_a_service_of_others_is_known_by_its_address_and_names_of_others_stay_text(olga):
    shown = add_channel(olga.actor(), kind=Kind.OTHER, name="D", address="discord://1234/abcd", at=NOON).shown
    news(olga, offer="<!channel> *x* [y](http://z)")
    content = content_of(list(Notification.objects.all()), "en")

    assert shown == "Discord"
    assert "&lt;!channel&gt;" in body_for(Kind.SLACK, content)["text"]
    card = body_for(Kind.TEAMS, content)["attachments"][0]["content"]
    assert r"\*x\* \[y\]\(http://z\)" in card["body"][0]["text"]


@pytest.mark.django_db
class TestPages:
    def test_the_settings_are_kept_and_what_is_as_the_roles_have_it_follows_them(self, olga):
        client = Client()
        client.force_login(olga)
        topics = {f"topic_{topic}": "off" for topic in Topic} | {
            "topic_publisher_down": "now",
            "topic_mentioned": "now",
        }
        times = {"zone": "Europe/Warsaw", "digest_hour": "7", "quiet_from": "22:00", "quiet_until": "06:30"}
        given = topics | times | {"only_own": "own", "language": "pl"}

        refused = client.post("/notifications/settings/", given | {"quiet_until": ""})
        none = Preference.objects.count(), Choice.objects.count()
        kept = client.post("/notifications/settings/", given)
        shown = client.get("/notifications/settings/").content.decode()

        assert (refused.status_code, none, kept.status_code) == (422, (0, 0), 302)
        row = Preference.objects.get()
        assert (row.only_own, row.by_mail, row.zone, row.digest_hour, str(row.quiet_until)) == (
            True,
            False,
            "Europe/Warsaw",
            7,
            "06:30:00",
        )
        assert set(Choice.objects.values_list("topic", "how")) == {
            (topic, How.OFF)
            for topic in (
                Topic.ASSIGNED,
                Topic.PUBLISHER_ASKS,
                Topic.LINK_EXPIRED,
                Topic.CHANGE_WAITING,
                Topic.CHANGE_FAILED,
                Topic.DRIFT,
            )
        }
        assert 'value="22:00"' in shown

    def test_the_bell_counts_what_is_unread_and_looking_reads_it(self, olga):
        client = Client()
        client.force_login(olga)
        news(olga)
        bell = client.get("/notifications/bell/")
        again = client.get("/notifications/bell/", HTTP_IF_NONE_MATCH=bell["ETag"])
        page = client.get("/notifications/?unread=1").content.decode()
        told = Notification.objects.get()
        stranger = Client()
        stranger.force_login(UserFactory(email="eva@hub.example"))
        foreign = stranger.get(f"/notifications/{told.pk}/").status_code
        look = client.get(f"/notifications/{told.pk}/")
        after = client.get("/notifications/bell/", HTTP_IF_NONE_MATCH=bell["ETag"]).content.decode()

        assert [">1<" in bell.content.decode(), again.status_code, "bell-count" in after] == [True, 304, False]
        assert "Anna mentions you in a note on eSign of Contoso." in page
        assert (foreign, look.status_code, look["Location"]) == (404, 302, "/notifications/")

    def test_what_was_told_long_ago_is_forgotten(self, olga):
        news(olga)
        tell_due(at=NOON)
        forget_told(NOON + timedelta(days=91))
        assert (Notification.objects.count(), Delivery.objects.count()) == (0, 0)


@pytest.mark.django_db
def test_nobody_removes_what_is_somebody_elses(olga):
    channel = add_channel(olga.actor(), kind=Kind.OTHER, name="D", address="discord://1234/abcd", at=NOON)
    with pytest.raises(NotFound):
        remove_channel(UserFactory().actor(), channel.pk, at=NOON)
    assert Channel.objects.count() == 1
