"""The charges of a subscription as agents read them."""

import html
import re
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse

from accounts.policy import Role
from partnerhub.outbox.delivery import deliver_due
from subscriptions.services.ending import cancel
from subscriptions.services.quantity import change_quantity
from tests.factories.accounts import UserFactory
from tests.factories.billing import ADMIN, to_quantity
from tests.factories.publishers import PlanTermFactory
from tests.factories.subscriptions import NOON, active

pytestmark = pytest.mark.django_db


@pytest.fixture
def agent() -> Client:
    client = Client()
    client.force_login(UserFactory(active_role=Role.SALES_AGENT))
    return client


def text(agent: Client, subscription, language: str = "en") -> str:
    page = agent.get(
        reverse("billing:charges", args=[subscription.pk]), headers={"HX-Request": "true", "Accept-Language": language}
    )
    assert page.status_code == 200
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page.content.decode())).split())


def test_a_change_shows_what_it_credits_and_charges_anew(agent):
    subscription = active()
    to_quantity(subscription, 9, NOON + timedelta(days=2))

    page = text(agent, subscription)

    assert "Next charge: 23 Dec 2026 , €90.72" in page
    assert "25 Nov 2026 – 22 Dec 2026 28 of 30 days, 9.4080 each 7 €10.08 −€65.85" in page
    assert "25 Nov 2026 – 22 Dec 2026 28 of 30 days, 9.4080 each 9 €10.08 €84.67" in page
    assert page.endswith("Charged so far €89.38")


def test_each_charge_leads_to_the_moment_of_its_cause(agent):
    subscription = active()

    page = agent.get(reverse("billing:charges", args=[subscription.pk])).content.decode()

    assert f'href="{reverse("subscriptions:detail", args=[subscription.pk])}?as_of=2026-11-23T12:00:00Z"' in page


def test_in_polish(agent):
    subscription = active()
    to_quantity(subscription, 9, NOON + timedelta(days=2))

    page = text(agent, subscription, "pl")

    assert "Więcej licencji: uznanie" in page
    assert "28 z 30 dni, po 9,4080" in page


def test_after_the_end_nothing_is_announced(agent):
    subscription = active()
    cancel(ADMIN, subscription.pk, reason="", version=None, at=NOON, hold=False)
    deliver_due(NOON)

    page = text(agent, subscription)

    assert "Next charge" not in page
    assert page.endswith("Charged so far €0.00")


def test_it_looks_again_while_billing_has_something_to_hear(agent):
    subscription = active()
    url = reverse("billing:charges", args=[subscription.pk])
    heard = agent.get(url).content.decode()
    cancel(ADMIN, subscription.pk, reason="", version=None, at=NOON, hold=False)
    behind = agent.get(url).content.decode()

    assert ("delay:2s" in heard, "delay:2s" in behind) == (False, True)


def test_many_charges_cost_as_many_queries_as_one(agent, django_assert_max_num_queries):
    one, many = active(), active(term=PlanTermFactory(term="P1Y"))
    for number in range(3):
        to_quantity(many, 10 + number, NOON + timedelta(days=number))
    change_quantity(ADMIN, one.pk, quantity=8, version=None, at=NOON)
    with django_assert_max_num_queries(60) as counted:
        text(agent, one)
    with django_assert_max_num_queries(len(counted)):
        text(agent, many)
