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
from subscriptions.api import carts, examples, grants, orders
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
    @operation(
        "createCart",
        "Fill a cart",
        CartShown,
        status=201,
        body=CartBody,
        about="It holds the prices of now for seven days. Nothing is ordered before its checkout.",
        roles=grants.BUYERS,
        refusals=grants.FILLING,
        example=examples.CART_REQUEST,
        answer=examples.CART_SHOWN,
    )
    @idempotent
    def post(self, request: Request, customer_id: str) -> Response:
        actor, customer = caller(request), guid(customer_id, "customer")
        values = checked(CartBody(data=body_of(request)))
        lines, attested = carts.lines_of(values), carts.is_attested(values)
        cart = create_cart(actor, customer, lines, attested=attested, at=now())
        return Response(carts.cart(cart_for(actor, customer, cart.pk)), 201)


class CartById(Resource):
    @operation(
        "getCart",
        "One cart",
        CartShown,
        about="`error` of a line says why the last checkout left it out.",
        roles=grants.BUYERS,
        refusals=(*grants.READING, CartNotFound),
        answer=examples.CART_SHOWN,
    )
    def get(self, request: Request, customer_id: str, cart_id: str) -> Response:
        return Response(carts.cart(cart_for(caller(request), guid(customer_id, "customer"), _cart_id(cart_id))))

    @operation(
        "replaceCart",
        "Replace every line of a cart",
        CartShown,
        body=CartBody,
        about="The lines that are sent are all it holds then, at the prices of now.",
        roles=grants.BUYERS,
        refusals=grants.REFILLING,
        example=examples.CART_REQUEST,
        answer=examples.CART_SHOWN,
    )
    @idempotent
    def put(self, request: Request, customer_id: str, cart_id: str) -> Response:
        actor, customer, cart = caller(request), guid(customer_id, "customer"), _cart_id(cart_id)
        values = checked(CartBody(data=body_of(request)))
        lines, attested = carts.lines_of(values), carts.is_attested(values)
        replace_cart(actor, customer, cart, lines, attested=attested, at=now())
        return Response(carts.cart(cart_for(actor, customer, cart)))


class Checkout(Resource):
    @operation(
        "checkoutCart",
        "Order what is in a cart; again, it answers the same",
        CartCheckoutResult,
        status=201,
        about="The body is not read. A group of lines is ordered whole or not at all; `orderErrors` says why not.",
        roles=grants.BUYERS,
        refusals=grants.CHECKING_OUT,
        answer=examples.CHECKED_OUT,
    )
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
    @operation(
        "listOrders",
        "The orders of a customer, newest first",
        Collection[OrderShown],
        about="Every one of them.",
        roles=grants.READERS,
        refusals=grants.READING,
        answer=examples.ORDERS,
    )
    def get(self, request: Request, customer_id: str) -> Response:
        shown = map(orders.order, _orders(caller(request), customer_id))
        return Response(collection(shown, f"/customers/{customer_id}/orders"))


class OrderById(Resource):
    @operation(
        "getOrder",
        "One order",
        OrderShown,
        about="`pending` while a line waits for its publisher.",
        roles=grants.READERS,
        refusals=grants.READING,
        answer=examples.ORDER_SHOWN,
    )
    def get(self, request: Request, customer_id: str, order_id: str) -> Response:
        return Response(orders.order(_order(caller(request), customer_id, order_id)))


class OrderProvisioning(Resource):
    @operation(
        "getOrderProvisioning",
        "How far each line of an order is",
        Collection[LineProvisioning],
        about="Line by line.",
        roles=grants.READERS,
        refusals=grants.READING,
        answer=examples.ORDER_PROVISIONING,
    )
    def get(self, request: Request, customer_id: str, order_id: str) -> Response:
        order = _order(caller(request), customer_id, order_id)
        shown = map(orders.line_provisioning, order.lines.all())
        return Response(collection(shown, f"/customers/{customer_id}/orders/{order_id}/provisioningstatus"))


class OrderActivationLinks(Resource):
    @operation(
        "mintOrderLinks",
        "Fresh links to the publishers of an order's live lines",
        Collection[ActivationLink],
        about="Each is made for this answer, lives 24 hours and is for the customer only.",
        roles=grants.LINK_OPENERS,
        refusals=grants.LINKING,
        answer=examples.ORDER_LINKS,
    )
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
    @operation(
        "mintLineLink",
        "A fresh link to the publisher of one line",
        Collection[ActivationLink],
        about="Made for this answer; it lives 24 hours and is for the customer only.",
        roles=grants.LINK_OPENERS,
        refusals=grants.LINKING,
        answer=examples.LINE_LINKS,
    )
    def get(self, request: Request, customer_id: str, order_id: str, number: str) -> Response:
        actor = caller(request)
        line = _line(_order(actor, customer_id, order_id), number)
        uri = f"/customers/{customer_id}/orders/{order_id}/lineitems/{number}/activationlinks"
        return Response(collection([activation_link(actor, line, now())], uri))
