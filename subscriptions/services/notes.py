"""Notes: what agents tell each other about a subscription. They change nothing of it and are never taken back."""

from datetime import datetime
from uuid import UUID

from django.db import transaction

from accounts.policy import Action, Actor, authorize
from partnerhub.errors import InvalidInput
from partnerhub.outbox.models import Event
from partnerhub.outbox.recorder import record
from subscriptions.events import SubscriptionNoted
from subscriptions.services.locking import lock_subscription

LONGEST_NOTE = 2000


@transaction.atomic
def add_note(actor: Actor, subscription_id: UUID, *, text: str, at: datetime) -> Event:
    """Put a note (1 to 2000 characters) on a subscription's timeline, in whatever state it is.

    Raises NotPermitted, NotFound, InvalidInput.
    """
    authorize(actor, Action.SUBSCRIPTION_NOTE)
    text = text.replace("\r\n", "\n").strip()
    if not 1 <= len(text) <= LONGEST_NOTE:
        raise InvalidInput(field="note", problem=f"{len(text)} characters, allowed are 1 to {LONGEST_NOTE}")
    if "\0" in text:
        raise InvalidInput(field="note", problem="it contains a NUL character")
    subscription = lock_subscription(subscription_id)
    return record(SubscriptionNoted(subscription.pk, {"text": text}), actor=actor, at=at)
