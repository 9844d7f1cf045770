"""Later cycles, trials that turn into paid ones, renewals and ends: each period once, and never before it began."""

import threading
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connection, transaction

from accounts.policy import SYSTEM
from billing.ledger import BillingLedger
from billing.models import Account, Charge
from billing.services.charging import charge_cycles
from billing.tasks import charge_cycles as tick
from partnerhub.money import Money
from partnerhub.outbox.delivery import deliver_due
from publishers.models import BillingCycle, Policy, Term
from subscriptions.cancellation import Refund
from subscriptions.models import Subscription
from subscriptions.services.edits import set_auto_renew
from subscriptions.services.ending import cancel
from subscriptions.services.quantity import change_quantity
from subscriptions.services.renewal import renew, renew_due
from subscriptions.services.scheduling import schedule_renewal
from subscriptions.services.settling import accept
from subscriptions.services.suspension import suspend
from tests.factories.accounts import LONG_AGO
from tests.factories.billing import ADMIN, lines, settle, to_quantity
from tests.factories.publishers import PlanTermFactory, restore_default_policies
from tests.factories.subscriptions import active

pytestmark = pytest.mark.django_db

JAN_31 = datetime(2026, 1, 31, 12, tzinfo=UTC)
JUNE_18 = datetime(2026, 6, 18, 12, tzinfo=UTC)


def yearly(at: datetime = JUNE_18, quantity: int = 10, **plan_term) -> Subscription:
    """Bought for a year, paid by the month."""
    return active(at, term=PlanTermFactory(term=Term.P1Y, **plan_term), quantity=quantity)


def on(day: str) -> datetime:
    """Half past midnight UTC of a day."""
    return datetime.fromisoformat(f"{day}T00:30:00+00:00")


def test_a_year_paid_monthly_is_charged_twelve_times():
    subscription = yearly(JAN_31)
    day = JAN_31
    while day < JAN_31 + timedelta(days=400):
        charge_cycles(SYSTEM, at=day)
        day += timedelta(days=1)

    found = lines(subscription)
    assert [(kind, days) for kind, days, *_ in found[:4]] == [
        ("new", "31 Jan-27 Feb"),
        ("cycleCharge", "28 Feb-30 Mar"),
        ("cycleCharge", "31 Mar-29 Apr"),
        ("cycleCharge", "30 Apr-30 May"),
    ]
    assert {(quantity, amount) for _, _, quantity, amount in found} == {(10, "100.80")}
    assert (len(found), found[-1][1]) == (12, "31 Dec-30 Jan")


def test_a_downtime_is_caught_up_period_by_period_and_a_tick_repeated_adds_nothing():
    subscription = yearly()
    assert charge_cycles(SYSTEM, at=on("2026-07-17")) == 0
    assert charge_cycles(SYSTEM, at=on("2026-10-01")) == 3
    assert charge_cycles(SYSTEM, at=on("2026-10-01")) == 0

    assert [days for _, days, *_ in lines(subscription)] == [
        "18 Jun-17 Jul",
        "18 Jul-17 Aug",
        "18 Aug-17 Sep",
        "18 Sep-17 Oct",
    ]


def test_a_clock_that_was_set_back_charges_no_cycle_twice():
    subscription = yearly()
    charge_cycles(SYSTEM, at=on("2026-08-20"))
    before = lines(subscription)

    assert charge_cycles(SYSTEM, at=on("2026-07-20")) == 0
    assert charge_cycles(SYSTEM, at=on("2026-08-20")) == 0
    assert lines(subscription) == before


def test_a_change_charges_the_cycle_that_was_missed_first():
    subscription = yearly()
    to_quantity(subscription, 12, on("2026-07-20"))

    assert lines(subscription)[1:] == [
        ("cycleCharge", "18 Jul-17 Aug", 10, "100.80"),
        ("addQuantity", "20 Jul-17 Aug", 10, "-94.29"),
        ("addQuantity", "20 Jul-17 Aug", 12, "113.15"),
    ]


def test_a_tick_waits_for_what_has_not_been_heard():
    subscription = yearly()
    change_quantity(ADMIN, subscription.pk, quantity=12, version=None, at=on("2026-07-17"))
    accept(SYSTEM, subscription.operations.get().pk, how="publisher", at=on("2026-07-17"))

    assert charge_cycles(SYSTEM, at=on("2026-07-18")) == 0
    deliver_due(on("2026-07-18"))
    assert charge_cycles(SYSTEM, at=on("2026-07-18")) == 1
    assert lines(subscription)[-1] == ("cycleCharge", "18 Jul-17 Aug", 12, "120.96")


