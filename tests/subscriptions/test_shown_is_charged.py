"""What an agent was shown before a change is exactly what is charged."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from accounts.policy import SYSTEM, Role
from billing.models import Charge
from billing.verification import verify
from partnerhub.errors import HubError, QuoteMoved
from partnerhub.outbox.delivery import deliver_due
from subscriptions.changes import Change
from subscriptions.enums import Acceptance
from subscriptions.models import Subscription
from subscriptions.selectors import batches_of
from subscriptions.services.quoting import commit, quote
from subscriptions.services.settling import accept
from tests.factories.accounts import actor
from tests.factories.publishers import PlanFactory, PlanTermFactory, restore_default_policies
from tests.factories.subscriptions import active

BOUGHT = datetime(2027, 1, 31, 9, 30, tzinfo=UTC)
PRICES = ["10.08", "0.07", "52.61", "1200", "9.9999"]


class ShownIsCharged(TestCase):
    @settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(
        price=st.sampled_from(PRICES),
        other=st.sampled_from(PRICES),
        cycle=st.sampled_from([("P1M", "monthly"), ("P1Y", "monthly"), ("P1Y", "one_time"), ("P3Y", "annual")]),
        steps=st.lists(
            st.tuples(st.integers(0, 60 * 24 * 5), st.one_of(st.integers(1, 40), st.just("plan"))),
            min_size=1,
            max_size=3,
        ),
    )
    def test_committed_lines_are_the_previewed_ones(self, price, other, cycle, steps):
        restore_default_policies()
        term, billing_cycle = cycle
        plan = PlanFactory(min_quantity=1, max_quantity=100)
        bought = PlanTermFactory(plan=plan, term=term, billing_cycle=billing_cycle, amounts={"EUR": price})
        second = PlanFactory(offer=plan.offer, plan_id="second", sku_id="0099", min_quantity=1, max_quantity=100)
        target = PlanTermFactory(plan=second, term=term, billing_cycle=billing_cycle, amounts={"EUR": other})
        subscription = active(at=BOUGHT, term=bought, quantity=10)
        at = BOUGHT
        for minutes, asked in steps:
            at += timedelta(minutes=minutes)
            change = Change(plan_term_id=target.pk) if asked == "plan" else Change(quantity=asked)
            self.check(subscription, change, at)
        assert verify().faults == []
        self.check_sums(subscription)

    def check(self, subscription: Subscription, change: Change, at: datetime) -> None:
        admin = actor(Role.ADMIN_AGENT)
        before = Charge.objects.filter(subscription=subscription).count()
        try:
            row, shown = quote(admin, subscription.pk, change, at=at)
        except HubError:
            assert Charge.objects.filter(subscription=subscription).count() == before
            return
        try:
            commit(admin, subscription.pk, row.pk, change, at=at + timedelta(minutes=1))
        except QuoteMoved:  # midnight, or the end of a window, lay within that minute
            assert Charge.objects.filter(subscription=subscription).count() == before
            return
        for operation in subscription.operations.filter(completed_at=None):
            operation.held_until = None
            operation.save(update_fields=["held_until"])
            accept(SYSTEM, operation.pk, how=Acceptance.PUBLISHER, at=at + timedelta(minutes=1))
        deliver_due(at + timedelta(minutes=1))
        charged = list(Charge.objects.filter(subscription=subscription).order_by("sequence"))[before:]
        facts = [
            (str(c.charge_type), c.quantity, c.amount, c.period_start, c.period_end, c.billing_days) for c in charged
        ]
        assert facts == [
            (str(one.charge_type), one.quantity, one.amount.amount, one.period_start, one.period_end, one.billing_days)
            for one in shown.lines
        ]
        assert sum((c.amount for c in charged), Decimal(0)) == shown.due_today.amount

    def check_sums(self, subscription: Subscription) -> None:
        fresh = Subscription.objects.get(pk=subscription.pk)
        assert sum(batch.remaining for batch in batches_of(fresh)) == fresh.quantity
        assert sum(c.amount for c in Charge.objects.filter(subscription=fresh)) >= 0
