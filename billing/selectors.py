"""Reading the ledger, as far as an actor may see it."""

from uuid import UUID

from django.db.models import QuerySet

from accounts.policy import Action, Actor, authorize
from billing.hearing import CONSUMER
from billing.models import Charge
from partnerhub.outbox.models import Delivery


def charges_of(actor: Actor, subscription_id: UUID) -> QuerySet[Charge]:
    """The charges of a subscription with the events that caused them, oldest first. Raises NotPermitted."""
    authorize(actor, Action.CHARGE_READ)
    return Charge.objects.filter(subscription_id=subscription_id).select_related("cause").order_by("sequence")


def is_behind(subscription_id: UUID) -> bool:
    """Whether billing has yet to hear of something that has happened to a subscription."""
    return Delivery.objects.filter(stream_id=subscription_id, handler=CONSUMER, delivered_at=None).exists()
