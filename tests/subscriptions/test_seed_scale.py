from collections import Counter
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.models import Count

from accounts.policy import SYSTEM, Role
from customers.models import Customer
from partnerhub.clock import now
from publishers.fulfillment.gateway import Answer, Outcome, Said
from publishers.models import PlanTerm, Publisher
from publishers.selectors import catalogue_for
from subscriptions.demo.scale_checks import BY_TRIGGER, SEEDED, Unsound, broken, prove_seeded
from subscriptions.enums import Status
from subscriptions.gates import blocker
from subscriptions.models import BillingStart, Order, PollSchedule, Ranking, Subscription
from subscriptions.selectors import subscriptions_visible_to
from subscriptions.services.confirmation import apply_answer
from subscriptions.terms import term_end
from tests.factories.accounts import actor
from tests.factories.subscriptions import NOON

pytestmark = pytest.mark.django_db


def seed(subscriptions: int = 200, customers: int = 20, publishers: int = 2) -> None:
    call_command("seed_scale", subscriptions=subscriptions, customers=customers, publishers=publishers, verbosity=0)


def test_the_rows_satisfy_every_constraint_and_tell_one_story(capsys):
    seed()

    assert broken() == {}
    assert capsys.readouterr().out == "200 subscriptions\n"
    assert (Customer.objects.count(), Publisher.objects.count(), PlanTerm.objects.count()) == (20, 2, 40)
    statuses = Counter(Subscription.objects.values_list("status", flat=True))
    assert statuses == {Status.SUBSCRIBED: 184, Status.PENDING: 10, Status.UNSUBSCRIBED: 6}
    assert BillingStart.objects.count() == 184
    assert PollSchedule.objects.count() == 10
    assert set(Order.objects.annotate(size=Count("lines")).values_list("size", flat=True)) == {2}
    bought = list(Subscription.objects.order_by("nickname").values_list("purchased_at", flat=True))
    assert bought != sorted(bought)
    for subscription in subscriptions_visible_to(actor(Role.ADMIN_AGENT)):
        assert subscription.currency == subscription.customer.currency
        assert subscription.offer_id == subscription.plan.offer_id
        assert subscription.plan_id == subscription.plan_term.plan_id
        assert (blocker(subscription.gates.all()) is None) == (subscription.status == Status.SUBSCRIBED)
        if subscription.term_start:
            assert subscription.term_end == term_end(subscription.term_start, subscription.plan_term.term)
            assert subscription.term_end > now().date()
        if subscription.status == Status.PENDING:
            assert subscription.activate_by > now() + timedelta(days=4)


def test_a_seeded_subscription_can_be_confirmed_like_any_other():
    seed()
    waiting = Subscription.objects.filter(status=Status.PENDING).select_related("plan").first()

    answer = Answer(Outcome.ANSWERED, Said("Subscribed", waiting.plan.plan_id, waiting.quantity))
    apply_answer(SYSTEM, waiting.pk, answer, poll_id=waiting.pk, at=now())

    waiting.refresh_from_db()
    assert waiting.status == Status.SUBSCRIBED


def test_everything_seeded_is_on_sale_and_a_second_run_adds_to_the_first():
    seed(subscriptions=10, customers=3, publishers=1)
    seed(subscriptions=10, customers=3, publishers=1)

    assert all(item.refusal is None for item in catalogue_for("PL", "PLN", now()))
    assert Subscription.objects.aggregate(Count("publisher", distinct=True)) == {"publisher__count": 2}


@pytest.mark.parametrize(
    ("statement", "rule"),
    [
        ("UPDATE subscriptions_subscription SET quantity = quantity + 1", "tranches_sum_to_quantity"),
        ("UPDATE subscriptions_nickname SET text = 'Other'", "nickname_kept"),
        (
            "UPDATE subscriptions_gate SET satisfied_at = satisfied_at - interval '1 second'",
            "10 rows break billing_start_configuration_confirmed",
        ),
        ("DELETE FROM subscriptions_order", "10 rows break subscriptions_orderl_order_id"),
    ],
)
def test_rows_written_past_keys_and_triggers_are_found(statement, rule):
    seed(subscriptions=10, customers=3, publishers=1)

    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(statement)

    with pytest.raises(Unsound, match=rule):
        prove_seeded()


def test_no_trigger_is_gone_past_that_is_not_made_good():
    """One that writes or refuses when rows are added has its question in BY_TRIGGER, or cannot concern seeded rows;
    what was ranked is ranked anew.
    """
    Ranking.objects.create(ranked_at=NOON, until=NOON + timedelta(hours=1))
    seed(subscriptions=10, customers=3, publishers=1)
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT DISTINCT regexp_replace(tgname, '^pgtrigger_(.*)_[0-9a-f]{5}$', '\\1') FROM pg_trigger
                WHERE NOT tgisinternal AND tgtype & 4 = 4 AND tgrelid = ANY(%s::regclass[])""",
            [list(SEEDED)],
        )
        added = {name for (name,) in cursor.fetchall()}

    assert added == {*BY_TRIGGER, "tranche_batch_not_overdrawn", "subscriptions_touched_insert"}
    assert Ranking.objects.get().until is None


@pytest.mark.parametrize("member", ["subscriptions", "customers", "publishers"])
def test_less_than_one_is_refused(member):
    with pytest.raises(CommandError, match=f"--{member} is 0: it must be at least 1."):
        seed(**{member: 0})

    assert not Customer.objects.exists()


def test_it_never_runs_in_production(settings):
    settings.IN_PRODUCTION = True

    with pytest.raises(CommandError):
        seed()

    assert not Customer.objects.exists()
