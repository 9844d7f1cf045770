"""Checking out: each group of a cart's lines becomes an order, each line a pending subscription, or nothing of it."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from django.conf import settings
from django.db import transaction
from django.db.models import Prefetch

from accounts.policy import Action, Actor, authorize
from customers.models import Customer, IndirectReseller
from customers.selectors import fit_for_purchase
from partnerhub import prepared
from partnerhub.errors import AttestationMissing, CartEmpty, CustomerRelationshipEnded, HubError, PriceMoved
from partnerhub.outbox.recorder import Fact, record_all
from publishers.models import Offer, Plan, PlanTerm, Price, Publisher
from publishers.selectors import policies_of, price_for_purchase, scope_of, sold
from subscriptions.enums import (
    CartStatus,
    GateName,
    GateState,
    NextAction,
    OperationAction,
    Owner,
    Reason,
    TrancheCause,
)
from subscriptions.events import CartOrdered, SubscriptionOrdered
from subscriptions.models import Cart, CartLine, Gate, Order, OrderLine, PollSchedule, SeatTranche, Subscription
from subscriptions.quantities import check_quantity
from subscriptions.services.carts import check_not_expired, check_once_per_customer, lock_cart
from subscriptions.services.starting import Wanted, begin

# The lines of a cart with what is sold in them, the price that was shown, the reseller, and the price of a moment.
_LINES = prepared.Selection(
    """
SELECT {line}, {term}, {plan}, {offer}, {publisher}, {shown}, {reseller}, {price}
  FROM subscriptions_cartline AS line JOIN publishers_planterm AS term ON term.id = line.plan_term_id
  JOIN publishers_plan AS plan ON plan.id = term.plan_id
  JOIN publishers_offer AS offer ON offer.id = plan.offer_id
  JOIN publishers_publisher AS publisher ON publisher.id = offer.publisher_id
  JOIN publishers_price AS shown ON shown.id = line.price_id
  LEFT JOIN customers_indirectreseller AS reseller ON reseller.partner_id = line.reseller_id
  LEFT JOIN publishers_price AS price
         ON price.plan_term_id = term.id AND price.currency = %s
        AND price.valid_from <= %s AND (price.valid_to IS NULL OR price.valid_to > %s)
 WHERE line.cart_id = %s ORDER BY line.number
""",
    line=CartLine,
    term=PlanTerm,
    plan=Plan,
    offer=Offer,
    publisher=Publisher,
    shown=Price,
    reseller=IndirectReseller,
    price=Price,
)
_ORDERED = "UPDATE subscriptions_cart SET status = %s, ordered_at = %s, modified_at = %s WHERE id = %s"
_POLICIES = ("activate_within", "reduce_within", "subscribe_notice")


@dataclass(frozen=True, slots=True)
class OrderError:
    """Why a group of lines was not ordered: the line that was refused, its code and its sentence."""

    order_group: str
    line_number: int
    code: str
    sentence: str


@dataclass(frozen=True, slots=True)
class CheckoutResult:
    """What came of a checkout; the same again for every repetition (rules 5-6)."""

    orders: list[Order]
    errors: list[OrderError]


@dataclass(frozen=True, slots=True)
class _Asked:
    """A line of a cart, read with what is sold in it, and the price of now."""

    line: CartLine
    price: Price | None


@dataclass(frozen=True, slots=True)
class _Bought:
    """What a line becomes, not written yet; `is_told` where the publisher's webhook hears of it."""

    order_line: OrderLine
    subscription: Subscription
    parts: list[SeatTranche | Gate | PollSchedule]
    is_told: bool


@transaction.atomic
def checkout_cart(actor: Actor, customer_id: UUID, cart_id: UUID, *, at: datetime) -> CheckoutResult:
    """Order what is in a cart. A repeated checkout returns the first result and creates nothing (rule 5).

    Groups succeed or fail each as a whole (rule 6); a cart of which nothing could be ordered stays open for a retry.
    Raises CartNotFound, CartExpired, CartEmpty, AttestationMissing (rule 9), CustomerRelationshipEnded, NotPermitted.
    """
    authorize(actor, Action.SUBSCRIPTION_BUY)
    cart = lock_cart(actor, customer_id, cart_id)
    asked = _lines_of(cart, at)
    lines = [one.line for one in asked]
    if cart.status == CartStatus.ORDERED:
        return _result_of(lines, _orders_of(cart, lines))
    check_not_expired(cart, at)
    _check_cart(cart, lines)
    orders: list[Order] = []
    ordered: list[Fact] = []
    for group in dict.fromkeys(line.order_group for line in lines):
        order, facts = _order_group(actor, cart, [one for one in asked if one.line.order_group == group], at)
        orders += order
        ordered += facts
    result = _result_of(lines, orders)
    if result.orders:
        _close(actor, cart, result, ordered, at)
    return result


