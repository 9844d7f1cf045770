"""Carts and orders: the views."""

from uuid import UUID

from django.db.models import QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api import caller
from accounts.policy import Actor
from customers.selectors import customer_for
from partnerhub.api.idempotency import idempotent
from partnerhub.api.reading import body_of, checked
from partnerhub.api.schema import operation
from partnerhub.api.shapes import Collection, collection, guid
from partnerhub.api.views import Resource
from partnerhub.clock import now
from partnerhub.errors import CartNotFound, NotFound
from subscriptions.api import carts, orders
from subscriptions.api.carts import CartBody, CartCheckoutResult, CartShown
from subscriptions.api.links import ActivationLink, activation_link
from subscriptions.api.orders import LineProvisioning, OrderShown
from subscriptions.enums import Status
from subscriptions.models import Order, OrderLine
from subscriptions.selectors import cart_for, orders_visible_to
from subscriptions.services.carts import create_cart, replace_cart
from subscriptions.services.checkout import checkout_cart


def _cart_id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise CartNotFound(id=text[:64]) from None


class Carts(Resource):
    @operation("createCart", "Fill a cart", CartShown, status=201, body=CartBody)
    @idempotent
    def post(self, request: Request, customer_id: str) -> Response:
        actor, customer = caller(request), guid(customer_id, "customer")
        values = checked(CartBody(data=body_of(request)))
        lines, attested = carts.lines_of(values), carts.is_attested(values)
        cart = create_cart(actor, customer, lines, attested=attested, at=now())
        return Response(carts.cart(cart_for(actor, customer, cart.pk)), 201)


class CartById(Resource):
    @operation("getCart", "One cart", CartShown)
    def get(self, request: Request, customer_id: str, cart_id: str) -> Response:
        return Response(carts.cart(cart_for(caller(request), guid(customer_id, "customer"), _cart_id(cart_id))))

    @operation("replaceCart", "Replace every line of a cart", CartShown, body=CartBody)
    @idempotent
    def put(self, request: Request, customer_id: str, cart_id: str) -> Response:
        actor, customer, cart = caller(request), guid(customer_id, "customer"), _cart_id(cart_id)
        values = checked(CartBody(data=body_of(request)))
        lines, attested = carts.lines_of(values), carts.is_attested(values)
        replace_cart(actor, customer, cart, lines, attested=attested, at=now())
        return Response(carts.cart(cart_for(actor, customer, cart)))


class Checkout(Resource):
    @operation("checkoutCart", "Order what is in a cart; again, it answers the same", CartCheckoutResult, status=201)
    @idempotent
    def post(self, request: Request, customer_id: str, cart_id: str) -> Response:
        customer = guid(customer_id, "customer")
        result = checkout_cart(caller(request), customer, _cart_id(cart_id), at=now())
        return Response(carts.checkout_result(result), 201)


def _orders(actor: Actor, customer_id: str) -> QuerySet[Order]:
    customer = customer_for(actor, guid(customer_id, "customer"))
    return orders_visible_to(actor).filter(customer=customer)


def _order(actor: Actor, customer_id: str, order_id: str) -> Order:
    found = _orders(actor, customer_id).filter(pk=guid(order_id, "order")).first()
    if found is None:
        raise NotFound(what="order", id=order_id)
    return found


def _line(order: Order, number: str) -> OrderLine:
    for line in order.lines.all():
        if str(line.number) == number:
            return line
    raise NotFound(what="order line", id=number[:16])


class Orders(Resource):
    @operation("listOrders", "The orders of a customer, newest first", Collection[OrderShown])
    def get(self, request: Request, customer_id: str) -> Response:
        shown = map(orders.order, _orders(caller(request), customer_id))
        return Response(collection(shown, f"/customers/{customer_id}/orders"))


class OrderById(Resource):
    @operation("getOrder", "One order", OrderShown)
    def get(self, request: Request, customer_id: str, order_id: str) -> Response:
        return Response(orders.order(_order(caller(request), customer_id, order_id)))


class OrderProvisioning(Resource):
    @operation("getOrderProvisioning", "How far each line of an order is", Collection[LineProvisioning])
    def get(self, request: Request, customer_id: str, order_id: str) -> Response:
        order = _order(caller(request), customer_id, order_id)
        shown = map(orders.line_provisioning, order.lines.all())
        return Response(collection(shown, f"/customers/{customer_id}/orders/{order_id}/provisioningstatus"))


class OrderActivationLinks(Resource):
    @operation("mintOrderLinks", "Fresh links to the publishers of an order's live lines", Collection[ActivationLink])
    def get(self, request: Request, customer_id: str, order_id: str) -> Response:
        actor = caller(request)
        live = [
            line
            for line in _order(actor, customer_id, order_id).lines.all()
            if line.subscription.status != Status.UNSUBSCRIBED
        ]
        shown = (activation_link(actor, line, now()) for line in live)
        return Response(collection(shown, f"/customers/{customer_id}/orders/{order_id}/activationlinks"))


class LineActivationLinks(Resource):
    @operation("mintLineLink", "A fresh link to the publisher of one line", Collection[ActivationLink])
    def get(self, request: Request, customer_id: str, order_id: str, number: str) -> Response:
        actor = caller(request)
        line = _line(_order(actor, customer_id, order_id), number)
        uri = f"/customers/{customer_id}/orders/{order_id}/lineitems/{number}/activationlinks"
        return Response(collection([activation_link(actor, line, now())], uri))
