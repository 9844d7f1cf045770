"""Notes: what agents tell each other about a subscription. They change nothing of it and are never taken back."""

import re
from datetime import datetime
from uuid import UUID

from django.db import transaction

from accounts.models import User
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

    Whom it names with @, by e-mail address or name, stands in its event's `mentions` by id.

    Raises NotPermitted, NotFound, InvalidInput.
    """
    authorize(actor, Action.SUBSCRIPTION_NOTE)
    text = text.replace("\r\n", "\n").strip()
    if not 1 <= len(text) <= LONGEST_NOTE:
        raise InvalidInput(field="note", problem=f"{len(text)} characters, allowed are 1 to {LONGEST_NOTE}")
    if "\0" in text:
        raise InvalidInput(field="note", problem="it contains a NUL character")
    subscription = lock_subscription(subscription_id, actor)
    named = {"mentions": mentions} if (mentions := mentioned(text, subscription.customer_id)) else {}
    return record(SubscriptionNoted(subscription.pk, {"text": text, **named}), actor=actor, at=at)


def mentioned(text: str, customer_id: UUID | None = None) -> list[str]:
    """The ids of the people whom a text names with @, by e-mail address or by name, in the order of their addresses.

    Who may not see the customer is left out.
    """
    if "@" not in text:
        return []
    people = [user for user in User.objects.filter(is_active=True).order_by("email") if user.sees(customer_id)]
    return [str(user.pk) for user in people if any(_names(text, word) for word in (user.email, user.name))]


def _names(text: str, word: str) -> bool:
    return bool(word) and re.search(rf"(?<!\w)@{re.escape(word)}(?![\w@]|[.-]\w)", text, re.IGNORECASE) is not None
