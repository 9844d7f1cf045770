"""Property: in whatever order answers, calls, cancels and time come, billing starts exactly when all gates hold."""

from datetime import timedelta

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.extra.django import TestCase
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from accounts.policy import SYSTEM, Role
from billing.models import Charge
from billing.verification import verify
from partnerhub.errors import HubError
from partnerhub.outbox.delivery import deliver_due
from publishers.fulfillment.gateway import Answer, Outcome
from publishers.models import Adapter
from subscriptions.enums import Status
from subscriptions.models import BillingStart, Subscription
from subscriptions.selectors import blocking_gate
from subscriptions.services.confirmation import activate
from subscriptions.services.ending import cancel, void_overdue
from tests.factories.accounts import actor
from tests.factories.publishers import PlanTermFactory, PublisherFactory
from tests.factories.subscriptions import NOON, buy, hear, said

QUANTITY = 3
STATUSES = st.sampled_from(["NotStarted", "PendingFulfillmentStart", "Suspended", "Unsubscribed"])
# Answers differ from what was bought in one member at the most: the near misses are what could bill early.
COMPLETE = ({}, {"assigned_quantity": QUANTITY}, {"assigned_quantity": QUANTITY + 1})
SHORT = (
    {"assigned_quantity": QUANTITY - 1},
    {"assigned_quantity": 0},
    {"quantity": QUANTITY - 1},
    {"quantity": QUANTITY + 1},
    {"quantity": None},
    {"plan_id": "another"},
)
NEAR_MISSES = st.sampled_from([*COMPLETE, *SHORT])


class LifeOfAPurchase(RuleBasedStateMachine):
    """A model of one subscription beside the real one: `licenses`, `configured` are what the publisher last showed."""

    @initialize(adapter=st.sampled_from([Adapter.POLL, Adapter.POLL, Adapter.BOTH, Adapter.PUSH]))
    def purchase(self, adapter):
        address = "" if adapter == Adapter.PUSH else "http://127.0.0.1:9/p"
        publisher = PublisherFactory(adapter=adapter, fulfillment_base_url=address)
        self.at, self.adapter = NOON, adapter
        self.subscription = buy(term=PlanTermFactory(plan__offer__publisher=publisher), quantity=QUANTITY)
        self.licenses = self.configured = self.called = self.ended = False
        self.started_at = None

    def _observe(self):
        if not self.ended and self.started_at is None and self.licenses and (self.configured or self.called):
            self.started_at = self.at

    @rule(status=STATUSES, differs=NEAR_MISSES)
    def answer(self, status, differs):
        if self.adapter == Adapter.PUSH:
            return
        hear(self.subscription, said(self.subscription, status, **differs), self.at)
        if not self.ended and self.started_at is None:
            self.licenses = differs in COMPLETE and status != "Unsubscribed"
            self.configured = status == "Subscribed" and self.adapter == Adapter.POLL
            self._observe()

    @rule(differs=NEAR_MISSES)
    def confirm(self, differs):
        self.answer(status="Subscribed", differs=differs)

    @rule(outcome=st.sampled_from([outcome for outcome in Outcome if outcome != Outcome.ANSWERED]))
    def trouble(self, outcome):
        hear(self.subscription, Answer(outcome), self.at)

    @rule()
    def call(self):
        publisher = self.subscription.publisher.client.actor()
        try:
            activate(publisher, self.subscription.pk, plan_id=None, quantity=None, call_id="call", at=self.at)
        except HubError:
            assert self.ended
            return
        self.called = True
        self.licenses = self.licenses or self.adapter == Adapter.PUSH
        self._observe()

    @rule()
    def cancel(self):
        try:
            cancel(actor(Role.ADMIN_AGENT), self.subscription.pk, reason="", version=None, at=self.at, hold=False)
        except HubError:
            return
        self.ended = True

    @rule(hours=st.integers(1, 24 * 20))
    def time_passes(self, hours):
        self.at += timedelta(hours=hours)
        void_overdue(SYSTEM, at=self.at)
        if self.started_at is None and self.at >= NOON + timedelta(days=30):
            self.ended = True

    @rule()
    def deliver(self):
        deliver_due(self.at)

    @invariant()
    def billing_started_exactly_when_all_gates_held(self):
        subscription = Subscription.objects.get(pk=self.subscription.pk)
        start = BillingStart.objects.filter(subscription=subscription).first()
        assert (start.starts_at if start else None) == self.started_at
        assert subscription.activated_at == self.started_at
        assert (subscription.status == Status.UNSUBSCRIBED) == self.ended
        if subscription.status == Status.PENDING:
            assert blocking_gate(subscription) is not None

    @invariant()
    def nothing_is_charged_early_or_twice(self):
        charges = Charge.objects.filter(subscription=self.subscription)
        assert charges.filter(reverses=None).count() <= (1 if self.started_at else 0)
        assert all(charge.recorded_at >= charge.confirmed_at == self.started_at for charge in charges)

    def teardown(self):
        if not hasattr(self, "subscription"):
            return
        deliver_due(self.at)
        total = sum(charge.amount for charge in Charge.objects.filter(subscription=self.subscription))
        assert (total > 0) == (self.started_at is not None and not self.ended)
        assert verify().faults == []


class TestLifeOfAPurchase(TestCase):
    @pytest.mark.timeout(300)
    def test_billing_starts_exactly_when_all_gates_hold(self):
        quick = settings(
            max_examples=20,
            stateful_step_count=10,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        )
        run_state_machine_as_test(LifeOfAPurchase, settings=quick)
