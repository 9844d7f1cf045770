from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from accounts.policy import SYSTEM
from billing.verification import verify
from partnerhub.errors import AutoRenewOff, NothingScheduled, OperationPending, RenewalUnderWay
from partnerhub.money import Money
from partnerhub.outbox.delivery import deliver_due
from partnerhub.outbox.models import Event
from publishers.models import Price
from subscriptions.changes import Change
from subscriptions.enums import Acceptance
from subscriptions.ledger import ledger
from subscriptions.models import ScheduledRenewal, Subscription
from subscriptions.selectors import batches_of
from subscriptions.services.edits import set_auto_renew
from subscriptions.services.quantity import change_quantity
from subscriptions.services.quoting import preview
from subscriptions.services.renewal import renew, renew_due
from subscriptions.services.scheduling import schedule_renewal, unschedule
from subscriptions.services.settling import accept
from subscriptions.services.suspension import suspend
from tests.factories.billing import lines
from tests.factories.publishers import PlanTermFactory
from tests.factories.subscriptions import NOON, active

pytestmark = pytest.mark.django_db

SOON = NOON + timedelta(hours=1)


def fresh(subscription: Subscription) -> Subscription:
    return Subscription.objects.get(pk=subscription.pk)


def midnight_after(subscription: Subscription) -> datetime:
    day = fresh(subscription).term_end
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def monthly(**bought) -> Subscription:
    return active(term=PlanTermFactory(term="P1M", billing_cycle="monthly"), **bought)


def settle_all(subscription, at):
    for operation in subscription.operations.filter(completed_at=None):
        accept(SYSTEM, operation.pk, how=Acceptance.PUBLISHER, at=at)


def test_a_term_is_renewed_at_midnight_after_its_last_day():
    subscription = monthly(quantity=10)
    midnight = midnight_after(subscription)

    assert renew_due(SYSTEM, at=midnight - timedelta(seconds=1)) == 0
    assert renew_due(SYSTEM, at=midnight) == 1

    renewed = fresh(subscription)
    assert (renewed.term_start, renewed.term_end) == (date(2026, 12, 23), date(2027, 1, 23))
    assert [(one.remaining, one.reducible_until) for one in batches_of(renewed) if one.remaining] == [
        (10, midnight + timedelta(days=7))
    ]
    assert renewed.operations.get().action == "renew"


def test_terms_are_counted_from_the_first_one():
    subscription = monthly(at=datetime(2027, 1, 31, 9, tzinfo=UTC))
    ends = []
    for _ in range(3):
        midnight = midnight_after(subscription)
        renew(SYSTEM, subscription.pk, at=midnight)
        settle_all(subscription, midnight)
        ends.append(fresh(subscription).term_end)

    assert ends == [date(2027, 3, 31), date(2027, 4, 30), date(2027, 5, 31)]


def test_what_is_scheduled_begins_with_the_new_term(admin_agent):
    subscription = monthly(quantity=10)
    schedule_renewal(admin_agent, subscription.pk, quantity=6, version=None, at=SOON)
    midnight = midnight_after(subscription)

    renew(SYSTEM, subscription.pk, at=midnight)

    assert fresh(subscription).quantity == 6
    assert not ScheduledRenewal.objects.exists()
    told = Event.objects.get(name="subscription.renewed").data
    assert (told["before"]["quantity"], told["after"]["quantity"], told["dropped"]) == (10, 6, {})


def test_a_schedule_survives_another_change_and_waits_while_auto_renew_is_off(admin_agent):
    subscription = monthly(quantity=10)
    schedule_renewal(admin_agent, subscription.pk, quantity=6, version=None, at=SOON)
    change_quantity(admin_agent, subscription.pk, quantity=12, version=None, at=SOON)
    settle_all(subscription, SOON)
    set_auto_renew(admin_agent, subscription.pk, auto_renew=False, version=None, at=SOON, hold=False)
    set_auto_renew(admin_agent, subscription.pk, auto_renew=True, version=None, at=SOON)

    assert ScheduledRenewal.objects.get(subscription=subscription).quantity == 6


def test_without_auto_renew_it_ends_with_its_term(admin_agent):
    subscription = monthly(quantity=10)
    set_auto_renew(admin_agent, subscription.pk, auto_renew=False, version=None, at=SOON, hold=False)

    renew_due(SYSTEM, at=midnight_after(subscription))

    ended = fresh(subscription)
    assert (ended.status, ended.end_reason) == ("unsubscribed", "expired")
    assert [operation.action for operation in ended.operations.all()] == ["unsubscribe"]


