"""Taking on customers, changing them, and ending the relationship with them."""

from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from django.conf import settings
from django.db import IntegrityError, transaction

from accounts.policy import Action, Actor, authorize
from customers.commitments import live_subscriptions_of
from customers.events import CustomerChanged, CustomerCreated, RelationshipEnded, RelationshipResumed
from customers.models import Customer
from customers.selectors import reseller_for_purchase
from customers.services.checks import (
    check_country,
    check_currency,
    check_domain,
    check_reason,
    check_row,
    check_text,
    check_version,
    differences,
)
from customers.vat import checked_vat_id
from partnerhub.errors import (
    CurrencyInUse,
    DomainTaken,
    InvalidInput,
    LiveSubscriptions,
    NotFound,
    OutsideScope,
    TenantTaken,
)
from partnerhub.outbox.recorder import record


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerProfile:
    """Who buys, who is billed, and who will use it. `country` is ISO 3166 (PL), `currency` ISO 4217 (PLN)."""

    name: str
    domain: str
    country: str
    currency: str
    billing_first_name: str
    billing_last_name: str
    billing_email: str
    address_line: str
    city: str
    postal_code: str
    beneficiary_name: str
    beneficiary_email: str
    region: str = ""
    vat_id: str = ""
    language: str = "en"


PROFILE_FIELDS = tuple(field.name for field in fields(CustomerProfile))


@transaction.atomic
def create_customer(
    actor: Actor, profile: CustomerProfile, *, partner_id: str = "", tenant_id: UUID | None = None, at: datetime
) -> Customer:
    """Take on a customer, who came through the indirect reseller `partner_id` if one is given (rules 84-85).

    Without a `tenant_id` it gets one of its own. Raises InvalidInput for the first field that does not fit,
    VatIdInvalid, DomainTaken, TenantTaken, ResellerUnknown, ResellerIsProvider or ResellerAgreementMissing, and
    OutsideScope for a program that sees only some customers; then nothing is created.
    """
    authorize(actor, Action.CUSTOMER_MANAGE)
    if actor.customers is not None:
        raise OutsideScope
    _check_profile(profile)
    profile = replace(profile, vat_id=checked_vat_id(profile.vat_id, profile.country))
    _check_domain_free(profile.domain, None)
    tenant_id = tenant_id or uuid4()
    _check_tenant_free(tenant_id)
    reseller = reseller_for_purchase(partner_id, settings.HUB_PARTNER_ID) if partner_id else None
    customer = Customer(**asdict(profile), tenant_id=tenant_id, reseller=reseller, created_at=at)
    check_row(customer)
    _save(customer)
    record(CustomerCreated(customer.pk, {"name": customer.name, "reseller": partner_id}), actor=actor, at=at)
    return customer


@transaction.atomic
def change_customer(
    actor: Actor, customer_id: UUID, profile: CustomerProfile, *, partner_id: str, version: int | None, at: datetime
) -> Customer:
    """Replace a customer's profile and reseller (`""` for none); what is the same stays, and nothing is recorded.

    Another country leaves what was bought alone; it decides what can be bought next, and how the VAT id is checked.
    Raises what `create_customer` raises, NotFound, StaleVersion, and CurrencyInUse while subscriptions live.
    """
    authorize(actor, Action.CUSTOMER_MANAGE)
    customer = lock_customer(customer_id)
    check_version(customer.version, version)
    _check_profile(profile)
    if (profile.vat_id, profile.country) != (customer.vat_id, customer.country):
        profile = replace(profile, vat_id=checked_vat_id(profile.vat_id, profile.country))
    wanted = asdict(profile) | {"reseller_id": partner_id or None}
    before, after = differences(customer, wanted)
    if not after:
        return customer
    _check_change(customer, after)
    for name in after:
        setattr(customer, name, wanted[name])
    check_row(customer)
    _save_changed(customer, *after)
    record(CustomerChanged(customer.pk, {"before": before, "after": after}), actor=actor, at=at)
    return customer