def _lines_of(cart: Cart, at: datetime) -> list[_Asked]:
    asked = []
    for line, *sells, shown, reseller, price in _LINES(cart.customer.currency, at, at, cart.pk):
        line.plan_term, line.price, line.reseller = sold(*sells), shown, reseller
        asked.append(_Asked(line, price))
    return asked


def _check_cart(cart: Cart, lines: list[CartLine]) -> None:
    if cart.customer.relationship_ended_at is not None:
        raise CustomerRelationshipEnded(customer=cart.customer.name)
    if not lines:
        raise CartEmpty(id=cart.pk)
    if not cart.attested:
        raise AttestationMissing(role="indirect" if any(line.reseller for line in lines) else "direct")


def _close(actor: Actor, cart: Cart, result: CheckoutResult, ordered: list[Fact], at: datetime) -> None:
    prepared.execute(_ORDERED, [CartStatus.ORDERED, at, at, cart.pk])
    numbers = [order.number for order in result.orders]
    closed = CartOrdered(cart.pk, {"orders": numbers, "errors": len(result.errors)})
    record_all([*ordered, closed], actor=actor, at=at)


def _orders_of(cart: Cart, lines: list[CartLine]) -> list[Order]:
    """What the lines of a cart have become at an earlier checkout; they were read with what is sold in them."""
    orders = cart.orders.prefetch_related(Prefetch("lines", OrderLine.objects.select_related("subscription")))
    terms = {line.plan_term_id: line.plan_term for line in lines}
    for line in (line for order in orders for line in order.lines.all()):
        line.plan_term = terms[line.plan_term_id]
    return list(orders)


def _result_of(lines: list[CartLine], orders: list[Order]) -> CheckoutResult:
    groups = [line.order_group for line in lines]
    errors = [
        OrderError(line.order_group, line.number, line.error_code, line.error_text) for line in lines if line.error_code
    ]
    return CheckoutResult(sorted(orders, key=lambda order: groups.index(order.order_group)), errors)


def _order_group(actor: Actor, cart: Cart, asked: list[_Asked], at: datetime) -> tuple[list[Order], list[Fact]]:
    """Order some lines together; returns the order and what is to be recorded of it, nothing if one was refused."""
    customer, current = cart.customer, asked[0].line
    order = Order(
        number=uuid4().hex[:12],
        customer=customer,
        cart=cart,
        order_group=current.order_group,
        currency=customer.currency,
        ordered_by=actor.label,
        ordered_at=at,
    )
    bought: list[_Bought] = []
    try:
        for number, one in enumerate(asked):
            current = one.line
            _recheck(customer, one, bought)
            bought.append(_buy(order, number, current, at))
    except HubError as refusal:
        _note(current, refusal.code, str(refusal)[:500])
        return [], []
    _write(actor, order, bought, at)
    for one in asked:
        if one.line.error_code:
            _note(one.line, "", "")
    return [order], [SubscriptionOrdered(one.subscription.pk, _facts_of(one.subscription, order)) for one in bought]


def _write(actor: Actor, order: Order, bought: list[_Bought], at: datetime) -> None:
    """One statement a line. What was written stays with the order as if it had been prefetched."""
    for number, one in enumerate(bought):
        prepared.insert(*[order][number:], one.order_line, one.subscription, *one.parts)
        if one.is_told:
            begin(actor, one.subscription, Wanted(OperationAction.SUBSCRIBE, {}, {}), held_until=None, at=at)
    prepared.prefetched(order, "lines", [one.order_line for one in bought])


def _note(line: CartLine, code: str, sentence: str) -> None:
    """Write why a line was left out, or that it no longer is."""
    line.error_code, line.error_text = code, sentence
    line.save(update_fields=["error_code", "error_text"])


