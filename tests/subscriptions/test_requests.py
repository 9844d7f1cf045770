from dataclasses import replace
from datetime import timedelta

import pytest

from accounts.policy import SYSTEM, Role
from partnerhub.errors import InvalidInput, NotPermitted, RequestClosed, RequestMoved, RequestOwn, RequestTooMuch
from partnerhub.outbox.delivery import deliver_due
from publishers.models import Policy
from subscriptions.changes import Change
from subscriptions.enums import Acceptance
from subscriptions.models import ChangeRequest, Subscription
from subscriptions.services.quantity import change_quantity
from subscriptions.services.requests import approve, ask, decline, void_overdue_requests, withdraw
from subscriptions.services.settling import accept
from tests.factories.accounts import actor
from tests.factories.publishers import PlanTermFactory
from tests.factories.subscriptions import NOON, active

pytestmark = pytest.mark.django_db

SOON = NOON + timedelta(hours=1)


def asked(by, subscription, quantity=14, at=SOON) -> ChangeRequest:
    return ask(by, subscription.pk, Change(quantity=quantity), reason="They hired four people", at=at)


def test_a_sales_agent_asks_and_an_admin_agent_grants(sales_agent, admin_agent):
    subscription = active(quantity=10)

    request = asked(sales_agent, subscription)

    assert (request.status, request.changes) == ("open", {"quantity": [10, 14]})
    assert request.shown["after"]["quantity"] == 14
    assert not subscription.operations.exists()

    approve(admin_agent, request.pk, at=SOON)

    request.refresh_from_db()
    assert (request.status, request.decided_by) == ("approved", admin_agent.label)
    assert subscription.operations.get().payload["after"]["quantity"] == 14


def test_part_of_it_can_be_granted(sales_agent, admin_agent):
    subscription = active(quantity=10)
    request = asked(sales_agent, subscription)

    with pytest.raises(RequestTooMuch):
        approve(admin_agent, request.pk, quantity=15, at=SOON)
    approve(admin_agent, request.pk, quantity=12, at=SOON)

    request.refresh_from_db()
    assert (request.status, subscription.operations.get().payload["after"]["quantity"]) == ("partly_approved", 12)


def test_a_request_is_declined_with_a_reason(sales_agent, admin_agent):
    subscription = active(quantity=10)
    request = asked(sales_agent, subscription)

    with pytest.raises(InvalidInput):
        decline(admin_agent, request.pk, reason=" ", at=SOON)
    decline(admin_agent, request.pk, reason="No budget", at=SOON)

    request.refresh_from_db()
    assert (request.status, request.decision) == ("declined", "No budget")
    with pytest.raises(RequestClosed):
        approve(admin_agent, request.pk, at=SOON)
    assert not subscription.operations.exists()


def test_nobody_decides_on_their_own():
    both = (Role.SALES_AGENT, Role.ADMIN_AGENT)
    seller, admin = (replace(actor(role, *both), id="one") for role in both)
    request = asked(seller, active(quantity=10))

    for decide in (
        lambda: approve(admin, request.pk, at=SOON),
        lambda: decline(admin, request.pk, reason="x", at=SOON),
    ):
        with pytest.raises(RequestOwn):
            decide()

    request.refresh_from_db()
    assert request.status == "open"


@pytest.mark.parametrize("role", [Role.SALES_AGENT, Role.OPS_AGENT, Role.PLATFORM_ADMIN])
def test_only_admin_agents_decide(role, sales_agent):
    request = asked(sales_agent, active(quantity=10))

    with pytest.raises(NotPermitted):
        approve(replace(actor(role), id="another"), request.pk, at=SOON)

    request.refresh_from_db()
    assert request.status == "open"


def test_a_request_is_void_when_what_it_rests_on_moves(sales_agent, admin_agent):
    subscription = active(quantity=10)
    request = asked(sales_agent, subscription)
    change_quantity(admin_agent, subscription.pk, quantity=11, version=None, at=SOON)
    accept(SYSTEM, subscription.operations.get().pk, how=Acceptance.PUBLISHER, at=SOON)

    with pytest.raises(RequestMoved):
        approve(admin_agent, request.pk, at=SOON)
    deliver_due(SOON)

    request.refresh_from_db()
    assert (request.status, request.decided_by) == ("void", "Partner Hub")


def test_a_request_is_void_when_its_window_closes_or_its_time_runs_out(sales_agent):
    subscription = active(quantity=10)
    fewer = asked(sales_agent, subscription, quantity=8)
    more = asked(sales_agent, subscription, quantity=12)

    assert void_overdue_requests(SYSTEM, at=NOON + timedelta(days=7)) == 1
    fewer.refresh_from_db()
    more.refresh_from_db()
    assert (fewer.status, more.status) == ("void", "open")
    assert void_overdue_requests(SYSTEM, at=SOON + timedelta(days=7)) == 1
    more.refresh_from_db()
    assert (more.status, more.decision) == ("void", "its time ran out")


def test_a_request_can_be_taken_back(sales_agent):
    request = asked(sales_agent, active(quantity=10))

    withdraw(sales_agent, request.pk, at=SOON)

    request.refresh_from_db()
    assert request.status == "withdrawn"


def test_a_small_change_is_granted_by_the_threshold(sales_agent):
    subscription = active(quantity=10)
    currency = subscription.currency
    Policy.objects.filter(name="auto_approve").update(value=f"10% 200 {currency}")

    small = asked(sales_agent, subscription, quantity=11)
    accept(SYSTEM, subscription.operations.get().pk, how=Acceptance.PUBLISHER, at=SOON)
    large = asked(sales_agent, subscription, quantity=14)

    small.refresh_from_db()
    assert (small.status, small.decided_by, large.status) == ("approved", "Partner Hub", "open")
    assert Subscription.objects.get(pk=subscription.pk).quantity == 11


def test_many_small_changes_are_not_granted_one_after_the_other(sales_agent):
    subscription = active(quantity=20)
    Policy.objects.filter(name="auto_approve").update(value=f"10% 200 {subscription.currency}")

    def grown_to(quantity, at=SOON):
        request = asked(sales_agent, subscription, quantity=quantity, at=at)
        for operation in subscription.operations.filter(completed_at=None):
            accept(SYSTEM, operation.pk, how=Acceptance.PUBLISHER, at=at)
        return request.status

    assert [grown_to(21), grown_to(22), grown_to(23)] == ["approved", "approved", "open"]
    assert Subscription.objects.get(pk=subscription.pk).quantity == 22
    assert grown_to(23, SOON + timedelta(days=8)) == "approved"


def test_what_many_small_changes_cost_is_added_up(sales_agent):
    subscription = active(quantity=100, term=PlanTermFactory(plan__max_quantity=200))
    Policy.objects.filter(name="auto_approve").update(value=f"10% 15 {subscription.currency}")

    first = asked(sales_agent, subscription, quantity=101)
    accept(SYSTEM, subscription.operations.get().pk, how=Acceptance.PUBLISHER, at=SOON)
    second = asked(sales_agent, subscription, quantity=102)

    assert (first.status, first.shown["due_today"]["amount"], second.status) == ("approved", "10.0800", "open")
