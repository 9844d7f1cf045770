"""What crosses on its way: a change and an activation, a midnight, a look ahead, an end."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from accounts.policy import SYSTEM
from billing.services.charging import charge_cycles
from billing.verification import verify
from partnerhub.outbox.delivery import deliver_due
from partnerhub.outbox.models import Event
from subscriptions.changes import Change
from subscriptions.models import Subscription
from subscriptions.services.edits import set_auto_renew
from subscriptions.services.ending import cancel, void
from subscriptions.services.holding import release_due
from subscriptions.services.quantity import change_quantity
from subscriptions.services.quoting import preview
from tests.factories.billing import lines
from tests.factories.publishers import PlanTermFactory
from tests.factories.subscriptions import NOON, active, buy, hear, said

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)


def fresh(subscription: Subscription) -> Subscription:
    return Subscription.objects.get(pk=subscription.pk)


def test_what_was_cancelled_before_its_activation_costs_nothing_though_it_is_activated_meanwhile(admin_agent):
    subscription = buy(quantity=10, at=NOON - timedelta(days=5))
    cancel(admin_agent, subscription.pk, reason="Mistake", version=None, at=NOON)
    hear(subscription, said(subscription), at=NOON + MINUTE / 2)

    release_due(SYSTEM, at=NOON + MINUTE)
    deliver_due(NOON + MINUTE)

    assert fresh(subscription).status == "unsubscribed"
    assert lines(subscription) == [
        ("new", "23 Nov-22 Dec", 10, "100.80"),
        ("cancelImmediate", "23 Nov-22 Dec", 10, "-100.80"),
    ]
    assert verify().faults == []


@pytest.mark.parametrize("cycle_is_charged_first", [True, False])
def test_a_trial_cancelled_on_its_last_day_is_not_paid_though_its_hold_ends_a_day_later(
    admin_agent, cycle_is_charged_first
):
    subscription = active(term=PlanTermFactory(plan__trial_days=14), quantity=10)
    last_evening = datetime(2026, 12, 6, 23, 50, tzinfo=UTC)
    cancel(admin_agent, subscription.pk, reason="Not for us", version=None, at=last_evening)
    workers_are_back = datetime(2026, 12, 7, 9, 0, tzinfo=UTC)
    if cycle_is_charged_first:
        charge_cycles(SYSTEM, at=workers_are_back)

    release_due(SYSTEM, at=workers_are_back)
    deliver_due(workers_are_back)

    assert fresh(subscription).status == "unsubscribed"
    paid = [
        ("convert", "7 Dec-22 Dec", 10, "52.02"),
        ("cancelImmediate", "7 Dec-22 Dec", 10, "-52.02"),
    ]
    assert lines(subscription) == [("new", "23 Nov-6 Dec", 10, "0.00")] + (paid if cycle_is_charged_first else [])
    assert verify().faults == []


def test_a_look_ahead_does_not_take_the_change_in_flight_for_its_own(admin_agent):
    subscription = active(quantity=10)
    change_quantity(admin_agent, subscription.pk, quantity=12, version=None, at=NOON)

    shown = preview(admin_agent, subscription.pk, Change(quantity=5, when="renewal"), at=NOON + MINUTE)

    assert (shown.after.quantity, shown.after.scheduled) == (10, {"quantity": 5})
    assert (shown.lines, shown.due_today.amount) == ([], Decimal(0))


def test_a_held_change_is_undone_on_record_when_the_order_is_void(admin_agent):
    subscription = buy()
    deadline = subscription.activate_by
    set_auto_renew(admin_agent, subscription.pk, auto_renew=False, version=None, at=deadline - MINUTE / 2)

    void(SYSTEM, subscription.pk, at=deadline)

    told = Event.objects.filter(stream_id=subscription.pk).order_by("sequence").values_list("name", flat=True)
    assert list(told)[-3:] == ["subscription.change_held", "subscription.change_undone", "subscription.voided"]
    assert subscription.operations.get(action="set_auto_renew").status == "withdrawn"
