"""What billing hears: subscriptions never calls it, it listens."""

from datetime import datetime

from accounts.policy import SYSTEM
from billing.hearing import HEARD
from billing.services.charging import take_in
from partnerhub.outbox.models import Event
from partnerhub.outbox.recorder import handles


@handles(*HEARD)
def charge(event: Event, at: datetime) -> None:
    take_in(SYSTEM, event, at=at)
