"""Suspending: only what is active, auto-renew goes off for good, and it can be taken up again or cancelled."""

from datetime import timedelta

import pytest

from accounts.policy import Role
from partnerhub.errors import NotActivatedYet, NotPermitted, StatusForbids
from partnerhub.outbox.models import Event
from subscriptions.enums import Status
from subscriptions.services.ending import cancel
from subscriptions.services.holding import hurry, undo
from subscriptions.services.resellers import change_reseller
from subscriptions.services.starting import FOLLOWED
from subscriptions.services.suspension import reinstate, suspend
from tests.factories.accounts import actor
from tests.factories.customers import ResellerFactory
from tests.factories.subscriptions import NOON, active, buy

pytestmark = pytest.mark.django_db
LATER = NOON + timedelta(hours=1)


def test_a_suspended_subscription_keeps_its_term_and_loses_auto_renew(admin_agent):
    subscription = active()

    suspend(admin_agent, subscription.pk, reason="Unpaid", version=None, at=NOON)
    suspended = type(subscription).objects.get(pk=subscription.pk)
    reinstate(admin_agent, subscription.pk, reason="Paid", version=suspended.version, at=LATER)

    subscription.refresh_from_db()
    assert (suspended.status, suspended.suspended_at, suspended.auto_renew) == (Status.SUSPENDED, NOON, False)
    assert (subscription.status, subscription.suspended_at, subscription.auto_renew) == (Status.SUBSCRIBED, None, False)
    assert subscription.term_end == suspended.term_end
    told = Event.objects.filter(stream_id=subscription.pk).order_by("sequence").values_list("name", "reason")
    assert list(told)[-3:] == [
        ("subscription.suspended", "Unpaid"),
        ("subscription.reinstated", "Paid"),
        ("operation.failed", ""),  # the notice of the suspension, which nobody had heard
    ]
    notices = subscription.operations.order_by("pk").values_list("action", "status", "last_error")
    assert set(notices) == {("suspend", "failed", FOLLOWED), ("reinstate", "not_started", "")}


def test_a_suspended_subscription_can_be_cancelled_inside_its_window(admin_agent):
    subscription = active()
    suspend(admin_agent, subscription.pk, reason="", version=None, at=NOON)

    cancel(admin_agent, subscription.pk, reason="", version=None, at=LATER, hold=False)

    subscription.refresh_from_db()
    assert (subscription.status, subscription.suspended_at) == (Status.UNSUBSCRIBED, None)


def notices_of(subscription):
    """Each notice of the suspension, the first one first."""
    rows = subscription.operations.filter(action="suspend").order_by("created_at")
    return list(rows.values_list("status", flat=True))


def test_a_notice_that_gave_way_to_what_was_undone_is_begun_again(admin_agent):
    subscription = active()
    suspend(admin_agent, subscription.pk, reason="Unpaid", version=None, at=NOON)
    cancel(admin_agent, subscription.pk, reason="", version=None, at=LATER)
    held = subscription.operations.get(action="unsubscribe")
    assert notices_of(subscription) == ["failed"]

    undo(admin_agent, subscription.pk, held.pk, at=LATER)

    assert notices_of(subscription) == ["failed", "not_started"]


def test_a_notice_that_gave_way_to_what_no_publisher_hears_of_is_begun_again(admin_agent):
    subscription = active()
    suspend(admin_agent, subscription.pk, reason="Unpaid", version=None, at=NOON)
    change_reseller(admin_agent, subscription.pk, partner_id=ResellerFactory().pk, version=None, at=LATER)

    hurry(admin_agent, subscription.pk, subscription.operations.get(action="change_reseller").pk, at=LATER)

    assert notices_of(subscription) == ["failed", "not_started"]


def test_what_is_pending_is_not_suspended_and_what_is_active_is_not_taken_up_again(admin_agent):
    pending, running = buy(), active()
    events = Event.objects.count()

    with pytest.raises(NotActivatedYet):
        suspend(admin_agent, pending.pk, reason="", version=None, at=NOON)
    with pytest.raises(StatusForbids):
        reinstate(admin_agent, running.pk, reason="", version=None, at=NOON)

    assert Event.objects.count() == events


@pytest.mark.parametrize("role", [Role.SALES_AGENT, Role.OPS_AGENT, Role.PLATFORM_ADMIN])
def test_only_an_admin_agent_suspends(role):
    subscription = active()

    with pytest.raises(NotPermitted):
        suspend(actor(role), subscription.pk, reason="", version=None, at=NOON)

    subscription.refresh_from_db()
    assert subscription.status == Status.SUBSCRIBED
