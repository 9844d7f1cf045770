"""On what terms a subscription is cancelled: the rules alone, then through the service and the API."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
import time_machine

from accounts.policy import Role
from billing.models import Charge
from partnerhub.errors import AgreementMissing, CancelStepsOpen
from partnerhub.outbox.delivery import deliver_due
from partnerhub.outbox.models import Event
from publishers.models import BillingCycle, Plan, Policy, Term
from subscriptions.api.shapes import Reader
from subscriptions.api.shapes import subscription as shown_to_programs
from subscriptions.cancellation import CancelTerms, Facts, How, Refund, Rules, verdict, window_in_words
from subscriptions.enums import Status
from subscriptions.models import Gate, Subscription
from subscriptions.services.ending import cancel, cancel_terms
from tests.api.conftest import Program, path_of, refused
from tests.factories.accounts import LONG_AGO
from tests.factories.publishers import PlanFactory, PlanTermFactory
from tests.factories.subscriptions import NOON, active, buy, hear, said

HOUR, DAY, SECOND = timedelta(hours=1), timedelta(days=1), timedelta(seconds=1)
LATE = NOON + timedelta(days=5)
CLOSES = NOON + 72 * HOUR
STEPS = ["Export the customer's data", "Return the hardware tokens"]

# The rules alone

FACTS = Facts(Status.SUBSCRIBED, NOON, NOON + 30 * DAY, None, "P1Y", "monthly")
RULES = Rules(within=72 * HOUR, by_agreement=False, multi_year_locked=True)


@pytest.mark.parametrize("at", [NOON, LATE, NOON + 31 * DAY])
@pytest.mark.parametrize("term", Term)
def test_before_activation_it_is_always_free(at, term):
    terms = verdict(replace(FACTS, status=Status.PENDING, term=term), replace(RULES, steps=("One",)), at)

    assert terms == CancelTerms(How.BEFORE_ACTIVATION, Refund.NOTHING_CHARGED, NOON + 30 * DAY, None, ("One",))
    assert terms.is_free


def test_a_trial_can_be_cancelled_until_it_ends_and_longer_inside_the_window():
    trial = replace(FACTS, trial_ends=date(2026, 12, 23), term="P3Y")
    ends = datetime(2026, 12, 23, tzinfo=UTC)

    assert verdict(trial, RULES, NOON) == CancelTerms(How.IN_TRIAL, Refund.FULL, ends, CLOSES)
    assert verdict(trial, RULES, ends - SECOND) == CancelTerms(How.IN_TRIAL, Refund.NONE, ends, CLOSES)
    assert verdict(trial, RULES, ends).how == How.LOCKED
    short = replace(FACTS, trial_ends=date(2026, 11, 24))
    assert verdict(short, RULES, NOON).until == CLOSES
    assert verdict(short, RULES, NOON + DAY) == CancelTerms(How.IN_WINDOW, Refund.FULL, CLOSES, CLOSES)


@pytest.mark.parametrize("status", [Status.SUBSCRIBED, Status.SUSPENDED])
def test_inside_the_window_everything_is_refunded(status):
    terms = verdict(replace(FACTS, status=status), RULES, CLOSES - SECOND)

    assert (terms.how, terms.refund_until, terms.is_free) == (How.IN_WINDOW, CLOSES, True)


@pytest.mark.parametrize("by_agreement", [True, False])
@pytest.mark.parametrize("locked", [True, False])
@pytest.mark.parametrize("cycle", BillingCycle)
@pytest.mark.parametrize("term", Term)
def test_after_the_window_the_policies_decide(term, cycle, locked, by_agreement):
    rules = Rules(72 * HOUR, by_agreement, locked)
    terms = verdict(replace(FACTS, term=term, billing_cycle=cycle), rules, CLOSES)

    if locked and term in ("P2Y", "P3Y") and cycle != "one_time":
        how = How.LOCKED
    else:
        how = How.BY_AGREEMENT if by_agreement else How.AT_TERM_END
    assert terms == CancelTerms(how, Refund.NONE, None, CLOSES)
    assert (terms.is_free, terms.is_possible) == (False, how == How.BY_AGREEMENT)


def test_what_ended_is_not_cancelled():
    assert not verdict(replace(FACTS, status=Status.UNSUBSCRIBED), RULES, NOON).is_possible


@pytest.mark.parametrize(
    ("window", "words"),
    [(HOUR, "1-hour"), (DAY, "24-hour"), (3 * DAY, "72-hour"), (7 * DAY, "7-day"), (14 * DAY, "14-day")],
)
def test_a_window_is_named_in_hours_or_days(window, words):
    assert window_in_words(window) == words


# Through the service


@pytest.fixture
def nothing_held():
    Policy.objects.filter(name="undo_within").update(value="PT0S")


def policy(name: str, value: str, plan: Plan, **scope: str) -> None:
    Policy.objects.create(name=name, value=value, plan=plan, valid_from=LONG_AGO, **scope)


def by_agreement(**bought) -> Subscription:
    subscription = active(**bought)
    policy("cancel_after_window", "by_agreement", subscription.plan)
    return subscription


def state(subscription: Subscription) -> tuple:
    row = Subscription.objects.filter(pk=subscription.pk).values().get()
    return row, Event.objects.filter(stream_id=subscription.pk).count(), Charge.objects.count()


@pytest.mark.django_db
@pytest.mark.parametrize(("agreed", "left"), [(Refund.NONE, False), (Refund.FULL, True)])
def test_with_the_publishers_agreement_it_is_cancelled_and_the_agreement_kept(nothing_held, admin_agent, agreed, left):
    subscription = by_agreement()

    cancel(
        admin_agent,
        subscription.pk,
        reason="Moved away",
        version=None,
        at=LATE,
        agreement="Ticket 4711",
        agreed_refund=agreed,
    )
    deliver_due(LATE)

    subscription.refresh_from_db()
    assert subscription.status == Status.UNSUBSCRIBED
    told = Event.objects.get(name="subscription.cancelled").data
    assert (told["refund"], told["agreement"]) == (agreed.value, "Ticket 4711")
    assert Gate.objects.get(subscription=subscription, gate="not_cancelled").evidence["agreement"] == "Ticket 4711"
    amounts = list(Charge.objects.values_list("amount", flat=True))
    assert (sum(amounts) == 0, len(amounts)) == (left, 2 if left else 1)


@pytest.mark.django_db
def test_without_the_agreement_it_is_refused(admin_agent):
    subscription = by_agreement()
    before = state(subscription)

    with pytest.raises(AgreementMissing, match=subscription.publisher.name):
        cancel(admin_agent, subscription.pk, reason="", version=None, at=LATE)

    assert state(subscription) == before


@pytest.mark.django_db
def test_an_agreement_does_not_replace_the_refund_inside_the_window(nothing_held, admin_agent):
    subscription = by_agreement()

    cancel(admin_agent, subscription.pk, reason="", version=None, at=NOON + HOUR, agreement="Ticket 1")

    data = Event.objects.get(name="subscription.cancelled").data
    assert (data["refund"], "agreement" in data) == ("full", False)


@pytest.mark.django_db
@pytest.mark.parametrize("make", [buy, active])
def test_the_publishers_steps_come_first(nothing_held, admin_agent, make):
    subscription = make()
    policy("cancel_steps", "\n".join(STEPS), subscription.plan)
    before = state(subscription)

    with pytest.raises(CancelStepsOpen) as refusal:
        cancel(admin_agent, subscription.pk, reason="", version=None, at=NOON)

    assert all(step in str(refusal.value) for step in STEPS)
    assert state(subscription) == before
    cancel(admin_agent, subscription.pk, reason="", version=None, at=NOON, steps_done=True)
    assert Event.objects.get(name="subscription.cancelled").data["steps"] == STEPS


@pytest.mark.django_db
def test_the_rules_are_those_of_the_purchase_and_the_steps_those_of_today():
    subscription = active()
    for name, value in {
        "cancel_within": "P30D",
        "cancel_after_window": "by_agreement",
        "multi_year_locked": "no",
        "cancel_steps": "Export",
    }.items():
        Policy.objects.create(name=name, value=value, plan=subscription.plan, valid_from=NOON + SECOND)

    terms = cancel_terms(subscription, LATE)

    assert (terms.how, terms.window_ends, terms.steps) == (How.AT_TERM_END, CLOSES, ("Export",))


@pytest.mark.django_db
def test_a_trial_costs_nothing_to_cancel_and_programs_are_told_until_when(nothing_held, admin_agent):
    plan = PlanFactory(trial_days=30)
    bought = buy(term=PlanTermFactory(plan=plan, term=Term.P1Y))
    subscription = hear(bought, said(bought))
    deliver_due(NOON)

    shown = shown_to_programs(subscription, Reader.of(admin_agent, LATE))
    cancel(admin_agent, subscription.pk, reason="", version=None, at=LATE)
    deliver_due(LATE)

    assert (shown["cancellationAllowedUntilDate"], shown["refundOptions"]) == ("2026-12-23T00:00:00Z", [])
    assert "cancel" in shown["actions"]
    assert sum(Charge.objects.values_list("amount", flat=True)) == 0


# By program


@pytest.mark.django_db
@time_machine.travel(LATE, tick=False)
def test_a_program_gives_the_agreement_too():
    admin = Program(Role.ADMIN_AGENT)
    subscription = by_agreement()
    before = state(subscription)

    sentence = refused(admin.send("patch", path_of(subscription), {"status": "deleted"}), 400, 900213)
    assert "give the reference of its agreement" in sentence
    assert state(subscription) == before

    body = {"status": "deleted", "publisherAgreement": "Ticket 4711", "agreedRefund": "Full"}
    assert admin.send("patch", path_of(subscription), body).json()["status"] == "deleted"
    assert Event.objects.get(name="subscription.cancelled").data["refund"] == "full"


@pytest.mark.django_db
@time_machine.travel(NOON, tick=False)
def test_a_program_says_that_the_steps_are_done():
    admin = Program(Role.ADMIN_AGENT)
    subscription = active()
    policy("cancel_steps", "\n".join(STEPS), subscription.plan)
    before = state(subscription)

    response = admin.send("patch", path_of(subscription), {"status": "deleted"})
    assert response.json()["data"] == ["cancel_steps_open"]
    assert STEPS[1] in refused(response, 400, 800096)
    assert state(subscription) == before

    done = {"status": "deleted", "cancellationStepsDone": True}
    assert admin.send("patch", path_of(subscription), done).json()["status"] == "deleted"


@pytest.mark.django_db
@time_machine.travel(LATE, tick=False)
def test_a_program_is_told_that_a_long_plan_is_locked():
    subscription = active(term=PlanTermFactory(term=Term.P3Y, billing_cycle=BillingCycle.ANNUAL))
    before = state(subscription)

    response = Program(Role.ADMIN_AGENT).send("patch", path_of(subscription), {"status": "deleted"})

    assert response.json()["data"] == ["multi_year_locked"]
    assert refused(response, 400, 900213) == (
        "The 72-hour cancellation window closed on 2026-11-26 12:00 UTC. A 3-year plan with payments due is locked "
        "until its term ends on 2029-11-22."
    )
    assert state(subscription) == before


@pytest.mark.django_db
@pytest.mark.parametrize("role", [Role.SALES_AGENT, Role.OPS_AGENT, Role.PLATFORM_ADMIN])
def test_an_agreement_gives_nobody_else_the_right(role):
    subscription = by_agreement()
    before = state(subscription)

    body = {"status": "deleted", "publisherAgreement": "Ticket 4711"}
    refused(Program(role).send("patch", path_of(subscription), body), 403, 900150)

    assert state(subscription) == before