@transaction.atomic
def end_relationship(actor: Actor, customer_id: UUID, *, reason: str, version: int | None, at: datetime) -> Customer:
    """Stop selling to a customer, who stays on record. An ended relationship stays as it is.

    Raises NotFound, NotPermitted, StaleVersion, InvalidInput without a reason of 1 to 500 characters, and
    LiveSubscriptions, which says how many have to end first.
    """
    authorize(actor, Action.CUSTOMER_MANAGE)
    customer = lock_customer(customer_id)
    check_version(customer.version, version)
    check_reason(reason)
    if customer.relationship_ended_at is not None:
        return customer
    if live := live_subscriptions_of(customer.pk):
        raise LiveSubscriptions(customer=customer.name, count=live)
    customer.relationship_ended_at = at
    _save_changed(customer, "relationship_ended_at")
    record(RelationshipEnded(customer.pk, reason=reason), actor=actor, at=at)
    return customer


@transaction.atomic
def resume_relationship(actor: Actor, customer_id: UUID, *, reason: str, version: int | None, at: datetime) -> Customer:
    """Sell to a customer again whose relationship had ended. Raises as `end_relationship` does."""
    authorize(actor, Action.CUSTOMER_MANAGE)
    customer = lock_customer(customer_id)
    check_version(customer.version, version)
    check_reason(reason)
    if customer.relationship_ended_at is None:
        return customer
    customer.relationship_ended_at = None
    _save_changed(customer, "relationship_ended_at")
    record(RelationshipResumed(customer.pk, reason=reason), actor=actor, at=at)
    return customer


def lock_customer(customer_id: UUID) -> Customer:
    """A customer that nobody else changes until the transaction ends. Raises NotFound."""
    customer = Customer.objects.select_for_update().filter(pk=customer_id).first()
    if customer is None:
        raise NotFound(what="customer", id=customer_id)
    return customer


def _check_profile(profile: CustomerProfile) -> None:
    check_text(asdict(profile))
    check_domain(profile.domain)
    check_country(profile.country)
    check_currency(profile.currency)
    languages = [code for code, _name in settings.LANGUAGES]
    if profile.language not in languages:
        raise InvalidInput(field="language", problem=f"{profile.language!r} is not one of {', '.join(languages)}.")


def _check_change(customer: Customer, after: dict[str, Any]) -> None:
    if "domain" in after:
        _check_domain_free(after["domain"], customer.pk)
    if after.get("reseller_id"):
        reseller_for_purchase(after["reseller_id"], settings.HUB_PARTNER_ID)
    if "currency" in after and (live := live_subscriptions_of(customer.pk)):
        raise CurrencyInUse(customer=customer.name, count=live, currency=customer.currency)


def _check_domain_free(domain: str, customer_id: UUID | None) -> None:
    holder = Customer.objects.filter(domain__iexact=domain).first()
    if holder is not None and holder.pk != customer_id:
        raise DomainTaken(domain=domain, customer=holder.name)


def _check_tenant_free(tenant_id: UUID) -> None:
    holder = Customer.objects.filter(tenant_id=tenant_id).first()
    if holder is not None:
        raise TenantTaken(tenant_id=tenant_id, customer=holder.name)


def _save_changed(customer: Customer, *changed: str) -> None:
    customer.version += 1
    _save(customer, [*changed, "version"])


def _save(customer: Customer, update_fields: list[str] | None = None) -> None:
    """Write the row. Raises DomainTaken or TenantTaken when another request took it in the same moment."""
    try:
        with transaction.atomic():
            customer.save(update_fields=update_fields, force_insert=update_fields is None)
    except IntegrityError as error:
        if "tenant_id" in str(error):
            raise TenantTaken(tenant_id=customer.tenant_id, customer=customer.name) from None
        if "customer_domain_once" not in str(error):
            raise
        raise DomainTaken(domain=customer.domain, customer=customer.name) from None
