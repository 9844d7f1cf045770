"""Taking on customers and indirect resellers."""

import re
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from uuid import NAMESPACE_URL, UUID, uuid5

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Model

from accounts.policy import Action, Actor, authorize
from customers.events import CustomerCreated, ResellerCreated
from customers.models import Customer, IndirectReseller
from customers.selectors import reseller_for_purchase
from partnerhub.errors import InvalidInput, ResellerIsProvider
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


@transaction.atomic
def create_customer(actor: Actor, profile: CustomerProfile, *, partner_id: str = "", at: datetime) -> Customer:
    """Take on a customer, who came through the indirect reseller `partner_id` if one is given (rules 84-85).

    Raises InvalidInput for the first field that does not fit, ResellerUnknown, ResellerIsProvider or
    ResellerAgreementMissing; then nothing is created.
    """
    authorize(actor, Action.CUSTOMER_MANAGE)
    _check_text({field.name: getattr(profile, field.name) for field in fields(profile)})
    _check_code("country", profile.country, 2)
    _check_code("currency", profile.currency, 3)
    languages = [code for code, _name in settings.LANGUAGES]
    if profile.language not in languages:
        raise InvalidInput(field="language", problem=f"{profile.language!r} is not one of {', '.join(languages)}.")
    reseller = reseller_for_purchase(partner_id, settings.HUB_PARTNER_ID) if partner_id else None
    customer = Customer(**asdict(profile), reseller=reseller, created_at=at)
    _save_checked(customer)
    record(CustomerCreated(customer.pk, {"name": customer.name, "reseller": partner_id}), actor=actor, at=at)
    return customer


@transaction.atomic
def create_reseller(
    actor: Actor, *, partner_id: str, name: str, country: str, agreement_signed_at: datetime | None, at: datetime
) -> IndirectReseller:
    """Take on an indirect reseller; until its agreement is signed no purchase may name it (rule 85).

    Raises ResellerIsProvider for our own PartnerID, and InvalidInput, also for a PartnerID that is taken.
    """
    authorize(actor, Action.CUSTOMER_MANAGE)
    if partner_id == settings.HUB_PARTNER_ID:
        raise ResellerIsProvider(partner_id=partner_id)
    if not re.fullmatch(r"[0-9]{4,16}", partner_id):
        raise InvalidInput(field="partner_id", problem=f"{partner_id!r} is not a number of 4 to 16 digits.")
    _check_text({"name": name})
    _check_code("country", country, 2)
    reseller = IndirectReseller(
        partner_id=partner_id, name=name, country=country, agreement_signed_at=agreement_signed_at
    )
    _save_checked(reseller)
    record(ResellerCreated(_stream_of(reseller), {"partner_id": partner_id, "name": name}), actor=actor, at=at)
    return reseller


def _stream_of(reseller: IndirectReseller) -> UUID:
    return uuid5(NAMESPACE_URL, f"partnerhub:reseller:{reseller.partner_id}")


def _check_text(values: dict[str, str]) -> None:
    for field, value in values.items():
        if not value.isprintable() or value != value.strip():
            raise InvalidInput(field=field, problem=f"{value[:50]!r} has spaces around it or unprintable characters.")


def _check_code(field: str, value: str, length: int) -> None:
    if not re.fullmatch(rf"[A-Z]{{{length}}}", value):
        raise InvalidInput(field=field, problem=f"{value!r} is not a code of {length} capitals.")


def _save_checked(row: Model) -> None:
    """Insert a row that its model's own checks accept. Raises InvalidInput for the first one that does not."""
    may_be_absent = [field.name for field in row._meta.fields if field.null]
    try:
        row.full_clean(exclude=may_be_absent)
    except ValidationError as error:
        field, problems = next(iter(error.message_dict.items()))
        raise InvalidInput(field=field, problem=problems[0]) from None
    row.save(force_insert=True)
