"""Purchases that wait for their publisher, added in sets: what a round of a measurement uses up."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import cycle, islice
from uuid import UUID

from django.db import transaction

from bench.stub import PLAN, QUANTITY
from customers.models import Customer
from publishers.models import Price
from subscriptions.enums import GateName, GateState, NextAction, Owner, Reason, Status, TrancheCause
from subscriptions.models import Cart, Gate, Order, OrderLine, PollSchedule, SeatTranche, Subscription

HOLD_ALREADY = (GateName.ORDERED, GateName.NOT_CANCELLED)


@transaction.atomic
def add_purchases(count: int, *, order_id: UUID, at: datetime) -> list[Subscription]:
    """Add up to 30 000 pending purchases in one order, in turns over all publishers. Nobody is asked about them yet."""
    cart = Cart.objects.filter(status="ordered").order_by("pk")[0]
    order = Order.objects.create(
        id=order_id,
        number=str(order_id)[:12],
        customer=Customer.objects.get(pk=cart.customer_id),
        cart=cart,
        order_group=str(order_id),
        currency="EUR",
        ordered_by="Bench",
        ordered_at=at,
    )
    lines = OrderLine.objects.bulk_create(_lines(order, count))
    made = Subscription.objects.bulk_create([_subscription(line) for line in lines])
    SeatTranche.objects.bulk_create(
        SeatTranche(subscription=one, quantity=QUANTITY, cause=TrancheCause.PURCHASE, opened_at=at, reducible_until=at)
        for one in made
    )
    Gate.objects.bulk_create(gate for one in made for gate in _gates(one))
    PollSchedule.objects.bulk_create(
        PollSchedule(subscription=one, publisher_id=one.publisher_id, fresh_since=at) for one in made
    )
    return made


def _lines(order: Order, count: int) -> Iterator[OrderLine]:
    prices = Price.objects.filter(plan_term__plan__plan_id=PLAN, currency="EUR").select_related(
        "plan_term__plan__offer__publisher"
    )
    for number, price in enumerate(islice(cycle(prices), count)):
        yield OrderLine(
            order=order,
            number=number,
            plan_term=price.plan_term,
            price=price,
            unit_price=price.amount,
            currency="EUR",
            quantity=QUANTITY,
        )


def _subscription(line: OrderLine) -> Subscription:
    plan = line.plan_term.plan
    return Subscription(
        customer=line.order.customer,
        publisher=plan.offer.publisher,
        offer=plan.offer,
        plan=plan,
        plan_term=line.plan_term,
        price=line.price,
        unit_price=line.unit_price,
        currency=line.currency,
        order_line=line,
        nickname=f"Bench {line.number}",
        quantity=QUANTITY,
        status=Status.PENDING,
        purchased_at=line.order.ordered_at,
        activate_by=line.order.ordered_at + timedelta(days=30),
    )


def _gates(subscription: Subscription) -> Iterator[Gate]:
    at = subscription.purchased_at
    for position, name in enumerate(GateName):
        gate = Gate(subscription=subscription, gate=name, position=position, since=at)
        if name in HOLD_ALREADY:
            gate.state, gate.satisfied_at, gate.evidence = GateState.SATISFIED, at, {"source": "bench"}
            gate.owner = Owner.PARTNER
        else:
            gate.owner, gate.reason = Owner.CUSTOMER, Reason.AWAITING_CUSTOMER_SETUP
            gate.next_action, gate.due_at = NextAction.OPEN_PUBLISHER_SITE, subscription.activate_by
        yield gate
