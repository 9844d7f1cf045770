"""What subscriptions hear: publishers never call them."""

from datetime import datetime

from accounts.policy import SYSTEM
from partnerhub.outbox.models import Event
from partnerhub.outbox.recorder import handles
from subscriptions.services.asking import ask_as_registered


@handles("publisher.changed")
def follow_adapter(event: Event, at: datetime) -> None:
    ask_as_registered(SYSTEM, event.stream_id, at=at)
