from datetime import UTC, datetime
from uuid import uuid4

from accounts.policy import SYSTEM, Actor, Role
from partnerhub.outbox.delivery import deliver_due
from publishers.fulfillment.gateway import Answer, Outcome, Said
from subscriptions.models import Subscription
from subscriptions.services.carts import LineRequest, create_cart
from subscriptions.services.checkout import checkout_cart
from subscriptions.services.confirmation import apply_answer
from tests.factories.accounts import actor
from tests.factories.customers import CustomerFactory
from tests.factories.publishers import PlanTermFactory

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def buy(*, by: Actor | None = None, customer=None, term=None, quantity: int = 7, at: datetime = NOON, **line):
    """A pending subscription, bought through the services as a sales agent would."""
    by = by or actor(Role.SALES_AGENT)
    customer = customer or CustomerFactory()
    term = term or PlanTermFactory()
    wanted = LineRequest(term.catalog_item_id, quantity, **line)
    cart = create_cart(by, customer.pk, [wanted], attested=True, at=at)
    result = checkout_cart(by, customer.pk, cart.pk, at=at)
    assert result.errors == []
    return Subscription.objects.get(order_line__order=result.orders[0])


def said(subscription: Subscription, status: str = "Subscribed", **different) -> Answer:
    """A publisher's answer about a subscription; by default what was bought."""
    statement = {"plan_id": subscription.plan.plan_id, "quantity": subscription.quantity} | different
    return Answer(Outcome.ANSWERED, Said(status=status, **statement))


def hear(subscription: Subscription, answer: Answer, at: datetime = NOON) -> Subscription:
    """Apply an answer as the poller would; returns the fresh subscription."""
    apply_answer(SYSTEM, subscription.pk, answer, poll_id=uuid4(), at=at)
    return Subscription.objects.get(pk=subscription.pk)


def active(at: datetime = NOON, **bought) -> Subscription:
    """An active subscription with its first charge delivered to the ledger."""
    subscription = buy(at=at, **bought)
    subscription = hear(subscription, said(subscription), at=at)
    deliver_due(at)
    return subscription