def test_a_reduction_accepted_in_the_next_cycle_is_credited_in_both():
    subscription = yearly()
    to_quantity(subscription, 12, on("2026-07-16"))
    change_quantity(ADMIN, subscription.pk, quantity=10, version=None, at=on("2026-07-17"), hold=False)
    charge_cycles(SYSTEM, at=on("2026-07-18"))
    settle(subscription, on("2026-07-19"))

    assert lines(subscription)[3:] == [
        ("cycleCharge", "18 Jul-17 Aug", 12, "120.96"),
        ("removeQuantity", "17 Jul-17 Jul", 12, "-4.03"),
        ("removeQuantity", "18 Jul-17 Aug", 12, "-120.96"),
        ("removeQuantity", "17 Jul-17 Jul", 10, "3.36"),
        ("removeQuantity", "18 Jul-17 Aug", 10, "100.80"),
    ]


def test_a_trial_turns_into_paid_cycles_of_what_is_left_of_the_term():
    subscription = yearly(quantity=5, plan__trial_days=14)
    assert charge_cycles(SYSTEM, at=on("2026-07-01")) == 0
    charge_cycles(SYSTEM, at=on("2026-08-02"))

    assert lines(subscription) == [
        ("new", "18 Jun-1 Jul", 5, "0.00"),
        ("convert", "2 Jul-1 Aug", 5, "50.40"),
        ("cycleCharge", "2 Aug-1 Sep", 5, "50.40"),
    ]
    charge_cycles(SYSTEM, at=on("2027-07-01"))
    assert lines(subscription)[-1] == ("cycleCharge", "2 Jun-17 Jun", 5, "26.88")


def test_a_renewal_charges_the_next_term_as_it_was_scheduled():
    subscription = active(JUNE_18, quantity=10)
    schedule_renewal(ADMIN, subscription.pk, quantity=8, version=None, at=JUNE_18)
    renew_due(SYSTEM, at=on("2026-07-18"))
    deliver_due(on("2026-07-18"))

    assert lines(subscription) == [
        ("new", "18 Jun-17 Jul", 10, "100.80"),
        ("renew", "18 Jul-17 Aug", 8, "80.64"),
    ]
    renewed, charge = Subscription.objects.get(pk=subscription.pk), Charge.objects.get(charge_type="renew")
    assert renewed.quantity == 8
    assert charge.cause.name == "subscription.renewed"


def test_months_renewed_from_the_end_of_january_are_whole_each():
    subscription = active(JAN_31, quantity=10)
    for _ in range(14):
        due = Subscription.objects.get(pk=subscription.pk)
        at = datetime.combine(due.term_end, datetime.min.time(), UTC)
        due.operations.update(status="succeeded", completed_at=at)
        renew(SYSTEM, due.pk, at=at)
        deliver_due(at)

    found = lines(subscription)
    assert {(quantity, amount) for _, _, quantity, amount in found} == {(10, "100.80")}
    assert [days for _, days, *_ in found[:4]] == ["31 Jan-27 Feb", "28 Feb-30 Mar", "31 Mar-29 Apr", "30 Apr-30 May"]
    assert len(found) == 15


def test_without_auto_renew_nothing_follows_the_term():
    subscription = active(JUNE_18, quantity=10)
    set_auto_renew(ADMIN, subscription.pk, auto_renew=False, version=None, at=JUNE_18, hold=False)
    renew_due(SYSTEM, at=on("2026-07-18"))
    deliver_due(on("2026-07-18"))
    charge_cycles(SYSTEM, at=on("2026-12-18"))

    assert lines(subscription) == [("new", "18 Jun-17 Jul", 10, "100.80")]
    assert Account.objects.get().is_open is False


def test_cancelled_by_agreement_without_refund_only_later_cycles_are_not_charged():
    term = PlanTermFactory(term=Term.P1Y)
    Policy.objects.create(name="cancel_after_window", value="by_agreement", plan=term.plan, valid_from=LONG_AGO)
    subscription = active(JUNE_18, term=term, quantity=10)
    cancel(ADMIN, subscription.pk, reason="", version=None, at=on("2026-07-20"), agreement="ticket 7", hold=False)
    deliver_due(on("2026-07-20"))
    charge_cycles(SYSTEM, at=on("2026-12-18"))

    assert [kind for kind, *_ in lines(subscription)] == ["new", "cycleCharge"]


