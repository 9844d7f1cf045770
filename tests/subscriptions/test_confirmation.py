"""Confirming: billing starts when licences are assigned AND the set-up is confirmed, dated by the later of the two."""

from datetime import date, timedelta
from decimal import Decimal
from uuid import uuid4

import pytest

from accounts.policy import SYSTEM
from billing.models import Charge
from partnerhub.errors import ForeignSubscription, NotFound
from partnerhub.outbox.delivery import deliver_due
from partnerhub.outbox.models import Event
from publishers.fulfillment.gateway import Answer, Outcome
from publishers.models import Adapter
from subscriptions.enums import GateName, GateState, Owner, Reason, Status
from subscriptions.models import BillingStart
from subscriptions.selectors import attention_of, blocking_gate
from subscriptions.services.confirmation import activate, apply_answer
from subscriptions.services.ending import cancel
from tests.factories.publishers import PlanTermFactory, PublisherFactory
from tests.factories.subscriptions import NOON, buy, hear, said

pytestmark = pytest.mark.django_db
LATER = NOON + timedelta(hours=5)


def names_of(subscription):
    return list(Event.objects.filter(stream_id=subscription.pk).order_by("sequence").values_list("name", flat=True))


def test_a_full_confirmation_starts_billing_with_its_first_charge():
    subscription = buy(quantity=7)

    subscription = hear(subscription, said(subscription, assigned_quantity=7), at=LATER)
    deliver_due(LATER)

    charge = Charge.objects.get()
    assert (subscription.status, subscription.activated_at) == (Status.SUBSCRIBED, LATER)
    assert (subscription.term_start, subscription.term_end) == (date(2026, 11, 23), date(2026, 12, 23))
    assert (charge.amount, charge.currency, charge.quantity) == (Decimal("70.5600"), "EUR", 7)
    assert (charge.period_start, charge.period_end) == (date(2026, 11, 23), date(2026, 12, 23))
    assert charge.confirmed_at == LATER
    assert charge.cause.name == "subscription.activated"


def test_subscribed_with_four_of_seven_licences_does_not_bill_and_seven_of_seven_does():
    subscription = buy(quantity=7)

    subscription = hear(subscription, said(subscription, assigned_quantity=4))
    attention = attention_of(subscription)

    assert subscription.status == Status.PENDING
    assert attention is not None
    assert (attention.gate.gate, attention.reason) == (GateName.LICENSES_ASSIGNED, Reason.PARTIAL_ASSIGNMENT)
    deliver_due(NOON)
    assert (Charge.objects.count(), BillingStart.objects.count()) == (0, 0)

    subscription = hear(subscription, said(subscription, assigned_quantity=7), at=LATER)
    deliver_due(LATER)

    start = BillingStart.objects.get()
    assert (start.configuration_confirmed_at, start.licenses_assigned_at, start.starts_at) == (NOON, LATER, LATER)
    assert Charge.objects.get().confirmed_at == LATER


def test_licences_first_and_set_up_later_is_dated_by_the_set_up():
    subscription = buy()
    hear(subscription, said(subscription, "PendingFulfillmentStart", assigned_quantity=7))

    subscription = hear(subscription, said(subscription), at=LATER)

    assert (subscription.status, subscription.activated_at) == (Status.SUBSCRIBED, LATER)


@pytest.mark.parametrize("old", [{"quantity": 5}, {"plan_id": "old-plan"}])
def test_a_success_shown_with_old_data_is_not_a_confirmation(old):
    subscription = buy()

    subscription = hear(subscription, said(subscription, **old))

    assert subscription.status == Status.PENDING
    assert blocking_gate(subscription).gate == GateName.LICENSES_ASSIGNED


def test_a_confirmation_taken_back_before_billing_started_counts_no_more():
    subscription = buy()
    hear(subscription, said(subscription, "PendingFulfillmentStart", assigned_quantity=7))
    hear(subscription, said(subscription, "PendingFulfillmentStart", assigned_quantity=3))

    subscription = hear(subscription, said(subscription, assigned_quantity=3), at=LATER)

    assert subscription.status == Status.PENDING
    assert "subscription.gate_reopened" in names_of(subscription)


def test_the_same_answer_twice_changes_nothing():
    subscription = buy()
    answer = said(subscription, assigned_quantity=4)
    once = hear(subscription, answer)
    events = names_of(subscription)

    again = hear(subscription, answer, at=LATER)

    assert (again.version, names_of(subscription)) == (once.version, events)
    assert blocking_gate(again).since == NOON