def test_suspending_drops_the_schedule_on_record(admin_agent):
    subscription = monthly(quantity=10)
    schedule_renewal(admin_agent, subscription.pk, quantity=6, version=None, at=SOON)

    suspend(admin_agent, subscription.pk, reason="unpaid", version=None, at=SOON)

    assert not ScheduledRenewal.objects.exists()
    assert Event.objects.get(name="subscription.renewal_unscheduled").data["before"] == {"quantity": 6}


def test_during_renewal_nothing_is_changed(admin_agent):
    subscription = monthly(quantity=10)

    with pytest.raises(RenewalUnderWay):
        change_quantity(admin_agent, subscription.pk, quantity=11, version=None, at=midnight_after(subscription))

    assert not subscription.operations.exists()


def test_only_what_can_be_scheduled_is(admin_agent):
    subscription = monthly(quantity=10)
    with pytest.raises(NothingScheduled):
        unschedule(admin_agent, subscription.pk, version=None, at=SOON)
    set_auto_renew(admin_agent, subscription.pk, auto_renew=False, version=None, at=SOON, hold=False)
    with pytest.raises(AutoRenewOff):
        schedule_renewal(admin_agent, subscription.pk, quantity=6, version=None, at=SOON)
    assert not ScheduledRenewal.objects.exists()


def test_renewing_twice_renews_once():
    subscription = monthly(quantity=10)
    midnight = midnight_after(subscription)

    renew(SYSTEM, subscription.pk, at=midnight)
    renew(SYSTEM, subscription.pk, at=midnight)

    assert fresh(subscription).term_start == midnight.date()
    assert Event.objects.filter(name="subscription.renewed").count() == 1


def test_terms_that_are_renewed_late_have_the_price_of_their_first_day_and_are_charged_once():
    subscription = monthly(quantity=10)
    new_year = datetime(2027, 1, 1, tzinfo=UTC)
    Price.objects.filter(plan_term=subscription.plan_term).update(valid_to=new_year)
    Price.objects.create(
        plan_term=subscription.plan_term, currency=subscription.currency, amount="12.00", valid_from=new_year
    )
    workers_are_back = datetime(2027, 2, 5, 9, tzinfo=UTC)

    for _term in range(3):
        renew_due(SYSTEM, at=workers_are_back)
        settle_all(subscription, workers_are_back)
    deliver_due(workers_are_back)

    assert fresh(subscription).term_start == date(2027, 1, 23)
    assert lines(subscription) == [
        ("new", "23 Nov-22 Dec", 10, "100.80"),
        ("renew", "23 Dec-22 Jan", 10, "100.80"),
        ("renew", "23 Jan-22 Feb", 10, "120.00"),
    ]
    assert verify().faults == []


def test_a_published_price_is_foreseen():
    subscription = monthly(quantity=10)
    new_price = midnight_after(subscription)
    Price.objects.filter(plan_term=subscription.plan_term).update(valid_to=new_price)
    Price.objects.create(
        plan_term=subscription.plan_term, currency=subscription.currency, amount="12.00", valid_from=new_price
    )

    assert ledger().next_charge(fresh(subscription), SOON) == (new_price.date(), Money(Decimal("120.00"), "EUR"))


def renewed(**bought) -> tuple[Subscription, datetime]:
    """A subscription in its second term, of which its publisher has not heard yet; and a moment in it."""
    subscription = monthly(quantity=10, **bought)
    midnight = midnight_after(subscription)
    renew(SYSTEM, subscription.pk, at=midnight)
    deliver_due(midnight)
    return fresh(subscription), midnight + timedelta(hours=1)


def test_a_publisher_that_does_not_hear_of_a_renewal_keeps_nobody_from_changing(admin_agent):
    subscription, at = renewed()
    told = subscription.operations.get()

    shown = preview(admin_agent, subscription.pk, Change(quantity=12), at=at)
    assert subscription.operations.get(completed_at=None) == told
    change_quantity(admin_agent, subscription.pk, quantity=12, version=None, at=at)

    told.refresh_from_db()
    assert (told.status, told.completed_at) == ("failed", at)
    assert Event.objects.get(name="operation.failed").data["operation"] == str(told.pk)
    settle_all(subscription, at)
    deliver_due(at)
    assert fresh(subscription).quantity == shown.after.quantity == 12
    assert verify().faults == []


def test_what_a_renewal_asks_of_the_publisher_is_waited_for(admin_agent):
    subscription = monthly(quantity=10)
    schedule_renewal(admin_agent, subscription.pk, quantity=6, version=None, at=SOON)
    midnight = midnight_after(subscription)
    renew(SYSTEM, subscription.pk, at=midnight)

    with pytest.raises(OperationPending):
        change_quantity(admin_agent, subscription.pk, quantity=12, version=None, at=midnight + timedelta(hours=1))

    assert subscription.operations.get().status == "not_started"
