"""Reading the ledger, as far as an actor may see it."""

from uuid import UUID

from django.db.models import QuerySet

from accounts.policy import Action, Actor, authorize
from billing.models import Charge
from billing.pricing import cycle_amount, units_of
from partnerhub.money import Money
from publishers.models import Plan
from subscriptions.models import Subscription


def charges_of(actor: Actor, subscription_id: UUID) -> QuerySet[Charge]:
    """The charges of a subscription, oldest first. Raises NotPermitted."""
    authorize(actor, Action.CHARGE_READ)
    return Charge.objects.filter(subscription_id=subscription_id).order_by("sequence")


def first_charge_of(plan: Plan, unit_price: Money, quantity: int) -> Money:
    """What will be charged first for `quantity` licences of a plan: zero in a trial. Before tax."""
    price = Money(unit_price.amount * 0, unit_price.currency) if plan.trial_days else unit_price
    return cycle_amount(price.amount, units_of(plan.pricing, quantity), price.currency)


def upcoming_charge(subscription: Subscription) -> Money:
    """What a pending subscription will be charged first, once the publisher has confirmed it. Before tax."""
    price = Money(subscription.unit_price, subscription.currency)
    return first_charge_of(subscription.plan, price, subscription.quantity)
