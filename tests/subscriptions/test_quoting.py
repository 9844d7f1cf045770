from datetime import timedelta
from decimal import Decimal

import pytest

from accounts.policy import SYSTEM, Role
from billing.models import Charge
from partnerhub.errors import QuoteExpired, QuoteMoved, QuoteUnknown, QuoteUsed, ReductionWindowClosed
from partnerhub.outbox.delivery import deliver_due
from partnerhub.outbox.models import Event
from subscriptions.changes import Change
from subscriptions.enums import Acceptance
from subscriptions.models import Quote, Subscription
from subscriptions.services.quantity import change_quantity
from subscriptions.services.quoting import commit, forget_quotes, preview, quote
from subscriptions.services.settling import accept
from tests.factories.accounts import actor
from tests.factories.subscriptions import NOON, active

pytestmark = pytest.mark.django_db

SOON = NOON + timedelta(hours=1)


def test_a_preview_leaves_nothing_behind(sales_agent):
    subscription = active(quantity=10)
    events, charges = Event.objects.count(), Charge.objects.count()

    shown = preview(sales_agent, subscription.pk, Change(quantity=12), at=SOON)

    assert (shown.before.quantity, shown.after.quantity) == (10, 12)
    assert len(shown.lines) == 2
    assert shown.due_today.amount == sum(line.amount.amount for line in shown.lines) > 0
    assert shown.exit_deadline == SOON + timedelta(days=7)
    assert (Event.objects.count(), Charge.objects.count()) == (events, charges)
    assert Subscription.objects.get(pk=subscription.pk).quantity == 10
    assert not subscription.operations.exists()


def test_what_was_shown_is_charged(admin_agent):
    subscription = active(quantity=10)
    row, shown = quote(admin_agent, subscription.pk, Change(quantity=12), at=SOON)

    commit(admin_agent, subscription.pk, row.pk, Change(quantity=12), at=SOON + timedelta(minutes=5))
    operation = subscription.operations.get()
    accept(SYSTEM, operation.pk, how=Acceptance.PUBLISHER, at=SOON + timedelta(minutes=6))
    deliver_due(SOON + timedelta(minutes=6))

    charged = Charge.objects.filter(subscription=subscription).order_by("sequence")[1:]
    assert [charge.amount for charge in charged] == [line.amount.amount for line in shown.lines]
    row.refresh_from_db()
    assert (row.used_at, operation.quote_id) == (SOON + timedelta(minutes=5), row.pk)


def test_a_quote_that_moved_changes_nothing_and_carries_both(admin_agent):
    subscription = active(quantity=10)
    row, shown = quote(admin_agent, subscription.pk, Change(quantity=12), at=SOON)
    change_quantity(actor(Role.ADMIN_AGENT), subscription.pk, quantity=11, version=None, at=SOON)
    accept(SYSTEM, subscription.operations.get().pk, how=Acceptance.PUBLISHER, at=SOON)

    with pytest.raises(QuoteMoved) as refused:
        commit(admin_agent, subscription.pk, row.pk, Change(quantity=12), at=SOON)

    found, current = refused.value.carried
    assert (found.shown["before"]["quantity"], current.before.quantity) == (10, 11)
    assert refused.value.values["shown"] == f"{shown.due_today.text} {shown.due_today.currency}"
    assert Subscription.objects.get(pk=subscription.pk).quantity == 11
    assert subscription.operations.count() == 1


def test_a_quote_is_for_one_change_once_and_for_a_while(admin_agent):
    subscription = active(quantity=10)
    row, _shown = quote(admin_agent, subscription.pk, Change(quantity=12), at=SOON)

    with pytest.raises(QuoteUnknown):
        commit(admin_agent, subscription.pk, row.pk, Change(quantity=13), at=SOON)
    with pytest.raises(QuoteExpired):
        commit(admin_agent, subscription.pk, row.pk, Change(quantity=12), at=SOON + timedelta(minutes=15))
    commit(admin_agent, subscription.pk, row.pk, Change(quantity=12), at=SOON)
    with pytest.raises(QuoteUsed):
        commit(admin_agent, subscription.pk, row.pk, Change(quantity=12), at=SOON)
    assert subscription.operations.count() == 1


def test_a_preview_refuses_as_the_change_would(sales_agent):
    subscription = active(quantity=10)

    with pytest.raises(ReductionWindowClosed):
        preview(sales_agent, subscription.pk, Change(quantity=9), at=NOON + timedelta(days=8))


def test_cancelling_shows_the_refund(admin_agent):
    subscription = active(quantity=10)
    charged = Charge.objects.get(subscription=subscription).amount

    shown = preview(admin_agent, subscription.pk, Change(status="deleted"), at=SOON)

    assert shown.due_today.amount == -charged != Decimal(0)
    assert (shown.after.status, shown.next_charge, shown.renews_on) == ("unsubscribed", None, None)


def test_quotes_that_nobody_used_are_forgotten_a_day_after_they_ran_out(admin_agent):
    subscription = active(quantity=10)
    used, _shown = quote(admin_agent, subscription.pk, Change(quantity=12), at=SOON)
    commit(admin_agent, subscription.pk, used.pk, Change(quantity=12), at=SOON)
    other = active(quantity=10)
    quote(admin_agent, other.pk, Change(quantity=12), at=SOON)
    ran_out = SOON + timedelta(minutes=15)

    assert forget_quotes(SYSTEM, at=ran_out + timedelta(days=1)) == 0
    assert forget_quotes(SYSTEM, at=ran_out + timedelta(days=1, seconds=1)) == 1

    assert list(Quote.objects.all()) == [used]
