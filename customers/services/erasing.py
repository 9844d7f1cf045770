"""Erasing a person who is a customer's contact; the company stays a customer."""

from datetime import datetime
from uuid import UUID, uuid4

from django.db import transaction

from accounts.policy import Action, Actor, authorize
from customers.commitments import live_subscriptions_of
from customers.events import ContactErased
from customers.models import Customer
from customers.services.customers import lock_customer
from partnerhub.errors import InvalidInput
from partnerhub.outbox.recorder import record

NAME, ADDRESS = "Erased", "erased@erased.invalid"


@transaction.atomic
def erase_contact(actor: Actor, customer_id: UUID, email: str, *, reason: str, at: datetime) -> Customer:
    """Take a person's name and e-mail address off a customer, as the contact who uses it and as the one who is billed.

    The event names neither. Raises InvalidInput while subscriptions live, whose notices somebody must get, NotFound,
    NotPermitted.
    """
    authorize(actor, Action.PERSON_ERASE)
    customer = lock_customer(customer_id)
    if live := live_subscriptions_of(customer.pk):
        problem = f"{customer.name} still has live subscriptions ({live}): name another contact first."
        raise InvalidInput(field="contact", problem=problem)
    wanted: dict[str, object] = {}
    if customer.beneficiary_email.lower() == email.lower():
        wanted |= {"beneficiary_name": NAME, "beneficiary_email": ADDRESS, "beneficiary_object_id": uuid4()}
    if customer.billing_email.lower() == email.lower():
        wanted |= {"billing_first_name": NAME, "billing_last_name": NAME, "billing_email": ADDRESS}
    if wanted:
        wanted["version"] = customer.version + 1
        for name, value in wanted.items():
            setattr(customer, name, value)
        customer.save(update_fields=list(wanted))
        record(ContactErased(customer.pk, reason=reason), actor=actor, at=at)
    return customer
