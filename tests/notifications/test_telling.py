"""One message per cause: whoever looks how often, with how many workers; digest, quiet hours, and what is over."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, time, timedelta

import pytest
from django.core import mail
from django.db import connection

from accounts.policy import Role
from partnerhub.mail.models import Message
from partnerhub.mail.sealing import opened
from partnerhub.mail.sending import send_due
from partnerhub.notifications.enums import How, Topic
from partnerhub.notifications.models import Choice, Delivery, Notification, Preference, Sighting
from partnerhub.notifications.selectors import unread
from partnerhub.notifications.services.noticing import notice
from partnerhub.notifications.services.preferences import mark_read
from partnerhub.notifications.services.telling import tell_due
from partnerhub.outbox.delivery import deliver_due
from publishers.models import Publisher
from subscriptions.services.notes import add_note
from subscriptions.services.triage import assign
from tests.factories.accounts import UserFactory
from tests.factories.publishers import PublisherFactory
from tests.factories.subscriptions import NOON, active, buy, hear, said

DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def olga(db):
    return UserFactory(name="Olga", email="olga@hub.example", active_role=Role.OPS_AGENT)


@pytest.fixture
def piotr(db):
    return UserFactory(name="Piotr", email="piotr@hub.example", active_role=Role.SALES_AGENT)


@pytest.fixture
def down(db) -> Publisher:
    return fail(PublisherFactory(name="Northwind", created_at=NOON - DAY), NOON)


def fail(publisher: Publisher, at: datetime) -> Publisher:
    """A publisher whose circuit has opened."""
    Publisher.objects.filter(pk=publisher.pk).update(circuit="open", circuit_retry_at=at + DAY, last_success_at=at)
    return publisher


def tick(at: datetime) -> tuple[int, int]:
    return notice(at=at), tell_due(at=at)


def told() -> list[tuple[str, str]]:
    return sorted(Notification.objects.values_list("user__name", "topic"))


def subjects() -> list[tuple[str, str]]:
    return list(Message.objects.order_by("created_at", "recipient").values_list("recipient", "subject"))


@pytest.mark.django_db
class TestCauses:
    def test_a_cause_is_told_once_and_again_only_when_it_comes_back(self, olga, piotr, down):
        assert [tick(NOON + n * MINUTE) for n in range(3)] == [(1, 1), (0, 0), (0, 0)]
        Publisher.objects.update(circuit="closed", circuit_retry_at=None)
        assert tick(NOON + 5 * MINUTE) == (0, 0)
        assert Sighting.objects.get().over_at == NOON + 5 * MINUTE
        fail(down, NOON + 6 * MINUTE)
        assert tick(NOON + 7 * MINUTE) == (1, 1)

        assert told() == [("Olga", "publisher_down")] * 2
        assert (
            subjects()
            == [("olga@hub.example", "Northwind does not answer: the hub has stopped asking for a while.")] * 2
        )

    def test_a_storm_is_one_message_with_a_line_for_each(self, olga):
        for name in ("Contoso", "Fabrikam"):
            fail(PublisherFactory(name=name, created_at=NOON - DAY), NOON)

        assert tick(NOON) == (2, 1)

        [message] = Message.objects.all()
        text, _page = opened(bytes(message.body))
        assert message.subject == "2 things to look at"
        assert ["Contoso does not answer" in text, "Fabrikam does not answer" in text] == [True, True]

    def test_what_is_read_or_over_before_its_digest_is_not_told_outside(self, olga, down):
        Choice.objects.create(user=olga, topic=Topic.PUBLISHER_DOWN, how=How.DIGEST)
        tick(NOON)
        assert unread(olga.actor()).count() == 1
        mark_read(olga.actor(), None, at=NOON + MINUTE)
        fail(PublisherFactory(name="Contoso", created_at=NOON - DAY), NOON + MINUTE)
        tick(NOON + 2 * MINUTE)
        Publisher.objects.update(circuit="closed", circuit_retry_at=None)

        assert tick(NOON + DAY) == (0, 0)
        assert (Message.objects.count(), unread(olga.actor()).count()) == (0, 0)
        assert Notification.objects.filter(told_at=None).count() == 0

    def test_the_digest_comes_once_a_day_in_the_persons_language_and_zone(self, olga, down):
        Choice.objects.create(user=olga, topic=Topic.PUBLISHER_DOWN, how=How.DIGEST)
        wishes = {"zone": "Europe/Warsaw", "digest_hour": 9, "language": "pl", "quiet_from": time(22)}
        Preference.objects.create(user=olga, only_own=False, quiet_until=time(7), **wishes)
        tick(NOON)
        fail(PublisherFactory(name="Contoso", created_at=NOON - DAY), NOON + MINUTE)
        tick(NOON + MINUTE)

        eight = NOON.replace(hour=8) + DAY
        assert [tick(eight - MINUTE), tick(eight), tick(eight + MINUTE)] == [(0, 0), (0, 1), (0, 0)]

        [message] = Message.objects.all()
        assert (message.language, message.subject) == ("pl", "Przegląd dnia: 2 sprawy")

    def test_a_salesperson_hears_of_own_purchases_alone(self, olga, piotr):
        mine, other = buy(by=piotr.actor()), buy()
        for bought in (mine, other):
            hear(bought, said(bought, "Unsubscribed"))

        tick(NOON + MINUTE)

        assert list(Notification.objects.filter(user=piotr).values_list("topic", "subscription")) == [
            ("publisher_refused", mine.pk)
        ]


@pytest.mark.django_db
class TestPersonal:
    def test_who_is_mentioned_or_given_something_hears_of_it_once(self, olga, admin_agent, down):
        subscription = active()
        eva = UserFactory(name="Ewa", email="ewa@hub.example", active_role=Role.ADMIN_AGENT)
        add_note(admin_agent, subscription.pk, text="@olga@hub.example, have a look. @Nobody", at=NOON)
        assign(olga.actor(), [f"{down.pk}:publisher_down"], to=olga.pk, at=NOON)
        assign(admin_agent, [f"{down.pk}:publisher_down"], to=eva.pk, at=NOON)
        deliver_due(NOON)
        deliver_due(NOON)

        assert told() == [("Ewa", "assigned"), ("Olga", "mentioned")]
        assert tell_due(at=NOON) == 2
        assert sorted(subject for _to, subject in subjects()) == [
            "A admin_agent has assigned Northwind to you.",
            f"A admin_agent mentions you in a note on {subscription.offer.title} of {subscription.customer.name}.",
        ]


@pytest.mark.django_db(transaction=True)
def test_two_workers_tell_each_cause_once(olga, down):
    def run(_number: int) -> None:
        try:
            tick(NOON)
            send_due(lambda: NOON)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(run, range(4)))
    run(0)

    assert (Sighting.objects.count(), told(), Delivery.objects.count()) == (1, [("Olga", "publisher_down")], 1)
    assert [message.to for message in mail.outbox] == [["olga@hub.example"]]