def test_a_confirmation_repeated_after_activation_charges_once():
    subscription = buy()
    for _ in range(3):
        hear(subscription, said(subscription), at=LATER)
        deliver_due(LATER)

    assert Charge.objects.count() == 1


def test_what_the_publisher_asks_for_is_shown_with_its_address():
    subscription = buy()
    asking = said(
        subscription,
        "PendingFulfillmentStart",
        assigned_quantity=0,
        message="VAT number?",
        action_url="https://p.example/a",
    )

    attention = attention_of(hear(subscription, asking))

    assert (attention.reason, attention.owner) == (Reason.PUBLISHER_ASKS, Owner.CUSTOMER)
    assert (attention.message, attention.action_url) == ("VAT number?", "https://p.example/a")


def test_a_refusal_fails_the_gates_and_does_not_bill():
    subscription = buy()

    subscription = hear(subscription, said(subscription, "Unsubscribed", message="Not in your sector"))

    gate = blocking_gate(subscription)
    assert (gate.state, gate.reason, gate.owner) == (GateState.FAILED, Reason.PUBLISHER_REFUSED, Owner.PARTNER)
    deliver_due(NOON)
    assert (subscription.status, Charge.objects.count()) == (Status.PENDING, 0)


@pytest.mark.parametrize(
    ("outcome", "reason"),
    [
        (Outcome.FAILING, Reason.PUBLISHER_FAILING),
        (Outcome.SILENT, Reason.PUBLISHER_SILENT),
        (Outcome.UNREADABLE, Reason.PUBLISHER_UNREADABLE),
        (Outcome.FORBIDDEN, Reason.PUBLISHER_FAILING),
        (Outcome.UNKNOWN_THERE, Reason.AWAITING_CUSTOMER_SETUP),
    ],
)
def test_trouble_is_a_visible_reason_and_never_a_confirmation(outcome, reason):
    subscription = buy()

    subscription = hear(subscription, Answer(outcome, detail="what happened"))

    assert subscription.status == Status.PENDING
    assert attention_of(subscription).reason == reason


def test_trouble_does_not_take_back_what_was_confirmed():
    subscription = buy()
    hear(subscription, said(subscription, "PendingFulfillmentStart", assigned_quantity=7))

    hear(subscription, Answer(Outcome.SILENT))
    subscription = hear(subscription, said(subscription), at=LATER)

    assert subscription.status == Status.SUBSCRIBED


def publisher_of(subscription):
    return subscription.publisher.client.actor()


def test_a_pushing_publisher_confirms_both_gates_by_its_call():
    publisher = PublisherFactory(adapter=Adapter.PUSH, fulfillment_base_url="")
    subscription = buy(term=PlanTermFactory(plan__offer__publisher=publisher))

    for moment in (LATER, LATER + timedelta(hours=1)):
        activate(publisher_of(subscription), subscription.pk, plan_id=None, quantity=None, call_id="c1", at=moment)
        deliver_due(moment)

    subscription.refresh_from_db()
    assert (subscription.status, subscription.activated_at) == (Status.SUBSCRIBED, LATER)
    assert Charge.objects.get().amount == Decimal("70.5600")


def test_a_publisher_that_does_both_needs_its_call_and_its_licences():
    publisher = PublisherFactory(adapter=Adapter.BOTH)
    subscription = buy(term=PlanTermFactory(plan__offer__publisher=publisher))

    polled = hear(subscription, said(subscription, assigned_quantity=7))
    assert (polled.status, blocking_gate(polled).gate) == (Status.PENDING, GateName.CONFIGURATION_CONFIRMED)

    activate(publisher_of(subscription), subscription.pk, plan_id=None, quantity=None, call_id="c1", at=LATER)
    subscription.refresh_from_db()
    assert (subscription.status, subscription.activated_at) == (Status.SUBSCRIBED, LATER)


def test_another_publisher_confirms_nothing():
    subscription = buy()

    with pytest.raises(ForeignSubscription):
        activate(PublisherFactory().client.actor(), subscription.pk, plan_id=None, quantity=None, call_id="c", at=NOON)

    subscription.refresh_from_db()
    assert (subscription.status, names_of(subscription)) == (Status.PENDING, ["subscription.ordered"])


