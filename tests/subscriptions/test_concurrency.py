"""Two agents, two workers, one moment: what is bought, confirmed or charged happens once."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from django.core.management import call_command
from django.db import connection

from billing.models import Charge
from billing.verification import verify
from partnerhub.errors import HubError
from partnerhub.outbox.delivery import deliver_due
from partnerhub.outbox.models import Event
from subscriptions.enums import Status
from subscriptions.models import Order, Subscription
from subscriptions.services.carts import LineRequest, create_cart
from subscriptions.services.checkout import checkout_cart
from subscriptions.services.ending import cancel
from tests.factories.customers import CustomerFactory
from tests.factories.publishers import PlanTermFactory
from tests.factories.subscriptions import NOON, active, buy, hear, said

pytestmark = pytest.mark.django_db(transaction=True)


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
