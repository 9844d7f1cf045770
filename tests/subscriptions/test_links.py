"""The personalised link: fresh at each use, a secret kept nowhere, good for a day and for its publisher only."""

import json
from datetime import timedelta
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from django.core import serializers

from accounts.policy import Role
from partnerhub.errors import NotPermitted, SubscriptionEnded, TokenExpired, TokenForeign, TokenMalformed
from partnerhub.outbox.models import Event
from subscriptions.enums import Owner, Reason
from subscriptions.models import PollSchedule, PurchaseToken
from subscriptions.selectors import blocking_gate
from subscriptions.services.ending import cancel
from subscriptions.services.links import mint_link, resolve_token
from tests.factories.accounts import actor
from tests.factories.publishers import PlanTermFactory, PublisherFactory
from tests.factories.subscriptions import NOON, buy

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def token_in(link: str) -> str:
    return parse_qs(urlsplit(link).query)["token"][0]


def vendor_of(subscription):
    return subscription.publisher.client.actor()


def test_each_use_mints_another_link_to_the_landing_page(sales_agent):
    subscription = buy()

    links = [mint_link(sales_agent, subscription.pk, at=NOON) for _ in range(3)]

    assert len(set(links)) == 3
    assert all(link.startswith("https://publisher.example/landing?token=") for link in links)


def test_a_landing_page_with_a_query_keeps_it(sales_agent):
    publisher = PublisherFactory(landing_url="https://publisher.example/go?plan=x")
    subscription = buy(term=PlanTermFactory(plan__offer__publisher=publisher))

    assert mint_link(sales_agent, subscription.pk, at=NOON).startswith("https://publisher.example/go?plan=x&token=")


def test_the_token_stands_nowhere_in_the_database(sales_agent):
    subscription = buy()
    token = token_in(mint_link(sales_agent, subscription.pk, at=NOON))

    stored = serializers.serialize("json", [*PurchaseToken.objects.all(), *Event.objects.all()])
    assert token not in stored
    assert len(json.loads(stored)) > 1


@pytest.mark.parametrize("encodings", [0, 1, 2])
def test_a_token_resolves_as_often_as_asked_however_often_it_was_encoded(sales_agent, encodings):
    subscription = buy()
    token = token_in(mint_link(sales_agent, subscription.pk, at=NOON))
    for _ in range(encodings):
        token = quote(token, safe="")

    resolved = [resolve_token(vendor_of(subscription), token, at=NOON + DAY - timedelta(seconds=1)) for _ in range(2)]

    assert [found.pk for found in resolved] == [subscription.pk] * 2
    assert Event.objects.filter(name="subscription.link_resolved").count() == 1


def test_opening_the_link_passes_the_turn_to_the_publisher_and_asks_it_soon(sales_agent):
    subscription = buy()
    later = NOON + timedelta(days=2)
    PollSchedule.objects.update(next_poll_at=later + timedelta(minutes=15))
    token = token_in(mint_link(sales_agent, subscription.pk, at=later))

    resolve_token(vendor_of(subscription), token, at=later)

    gate = blocking_gate(subscription)
    assert (gate.owner, gate.reason, gate.since) == (Owner.PUBLISHER, Reason.AWAITING_CONFIRMATION, later)
    schedule = PollSchedule.objects.get()
    assert (schedule.next_poll_at, schedule.fresh_since) == (later, later)


def test_expired_foreign_and_malformed_are_told_apart_and_change_nothing(sales_agent):
    subscription = buy()
    token = token_in(mint_link(sales_agent, subscription.pk, at=NOON))
    events = Event.objects.count()

    with pytest.raises(TokenExpired):
        resolve_token(vendor_of(subscription), token, at=NOON + DAY)
    with pytest.raises(TokenForeign):
        resolve_token(PublisherFactory().client.actor(), token, at=NOON)
    for malformed in ("", "x", token[:-1], "A" * 64, token + "\0"):
        with pytest.raises(TokenMalformed):
            resolve_token(vendor_of(subscription), malformed, at=NOON)

    assert Event.objects.count() == events
    assert PurchaseToken.objects.get().resolved_at is None


def test_an_ended_subscription_has_no_link(sales_agent, admin_agent):
    subscription = buy()
    cancel(admin_agent, subscription.pk, reason="", version=None, at=NOON, hold=False)

    with pytest.raises(SubscriptionEnded):
        mint_link(sales_agent, subscription.pk, at=NOON)

    assert PurchaseToken.objects.count() == 0


def test_a_publisher_mints_no_link():
    subscription = buy()

    with pytest.raises(NotPermitted):
        mint_link(actor(Role.PUBLISHER), subscription.pk, at=NOON)

    assert PurchaseToken.objects.count() == 0
