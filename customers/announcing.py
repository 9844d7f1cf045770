"""What programs are told of customers."""

from accounts.policy import Action
from customers.events import CustomerChanged, CustomerCreated, RelationshipEnded, RelationshipResumed
from partnerhub.hooks.handlers import announce
from partnerhub.hooks.registry import Announcement, Place
from partnerhub.outbox.models import Event

CHANGES = (CustomerCreated, CustomerChanged, RelationshipEnded, RelationshipResumed)


def of_customer(event: Event) -> Place:
    return Place(f"/customers/{event.stream_id}", event.stream_id)


for name, of in (("customer-created", (CustomerCreated,)), ("customer-updated", CHANGES)):
    announce(Announcement(name, "customer", Action.CUSTOMER_READ, tuple(fact.name for fact in of), of_customer))
