"""Trying anew by hand what the hub puts off by itself. What is due already, or over, is left alone."""

from datetime import datetime
from uuid import UUID, uuid5

from django.db import transaction

from accounts.policy import Action, Actor, authorize_for_all
from partnerhub.errors import DeliveryUnderWay, NotFound
from partnerhub.mail.models import Message
from partnerhub.outbox.models import Delivery
from partnerhub.outbox.recorder import record
from partnerhub.system.events import DeliveryRetried, MailRetried


@transaction.atomic
def retry_delivery(actor: Actor, delivery_id: int, *, at: datetime) -> bool:
    """Let a consumer hear an event at once that it failed to; a worker does within seconds. False: nothing was to do.

    Raises NotPermitted, NotFound, and DeliveryUnderWay while a worker has it.
    """
    authorize_for_all(actor, Action.SYSTEM_RETRY)
    rows = Delivery.objects.select_related("event").filter(pk=delivery_id)
    found = rows.select_for_update(skip_locked=True, of=("self",)).first()
    if found is None:
        raise DeliveryUnderWay if rows.exists() else NotFound(what="delivery", id=delivery_id)
    if found.delivered_at is not None or found.next_attempt_at <= at:
        return False
    found.next_attempt_at = at
    found.save(update_fields=["next_attempt_at"])
    facts = {"event": found.event.name, "consumer": found.handler, "attempts": found.attempts}
    record(DeliveryRetried(uuid5(found.event_id, found.handler), facts), actor=actor, at=at)
    return True


@transaction.atomic
def retry_mail(actor: Actor, message_id: UUID, *, at: datetime) -> bool:
    """Send a mail at once that could not be sent; a worker does within seconds. False: nothing was to do.

    One that was given up, too, until its text is forgotten or of no use any more. Raises NotPermitted, NotFound, and
    DeliveryUnderWay while a worker has it.
    """
    authorize_for_all(actor, Action.SYSTEM_RETRY)
    found = Message.objects.select_for_update().filter(pk=message_id).first()
    if found is None:
        raise NotFound(what="mail", id=message_id)
    if found.lease_until is not None and found.lease_until > at:
        raise DeliveryUnderWay
    if not can_be_sent(found, at) or (found.next_attempt_at is not None and found.next_attempt_at <= at):
        return False
    found.next_attempt_at, found.failed_at = at, None
    found.save(update_fields=["next_attempt_at", "failed_at"])
    # A key names the occasion by ids; the part before them is what kind of mail it is.
    facts = {"purpose": found.key.partition(":")[0], "attempts": found.attempts}
    record(MailRetried(found.pk, facts), actor=actor, at=at)
    return True


def can_be_sent(message: Message, at: datetime) -> bool:
    """Whether a mail that did not go through can still be: its text is there, and it is of use."""
    return bool(message.body) and (message.expires_at is None or message.expires_at > at)
