"""What ends within a term: a trial without auto-renew is never charged, a suspension ends after its grace."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.core.management import call_command

from accounts.policy import SYSTEM
from billing.ledger import BillingLedger
from billing.services.charging import charge_cycles
from partnerhub.errors import RenewalUnderWay
from partnerhub.money import Money
from partnerhub.outbox.delivery import deliver_due
from subscriptions.models import Subscription
from subscriptions.services.edits import set_auto_renew
from subscriptions.services.lapsing import end_suspensions, end_trials
from subscriptions.services.quantity import change_quantity
from subscriptions.services.settling import accept
from subscriptions.services.suspension import reinstate, suspend
from tests.factories.billing import ADMIN, lines, to_plan
from tests.factories.publishers import PlanFactory, PlanTermFactory
from tests.factories.subscriptions import active

pytestmark = pytest.mark.django_db
JUNE_18 = datetime(2026, 6, 18, 12, tzinfo=UTC)
FREE = ("new", "18 Jun-1 Jul", 5, "0.00")


def on(day: str) -> datetime:
    return datetime.fromisoformat(f"{day}T00:30:00+00:00")


def tried() -> Subscription:
    """A year paid by the month, with 14 free days."""
    return active(JUNE_18, term=PlanTermFactory(term="P1Y", plan__trial_days=14), quantity=5)


def ticks(day: str) -> None:
    """The ticks of a moment, billing's before the subscriptions' own: the order must not matter."""
    charge_cycles(SYSTEM, at=on(day))
    end_trials(SYSTEM, at=on(day))
    end_suspensions(SYSTEM, at=on(day))
    deliver_due(on(day))
    charge_cycles(SYSTEM, at=on(day))


def fresh(subscription: Subscription) -> Subscription:
    return Subscription.objects.get(pk=subscription.pk)


def without_auto_renew(subscription: Subscription, at: datetime = JUNE_18) -> None:
    set_auto_renew(ADMIN, subscription.pk, auto_renew=False, version=None, at=at, hold=False)
    subscription.operations.filter(completed_at=None).update(status="succeeded", completed_at=at)


def test_a_trial_without_auto_renew_ends_unbilled():
    subscription = tried()
    assert BillingLedger().next_charge(fresh(subscription), JUNE_18) == (
        date(2026, 7, 2),
        Money(Decimal("50.40"), "EUR"),
    )
    without_auto_renew(subscription)
    assert BillingLedger().next_charge(fresh(subscription), JUNE_18) is None
    assert fresh(subscription).runs_until == date(2026, 7, 2)
    ticks("2026-07-01")
    assert fresh(subscription).status == "subscribed"
    ticks("2026-07-02")

    ended = fresh(subscription)
    assert (ended.status, ended.end_reason, ended.on_trial) == ("unsubscribed", "expired", False)
    ticks("2027-07-01")
    assert lines(subscription) == [FREE]
    call_command("verify_ledger")


def test_a_trial_with_auto_renew_is_paid_from_its_end_whatever_is_turned_off_later():
    subscription = tried()
    with pytest.raises(RenewalUnderWay):
        without_auto_renew(subscription, on("2026-07-02"))
    ticks("2026-07-02")
    without_auto_renew(subscription, on("2026-07-03"))
    ticks("2026-08-02")

    assert fresh(subscription).status == "subscribed"
    assert lines(subscription)[1:] == [
        ("convert", "2 Jul-1 Aug", 5, "50.40"),
        ("cycleCharge", "2 Aug-1 Sep", 5, "50.40"),
    ]


def test_what_a_late_answer_charged_after_the_trial_is_credited_when_it_ends_there():
    subscription = tried()
    without_auto_renew(subscription)
    change_quantity(ADMIN, subscription.pk, quantity=6, version=None, at=on("2026-07-01"), hold=False)
    ticks("2026-07-02")
    accept(SYSTEM, subscription.operations.get(completed_at=None).pk, how="publisher", at=on("2026-07-02"))
    ticks("2026-07-02")

    assert fresh(subscription).status == "unsubscribed"
    assert sum(float(amount) for *_, amount in lines(subscription)) == 0
    call_command("verify_ledger")


def test_a_plan_without_trial_ends_it_for_good():
    subscription = tried()
    other = PlanFactory(offer=subscription.offer, sku_id="0002")
    paid = PlanTermFactory(plan=other, term="P1Y", amounts={"EUR": "20.00"})
    first_term = subscription.plan_term
    changed = to_plan(subscription, paid, JUNE_18 + timedelta(days=1))
    assert (changed.trial_ends, changed.on_trial, changed.trial_days) == (None, False, 0)
    back = to_plan(subscription, first_term, JUNE_18 + timedelta(days=2))

    assert (back.trial_ends, back.trial_days) == (None, 0)
    assert lines(subscription)[-1] == ("convert", "20 Jun-18 Jul", 5, "48.72")


@pytest.mark.parametrize(("day", "status"), [("2026-07-19", "suspended"), ("2026-07-20", "unsubscribed")])
def test_a_suspension_ends_after_its_grace(day, status):
    subscription = active(JUNE_18, term=PlanTermFactory(term="P1Y"), quantity=10)
    suspend(ADMIN, subscription.pk, reason="Not paid", version=None, at=on("2026-06-20"))
    subscription.operations.update(status="succeeded", completed_at=on("2026-06-20"))
    ticks(day)
    ticks("2026-07-19" if status == "suspended" else "2026-12-01")

    assert fresh(subscription).status == status
    assert [kind for kind, *_ in lines(subscription)] == ["new", "cycleCharge"]
    call_command("verify_ledger")


def test_a_cycle_that_began_after_the_grace_is_credited_and_a_reinstated_one_stays(admin_agent):
    subscription = active(JUNE_18, term=PlanTermFactory(term="P1Y"), quantity=10)
    other = active(JUNE_18, term=PlanTermFactory(term="P1Y"), quantity=10)
    for one in (subscription, other):
        suspend(ADMIN, one.pk, reason="Not paid", version=None, at=on("2026-06-20"))
        one.operations.update(status="succeeded", completed_at=on("2026-06-20"))
    reinstate(ADMIN, other.pk, reason="Paid", version=None, at=on("2026-07-10"))
    other.operations.update(status="succeeded", completed_at=on("2026-07-10"))
    charge_cycles(SYSTEM, at=on("2026-08-20"))
    ticks("2026-08-20")

    assert lines(subscription)[2:] == [
        ("cycleCharge", "18 Aug-17 Sep", 10, "100.80"),
        ("cancelImmediate", "18 Aug-17 Sep", 10, "-100.80"),
    ]
    assert fresh(other).status == "subscribed"
    assert fresh(subscription).ended_at.date() == date(2026, 8, 20)
