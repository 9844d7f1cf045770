"""The free days are those after the activation: a term that is renewed has none (rule 65)."""

from datetime import UTC, date, datetime, timedelta

import pytest

from accounts.policy import SYSTEM, Role
from billing.models import Account
from partnerhub.errors import TermFixed, TrialTermFixed
from publishers.models import PlanTerm
from subscriptions.api.shapes import Reader
from subscriptions.marketplace import whole
from subscriptions.models import Subscription
from subscriptions.services.ending import cancel_terms
from subscriptions.services.plans import check_fits_term
from subscriptions.services.renewal import renew
from subscriptions.terms import in_trial, trial_end
from subscriptions.views.gates import gate_steps
from subscriptions.views.rows import billed_from
from tests.factories.accounts import actor
from tests.factories.billing import to_plan
from tests.factories.publishers import PlanFactory, PlanTermFactory
from tests.factories.subscriptions import NOON, active

LATE_IN_JANUARY = datetime(2027, 1, 31, 23, 30, tzinfo=UTC)


def test_the_free_days_are_whole_utc_days_from_the_activation():
    assert trial_end(14, LATE_IN_JANUARY) == date(2027, 2, 14)
    assert trial_end(0, LATE_IN_JANUARY) is None
    assert trial_end(14, None) is None
    last_free_moment = datetime(2027, 2, 13, 23, 59, 59, tzinfo=UTC)
    assert in_trial(14, LATE_IN_JANUARY, last_free_moment)
    assert not in_trial(14, LATE_IN_JANUARY, last_free_moment + timedelta(seconds=1))
    assert in_trial(14, None, NOON)
    assert not in_trial(0, None, NOON)


@pytest.mark.django_db
def test_a_renewed_term_is_no_trial_at_any_door():
    subscription = active(term=PlanTermFactory(plan__trial_days=14))
    yearly = PlanTermFactory(plan=subscription.plan, term="P1Y")
    during = NOON + timedelta(days=13)
    assert billed_from(subscription) == date(2026, 12, 7)
    proof = gate_steps(subscription, actor(Role.ADMIN_AGENT))[-1].evidence
    assert proof == "The term started with a free trial; the first paid day is 7 Dec 2026."
    with pytest.raises(TrialTermFixed):
        check_fits_term(subscription, yearly, during)

    renew(SYSTEM, subscription.pk, at=datetime(2026, 12, 23, tzinfo=UTC))

    renewed = Subscription.objects.get(pk=subscription.pk)
    after = datetime(2026, 12, 24, 12, tzinfo=UTC)
    admin = actor(Role.ADMIN_AGENT)
    reader = Reader.of(admin, after)
    assert renewed.term_start == date(2026, 12, 23)
    assert not reader.is_trial(renewed)
    assert reader.cycle_ends(renewed) == date(2027, 1, 23)
    assert not whole(renewed, after)["isFreeTrial"]
    assert cancel_terms(renewed, after).how != "in_trial"
    assert billed_from(renewed) == date(2026, 12, 23)
    assert gate_steps(renewed, admin)[-1].evidence == proof
    with pytest.raises(TermFixed):
        check_fits_term(renewed, yearly, after)


def other_plan(subscription: Subscription, trial_days: int) -> PlanTerm:
    plan = PlanFactory(offer=subscription.offer, sku_id="0002", trial_days=trial_days)
    return PlanTermFactory(plan=plan, amounts={"EUR": "20.00"})


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("ordered", "following", "free_until"), [(0, 30, None), (14, 30, 7), (14, 7, 7), (14, 0, None)]
)
def test_another_plan_adds_no_free_day(ordered, following, free_until):
    subscription = active(term=PlanTermFactory(plan__trial_days=ordered))
    changed = to_plan(subscription, other_plan(subscription, following), NOON + timedelta(hours=1))

    first_paid = date(2026, 12, free_until) if free_until else None
    assert trial_end(changed.trial_days, changed.activated_at) == first_paid
    account = Account.objects.get(pk=subscription.pk)
    assert account.paid_from == (first_paid or NOON.date())
    late = NOON + timedelta(days=14, hours=1)
    assert cancel_terms(changed, late).how == "at_term_end"
    assert not whole(changed, late)["isFreeTrial"]
    assert not Reader.of(actor(Role.ADMIN_AGENT), late).is_trial(changed)
