"""A subscription as it was: the fold of its events equals the row, at every moment of a random life."""

import contextlib
import html
import re
from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from django.urls import reverse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.policy import SYSTEM, Role
from partnerhub.errors import HubError
from partnerhub.outbox.models import Event
from publishers.fulfillment.gateway import Answer, Outcome
from subscriptions.enums import Acceptance
from subscriptions.history import Past, fold, known_at
from subscriptions.models import Operation, Subscription
from subscriptions.models.operation import IN_FLIGHT
from subscriptions.services.edits import rename, set_auto_renew
from subscriptions.services.ending import cancel, void
from subscriptions.services.quantity import change_quantity
from subscriptions.services.renewal import renew
from subscriptions.services.resellers import change_reseller
from subscriptions.services.scheduling import schedule_renewal
from subscriptions.services.settling import accept, refuse
from subscriptions.services.suspension import reinstate, suspend
from tests.factories.accounts import UserFactory, actor
from tests.factories.customers import ResellerFactory
from tests.factories.publishers import restore_default_policies
from tests.factories.subscriptions import NOON, active, buy, hear, said

pytestmark = pytest.mark.django_db
ADMIN = actor(Role.ADMIN_AGENT)


def state_of(subscription) -> Past:
    row = Subscription.objects.prefetch_related("gates").get(pk=subscription.pk)
    return Past(
        nickname=row.nickname,
        quantity=row.quantity,
        status=row.status,
        auto_renew=row.auto_renew,
        plan_term=str(row.plan_term_id),
        unit_price=str(row.unit_price),
        partner_id=row.reseller_id or "",
        gates={gate.gate: gate.state for gate in row.gates.all()},
        term_start=row.term_start,
        term_end=row.term_end,
    )


def folded(subscription, moment=None) -> Past | None:
    events = list(Event.objects.filter(stream_id=subscription.pk))
    return fold(known_at(events, moment or max(event.at for event in events)), {})


def settle(subscription, at, *, yes):
    for operation in Operation.objects.filter(subscription=subscription, status__in=IN_FLIGHT):
        if yes:
            accept(SYSTEM, operation.pk, how=Acceptance.PUBLISHER, at=at)
        else:
            refuse(SYSTEM, operation.pk, why="No.", at=at)


ACTS = {
    "rename": lambda s, at: rename(ADMIN, s.pk, nickname=f"At {at:%d %H}", version=None, at=at),
    "off": lambda s, at: set_auto_renew(ADMIN, s.pk, auto_renew=False, version=None, at=at, hold=False),
    "on": lambda s, at: set_auto_renew(ADMIN, s.pk, auto_renew=True, version=None, at=at, hold=False),
    "more": lambda s, at: change_quantity(ADMIN, s.pk, quantity=s.quantity + 2, version=None, at=at, hold=False),
    "fewer": lambda s, at: change_quantity(ADMIN, s.pk, quantity=s.quantity - 1, version=None, at=at, hold=False),
    "reseller": lambda s, at: change_reseller(ADMIN, s.pk, partner_id="5999999", version=None, at=at, hold=False),
    "direct": lambda s, at: change_reseller(ADMIN, s.pk, partner_id="", version=None, at=at, hold=False),
    "schedule": lambda s, at: schedule_renewal(ADMIN, s.pk, quantity=s.quantity + 3, version=None, at=at),
    "renew": lambda s, at: renew(SYSTEM, s.pk, at=at),
    "suspend": lambda s, at: suspend(ADMIN, s.pk, reason="unpaid", version=None, at=at),
    "reinstate": lambda s, at: reinstate(ADMIN, s.pk, reason="paid", version=None, at=at),
    "cancel": lambda s, at: cancel(ADMIN, s.pk, reason="no", version=None, at=at),
    "void": lambda s, at: void(SYSTEM, s.pk, at=at),
    "confirmed": lambda s, at: hear(s, said(s), at=at),
    "partly": lambda s, at: hear(s, said(s, assigned_quantity=1), at=at),
    "setting up": lambda s, at: hear(s, said(s, "PendingFulfillmentStart"), at=at),
    "refused": lambda s, at: hear(s, said(s, "Unsubscribed"), at=at),
    "silent": lambda s, at: hear(s, Answer(Outcome.SILENT), at=at),
    "yes": lambda s, at: settle(s, at, yes=True),
    "no": lambda s, at: settle(s, at, yes=False),
}


