"""Reading the ledger, as far as an actor may see it."""

from uuid import UUID

from django.db.models import QuerySet

from accounts.policy import Action, Actor, authorize
from billing.models import Charge


def charges_of(actor: Actor, subscription_id: UUID) -> QuerySet[Charge]:
    """The charges of a subscription, oldest first. Raises NotPermitted."""
    authorize(actor, Action.CHARGE_READ)
    return Charge.objects.filter(subscription_id=subscription_id).order_by("sequence")
