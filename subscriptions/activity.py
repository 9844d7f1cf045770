"""What happened around a customer: the events of its subscriptions and carts, and its own."""

from uuid import UUID

from django.db.models import Q, QuerySet

from accounts.policy import Actor
from customers.selectors import customer_for
from partnerhub.outbox.models import Event
from subscriptions.models import Cart, Subscription


def activity_of(actor: Actor, customer_id: UUID) -> QuerySet[Event]:
    """The events around one customer, newest first. Raises NotFound, NotPermitted."""
    customer = customer_for(actor, customer_id)
    subscriptions = Subscription.objects.filter(customer=customer).values("pk")
    carts = Cart.objects.filter(customer=customer).values("pk")
    around = Q(stream_id=customer.pk) | Q(stream_id__in=subscriptions) | Q(stream_id__in=carts)
    return Event.objects.filter(around).order_by("-at", "-id")
