"""Filling a cart: every line is checked against catalogue, customer and reseller before anything is written."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db import transaction

from accounts.policy import Action, Actor, authorize
from customers.models import Customer
from customers.selectors import customer_for, reseller_for_purchase
from partnerhub import prepared
from partnerhub.errors import CartAlreadyOrdered, CartExpired, CartNotFound, CustomerRelationshipEnded, OnePerCustomer
from partnerhub.outbox.recorder import record
from publishers.models import Offer
from publishers.selectors import hub_policy_duration, item_for_purchase
from subscriptions.enums import CartStatus, Status
from subscriptions.events import CartCreated, CartReplaced
from subscriptions.models import Cart, CartLine, Subscription
from subscriptions.quantities import check_quantity

# One purchase at a time per customer: two carts must not both buy a once-per-customer offer.
_LOCK = prepared.Selection(
    """
SELECT {cart}, {customer} FROM subscriptions_cart AS cart
  JOIN customers_customer AS customer ON customer.id = cart.customer_id
 WHERE cart.id = %s AND cart.customer_id = %s FOR UPDATE OF cart, customer
""",
    cart=Cart,
    customer=Customer,
)


@dataclass(frozen=True, slots=True)
class LineRequest:
    """What somebody wants in a cart: a catalogue item and how many licences of it."""

    catalog_item_id: str
    quantity: int
    nickname: str = ""
    partner_id: str = ""
    auto_renew: bool = True
    order_group: str = ""


@transaction.atomic
def create_cart(actor: Actor, customer_id: UUID, lines: Sequence[LineRequest], *, attested: bool, at: datetime) -> Cart:
    """Open a cart that lives as long as the policy `cart_lives` says (rule 4: 7 days).

    Raises the refusal of the first line that cannot be bought, and then creates nothing.
    """
    authorize(actor, Action.SUBSCRIPTION_BUY)
    customer = _buyer(actor, customer_id)
    cart = Cart.objects.create(
        customer=customer,
        attested=attested,
        created_by=actor.label,
        created_by_id=actor.id,
        created_at=at,
        modified_at=at,
        expires_at=at + hub_policy_duration("cart_lives", at),
    )
    _write_lines(cart, customer, lines, at)
    record(CartCreated(cart.pk, {"customer": str(customer_id), "lines": len(lines)}), actor=actor, at=at)
    return cart


@transaction.atomic
def replace_cart(
    actor: Actor, customer_id: UUID, cart_id: UUID, lines: Sequence[LineRequest], *, attested: bool, at: datetime
) -> Cart:
    """Replace every line of an open cart. Raises CartExpired, CartAlreadyOrdered and what `create_cart` raises."""
    authorize(actor, Action.SUBSCRIPTION_BUY)
    cart = lock_cart(actor, customer_id, cart_id)
    if cart.status == CartStatus.ORDERED:
        raise CartAlreadyOrdered(id=cart_id)
    check_not_expired(cart, at)
    customer = _buyer(actor, customer_id)
    cart.lines.all().delete()
    _write_lines(cart, customer, lines, at)
    cart.attested, cart.modified_at = attested, at
    cart.save(update_fields=["attested", "modified_at"])
    record(CartReplaced(cart.pk, {"lines": len(lines)}), actor=actor, at=at)
    return cart


def lock_cart(actor: Actor, customer_id: UUID, cart_id: UUID) -> Cart:
    """A customer's cart, with the customer; both rows are locked. Raises CartNotFound, for one out of scope too."""
    visible = actor.customers is None or customer_id in actor.customers
    found = _LOCK(cart_id, customer_id) if visible else []
    if not found:
        raise CartNotFound(id=cart_id)
    cart: Cart = found[0][0]
    cart.customer = found[0][1]
    return cart


def check_not_expired(cart: Cart, at: datetime) -> None:
    if at >= cart.expires_at:
        raise CartExpired(expired_at=cart.expires_at.strftime("%Y-%m-%d %H:%M UTC"))


def check_once_per_customer(customer: Customer, offer: Offer, bought: Sequence[Subscription] = ()) -> None:
    """Raise OnePerCustomer when the customer already has a live subscription to such an offer (rule 10), or has one
    among what is `bought` now.
    """
    if not offer.one_per_customer:
        return
    live = next((one for one in bought if one.offer_id == offer.pk), None)
    if live is None:
        live = Subscription.objects.filter(customer=customer, offer=offer).exclude(status=Status.UNSUBSCRIBED).first()
    if live is not None:
        raise OnePerCustomer(customer=customer.name, offer=offer.title, subscription=live.pk)


def _buyer(actor: Actor, customer_id: UUID) -> Customer:
    customer = customer_for(actor, customer_id)
    if customer.relationship_ended_at is not None:
        raise CustomerRelationshipEnded(customer=customer.name)
    return customer


def _write_lines(cart: Cart, customer: Customer, lines: Sequence[LineRequest], at: datetime) -> None:
    written = [_line(cart, customer, number, line, at) for number, line in enumerate(lines)]
    CartLine.objects.bulk_create(written)


def _line(cart: Cart, customer: Customer, number: int, line: LineRequest, at: datetime) -> CartLine:
    plan_term, price = item_for_purchase(line.catalog_item_id, customer.country, customer.currency, at)
    check_quantity(plan_term.plan, line.quantity)
    check_once_per_customer(customer, plan_term.plan.offer)
    reseller = reseller_for_purchase(line.partner_id, settings.HUB_PARTNER_ID) if line.partner_id else None
    return CartLine(
        cart=cart,
        number=number,
        plan_term=plan_term,
        price=price,
        quantity=line.quantity,
        nickname=line.nickname,
        reseller=reseller,
        auto_renew=line.auto_renew,
        order_group=line.order_group,
    )
