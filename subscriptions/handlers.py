"""What subscriptions hear: publishers never call them."""

from datetime import datetime

from accounts.policy import SYSTEM
from partnerhub.outbox.models import Event
from partnerhub.outbox.recorder import handles
from subscriptions.services.asking import ask_as_registered
from subscriptions.services.requests import void_if_moved


@handles("publisher.changed")
def follow_adapter(event: Event, at: datetime) -> None:
    ask_as_registered(SYSTEM, event.stream_id, at=at)


@handles(
    "subscription.renamed",
    "subscription.auto_renew_changed",
    "subscription.quantity_changed",
    "subscription.plan_changed",
    "subscription.billing_frequency_changed",
    "subscription.reseller_changed",
    "subscription.renewed",
    "subscription.suspended",
    "subscription.reinstated",
    "subscription.cancelled",
    "subscription.expired",
)
def void_requests(event: Event, at: datetime) -> None:
    void_if_moved(SYSTEM, event.stream_id, at=at)