def test_cancelled_by_agreement_with_refund_the_running_term_is_refunded():
    term = PlanTermFactory(term=Term.P1M)
    Policy.objects.create(name="cancel_after_window", value="by_agreement", plan=term.plan, valid_from=LONG_AGO)
    subscription = active(JUNE_18, term=term, quantity=10)
    renew_due(SYSTEM, at=on("2026-07-18"))
    subscription.operations.update(status="succeeded", completed_at=on("2026-07-18"))
    agreed = {"agreement": "ticket 7", "agreed_refund": Refund.FULL}
    cancel(ADMIN, subscription.pk, reason="", version=None, at=on("2026-07-20"), hold=False, **agreed)
    deliver_due(on("2026-07-20"))

    assert lines(subscription)[1:] == [
        ("renew", "18 Jul-17 Aug", 10, "100.80"),
        ("cancelImmediate", "18 Jul-17 Aug", 10, "-100.80"),
    ]


def test_the_next_charge_is_the_next_cycle_or_the_first_of_the_next_term():
    ledger, at = BillingLedger(), JUNE_18
    monthly, yearly_paid = active(at, quantity=10), yearly()
    once = active(at, term=PlanTermFactory(term=Term.P1Y, billing_cycle=BillingCycle.ANNUAL))
    suspended, gone_before = (
        yearly(),
        active(at, term=PlanTermFactory(term=Term.P3Y, billing_cycle=BillingCycle.ANNUAL)),
    )
    for one in (suspended, gone_before):
        suspend(ADMIN, one.pk, reason="Not paid", version=None, at=at)
    schedule_renewal(ADMIN, monthly.pk, quantity=8, version=None, at=at)
    set_auto_renew(ADMIN, once.pk, auto_renew=False, version=None, at=at, hold=False)

    found = [
        ledger.next_charge(Subscription.objects.select_related("plan_term", "plan").get(pk=one.pk), at)
        for one in (monthly, yearly_paid, once, suspended, gone_before)
    ]
    assert found == [
        (date(2026, 7, 18), Money(Decimal("80.64"), "EUR")),
        (date(2026, 7, 18), Money(Decimal("100.80"), "EUR")),
        None,
        (date(2026, 7, 18), Money(Decimal("100.80"), "EUR")),
        None,
    ]


def test_the_tick_charges_by_the_clock(monkeypatch):
    subscription = yearly()
    monkeypatch.setattr("billing.tasks.now", lambda: on("2026-07-18"))
    tick()

    assert [kind for kind, *_ in lines(subscription)] == ["new", "cycleCharge"]


def test_one_that_the_database_refuses_is_charged_by_itself_and_stops_no_other():
    refused, *others = [yearly() for _ in range(3)]
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        one_line = f"CHECK (subscription_id <> '{refused.pk}' OR sequence = 1)"
        cursor.execute(f"ALTER TABLE billing_charge ADD CONSTRAINT nobody {one_line}")

    assert charge_cycles(SYSTEM, at=on("2026-07-18")) == 2
    assert [len(lines(one)) for one in (refused, *others)] == [1, 2, 2]
    assert Account.objects.get(pk=refused.pk).next_charge_on == date(2026, 7, 18)


@pytest.mark.django_db(transaction=True)
def test_two_workers_charge_a_cycle_once():
    restore_default_policies()
    subscription = yearly()
    counts: list[int] = []

    def work() -> None:
        counts.append(charge_cycles(SYSTEM, at=on("2026-08-20")))
        connection.close()

    workers = [threading.Thread(target=work) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    assert sum(counts) == 2
    assert len(lines(subscription)) == 3


@pytest.mark.django_db(transaction=True)
def test_a_tick_leaves_a_subscription_that_somebody_works_on():
    restore_default_policies()
    subscription = yearly()
    counts: list[int] = []

    def work() -> None:
        counts.append(charge_cycles(SYSTEM, at=on("2026-07-20")))
        connection.close()

    with transaction.atomic():
        Subscription.objects.select_for_update().get(pk=subscription.pk)
        worker = threading.Thread(target=work)
        worker.start()
        worker.join()

    assert counts == [0]
    assert charge_cycles(SYSTEM, at=on("2026-07-20")) == 1
