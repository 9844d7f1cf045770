"""The system page and its retries, by the doors."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.test import Client

from accounts.policy import AGENT_ROLES, Role
from partnerhub.clock import now
from partnerhub.mail.models import Message
from partnerhub.outbox.delivery import deliver_due
from partnerhub.outbox.models import Delivery, Event, Heartbeat
from tests.factories.accounts import UserFactory
from tests.factories.subscriptions import buy, hear, said

pytestmark = pytest.mark.django_db


def signed_in(role: Role) -> Client:
    client = Client()
    client.force_login(UserFactory(active_role=role))
    return client


def stuck() -> Delivery:
    """The first event that billing was to hear of an activated subscription; it failed, and waits ten minutes."""
    at = now()
    bought = buy(at=at - timedelta(hours=1))
    hear(bought, said(bought), at=at - timedelta(minutes=30))
    found = Delivery.objects.filter(delivered_at=None, handler="billing.handlers").order_by("sequence").first()
    found.attempts, found.next_attempt_at = 3, at + timedelta(minutes=10)
    found.last_error = "OperationalError: the ledger was locked"
    found.save()
    return found


def unsent(**different) -> Message:
    at = now()
    given = {"next_attempt_at": at + timedelta(hours=1), "attempts": 4, "last_error": "SMTPServerDisconnected"}
    return Message.objects.create(
        key=f"reminder:{uuid4()}", recipient="jan@example.com", language="pl", subject="Proszę dokończyć",
        created_at=at - timedelta(hours=3), **({"body": b"x"} | given | different),
    )  # fmt: skip


@pytest.mark.parametrize("role", AGENT_ROLES)
def test_who_may_look_and_who_may_retry(role):
    delivery, client = stuck(), signed_in(role)
    sees = role != Role.SALES_AGENT
    retries = role in (Role.ADMIN_AGENT, Role.PLATFORM_ADMIN)

    page = client.get("/system/")
    posted = client.post(f"/system/deliveries/{delivery.pk}/")

    assert (page.status_code, client.get("/system/live/").status_code) == ((200, 200) if sees else (403, 403))
    assert ('href="/system/"' in client.get("/customers/").content.decode()) == sees
    assert posted.status_code == (302 if retries else 403)
    assert Event.objects.filter(name="delivery.retried").count() == int(retries)
    delivery.refresh_from_db()
    assert (delivery.next_attempt_at <= now()) == retries


def test_the_page_tells_what_is_wrong_and_is_silent_while_nothing_changes():
    stuck()
    unsent()
    unsent(next_attempt_at=None, failed_at=now(), body=b"", last_error="SMTPRecipientsRefused 550")
    Heartbeat.objects.create(name="scheduler", at=now() - timedelta(minutes=5))
    Heartbeat.objects.create(name="worker celery@one", at=now())
    client = signed_in(Role.PLATFORM_ADMIN)

    page = client.get("/system/")
    text = page.content.decode()

    for told in (
        "OperationalError: the ledger was locked",
        "SMTPServerDisconnected",
        "SMTPRecipientsRefused 550",
        "Its text is forgotten.",
        "worker celery@one",
    ):
        assert text.count(told) == 1
    assert [row["word"] for row in page.context["processes"]][:2] == ["Silent", "At work"]
    etag = page.context["etag"]
    assert client.get("/system/live/", headers={"If-None-Match": f'"{etag}"'}).status_code == 304
    Heartbeat.objects.filter(name="scheduler").update(at=now())
    assert client.get("/system/live/", headers={"If-None-Match": f'"{etag}"'}).status_code == 200


def test_a_delivery_that_is_retried_is_heard_and_a_second_press_does_nothing():
    delivery, client = stuck(), signed_in(Role.ADMIN_AGENT)
    url = f"/system/deliveries/{delivery.pk}/"

    client.post(url)
    client.post(url)
    deliver_due(now())
    client.post(url)

    delivery.refresh_from_db()
    assert delivery.delivered_at is not None
    [event] = Event.objects.filter(name="delivery.retried")
    assert event.data == {"event": delivery.event.name, "consumer": "billing.handlers", "attempts": 3}


def test_a_mail_is_tried_at_once_but_not_one_that_is_on_its_way_or_given_up():
    client = signed_in(Role.PLATFORM_ADMIN)
    waits = unsent()
    leased = unsent(lease_until=now() + timedelta(minutes=5))
    over = unsent(next_attempt_at=None, failed_at=now(), body=b"")
    stale = unsent(next_attempt_at=None, failed_at=now(), expires_at=now())
    given_up = unsent(next_attempt_at=None, failed_at=now())
    before = {one.pk: one.next_attempt_at for one in (leased, over, stale)}
    assert client.get("/system/").content.decode().count("/system/mails/") == 3

    for message in (waits, waits, leased, over, stale):
        assert client.post(f"/system/mails/{message.pk}/").status_code == 302

    waits.refresh_from_db()
    assert waits.next_attempt_at <= now()
    assert {one.pk: one.next_attempt_at for one in Message.objects.filter(pk__in=before)} == before
    [event] = Event.objects.filter(name="mail.retried")
    assert (event.stream_id, event.data) == (waits.pk, {"purpose": "reminder", "attempts": 4})
    client.post(f"/system/mails/{given_up.pk}/")
    given_up.refresh_from_db()
    assert (given_up.failed_at, given_up.next_attempt_at <= now()) == (None, True)


def test_what_is_not_there_is_not_found():
    client = signed_in(Role.PLATFORM_ADMIN)
    assert client.post("/system/deliveries/1/").status_code == 404
    assert client.post(f"/system/mails/{uuid4()}/").status_code == 404