def _recheck(customer: Customer, asked: _Asked, bought: list[_Bought]) -> None:
    """What was true when the line was put into the cart must still be true: above all the price that was shown."""
    line, offer = asked.line, asked.line.plan_term.plan.offer
    price = price_for_purchase(line.plan_term, asked.price, customer.country, customer.currency)
    if (price.amount, price.currency) != (line.price.amount, line.price.currency):
        raise PriceMoved(offer=offer.title, shown=line.price, current=price)
    check_quantity(line.plan_term.plan, line.quantity)
    check_once_per_customer(customer, offer, [one.subscription for one in bought])
    if line.reseller_id:
        fit_for_purchase(line.reseller_id, line.reseller, settings.HUB_PARTNER_ID)


def _buy(order: Order, number: int, line: CartLine, at: datetime) -> _Bought:
    plan, term = line.plan_term.plan, line.plan_term.term
    policies, scope = policies_of(plan, *_POLICIES), scope_of(plan, term)
    order_line = OrderLine(
        order=order,
        number=number,
        plan_term=line.plan_term,
        price=line.price,
        unit_price=line.price.amount,
        currency=line.price.currency,
        quantity=line.quantity,
        nickname=line.nickname,
        reseller=line.reseller,
    )
    activate_by = at + policies.duration("activate_within", scope, at)
    subscription = _subscription(order, order_line, line, activate_by, at)
    parts = [_seats(subscription, at, reducible_until=at + policies.duration("reduce_within", scope, at))]
    publisher = plan.offer.publisher
    # Only a webhook can be told of a purchase before anybody opens its link.
    is_told = bool(publisher.webhook_url) and policies.text("subscribe_notice", scope, at) == "yes"
    asks = [_schedule(subscription, at)] if publisher.is_polled else []
    return _Bought(order_line, subscription, [*parts, *_gates(subscription, order, at), *asks], is_told)


def _schedule(subscription: Subscription, at: datetime) -> PollSchedule:
    return PollSchedule(subscription=subscription, publisher=subscription.publisher, next_poll_at=at, fresh_since=at)


def _subscription(
    order: Order, order_line: OrderLine, line: CartLine, activate_by: datetime, at: datetime
) -> Subscription:
    plan = line.plan_term.plan
    return Subscription(
        customer=order.customer,
        publisher=plan.offer.publisher,
        offer=plan.offer,
        plan=plan,
        plan_term=line.plan_term,
        price=line.price,
        unit_price=line.price.amount,
        currency=line.price.currency,
        order_line=order_line,
        nickname=line.nickname or plan.offer.title,
        quantity=line.quantity,
        auto_renew=line.auto_renew,
        reseller=line.reseller,
        one_per_customer=plan.offer.one_per_customer,
        purchased_at=at,
        activate_by=activate_by,
    )


def _seats(subscription: Subscription, at: datetime, *, reducible_until: datetime) -> SeatTranche:
    return SeatTranche(
        subscription=subscription,
        quantity=subscription.quantity,
        cause=TrancheCause.PURCHASE,
        opened_at=at,
        reducible_until=reducible_until,
    )


def _gates(subscription: Subscription, order: Order, at: datetime) -> list[Gate]:
    ordered = {"source": "order", "order": order.number, "by": order.ordered_by, "at": at.isoformat()}
    held = {"state": GateState.SATISFIED, "satisfied_at": at, "since": at, "owner": Owner.PARTNER, "evidence": ordered}
    waiting = {
        "state": GateState.PENDING,
        "since": at,
        "due_at": subscription.activate_by,
        "owner": Owner.CUSTOMER,
        "reason": Reason.AWAITING_CUSTOMER_SETUP,
        "next_action": NextAction.OPEN_PUBLISHER_SITE,
    }
    states = {
        GateName.ORDERED: held,
        GateName.LICENSES_ASSIGNED: waiting,
        GateName.CONFIGURATION_CONFIRMED: waiting,
        GateName.NOT_CANCELLED: held,
    }
    return [
        Gate(subscription=subscription, gate=gate, position=position, **values)
        for position, (gate, values) in enumerate(states.items())
    ]


def _facts_of(subscription: Subscription, order: Order) -> dict[str, object]:
    return {
        "order": order.number,
        "offer": subscription.offer.title,
        "plan": subscription.plan.plan_id,
        "quantity": subscription.quantity,
        "unit_price": str(subscription.unit_price),
        "currency": subscription.currency,
        "partner_id": subscription.reseller_id or "",
        "nickname": subscription.nickname,
        "plan_term": str(subscription.plan_term_id),
        "auto_renew": subscription.auto_renew,
        "activate_by": subscription.activate_by.isoformat(),
    }
