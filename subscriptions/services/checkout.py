"""Checking out: each group of a cart's lines becomes an order, each line a pending subscription, or nothing of it."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from django.conf import settings
from django.db import transaction

from accounts.policy import Action, Actor, authorize
from customers.models import Customer
from customers.selectors import reseller_for_purchase
from partnerhub.errors import AttestationMissing, CartEmpty, CustomerRelationshipEnded, HubError, PriceMoved
from partnerhub.outbox.recorder import record
from publishers.selectors import item_for_purchase, policy_duration, policy_word
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
        return _result_of(cart)
    check_not_expired(cart, at)
    # One purchase at a time per customer: two carts must not both buy a once-per-customer offer.
    customer = Customer.objects.select_for_update().get(pk=customer_id)
    lines = list(cart.lines.select_related("plan_term__plan__offer__publisher", "price", "reseller"))
    _check_cart(cart, customer, lines)
    for group in dict.fromkeys(line.order_group for line in lines):
        _order_group(actor, cart, customer, [line for line in lines if line.order_group == group], at)
    result = _result_of(cart)
    if result.orders:
        _close(actor, cart, result, at)
    return result


def _check_cart(cart: Cart, customer: Customer, lines: list[CartLine]) -> None:
    if customer.relationship_ended_at is not None:
        raise CustomerRelationshipEnded(customer=customer.name)
    if not lines:
        raise CartEmpty(id=cart.pk)
    if not cart.attested:
        raise AttestationMissing(role="indirect" if any(line.reseller for line in lines) else "direct")


def _close(actor: Actor, cart: Cart, result: CheckoutResult, at: datetime) -> None:
    cart.status, cart.ordered_at, cart.modified_at = CartStatus.ORDERED, at, at
    cart.save(update_fields=["status", "ordered_at", "modified_at"])
    numbers = [order.number for order in result.orders]
    record(CartOrdered(cart.pk, {"orders": numbers, "errors": len(result.errors)}), actor=actor, at=at)


def _result_of(cart: Cart) -> CheckoutResult:
    orders = cart.orders.prefetch_related(
        "lines__subscription", "lines__plan_term__plan__offer__publisher", "lines__reseller"
    )
    lines = list(cart.lines.all())
    groups = [line.order_group for line in lines]
    errors = [
        OrderError(line.order_group, line.number, line.error_code, line.error_text) for line in lines if line.error_code
    ]
    return CheckoutResult(sorted(orders, key=lambda order: groups.index(order.order_group)), errors)


def _order_group(actor: Actor, cart: Cart, customer: Customer, lines: list[CartLine], at: datetime) -> None:
    current = lines[0]
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
                _buy(actor, order, number, current, at)
            CartLine.objects.filter(pk__in=[line.pk for line in lines]).update(error_code="", error_text="")
    except HubError as refusal:
        _refuse(current, refusal)


def _refuse(line: CartLine, refusal: HubError) -> None:
    line.error_code, line.error_text = refusal.code, str(refusal)[:500]
    line.save(update_fields=["error_code", "error_text"])


def _recheck(customer: Customer, line: CartLine, at: datetime) -> None:
    """What was true when the line was put into the cart must still be true: above all the price that was shown."""
    _term, price = item_for_purchase(line.plan_term.catalog_item_id, customer.country, customer.currency, at)
    offer = line.plan_term.plan.offer
    if (price.amount, price.currency) != (line.price.amount, line.price.currency):
        raise PriceMoved(offer=offer.title, shown=line.price, current=price)
    check_quantity(line.plan_term.plan, line.quantity)
    check_once_per_customer(customer, offer)
    if line.reseller_id:
        reseller_for_purchase(line.reseller_id, settings.HUB_PARTNER_ID)


def _buy(actor: Actor, order: Order, number: int, line: CartLine, at: datetime) -> Subscription:
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
    subscription = _open_subscription(order, order_line, line, at)
    _open_gates(subscription, order, at)
    if subscription.publisher.is_polled:
        _schedule(subscription, at)
    record(SubscriptionOrdered(subscription.pk, _facts_of(subscription, order)), actor=actor, at=at)
    if _wants_notice(subscription, at):
        begin(actor, subscription, Wanted(OperationAction.SUBSCRIBE, {}, {}), held_until=None, at=at)
    return subscription


def _wants_notice(subscription: Subscription, at: datetime) -> bool:
    """Whether the publisher's webhook is told of a purchase before anybody opens its link."""
    if not subscription.publisher.webhook_url:
        return False
    return policy_word("subscribe_notice", subscription.plan, at, subscription.plan_term.term) == "yes"


def _schedule(subscription: Subscription, at: datetime) -> None:
    PollSchedule.objects.create(
        subscription=subscription, publisher=subscription.publisher, next_poll_at=at, fresh_since=at
    )


def _open_subscription(order: Order, order_line: OrderLine, line: CartLine, at: datetime) -> Subscription:
    plan = line.plan_term.plan
    subscription = Subscription.objects.create(
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
        activate_by=at + policy_duration("activate_within", plan, at, line.plan_term.term),
    )
    SeatTranche.objects.create(
        subscription=subscription,
        quantity=line.quantity,
        cause=TrancheCause.PURCHASE,
        opened_at=at,
        reducible_until=at + policy_duration("reduce_within", plan, at, line.plan_term.term),
    )
    return subscription


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
