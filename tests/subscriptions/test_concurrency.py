"""Two agents, two workers, one moment: what is bought, confirmed or charged happens once."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from django.core.management import call_command
from django.db import connection

from accounts.policy import SYSTEM
from billing.models import Charge
from billing.services.charging import charge_cycles
from billing.verification import verify
from partnerhub.errors import HubError
from partnerhub.outbox.delivery import deliver_due
from partnerhub.outbox.models import Event
from subscriptions.changes import Change
from subscriptions.enums import Acceptance, Status
from subscriptions.models import Order, Subscription
from subscriptions.services.carts import LineRequest, create_cart
from subscriptions.services.checkout import checkout_cart
from subscriptions.services.ending import cancel
from subscriptions.services.holding import hurry, release_due, undo
from subscriptions.services.quantity import change_quantity
from subscriptions.services.quoting import commit, quote
from subscriptions.services.renewal import renew_due
from subscriptions.services.settling import accept, refuse
from tests.factories.customers import CustomerFactory
from tests.factories.publishers import PlanTermFactory
from tests.factories.subscriptions import NOON, active, buy, hear, said

pytestmark = pytest.mark.django_db(transaction=True)

SECOND = timedelta(seconds=1)


def at_once(*acts: Callable[[], object]) -> list[object]:
    """Run the acts in threads that start together; a refusal is an outcome."""
    gate = Barrier(len(acts))

    def run(act: Callable[[], object]) -> object:
        gate.wait()
        try:
            return act()
        except HubError as refusal:
            return refusal
        finally:
            connection.close()

    with ThreadPoolExecutor(len(acts)) as pool:
        return [future.result() for future in [pool.submit(run, act) for act in acts]]


def test_one_cart_checked_out_by_two_is_one_order(sales_agent):
    customer, term = CustomerFactory(), PlanTermFactory()
    cart = create_cart(sales_agent, customer.pk, [LineRequest(term.catalog_item_id, 1)], attested=True, at=NOON)

    results = at_once(*[lambda: checkout_cart(sales_agent, customer.pk, cart.pk, at=NOON)] * 4)

    assert len({tuple(order.pk for order in result.orders) for result in results}) == 1
    assert (Order.objects.count(), Subscription.objects.count()) == (1, 1)


def test_two_carts_do_not_both_buy_what_is_sold_once(sales_agent):
    customer, term = CustomerFactory(), PlanTermFactory(plan__offer__one_per_customer=True)
    lines = [LineRequest(term.catalog_item_id, 1)]
    carts = [create_cart(sales_agent, customer.pk, lines, attested=True, at=NOON) for _ in range(3)]

    results = at_once(*[lambda cart=cart: checkout_cart(sales_agent, customer.pk, cart.pk, at=NOON) for cart in carts])

    assert sorted(len(result.orders) for result in results) == [0, 0, 1]
    assert Subscription.objects.count() == 1


def test_two_workers_that_heard_the_same_activate_and_charge_once():
    subscription = buy()
    answer = said(subscription)

    at_once(*[lambda: hear(subscription, answer)] * 3)
    at_once(*[lambda: deliver_due(NOON)] * 3)

    assert Event.objects.filter(name="subscription.activated").count() == 1
    assert Charge.objects.count() == 1
    assert verify().faults == []


def test_a_cancel_and_a_confirmation_at_the_same_moment_agree(admin_agent):
    for _ in range(10):
        subscription = buy()
        at_once(
            lambda: hear(subscription, said(subscription)),  # noqa: B023 - run before the loop goes on
            lambda: cancel(admin_agent, subscription.pk, reason="", version=None, at=NOON, hold=False),  # noqa: B023
        )
        at_once(*[lambda: deliver_due(NOON)] * 2)

        subscription.refresh_from_db()
        charged = sum(charge.amount for charge in Charge.objects.filter(subscription=subscription))
        assert (subscription.status, charged) == (Status.UNSUBSCRIBED, 0)
    assert verify().faults == []


def test_two_cancels_credit_once(admin_agent):
    subscription = active()

    outcomes = at_once(
        *[
            lambda: cancel(
                admin_agent, subscription.pk, reason="", version=None, at=NOON + timedelta(hours=1), hold=False
            )
        ]
        * 2
    )
    deliver_due(NOON + timedelta(hours=1))

    assert sorted(getattr(outcome, "code", "done") for outcome in outcomes) == ["done", "subscription_ended"]
    charged, *credited = [charge.amount for charge in Charge.objects.order_by("sequence")]
    assert credited == [-charged]
    call_command("verify_ledger")


def test_one_quote_is_committed_once(admin_agent):
    subscription, change = active(quantity=10), Change(quantity=12)
    row, _shown = quote(admin_agent, subscription.pk, change, at=NOON)

    results = at_once(*[lambda: commit(admin_agent, subscription.pk, row.pk, change, at=NOON + SECOND)] * 3)

    assert sorted(type(result).__name__ for result in results) == ["QuoteUsed", "QuoteUsed", "Subscription"]
    assert subscription.operations.count() == 1


def test_a_held_change_is_either_undone_or_let_go(admin_agent):
    subscription = active(quantity=10)
    cancel(admin_agent, subscription.pk, reason="x", version=None, at=NOON)
    operation, over = subscription.operations.get(), NOON + timedelta(seconds=60)

    at_once(
        lambda: undo(admin_agent, subscription.pk, operation.pk, at=over - SECOND),
        lambda: release_due(SYSTEM, at=over),
        lambda: hurry(admin_agent, subscription.pk, operation.pk, at=over - SECOND),
        lambda: release_due(SYSTEM, at=over),
    )
    deliver_due(over)

    operation.refresh_from_db()
    names = Event.objects.filter(stream_id=subscription.pk).values_list("name", flat=True)
    ended = Subscription.objects.get().status == Status.UNSUBSCRIBED
    assert ended == (operation.status != "withdrawn")
    assert names.filter(name__in=["subscription.cancelled", "subscription.change_undone"]).count() == 1
    assert Charge.objects.filter(reverses__isnull=False).count() == ended
    assert verify().faults == []


def test_a_word_that_comes_twice_has_one_effect_and_the_term_is_renewed_once(admin_agent):
    subscription = active(quantity=10)
    change_quantity(admin_agent, subscription.pk, quantity=12, version=None, at=NOON)
    operation, term_over = subscription.operations.get(), NOON + timedelta(days=30)

    at_once(
        lambda: accept(SYSTEM, operation.pk, how=Acceptance.PUBLISHER, at=term_over),
        lambda: accept(SYSTEM, operation.pk, how=Acceptance.SILENCE, at=term_over),
        lambda: refuse(SYSTEM, operation.pk, why="no", at=term_over),
        lambda: renew_due(SYSTEM, at=term_over),
        lambda: deliver_due(term_over),
        lambda: charge_cycles(SYSTEM, at=term_over),
    )
    renew_due(SYSTEM, at=term_over)
    deliver_due(term_over)

    operation.refresh_from_db()
    names = Event.objects.filter(stream_id=subscription.pk).values_list("name", flat=True)
    assert names.filter(name__in=["subscription.quantity_changed", "operation.refused"]).count() == 1
    assert names.filter(name="subscription.renewed").count() == 1
    assert Subscription.objects.get().quantity == (12 if operation.status == "succeeded" else 10)
    assert Charge.objects.filter(charge_type="renew").count() == 1
    assert verify().faults == []
