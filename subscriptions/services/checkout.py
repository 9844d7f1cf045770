"""Checking out: each group of a cart's lines becomes an order, each line a pending subscription, or nothing of it."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from django.conf import settings
from django.db import transaction
from django.db.models import Prefetch

from accounts.policy import Action, Actor, authorize
from customers.models import Customer
from customers.selectors import reseller_for_purchase
from partnerhub.errors import AttestationMissing, CartEmpty, CustomerRelationshipEnded, HubError, PriceMoved
from partnerhub.outbox.recorder import Fact, record_all
from publishers.selectors import policies_of, price_for_purchase, scope_of
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

_SOLD = "plan_term__plan__offer__publisher"


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


@transaction.atomic
def checkout_cart(actor: Actor, customer_id: UUID, cart_id: UUID, *, at: datetime) -> CheckoutResult:
    """Order what is in a cart. A repeated checkout returns the first result and creates nothing (rule 5).

    Groups succeed or fail each as a whole (rule 6); a cart of which nothing could be ordered stays open for a retry.
    Raises CartNotFound, CartExpired, CartEmpty, AttestationMissing (rule 9), CustomerRelationshipEnded, NotPermitted.
    """
    authorize(actor, Action.SUBSCRIPTION_BUY)
    cart = lock_cart(actor, customer_id, cart_id)
    if cart.status == CartStatus.ORDERED:
        return _result_of(cart, list(cart.lines.select_related(_SOLD)))
    check_not_expired(cart, at)
    # One purchase at a time per customer: two carts must not both buy a once-per-customer offer.
    customer = Customer.objects.select_for_update().get(pk=customer_id)
    lines = list(cart.lines.select_related(_SOLD, "price", "reseller"))
    _check_cart(cart, customer, lines)
    ordered: list[Fact] = []
    for group in dict.fromkeys(line.order_group for line in lines):
        ordered += _order_group(actor, cart, customer, [line for line in lines if line.order_group == group], at)
    result = _result_of(cart, lines)
    if result.orders:
        _close(actor, cart, result, ordered, at)
    return result


def _check_cart(cart: Cart, customer: Customer, lines: list[CartLine]) -> None:
    if customer.relationship_ended_at is not None:
        raise CustomerRelationshipEnded(customer=customer.name)
    if not lines:
        raise CartEmpty(id=cart.pk)
    if not cart.attested:
        raise AttestationMissing(role="indirect" if any(line.reseller for line in lines) else "direct")


def _close(actor: Actor, cart: Cart, result: CheckoutResult, ordered: list[Fact], at: datetime) -> None:
    cart.status, cart.ordered_at, cart.modified_at = CartStatus.ORDERED, at, at
    cart.save(update_fields=["status", "ordered_at", "modified_at"])
    numbers = [order.number for order in result.orders]
    closed = CartOrdered(cart.pk, {"orders": numbers, "errors": len(result.errors)})
    record_all([*ordered, closed], actor=actor, at=at)


def _result_of(cart: Cart, lines: list[CartLine]) -> CheckoutResult:
    """What a cart's lines have become; the lines were read with what is sold in them."""
    orders = cart.orders.prefetch_related(Prefetch("lines", OrderLine.objects.select_related("subscription")))
    sold = {line.plan_term_id: line.plan_term for line in lines}
    for line in (line for order in orders for line in order.lines.all()):
        line.plan_term = sold[line.plan_term_id]
    groups = [line.order_group for line in lines]
    errors = [
        OrderError(line.order_group, line.number, line.error_code, line.error_text) for line in lines if line.error_code
    ]
    return CheckoutResult(sorted(orders, key=lambda order: groups.index(order.order_group)), errors)


def _order_group(actor: Actor, cart: Cart, customer: Customer, lines: list[CartLine], at: datetime) -> list[Fact]:
    """Order some lines together; returns what is to be recorded of it, nothing if one of them was refused."""
    current = lines[0]
    ordered: list[Fact] = []
    try:
        with transaction.atomic():
            order = Order.objects.create(
                number=uuid4().hex[:12],
                customer=customer,
                cart=cart,
                order_group=current.order_group,
                currency=customer.currency,
                ordered_by=actor.label,
                ordered_at=at,
            )
            for number, current in enumerate(lines):
                _recheck(customer, current, at)
                ordered.append(_buy(actor, order, number, current, at))
    except HubError as refusal:
        _note(current, refusal.code, str(refusal)[:500])
        return []
    for line in lines:
        if line.error_code:
            _note(line, "", "")
    return ordered


def _note(line: CartLine, code: str, sentence: str) -> None:
    """Write why a line was left out, or that it no longer is."""
    line.error_code, line.error_text = code, sentence
    line.save(update_fields=["error_code", "error_text"])


def _recheck(customer: Customer, line: CartLine, at: datetime) -> None:
    """What was true when the line was put into the cart must still be true: above all the price that was shown."""
    price = price_for_purchase(line.plan_term, customer.country, customer.currency, at)
    offer = line.plan_term.plan.offer
    if (price.amount, price.currency) != (line.price.amount, line.price.currency):
        raise PriceMoved(offer=offer.title, shown=line.price, current=price)
    check_quantity(line.plan_term.plan, line.quantity)
    check_once_per_customer(customer, offer)
    if line.reseller_id:
        reseller_for_purchase(line.reseller_id, settings.HUB_PARTNER_ID)


def _buy(actor: Actor, order: Order, number: int, line: CartLine, at: datetime) -> Fact:
    plan, term = line.plan_term.plan, line.plan_term.term
    policies, scope = policies_of(plan, "activate_within", "reduce_within", "subscribe_notice"), scope_of(plan, term)
    order_line = OrderLine.objects.create(
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
    subscription = _open_subscription(order, order_line, line, activate_by, at)
    _open_seats(subscription, at, reducible_until=at + policies.duration("reduce_within", scope, at))
    _open_gates(subscription, order, at)
    if subscription.publisher.is_polled:
        _schedule(subscription, at)
    # Only a webhook can be told of a purchase before anybody opens its link.
    if subscription.publisher.webhook_url and policies.text("subscribe_notice", scope, at) == "yes":
        begin(actor, subscription, Wanted(OperationAction.SUBSCRIBE, {}, {}), held_until=None, at=at)
    return SubscriptionOrdered(subscription.pk, _facts_of(subscription, order))


def _schedule(subscription: Subscription, at: datetime) -> None:
    PollSchedule.objects.create(
        subscription=subscription, publisher=subscription.publisher, next_poll_at=at, fresh_since=at
    )


def _open_subscription(
    order: Order, order_line: OrderLine, line: CartLine, activate_by: datetime, at: datetime
) -> Subscription:
    plan = line.plan_term.plan
    return Subscription.objects.create(
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


def _open_seats(subscription: Subscription, at: datetime, *, reducible_until: datetime) -> None:
    SeatTranche.objects.create(
        subscription=subscription,
        quantity=subscription.quantity,
        cause=TrancheCause.PURCHASE,
        opened_at=at,
        reducible_until=reducible_until,
    )


def _open_gates(subscription: Subscription, order: Order, at: datetime) -> None:
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
    Gate.objects.bulk_create(
        Gate(subscription=subscription, gate=gate, position=position, **values)
        for position, (gate, values) in enumerate(states.items())
    )


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
