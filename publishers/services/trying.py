"""Asking a publisher again before its pause is over."""

from datetime import datetime
from uuid import UUID

from django.db import transaction

from accounts.policy import Action, Actor, authorize
from partnerhub.errors import NotFound, NothingToTry
from partnerhub.outbox.recorder import record
from publishers.events import TryRequested
from publishers.models import Circuit, Publisher


@transaction.atomic
def try_now(actor: Actor, publisher_id: UUID, *, at: datetime) -> Publisher:
    """Let the next question through now: its answer closes the circuit, its failure opens it for longer.

    Raises NothingToTry while the circuit is not open, NotFound, NotPermitted.
    """
    authorize(actor, Action.PUBLISHER_TRY)
    publisher = Publisher.objects.select_for_update().filter(pk=publisher_id).first()
    if publisher is None:
        raise NotFound(what="publisher", id=publisher_id)
    if publisher.circuit != Circuit.OPEN:
        raise NothingToTry(publisher=publisher.name)
    publisher.circuit_retry_at = at
    publisher.save(update_fields=["circuit_retry_at"])
    record(TryRequested(publisher.pk), actor=actor, at=at)
    return publisher
