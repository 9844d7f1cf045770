"""The database refuses every way to bill early or to rewrite the ledger, even SQL by hand."""

import threading
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import Error, connection, transaction

from billing.models import Charge
from publishers.models import Policy
from subscriptions.models import BillingStart, Gate, Subscription
from tests.factories.publishers import restore_default_policies
from tests.factories.subscriptions import NOON, active, buy, hear, said

pytestmark = pytest.mark.django_db


def refused(sql: str, *parameters: object) -> str:
    """Run a statement that must fail, checks at commit included; returns what the database said."""
    with pytest.raises(Error) as refusal:
        _run(sql, parameters)
    return str(refusal.value)


@transaction.atomic
def _run(sql: str, parameters: tuple[object, ...]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


COPY = """
INSERT INTO billing_charge (
    id, sequence, subscription_id, confirmed_at, period_start, period_end, recorded_at, charge_type, cause_id,
    confirmation_id, customer_id, quantity, price_id, unit_price, effective_unit_price, amount, currency, rounding,
    reseller_partner_id, previous_hash, hash)
SELECT
    gen_random_uuid(), sequence + 1, coalesce(%s, subscription_id), coalesce(%s, confirmed_at),
    coalesce(%s, period_end), period_end + 31, coalesce(%s, recorded_at + interval '31 days'), charge_type,
    (SELECT id FROM outbox_event WHERE name = 'subscription.ordered' LIMIT 1),
    confirmation_id, customer_id, quantity, price_id, unit_price, effective_unit_price, amount, currency, rounding,
    reseller_partner_id, previous_hash, hash
FROM billing_charge"""


def test_a_charge_recorded_before_its_confirmation_is_refused():
    active()
    assert "charge_not_before_confirmation" in refused(COPY, None, None, None, NOON - timedelta(seconds=1))
    assert Charge.objects.count() == 1


def test_a_period_that_begins_before_the_confirmation_is_refused():
    active()
    assert "charge_period_not_before_confirmation" in refused(COPY, None, None, (NOON - timedelta(days=1)).date(), None)
    assert Charge.objects.count() == 1


def test_a_charge_with_an_invented_moment_of_confirmation_is_refused():
    active()
    assert "charge_references_its_confirmation" in refused(COPY, None, NOON - timedelta(days=2), None, None)


def test_a_charge_for_a_subscription_without_confirmation_is_refused():
    active()
    pending = buy()
    assert "charge_references_its_confirmation" in refused(COPY, pending.pk, None, None, None)


def test_a_charge_without_any_confirmation_is_refused():
    active()
    head, _, tail = COPY.rpartition("confirmation_id")
    without = f"{head}NULL{tail}"
    assert 'null value in column "confirmation_id"' in refused(without, None, None, None, None)


@pytest.mark.parametrize("statement", ["UPDATE billing_charge SET amount = 0", "DELETE FROM billing_charge"])
def test_the_ledger_is_append_only(statement):
    active()
    assert "Cannot" in refused(statement)


@pytest.mark.parametrize("statement", ["UPDATE outbox_event SET name = 'x'", "DELETE FROM outbox_event"])
def test_the_event_log_is_append_only(statement):
    active()
    assert "Cannot" in refused(statement)


START = """
INSERT INTO subscriptions_billingstart
    (id, subscription_id, licenses_assigned_at, configuration_confirmed_at, starts_at, recorded_at)
VALUES (%s, %s, %s, %s, %s, %s)"""


def test_a_billing_start_without_satisfied_gates_is_refused():
    pending = buy()
    assert "billing_start_licenses_assigned" in refused(START, uuid4(), pending.pk, NOON, NOON, NOON, NOON)
    hear(pending, said(pending, "PendingFulfillmentStart"))
    assert "billing_start_configuration_confirmed" in refused(START, uuid4(), pending.pk, NOON, NOON, NOON, NOON)
    assert BillingStart.objects.count() == 0


def test_a_billing_start_before_the_later_confirmation_is_refused():
    pending = buy()
    later = NOON + timedelta(hours=1)
    assert "billing_starts_at_the_later_confirmation" in refused(START, uuid4(), pending.pk, NOON, later, NOON, later)


def test_a_billing_start_recorded_before_it_happened_is_refused():
    pending = buy()
    early = NOON - timedelta(seconds=1)
    assert "billing_start_recorded_after_it" in refused(START, uuid4(), pending.pk, NOON, NOON, NOON, early)


def test_an_activation_without_a_billing_start_is_refused():
    pending = buy()
    assert "subscription_activated_by_its_confirmation" in refused(
        "UPDATE subscriptions_subscription SET status = 'subscribed', activated_at = %s, term_start = %s, "
        "term_end = %s WHERE id = %s",
        NOON,
        NOON.date(),
        NOON.date() + timedelta(days=30),
        pending.pk,
    )
    assert Subscription.objects.get().activated_at is None


def test_a_status_of_subscribed_without_activation_is_refused():
    pending = buy()
    assert "subscription_active_only_when_activated" in refused(
        "UPDATE subscriptions_subscription SET status = 'subscribed' WHERE id = %s", pending.pk
    )


def test_a_gate_is_not_satisfied_without_evidence_nor_taken_back_after_the_start():
    pending = buy()
    assert "gate_satisfied_by_evidence" in refused(
        "UPDATE subscriptions_gate SET state = 'satisfied', satisfied_at = now() "
        "WHERE gate = 'licenses_assigned' AND subscription_id = %s",
        pending.pk,
    )
    started = active()
    assert "billing_start_licenses_assigned" in refused(
        "UPDATE subscriptions_gate SET state = 'pending', satisfied_at = NULL "
        "WHERE gate = 'licenses_assigned' AND subscription_id = %s",
        started.pk,
    )
    assert Gate.objects.filter(subscription=started, state="satisfied").count() == 4


def test_seats_always_add_up_to_the_quantity():
    subscription = buy(quantity=7)
    assert "tranches_sum_to_quantity" in refused(
        "UPDATE subscriptions_subscription SET quantity = 8 WHERE id = %s", subscription.pk
    )
    assert "tranches_sum_to_quantity" in refused(
        "INSERT INTO subscriptions_seattranche (subscription_id, quantity, cause, opened_at, reducible_until) "
        "VALUES (%s, 1, 'increase', now(), now())",
        subscription.pk,
    )


def test_a_second_first_charge_is_refused():
    active()
    same_period = COPY.replace("coalesce(%s, period_end)", "coalesce(%s, period_start)")
    assert "charge_period_once" in refused(same_period, None, None, None, None)


CREDIT = """
INSERT INTO billing_charge (
    id, sequence, subscription_id, confirmed_at, period_start, period_end, recorded_at, charge_type, cause_id,
    confirmation_id, customer_id, quantity, price_id, unit_price, effective_unit_price, amount, currency, rounding,
    reseller_partner_id, previous_hash, hash, reverses_id, billing_days, cycle_days)
SELECT
    gen_random_uuid(), sequence + coalesce(%s, 1), coalesce(%s, subscription_id), confirmed_at,
    coalesce(%s, period_start), period_end, recorded_at, 'removeQuantity', cause_id,
    confirmation_id, customer_id, quantity, price_id, unit_price, effective_unit_price, coalesce(%s, -amount),
    coalesce(%s, currency), rounding, reseller_partner_id, previous_hash, hash, id, coalesce(%s, 30), 30
FROM billing_charge WHERE sequence = 1"""


def credit(**different: object) -> tuple[object, ...]:
    names = ("sequence", "subscription", "period_start", "amount", "currency", "billing_days")
    return tuple(different.get(name) for name in names)


def test_a_credit_beyond_its_charge_is_refused():
    active(quantity=7)
    assert "charge_credit_within_its_charge" in refused(CREDIT, *credit(amount="-70.57"))
    assert Charge.objects.count() == 1


def test_credits_together_beyond_their_charge_are_refused():
    active(quantity=7)
    _run(CREDIT, credit(amount="-70.00"))
    later = (NOON + timedelta(days=1)).date()
    again = credit(sequence=2, amount="-0.57", period_start=later)
    assert "charge_period_has_begun" in refused(CREDIT, *again)
    assert "charge_credit_within_its_charge" in refused(
        CREDIT.replace("'removeQuantity'", "'convert'"), *again[:2], None, *again[3:]
    )
    assert Charge.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_two_credits_at_one_moment_do_not_credit_twice():
    restore_default_policies()
    active(quantity=7)
    outcomes: list[str] = []
    both = threading.Barrier(2)

    def work(sequence: int, charge_type: str) -> None:
        both.wait()
        try:
            _run(CREDIT.replace("'removeQuantity'", f"'{charge_type}'"), credit(sequence=sequence))
            outcomes.append("credited")
        except Error as error:
            outcomes.append("charge_credit_within_its_charge" if "within_its" in str(error) else str(error))
        connection.close()

    workers = [threading.Thread(target=work, args=given) for given in ((1, "removeQuantity"), (2, "convert"))]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    assert sorted(outcomes) == ["charge_credit_within_its_charge", "credited"]
    assert sum(charge.amount for charge in Charge.objects.all()) == 0


def test_a_credit_in_another_currency_or_for_another_subscription_is_refused():
    active(quantity=7)
    assert "charge_credit_within_its_charge" in refused(CREDIT, *credit(currency="USD"))
    other = active()
    assert "charge_" in refused(
        CREDIT + f" AND subscription_id <> '{other.pk}'", *credit(subscription=other.pk, sequence=5)
    )
    assert Charge.objects.count() == 2


def test_a_credit_of_a_credit_or_for_other_days_is_refused():
    active(NOON, quantity=7)
    early = CREDIT.replace("period_end, recorded_at, 'removeQuantity'", "period_end + 1, recorded_at, 'removeQuantity'")
    assert "charge_credit_within_its_charge" in refused(early, *credit())
    _run(CREDIT, credit())
    of_credit = CREDIT.replace("WHERE sequence = 1", "WHERE sequence = 2")
    assert "charge_credit_within_its_charge" in refused(of_credit, *credit(amount="0"))


def test_a_negative_line_that_credits_nothing_is_refused():
    active(quantity=7)
    assert "charge_credits_only_what_was_charged" in refused(
        CREDIT.replace("hash, id, coalesce", "hash, NULL, coalesce"), *credit()
    )


@pytest.mark.parametrize("days", [0, 31])
def test_more_days_than_the_cycle_has_are_refused(days):
    active(quantity=7)
    assert "charge_days_within_cycle" in refused(CREDIT, *credit(billing_days=days))


def test_a_period_that_has_not_begun_is_not_charged():
    active()
    assert "charge_period_has_begun" in refused(COPY, None, None, (NOON + timedelta(days=40)).date(), NOON)


def test_no_day_is_left_without_a_hub_wide_policy():
    gap = "UPDATE publishers_policy SET valid_to = '2027-01-01' WHERE name = 'rounding'"
    follower = (
        "; INSERT INTO publishers_policy (id, name, value, term, valid_from) "
        "VALUES (gen_random_uuid(), 'rounding', 'unit', '', '{}')"
    )
    for cheat in (
        gap,
        gap + follower.format("2027-01-02"),
        "DELETE FROM publishers_policy WHERE name = 'rounding'",
        "UPDATE publishers_policy SET valid_from = '2021-01-01' WHERE name = 'rounding'",
    ):
        assert "hub_policy_without_gaps: rounding" in refused(cheat)
    _run(gap + follower.format("2027-01-01"), ())

    values = Policy.objects.filter(name="rounding").order_by("valid_from").values_list("value", flat=True)
    assert list(values) == ["line", "unit"]
