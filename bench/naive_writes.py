"""Writing as it is usually written: objects read one by one, `full_clean` and `save` for each row, the same rows.

As a program of its own (`bench.naive_writes:application`) it is a DRF view over the same, with the hub's own settings.
"""

import os
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bench.naive_settings")
django.setup()

from django.core.wsgi import get_wsgi_application  # noqa: E402 - once Django is there
from django.db import transaction  # noqa: E402
from django.urls import path  # noqa: E402
from rest_framework import serializers  # noqa: E402
from rest_framework.request import Request  # noqa: E402
from rest_framework.response import Response  # noqa: E402
from rest_framework.views import APIView  # noqa: E402

from customers.models import Customer  # noqa: E402
from partnerhub.clock import now  # noqa: E402
from partnerhub.outbox.models import Delivery, Event  # noqa: E402
from partnerhub.outbox.recorder import digest, fingerprint  # noqa: E402
from publishers.models import PlanTerm, Price  # noqa: E402
from subscriptions.enums import GateName, NextAction, Owner, Reason  # noqa: E402
from subscriptions.models import (  # noqa: E402
    Cart,
    CartLine,
    Gate,
    Operation,
    Order,
    OrderLine,
    PollSchedule,
    SeatTranche,
    Subscription,
)

HELD = (GateName.ORDERED, GateName.NOT_CANCELLED)


def _saved(row: Any) -> Any:
    empty = [field.name for field in row._meta.fields if getattr(row, field.attname) in (None, "", {})]
    row.full_clean(exclude=empty)
    row.save()
    return row


@transaction.atomic
def checkout(cart_id: UUID, at: datetime) -> Order:
    cart = Cart.objects.select_for_update().get(pk=cart_id)
    customer = Customer.objects.get(pk=cart.customer_id)
    order = Order(
        number=uuid4().hex[:12],
        customer=customer,
        cart=cart,
        order_group="",
        currency=customer.currency,
        ordered_by="Bench",
        ordered_at=at,
    )
    _saved(order)
    for number, line in enumerate(CartLine.objects.filter(cart=cart)):
        _bought(order, number, line, at)
    cart.status, cart.ordered_at, cart.modified_at = "ordered", at, at
    _saved(cart)
    _told("cart", cart.pk, "cart.ordered", {"orders": [order.number]}, at)
    return order


def _bought(order: Order, number: int, line: CartLine, at: datetime) -> None:
    term = PlanTerm.objects.get(pk=line.plan_term_id)
    price = Price.objects.get(plan_term=term, currency=order.currency, valid_from__lte=at, valid_to=None)
    if not term.plan.takes(line.quantity):
        raise ValueError("quantity")
    sold = {"plan_term": term, "price": price, "unit_price": price.amount, "currency": price.currency}
    order_line = _saved(OrderLine(order=order, number=number, quantity=line.quantity, **sold))
    subscription = _saved(
        Subscription(
            customer=order.customer,
            publisher=term.plan.offer.publisher,
            offer=term.plan.offer,
            plan=term.plan,
            order_line=order_line,
            nickname=term.plan.offer.title,
            quantity=line.quantity,
            purchased_at=at,
            activate_by=at + timedelta(days=30),
            **sold,
        )
    )
    until = at + timedelta(days=7)
    _saved(
        SeatTranche(
            subscription=subscription, quantity=line.quantity, cause="purchase", opened_at=at, reducible_until=until
        )
    )
    for position, name in enumerate(GateName):
        _saved(_gate(subscription, name, position, at))
    _saved(PollSchedule(subscription=subscription, publisher=subscription.publisher, next_poll_at=at, fresh_since=at))
    _told("subscription", subscription.pk, "subscription.ordered", {"quantity": line.quantity}, at)


def _gate(subscription: Subscription, name: GateName, position: int, at: datetime) -> Gate:
    gate = Gate(subscription=subscription, gate=name, position=position, since=at, owner=Owner.PARTNER)
    if name in HELD:
        gate.state, gate.satisfied_at, gate.evidence = "satisfied", at, {"source": "bench"}
    else:
        gate.owner, gate.reason = Owner.CUSTOMER, Reason.AWAITING_CUSTOMER_SETUP
        gate.next_action, gate.due_at = NextAction.OPEN_PUBLISHER_SITE, subscription.activate_by
    return gate


@transaction.atomic
def change_quantity(subscription_id: UUID, quantity: int, at: datetime) -> None:
    subscription = Subscription.objects.select_for_update().get(pk=subscription_id)
    if not subscription.plan.takes(quantity) or subscription.operations.filter(completed_at=None).exists():
        raise ValueError("quantity")
    operation = Operation(
        subscription=subscription,
        action="change_quantity",
        source="marketplace",
        payload={"after": {"quantity": quantity}},
        requested_by="Bench",
        actor_kind="client",
        actor_id="bench",
        actor_role="admin_agent",
        created_at=at,
        due_at=at + timedelta(hours=8),
        next_attempt_at=at,
    )
    _saved(operation)
    _told("subscription", subscription.pk, "change.requested", operation.payload, at)


@transaction.atomic
def rename(subscription_id: UUID, nickname: str, at: datetime) -> None:
    subscription = Subscription.objects.select_for_update().get(pk=subscription_id)
    subscription.nickname, subscription.version = nickname, subscription.version + 1
    _saved(subscription)
    event = _told("subscription", subscription.pk, "subscription.renamed", {"after": nickname}, at)
    owed = {"handler": "bench", "stream_id": event.stream_id, "sequence": event.sequence, "next_attempt_at": at}
    _saved(Delivery(event=event, **owed))


def _told(kind: str, stream: UUID, name: str, data: dict[str, Any], at: datetime) -> Event:
    last = Event.objects.filter(stream_id=stream).order_by("-sequence").first()
    sequence, previous = (last.sequence + 1, last.hash) if last else (1, "")
    who = {"actor_kind": "client", "actor_id": "bench", "actor_label": "Bench", "actor_role": "admin_agent"}
    stands = {"stream_type": kind, "stream_id": stream, "sequence": sequence, "previous_hash": previous}
    event = Event(name=name, data=data, at=at, **stands, **who)
    event.hash = digest(fingerprint(event), previous)
    _saved(event)
    return event


class _Line(serializers.ModelSerializer[OrderLine]):
    subscription = serializers.UUIDField(source="subscription.pk")
    offer = serializers.CharField(source="plan_term.plan.offer.title")

    class Meta:
        model = OrderLine
        fields = ("number", "subscription", "offer", "quantity", "unit_price", "currency")


class _Order(serializers.ModelSerializer[Order]):
    lines = _Line(many=True)

    class Meta:
        model = Order
        fields = ("id", "number", "customer", "currency", "ordered_at", "lines")


class _Checkout(APIView):
    def post(self, request: Request, customer_id: UUID, cart_id: UUID) -> Response:
        return Response(_Order(checkout(cart_id, now())).data, 201)


urlpatterns = [path("v1/customers/<uuid:customer_id>/carts/<uuid:cart_id>/checkout", _Checkout.as_view())]
application = get_wsgi_application()
