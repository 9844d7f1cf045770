"""Replaying the reminders of the demo's past: each rung at its own moment, its mails sent then."""

from datetime import datetime

from accounts.policy import SYSTEM
from partnerhub.mail.models import Message
from subscriptions.models import Subscription
from subscriptions.services.reminding import remind, steps_of


def climb_until(subscription: Subscription, at: datetime) -> None:
    """Climb what was due before a moment, while the subscription waited; what is due later is the hub's work."""
    for step in steps_of(subscription, at):
        if step.due_at < at:
            remind(SYSTEM, subscription.pk, at=step.due_at)
            sent = {"sent_at": step.due_at, "body": b"", "next_attempt_at": None, "attempts": 1}
            Message.objects.filter(sent_at=None, created_at=step.due_at).update(**sent)
