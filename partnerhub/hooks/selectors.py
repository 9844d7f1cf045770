"""Reading registrations and what became of deliveries."""

from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import QuerySet

from accounts.policy import Action, Actor, authorize
from partnerhub.errors import NotFound, OnlyPrograms
from partnerhub.hooks.models import Delivery, Registration
from partnerhub.hooks.registry import TEST

RESULTS_KEPT = timedelta(days=7)


def registration_of(actor: Actor) -> Registration:
    """The registration of the program that calls. Raises NotFound, and OnlyPrograms for a person."""
    found = Registration.objects.filter(client_id=program_id(actor), ended_at=None).first()
    if found is None:
        raise NotFound(what="webhook registration", id=actor.id)
    return found


def program_id(actor: Actor) -> UUID:
    """The id of the API client that acts. Raises OnlyPrograms."""
    if actor.kind != "client":
        raise OnlyPrograms
    return UUID(actor.id)


def validation_of(actor: Actor, correlation_id: UUID, at: datetime) -> Delivery:
    """A validation event of the program that calls, not older than seven days. Raises NotFound, OnlyPrograms."""
    rows = Delivery.objects.filter(registration__client_id=program_id(actor), event_name=TEST)
    found = rows.select_related("registration").filter(pk=correlation_id, created_at__gt=at - RESULTS_KEPT).first()
    if found is None:
        raise NotFound(what="validation event", id=correlation_id)
    return found


def registrations_visible_to(actor: Actor) -> QuerySet[Registration]:
    """The registrations that stand, by the program's name. Raises NotPermitted."""
    authorize(actor, Action.CLIENT_MANAGE)
    return Registration.objects.filter(ended_at=None).select_related("client").order_by("client__name", "id")


def deliveries_visible_to(actor: Actor) -> QuerySet[Delivery]:
    """All deliveries, newest first. Raises NotPermitted."""
    authorize(actor, Action.CLIENT_MANAGE)
    return Delivery.objects.select_related("registration__client").order_by("-created_at", "-id")


def delivery_for(actor: Actor, delivery_id: UUID) -> Delivery:
    """One delivery. Raises NotFound, NotPermitted."""
    found = deliveries_visible_to(actor).filter(pk=delivery_id).first()
    if found is None:
        raise NotFound(what="delivery", id=delivery_id)
    return found
