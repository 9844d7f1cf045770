"""Ending: free before activation, fully refunded inside the window, refused after it; voided when nobody activated."""

from datetime import timedelta
from decimal import Decimal

import pytest

from accounts.policy import SYSTEM, Role
from billing.enums import ChargeType
from billing.models import Charge
from partnerhub.errors import CancellationWindowClosed, NotPermitted, StaleVersion, SubscriptionEnded
from partnerhub.outbox.delivery import deliver_due
from partnerhub.outbox.models import Event
from publishers.models import Policy
from subscriptions.enums import EndReason, OperationAction, Status
from subscriptions.models import Operation, PollSchedule
from subscriptions.selectors import blocking_gate
from subscriptions.services.asking import poll_now
from subscriptions.services.edits import rename, set_auto_renew
from subscriptions.services.ending import cancel, void_overdue
from tests.factories.accounts import LONG_AGO, actor
from tests.factories.subscriptions import NOON, active, buy, hear, said

pytestmark = pytest.mark.django_db


def test_a_cancel_before_activation_is_free(admin_agent):
    subscription = buy()

    cancel(admin_agent, subscription.pk, reason="Not needed", version=None, at=NOON, hold=False)
    deliver_due(NOON)

    subscription.refresh_from_db()
    assert (subscription.status, subscription.end_reason) == (Status.UNSUBSCRIBED, EndReason.CANCELLED)
    assert Charge.objects.count() == 0
    assert PollSchedule.objects.get().next_poll_at is None
    assert Operation.objects.get().action == OperationAction.UNSUBSCRIBE
    blocker = blocking_gate(subscription)
    assert (blocker.gate, blocker.state) == ("not_cancelled", "failed")
    told = {"source": "cancelled", "at": NOON.isoformat(), "by": admin_agent.label, "reason": "Not needed"}
    assert blocker.evidence == told
    assert Event.objects.get(name="subscription.cancelled").reason == "Not needed"


def test_a_cancel_inside_the_window_credits_everything_once(admin_agent):
    subscription = active()
    just_before = NOON + timedelta(hours=72) - timedelta(seconds=1)

    cancel(admin_agent, subscription.pk, reason="", version=None, at=just_before, hold=False)
    deliver_due(just_before)
    deliver_due(just_before + timedelta(hours=1))

    lines = Charge.objects.order_by("sequence").values_list("charge_type", "amount")
    assert list(lines) == [(ChargeType.NEW, Decimal("70.56")), (ChargeType.CANCEL_IMMEDIATE, Decimal("-70.56"))]


def test_a_cancel_that_overtakes_the_first_charge_still_nets_to_zero(admin_agent):
    subscription = buy()
    hear(subscription, said(subscription))
    cancel(admin_agent, subscription.pk, reason="", version=None, at=NOON, hold=False)

    deliver_due(NOON)

    assert [charge.amount for charge in Charge.objects.order_by("sequence")] == [Decimal("70.56"), Decimal("-70.56")]


def test_after_the_window_a_cancel_is_refused_and_changes_nothing(admin_agent):
    subscription = active()

    with pytest.raises(CancellationWindowClosed) as refusal:
        cancel(admin_agent, subscription.pk, reason="", version=None, at=NOON + timedelta(hours=72), hold=False)

    subscription.refresh_from_db()
    assert "72-hour" in str(refusal.value)
    assert (subscription.status, Operation.objects.count(), Charge.objects.count()) == (Status.SUBSCRIBED, 0, 1)


def test_a_plans_own_window_outranks_the_hubs(admin_agent):
    subscription = active()
    Policy.objects.create(
        name="cancel_within", value="P14D", plan=subscription.plan, offer=subscription.offer, valid_from=LONG_AGO
    )

    cancel(admin_agent, subscription.pk, reason="", version=None, at=NOON + timedelta(days=13), hold=False)

    subscription.refresh_from_db()
    assert subscription.status == Status.UNSUBSCRIBED


@pytest.mark.parametrize("role", [Role.SALES_AGENT, Role.OPS_AGENT, Role.PLATFORM_ADMIN])
def test_nobody_but_an_admin_agent_changes_a_subscription(role):
    subscription = active()
    events = Event.objects.count()

    with pytest.raises(NotPermitted):
        cancel(actor(role), subscription.pk, reason="", version=None, at=NOON, hold=False)
    with pytest.raises(NotPermitted):
        rename(actor(role), subscription.pk, nickname="Mine", version=None, at=NOON)
    with pytest.raises(NotPermitted):
        set_auto_renew(actor(role), subscription.pk, auto_renew=False, version=None, at=NOON, hold=False)

    version = subscription.version
    subscription.refresh_from_db()
    assert (subscription.version, subscription.status, Event.objects.count()) == (version, Status.SUBSCRIBED, events)


def test_an_edit_on_a_version_that_moved_is_refused(admin_agent):
    subscription = active()
    rename(admin_agent, subscription.pk, nickname="First", version=subscription.version, at=NOON)

    with pytest.raises(StaleVersion):
        rename(admin_agent, subscription.pk, nickname="Second", version=subscription.version, at=NOON)

    subscription.refresh_from_db()
    assert subscription.nickname == "First"


def test_an_ended_subscription_cannot_be_changed(admin_agent):
    subscription = buy()
    cancel(admin_agent, subscription.pk, reason="", version=None, at=NOON, hold=False)

    with pytest.raises(SubscriptionEnded):
        cancel(admin_agent, subscription.pk, reason="", version=None, at=NOON, hold=False)
    with pytest.raises(SubscriptionEnded):
        rename(admin_agent, subscription.pk, nickname="Late", version=None, at=NOON)


def test_an_order_nobody_activated_is_voided_and_never_billed():
    forgotten, fresh = buy(), buy(at=NOON + timedelta(days=1))
    deadline = NOON + timedelta(days=30)

    assert void_overdue(SYSTEM, at=deadline - timedelta(seconds=1)) == 0
    assert void_overdue(SYSTEM, at=deadline) == 1
    hear(forgotten, said(forgotten), at=deadline)
    deliver_due(deadline)

    forgotten.refresh_from_db()
    fresh.refresh_from_db()
    assert (forgotten.status, forgotten.end_reason) == (Status.UNSUBSCRIBED, EndReason.VOIDED)
    assert (fresh.status, Charge.objects.count()) == (Status.PENDING, 0)


def test_asking_now_makes_the_poll_due(sales_agent):
    subscription = buy()
    PollSchedule.objects.update(next_poll_at=NOON + timedelta(hours=1))

    poll_now(sales_agent, subscription.pk, at=NOON)

    assert PollSchedule.objects.get().next_poll_at == NOON
