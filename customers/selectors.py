"""Reading customers and resellers, as far as an actor may see them."""

from uuid import UUID

from django.db.models import QuerySet
from django.db.models.functions import Lower

from accounts.policy import Action, Actor, authorize
from customers.models import Customer, IndirectReseller
from partnerhub.errors import (
    NotFound,
    ResellerAgreementMissing,
    ResellerIsProvider,
    ResellerIsSuspended,
    ResellerUnknown,
)


def customers_visible_to(actor: Actor) -> QuerySet[Customer]:
    """The customers an actor may see. Raises NotPermitted for a role that may see none."""
    authorize(actor, Action.CUSTOMER_READ)
    found = Customer.objects.select_related("reseller").order_by("name", "id")
    return found if actor.customers is None else found.filter(pk__in=actor.customers)


def customer_for(actor: Actor, customer_id: UUID) -> Customer:
    """One visible customer. Raises NotFound, for one out of scope too."""
    customer = customers_visible_to(actor).filter(pk=customer_id).first()
    if customer is None:
        raise NotFound(what="customer", id=customer_id)
    return customer


def reseller_for_purchase(partner_id: str, own: str) -> IndirectReseller:
    """The indirect reseller a purchase may name; `own` is our PartnerID (rules 84-85).

    Raises ResellerIsProvider, ResellerUnknown, ResellerIsSuspended or ResellerAgreementMissing.
    """
    return fit_for_purchase(partner_id, IndirectReseller.objects.filter(pk=partner_id).first(), own)


def fit_for_purchase(partner_id: str, reseller: IndirectReseller | None, own: str) -> IndirectReseller:
    """The reseller that was found by a PartnerID, where purchases may name it. Raises as `reseller_for_purchase`."""
    if partner_id == own:
        raise ResellerIsProvider(partner_id=partner_id)
    if reseller is None:
        raise ResellerUnknown(partner_id=partner_id)
    if reseller.suspended_at is not None:
        raise ResellerIsSuspended(name=reseller.name, partner_id=partner_id)
    if reseller.agreement_signed_at is None:
        raise ResellerAgreementMissing(name=reseller.name, partner_id=partner_id)
    return reseller


def resellers_visible_to(actor: Actor) -> QuerySet[IndirectReseller]:
    """The indirect resellers an actor may see, by name. Raises NotPermitted for a role that may see none."""
    authorize(actor, Action.CUSTOMER_READ)
    return IndirectReseller.objects.order_by("name", "partner_id")


def reseller_for(actor: Actor, partner_id: str) -> IndirectReseller:
    """One visible reseller. Raises NotFound."""
    reseller = resellers_visible_to(actor).filter(pk=partner_id).first()
    if reseller is None:
        raise NotFound(what="reseller", id=partner_id)
    return reseller


def ids_of_customers(actor: Actor, asked: list[str]) -> dict[str, UUID]:
    """The ids of the customers behind domains and ids in lower case; what nobody has is left out."""
    rows = customers_visible_to(actor).order_by()
    by_id = {str(pk): pk for pk in rows.filter(pk__in=_ids(asked)).values_list("pk", flat=True)}
    domains = rows.annotate(lower=Lower("domain")).filter(lower__in=asked).values_list("lower", "pk")
    return by_id | dict(domains)


def _ids(asked: list[str]) -> list[UUID]:
    found = []
    for line in asked:
        try:
            found.append(UUID(line))
        except ValueError:
            continue
    return found
