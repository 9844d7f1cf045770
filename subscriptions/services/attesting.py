"""Attesting the partner role for what a cart holds, without touching its lines or the prices that were shown."""

from datetime import datetime
from uuid import UUID

from django.db import transaction

from accounts.policy import Action, Actor, authorize
from partnerhub.outbox.recorder import record
from subscriptions.enums import CartStatus
from subscriptions.events import CartAttested
from subscriptions.models import Cart
from subscriptions.services.carts import check_not_expired, lock_cart


@transaction.atomic
def attest_cart(actor: Actor, customer_id: UUID, cart_id: UUID, *, at: datetime) -> Cart:
    """Accept the partner-role attestation of a cart (rule 9). A cart attested or ordered already is left as it is.

    Raises CartNotFound, CartExpired, NotPermitted.
    """
    authorize(actor, Action.SUBSCRIPTION_BUY)
    cart = lock_cart(actor, customer_id, cart_id)
    if cart.attested or cart.status == CartStatus.ORDERED:
        return cart
    check_not_expired(cart, at)
    cart.attested, cart.modified_at = True, at
    cart.save(update_fields=["attested", "modified_at"])
    record(CartAttested(cart.pk), actor=actor, at=at)
    return cart
