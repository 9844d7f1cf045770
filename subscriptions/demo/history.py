"""Replaying the demo's past through the services, each act at its own moment."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from uuid import uuid4

from accounts.policy import SYSTEM, Actor
from customers.models import Customer
from partnerhub.outbox.delivery import deliver_due
from publishers.demo.personalities import QUESTION, REASON, some_of
from publishers.fulfillment.gateway import Answer, Outcome, Said
from publishers.models import Adapter, PlanTerm, Pricing
from subscriptions.demo.ladder import climb_until
from subscriptions.demo.purchases import Purchase, Story
from subscriptions.models import Subscription
from subscriptions.services.carts import LineRequest, create_cart
from subscriptions.services.checkout import checkout_cart
from subscriptions.services.confirmation import activate, apply_answer
from subscriptions.services.ending import cancel, void_overdue
from subscriptions.services.suspension import suspend

SUSPENDED_AFTER = timedelta(days=9)


def replay(
    purchases: Sequence[Purchase], customers: Sequence[Customer], *, sales: Actor, admin: Actor, at: datetime
) -> list[tuple[Story, Subscription]]:
    """Buy everything as `sales` and let its story happen, in the order of the purchases; `at` is the present."""
    terms = _terms()
    told = []
    for purchase in purchases:
        bought_at = at - purchase.ago
        key = (purchase.offer, purchase.plan, purchase.term, purchase.cycle)
        subscription = _buy(sales, customers[purchase.customer], terms[key], purchase, bought_at)
        climb_until(subscription, min(bought_at + purchase.after, at))
        _tell(purchase, subscription, admin, bought_at + purchase.after)
        climb_until(subscription, at)
        told.append((purchase.story, subscription))
    return told


def _terms() -> Mapping[tuple[str, str, str, str], PlanTerm]:
    terms = PlanTerm.objects.select_related("plan__offer__publisher__client")
    return {(term.plan.offer.offer_id, term.plan.plan_id, term.term, term.billing_cycle): term for term in terms}


def _buy(sales: Actor, customer: Customer, term: PlanTerm, purchase: Purchase, at: datetime) -> Subscription:
    line = LineRequest(
        term.catalog_item_id,
        purchase.quantity,
        nickname=purchase.nickname,
        partner_id=customer.reseller_id or "",
        auto_renew=purchase.auto_renew,
    )
    cart = create_cart(sales, customer.pk, [line], attested=True, at=at)
    result = checkout_cart(sales, customer.pk, cart.pk, at=at)
    if result.errors:
        raise RuntimeError(f"the demo's purchase of {purchase.offer} was refused: {result.errors[0].sentence}")
    bought = Subscription.objects.select_related("publisher__client", "plan", "offer", "customer")
    return bought.get(order_line__order=result.orders[0])


def _tell(purchase: Purchase, subscription: Subscription, admin: Actor, at: datetime) -> None:
    match purchase.story:
        case Story.FRESH:
            return
        case Story.CONFIRMED:
            _confirm(subscription, at)
        case Story.REFUNDED:
            _confirm(subscription, at)
            at += timedelta(hours=30)
            cancel(
                admin, subscription.pk, reason="The customer chose another product.", version=None, at=at, hold=False
            )
        case Story.SUSPENDED:
            _confirm(subscription, at)
            suspend(admin, subscription.pk, reason="The invoice was not paid.", version=None, at=at + SUSPENDED_AFTER)
        case Story.WITHDRAWN:
            cancel(admin, subscription.pk, reason="Ordered twice by mistake.", version=None, at=at, hold=False)
        case Story.FORGOTTEN:
            void_overdue(SYSTEM, at=at)
        case Story.PARTIAL:
            _hear(subscription, _said(subscription, "Subscribed", assigned=some_of(subscription.quantity)), at)
        case Story.ASKED:
            _hear(subscription, _said(subscription, "PendingFulfillmentStart", assigned=0, message=QUESTION), at)
        case Story.REFUSED:
            _hear(subscription, _said(subscription, "Unsubscribed", assigned=0, message=REASON), at)
    deliver_due(at)


def _confirm(subscription: Subscription, at: datetime) -> None:
    """As the publisher's adapter has it: by its answer, by its call, or licences by one and set-up by the other."""
    adapter = subscription.publisher.adapter
    if adapter != Adapter.PUSH:
        _hear(subscription, _said(subscription, "Subscribed", assigned=subscription.quantity), at)
    if adapter != Adapter.POLL:
        caller = subscription.publisher.client.actor()
        plan_id, quantity = subscription.plan.plan_id, subscription.quantity
        activate(caller, subscription.pk, plan_id=plan_id, quantity=quantity, call_id=str(uuid4()), at=at)


def _said(subscription: Subscription, status: str, *, assigned: int, message: str = "") -> Said:
    per_seat = subscription.plan.pricing == Pricing.PER_USER
    return Said(
        status=status,
        plan_id=subscription.plan.plan_id,
        quantity=subscription.quantity if per_seat else None,
        assigned_quantity=assigned if per_seat else None,
        message=message,
    )


def _hear(subscription: Subscription, said: Said, at: datetime) -> None:
    answer = Answer(Outcome.ANSWERED, said, evidence={"http_status": "200"})
    apply_answer(SYSTEM, subscription.pk, answer, poll_id=uuid4(), at=at)
