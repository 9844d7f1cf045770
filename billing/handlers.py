"""What billing hears: subscriptions never calls it, it listens."""

from datetime import datetime

from accounts.policy import SYSTEM
from billing.services import charge_first_period, credit_everything
from partnerhub.outbox.models import Event
from partnerhub.outbox.recorder import handles


@handles("subscription.activated")
def start_billing(event: Event, at: datetime) -> None:
    charge_first_period(SYSTEM, event, at=at)


@handles("subscription.cancelled")
def refund(event: Event, at: datetime) -> None:
    if event.data["refund"] == "full":
        credit_everything(SYSTEM, event, at=at)