@given(life=st.lists(st.tuples(st.sampled_from(sorted(ACTS)), st.integers(0, 12 * 24)), max_size=14))
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_all_events_of_a_random_life_tell_the_row_at_each_of_its_moments(life):
    restore_default_policies()
    if not ResellerFactory._meta.model.objects.filter(pk="5999999").exists():
        ResellerFactory(partner_id="5999999")
    subscription, at = buy(nickname="First"), NOON
    states = [(at, state_of(subscription))]
    for name, hours in life:
        at += timedelta(hours=hours, minutes=1)
        with contextlib.suppress(HubError):
            ACTS[name](Subscription.objects.get(pk=subscription.pk), at)
        states.append((at, state_of(subscription)))

    assert folded(subscription, at) == states[-1][1]
    assert [folded(subscription, moment) for moment, _state in states] == [state for _moment, state in states]


def test_before_it_was_ordered_there_was_nothing():
    subscription = buy()

    assert folded(subscription, NOON - timedelta(seconds=1)) is None


def test_what_an_older_hub_did_not_tell_comes_from_the_order():
    subscription = buy(nickname="Office")
    events = list(Event.objects.filter(stream_id=subscription.pk))
    for name in ("nickname", "plan_term", "auto_renew"):
        del events[0].data[name]

    origin = {"nickname": "Office", "plan_term": str(subscription.plan_term_id), "auto_renew": True}

    assert fold(events, origin) == state_of(subscription)


# The page


def page_of(subscription, as_of: str, language: str = "en"):
    client = Client()
    client.force_login(UserFactory(active_role=Role.OPS_AGENT, roles=[Role.OPS_AGENT]))
    address = reverse("subscriptions:detail", args=[subscription.pk])
    return client.get(address, {"as_of": as_of}, headers={"Accept-Language": language}, follow=True)


def text_of(response) -> str:
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", response.content.decode())))


@pytest.fixture
def renamed():
    """Active since noon, renamed an hour later; the present is two hours after noon."""
    subscription = active(nickname="Before")
    rename(ADMIN, subscription.pk, nickname="After", version=None, at=NOON + timedelta(hours=1))
    with time_machine.travel(NOON + timedelta(hours=2), tick=False):
        yield subscription


@pytest.mark.parametrize(
    ("as_of", "nickname"),
    [
        ("2026-11-23T12:59Z", "Before"),
        ("2026-11-23T12:59", "Before"),
        ("2026-11-23T14:59+02:00", "Before"),
        ("2026-11-23T13:00:00Z", "After"),
        ("2026-11-23T14:00Z", "After"),
    ],
)
def test_the_page_shows_the_nickname_of_then(renamed, as_of, nickname):
    page = page_of(renamed, as_of)

    assert f"<h1>{nickname}</h1>" in page.content.decode()
    assert "As it was on 23 Nov 2026" in text_of(page)


def test_the_page_of_then_can_change_nothing_and_leads_back(renamed):
    page = page_of(renamed, "2026-11-23T12:30Z")
    content = page.content.decode()

    own_forms = re.findall(r'<form[^>]*method="post"[^>]*action="(/subscriptions/[^"]*)"', content)
    assert own_forms == []
    assert f'href="{reverse("subscriptions:detail", args=[renamed.pk])}"' in content
    for words in ("Back to today", "7 licences", "Auto-renew On", "Licences assigned Done", "Term ends 22 Dec 2026"):
        assert words in text_of(page)
    assert "Changed the nickname." not in text_of(page)


def test_before_the_order_the_page_says_so(renamed):
    assert "It had not been ordered yet." in text_of(page_of(renamed, "2026-11-23T11:59Z"))


@pytest.mark.parametrize("as_of", ["soon", "2026-11-23T14:01Z", "9999-12-31", "0001-01-01T00:00+14:00"])
def test_no_past_moment_leads_to_today(renamed, as_of):
    page = page_of(renamed, as_of)

    assert page.redirect_chain == [(reverse("subscriptions:detail", args=[renamed.pk]), 302)]
    assert f"“{as_of}” is no moment that has passed." in text_of(page)


def test_each_entry_leads_to_the_moment_right_after_it(renamed):
    client = Client()
    client.force_login(UserFactory(active_role=Role.OPS_AGENT, roles=[Role.OPS_AGENT]))
    page = client.get(reverse("subscriptions:detail", args=[renamed.pk])).content.decode()

    newest = html.unescape(re.findall(r'href="([^"]*as_of=[^"]*)"', page)[0])

    assert newest.endswith("?as_of=2026-11-23T13:00:00Z")
    assert "<h1>After</h1>" in client.get(newest).content.decode()


def test_another_language_tells_it_too(renamed):
    assert "Stan na 23.11.2026" in text_of(page_of(renamed, "2026-11-23T12:59Z", "pl"))
