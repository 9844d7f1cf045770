"""The one suite that every regime passes: to the second, for each term, over clock changes and leap days."""

from datetime import UTC, datetime, timedelta

import pytest

from accounts.policy import OPERATOR
from billing.models import Charge
from partnerhub.errors import AgreementMissing, CancellationWindowClosed, MultiYearLocked
from partnerhub.outbox.delivery import deliver_due
from partnerhub.outbox.models import Event
from publishers.models import BillingCycle, Policy, Term
from publishers.services.policies import apply_policy_pack
from subscriptions.api.shapes import Reader
from subscriptions.api.shapes import subscription as shown_to_programs
from subscriptions.cancellation import How, Refund
from subscriptions.enums import Status
from subscriptions.models import Operation, Subscription
from subscriptions.services.ending import cancel, cancel_terms
from tests.factories.publishers import PlanTermFactory
from tests.factories.subscriptions import active

pytestmark = pytest.mark.django_db

HOUR, DAY, SECOND = timedelta(hours=1), timedelta(days=1), timedelta(seconds=1)
LONG = (Term.P1Y, Term.P2Y, Term.P3Y)
# By pack: how long each term can be cancelled and reduced, counted in hours that pass, not in days of a calendar.
WINDOWS = {
    "24h-14d": {Term.P1M: (24 * HOUR, 24 * HOUR), **dict.fromkeys(LONG, (14 * DAY, 14 * DAY))},
    "72h": dict.fromkeys(Term, (72 * HOUR, 7 * DAY)),
    "7d": dict.fromkeys(Term, (7 * DAY, 7 * DAY)),
}
LATER = {"24h-14d": How.AT_TERM_END, "72h": How.BY_AGREEMENT, "7d": How.AT_TERM_END}
REFUSALS = {
    How.AT_TERM_END: CancellationWindowClosed,
    How.BY_AGREEMENT: AgreementMissing,
    How.LOCKED: MultiYearLocked,
}
# Purchases just before: nothing special, clocks go forward, clocks go back, a leap day, a year's end, a month's end.
PURCHASES = [
    datetime(2026, 11, 23, 12, 0, tzinfo=UTC),
    datetime(2027, 3, 28, 0, 59, 59, tzinfo=UTC),
    datetime(2026, 10, 25, 0, 30, tzinfo=UTC),
    datetime(2028, 2, 28, 23, 59, 59, tzinfo=UTC),
    datetime(2026, 12, 31, 23, 0, tzinfo=UTC),
    datetime(2027, 1, 31, 6, 15, tzinfo=UTC),
]
EVERY_REGIME = [(pack, term) for pack in WINDOWS for term in Term]


def bought(pack: str, term: Term, at: datetime, cycle: BillingCycle = BillingCycle.MONTHLY) -> Subscription:
    """An active subscription bought at a moment under a pack, hub-wide; nothing is held for undoing."""
    starts = at - 30 * DAY
    Policy.objects.filter(name="undo_within").update(value="PT0S")
    apply_policy_pack(OPERATOR, pack, starts=starts, at=starts)
    return active(at=at, term=PlanTermFactory(term=term, billing_cycle=cycle))


def after_window(pack: str, term: Term) -> How:
    return How.LOCKED if term in (Term.P2Y, Term.P3Y) else LATER[pack]


@pytest.mark.parametrize("at", PURCHASES, ids=str)
@pytest.mark.parametrize(("pack", "term"), EVERY_REGIME)
def test_the_window_ends_to_the_second(pack, term, at, admin_agent):
    subscription = bought(pack, term, at)
    cancelling, reducing = WINDOWS[pack][term]
    inside = cancel_terms(subscription, at + cancelling - SECOND)
    outside = cancel_terms(subscription, at + cancelling)

    assert (inside.how, inside.refund, inside.until) == (How.IN_WINDOW, Refund.FULL, at + cancelling)
    assert (outside.how, outside.refund, outside.until) == (after_window(pack, term), Refund.NONE, None)
    assert [tranche.reducible_until for tranche in subscription.tranches.all()] == [at + reducing]


@pytest.mark.parametrize("at", PURCHASES[:2], ids=str)
@pytest.mark.parametrize(("pack", "term"), EVERY_REGIME)
def test_a_second_before_the_end_everything_is_refunded(pack, term, at, admin_agent):
    subscription = bought(pack, term, at)
    last = at + WINDOWS[pack][term][0] - SECOND

    cancel(admin_agent, subscription.pk, reason="Too many", version=None, at=last)
    deliver_due(last)

    subscription.refresh_from_db()
    assert subscription.status == Status.UNSUBSCRIBED
    charged, credited = Charge.objects.order_by("sequence").values_list("amount", flat=True)
    assert charged + credited == 0
    assert charged > 0


@pytest.mark.parametrize(("pack", "term"), EVERY_REGIME)
def test_at_the_end_a_cancel_is_refused_and_changes_nothing(pack, term, admin_agent):
    at = PURCHASES[0]
    subscription = bought(pack, term, at)
    before = Subscription.objects.filter(pk=subscription.pk).values().get()
    events = Event.objects.count()

    with pytest.raises(CancellationWindowClosed) as refusal:
        cancel(admin_agent, subscription.pk, reason="Late", version=None, at=at + WINDOWS[pack][term][0])

    assert type(refusal.value) is REFUSALS[after_window(pack, term)]
    assert Subscription.objects.filter(pk=subscription.pk).values().get() == before
    assert (Event.objects.count(), Operation.objects.count(), Charge.objects.count()) == (events, 0, 1)


@pytest.mark.parametrize(("pack", "term"), EVERY_REGIME)
def test_programs_are_told_the_same_window(pack, term, admin_agent):
    at = PURCHASES[0]
    bought(pack, term, at)
    subscription = Subscription.objects.get()
    closes = at + WINDOWS[pack][term][0]

    inside = shown_to_programs(subscription, Reader.of(admin_agent, closes - SECOND))
    outside = shown_to_programs(subscription, Reader.of(admin_agent, closes))

    written = f"{closes:%Y-%m-%dT%H:%M:%SZ}"
    assert inside["cancellationAllowedUntilDate"] == written
    assert inside["refundOptions"] == [{"type": "Full", "expiresAt": written}]
    assert "cancel" in inside["actions"]
    assert (outside["cancellationAllowedUntilDate"], outside["refundOptions"]) == (None, [])
    assert "cancel" not in outside["actions"]


@pytest.mark.parametrize("pack", WINDOWS)
@pytest.mark.parametrize("term", [Term.P2Y, Term.P3Y])
def test_a_long_plan_paid_at_once_is_not_locked(pack, term):
    subscription = bought(pack, term, PURCHASES[0], BillingCycle.ONE_TIME)

    assert cancel_terms(subscription, PURCHASES[0] + 15 * DAY).how == LATER[pack]


@pytest.mark.parametrize("pack", WINDOWS)
def test_what_was_bought_keeps_the_window_of_its_day(pack):
    at = PURCHASES[0]
    subscription = active(at=at, term=PlanTermFactory(term=Term.P1Y))

    apply_policy_pack(OPERATOR, pack, at=at + SECOND)

    terms = cancel_terms(subscription, at + 72 * HOUR)
    assert (terms.how, terms.window_ends) == (How.AT_TERM_END, at + 72 * HOUR)
