"""Who is asked follows how its publisher is registered, also for what was bought before."""

from datetime import timedelta

import pytest
from django.db import transaction

from accounts.policy import OPERATOR
from partnerhub.errors import NothingToPoll
from partnerhub.outbox.delivery import deliver_due
from partnerhub.outbox.recorder import record
from publishers.events import PublisherChanged
from publishers.models import Adapter
from subscriptions.models import PollSchedule
from subscriptions.polling import claim
from subscriptions.services.asking import poll_now
from subscriptions.services.ending import cancel
from tests.factories.publishers import PlanTermFactory
from tests.factories.subscriptions import NOON, buy

pytestmark = pytest.mark.django_db
LATER = NOON + timedelta(days=1)


def register_as(publisher, adapter):
    publisher.adapter = adapter
    publisher.save()
    with transaction.atomic():
        record(PublisherChanged(publisher.pk), actor=OPERATOR, at=LATER)
    deliver_due(LATER)


def test_purchases_of_a_publisher_that_is_polled_from_now_on_are_asked_about(admin_agent):
    term = PlanTermFactory(plan__offer__publisher__adapter=Adapter.PUSH)
    pending, ended = buy(term=term), buy(term=term)
    cancel(admin_agent, ended.pk, reason="", version=None, at=NOON, hold=False)

    register_as(pending.publisher, Adapter.POLL)

    assert [one.subscription_id for one in claim(LATER, 10)] == [pending.pk]


def test_purchases_of_a_publisher_that_is_polled_no_more_are_not_waited_for(admin_agent):
    subscription = buy()

    register_as(subscription.publisher, Adapter.PUSH)

    assert PollSchedule.objects.get().next_poll_at is None
    with pytest.raises(NothingToPoll):
        poll_now(admin_agent, subscription.pk, at=LATER)


def test_a_publisher_that_is_polled_again_is_asked_again_and_other_changes_do_not_hurry_it():
    subscription = buy()
    publisher = subscription.publisher
    register_as(publisher, Adapter.PUSH)
    register_as(publisher, Adapter.BOTH)
    assert PollSchedule.objects.get().next_poll_at == LATER

    PollSchedule.objects.update(next_poll_at=LATER + timedelta(hours=1))
    register_as(publisher, Adapter.BOTH)

    assert PollSchedule.objects.get().next_poll_at == LATER + timedelta(hours=1)
