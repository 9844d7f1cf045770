"""What programs are told of invoices."""

from uuid import UUID

from accounts.policy import Action
from partnerhub.hooks.handlers import announce
from partnerhub.hooks.registry import Announcement, Place
from partnerhub.outbox.models import Event


def of_invoice(event: Event) -> Place | None:
    return Place(f"/invoices/{event.data['number']}", UUID(event.data["customer"]))


announce(Announcement("invoice-ready", "invoice", Action.INVOICE_READ, ("invoice.finalized",), of_invoice))
