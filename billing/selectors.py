"""Reading the ledger and the invoices, as far as an actor may see them."""

from uuid import UUID

from django.db.models import QuerySet

from accounts.policy import Action, Actor, authorize
from billing.hearing import CONSUMER
from billing.models import Charge, Invoice
from partnerhub.errors import NotFound
from partnerhub.outbox.models import Delivery
from subscriptions.selectors import within


def charges_of(actor: Actor, subscription_id: UUID) -> QuerySet[Charge]:
    """The charges of a subscription with the events that caused them, oldest first. Raises NotPermitted."""
    authorize(actor, Action.CHARGE_READ)
    rows = within(Charge.objects.filter(subscription_id=subscription_id), actor)
    return rows.select_related("cause").order_by("sequence")


def is_behind(subscription_id: UUID) -> bool:
    """Whether billing has yet to hear of something that has happened to a subscription."""
    return Delivery.objects.filter(stream_id=subscription_id, handler=CONSUMER, delivered_at=None).exists()


def invoices_visible_to(actor: Actor) -> QuerySet[Invoice]:
    """Invoices and credit notes, the newest draft first. Raises NotPermitted."""
    authorize(actor, Action.INVOICE_READ)
    return within(Invoice.objects.select_related("customer", "credits"), actor).order_by("-drafted_at", "-id")


def invoice_for(actor: Actor, invoice_id: UUID) -> Invoice:
    """One invoice or credit note. Raises NotFound, NotPermitted."""
    invoice = invoices_visible_to(actor).filter(pk=invoice_id).first()
    if invoice is None:
        raise NotFound(what="invoice", id=invoice_id)
    return invoice
