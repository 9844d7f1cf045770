"""What a customer still has from us."""

from uuid import UUID

from customers.commitments import counts_live_subscriptions
from subscriptions.enums import Status
from subscriptions.models import Subscription


@counts_live_subscriptions
def live(customer_id: UUID) -> int:
    """The customer's subscriptions that have not ended; those that wait for their activation count."""
    return Subscription.objects.filter(customer_id=customer_id).exclude(status=Status.UNSUBSCRIBED).count()