def test_after_a_cancel_no_confirmation_counts(admin_agent):
    subscription = buy()
    cancel(admin_agent, subscription.pk, reason="Changed their mind", version=None, at=NOON, hold=False)
    events = names_of(subscription)

    subscription = hear(subscription, said(subscription), at=LATER)
    with pytest.raises(NotFound):
        activate(publisher_of(subscription), subscription.pk, plan_id=None, quantity=None, call_id="c", at=LATER)

    assert (subscription.status, names_of(subscription)) == (Status.UNSUBSCRIBED, events)
    deliver_due(LATER)
    assert Charge.objects.count() == 0


def test_a_trial_starts_at_zero():
    subscription = buy(term=PlanTermFactory(plan__trial_days=30))
    hear(subscription, said(subscription))
    deliver_due(NOON)

    charge = Charge.objects.get()
    assert (charge.amount, charge.period_start, charge.period_end) == (0, date(2026, 11, 23), date(2026, 12, 23))


def test_exactly_one_gate_blocks_in_every_pending_state():
    subscription = buy()
    for answer in (
        said(subscription, "PendingFulfillmentStart", assigned_quantity=0),
        said(subscription, "PendingFulfillmentStart", assigned_quantity=7),
        said(subscription, assigned_quantity=4),
        Answer(Outcome.FAILING),
    ):
        apply_answer(SYSTEM, subscription.pk, answer, poll_id=uuid4(), at=NOON)
        fresh = type(subscription).objects.get(pk=subscription.pk)
        assert (fresh.status, blocking_gate(fresh) is not None) == (Status.PENDING, True)


def test_the_age_of_a_reason_counts_from_when_it_first_held():
    subscription = buy()

    waiting = blocking_gate(hear(subscription, Answer(Outcome.UNKNOWN_THERE), at=LATER))
    failing = blocking_gate(hear(subscription, Answer(Outcome.FAILING), at=LATER))

    assert (waiting.since, failing.since) == (NOON, LATER)


@pytest.mark.parametrize("behind", [timedelta(seconds=1), timedelta(days=31)])
def test_a_call_that_comes_with_an_earlier_moment_than_the_poll_confirms_at_the_later(behind):
    subscription = buy(term=PlanTermFactory(plan__offer__publisher__adapter=Adapter.BOTH))
    publisher = subscription.publisher.client.actor()
    hear(subscription, said(subscription), at=LATER)

    activate(publisher, subscription.pk, plan_id=None, quantity=None, call_id="call", at=LATER - behind)
    deliver_due(LATER)

    start, charge = BillingStart.objects.get(), Charge.objects.get()
    assert (start.starts_at, start.recorded_at, charge.confirmed_at) == (LATER, LATER, LATER)


def test_a_clock_behind_the_purchase_confirms_at_the_purchase():
    publisher = PublisherFactory(adapter=Adapter.PUSH)
    subscription = buy(term=PlanTermFactory(plan__offer__publisher=publisher))

    activate(
        publisher.client.actor(), subscription.pk, plan_id=None, quantity=None, call_id="call", at=NOON - timedelta(1)
    )

    subscription.refresh_from_db()
    assert (subscription.status, subscription.activated_at) == (Status.SUBSCRIBED, NOON)


def test_what_was_not_activated_in_time_is_not_confirmed_any_more():
    polled = buy()
    called = buy(term=PlanTermFactory(plan__offer__publisher__adapter=Adapter.PUSH))

    polled = hear(polled, said(polled), at=polled.activate_by)
    with pytest.raises(NotFound):
        activate(
            called.publisher.client.actor(),
            called.pk,
            plan_id=None,
            quantity=None,
            call_id="call",
            at=called.activate_by,
        )

    called.refresh_from_db()
    assert (polled.status, called.status) == (Status.PENDING, Status.PENDING)
    assert (names_of(polled), names_of(called)) == (["subscription.ordered"], ["subscription.ordered"])


def test_progress_without_a_new_reason_shows_in_the_evidence_alone():
    subscription = buy()
    before = hear(subscription, said(subscription, assigned_quantity=3))
    events = names_of(subscription)

    after = hear(subscription, said(subscription, assigned_quantity=4), at=LATER)

    gate = blocking_gate(after)
    assert (gate.evidence["said"]["assigned_quantity"], gate.since) == (4, NOON)
    assert (after.version, names_of(subscription)) == (before.version, events)
