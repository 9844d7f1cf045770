"""Orders as the pages show them."""

from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse

from subscriptions.models import Order, OrderLine, Subscription
from subscriptions.views.rows import licences


@dataclass(frozen=True, slots=True)
class BoughtLine:
    offer: str
    plan: str
    publisher: str
    licences: str
    subscription_url: str
    nickname: str


@dataclass(frozen=True, slots=True)
class OrderRow:
    url: str
    number: str
    ordered_at: datetime
    ordered_by: str
    lines: list[BoughtLine]


def order_row(order: Order) -> OrderRow:
    """The row of an order read by `orders_visible_to`: it needs no further query."""
    return OrderRow(
        url=reverse("customers:confirmation", args=[order.customer_id, order.pk]),
        number=order.number,
        ordered_at=order.ordered_at,
        ordered_by=order.ordered_by,
        lines=[_bought(line) for line in order.lines.all()],
    )


def subscription_of(line: OrderLine) -> Subscription:
    subscription: Subscription = line.subscription
    return subscription


def _bought(line: OrderLine) -> BoughtLine:
    subscription = subscription_of(line)
    plan = line.plan_term.plan
    return BoughtLine(
        offer=plan.offer.title,
        plan=plan.title,
        publisher=plan.offer.publisher.name,
        licences=licences(line.quantity),
        subscription_url=reverse("subscriptions:detail", args=[subscription.pk]),
        nickname=subscription.nickname,
    )
