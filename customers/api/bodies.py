"""What programs send about a customer: every member may be left out, and what is left out stays as it is."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rest_framework import serializers

from customers.countries import CURRENCIES
from customers.services.customers import PROFILE_FIELDS, CustomerProfile
from partnerhub.errors import InvalidInput

BILLING, COMPANY, BENEFICIARY = "billingProfile", "companyProfile", "beneficiary"
# Where the services' fields stand in a customer of the dialect.
PATHS = {
    "name": f"{COMPANY}.companyName",
    "domain": f"{COMPANY}.domain",
    "tenant_id": f"{COMPANY}.tenantId",
    "vat_id": f"{COMPANY}.organizationRegistrationNumber",
    "billing_first_name": f"{BILLING}.firstName",
    "billing_last_name": f"{BILLING}.lastName",
    "billing_email": f"{BILLING}.email",
    "language": f"{BILLING}.language",
    "currency": f"{BILLING}.currencyCode",
    "country": f"{BILLING}.defaultAddress.country",
    "region": f"{BILLING}.defaultAddress.region",
    "city": f"{BILLING}.defaultAddress.city",
    "address_line": f"{BILLING}.defaultAddress.addressLine1",
    "postal_code": f"{BILLING}.defaultAddress.postalCode",
    "beneficiary_name": f"{BENEFICIARY}.name",
    "beneficiary_email": f"{BENEFICIARY}.email",
    "reason": "relationshipReason",
}
UPPER, LOWER = ("country", "currency"), ("domain", "language")
MAY_STAY_EMPTY = {"region": "", "vat_id": "", "language": "en"}


def _text(longest: int) -> serializers.CharField:
    return serializers.CharField(max_length=longest, required=False, allow_null=True, allow_blank=True)


class AddressBody(serializers.Serializer[Any]):
    """`state` is read as `region`; `addressLine2` is kept behind `addressLine1`."""

    country = _text(2)
    region = _text(100)
    state = _text(100)
    city = _text(100)
    addressLine1 = _text(200)
    addressLine2 = _text(200)
    postalCode = _text(20)
    firstName = _text(100)
    lastName = _text(100)


class AttributesBody(serializers.Serializer[Any]):
    """The etag that was last seen, where no If-Match header carries it; stale answers 400 with code 2055."""

    etag = _text(200)


class CompanyBody(serializers.Serializer[Any]):
    tenantId = serializers.UUIDField(required=False, allow_null=True)
    domain = _text(200)
    companyName = _text(200)
    organizationRegistrationNumber = _text(40)


class BillingBody(serializers.Serializer[Any]):
    """Names stand here or in the address; without a `language` it is that of `culture`."""

    firstName = _text(100)
    lastName = _text(100)
    email = _text(254)
    culture = _text(20)
    language = _text(20)
    companyName = _text(200)
    currencyCode = _text(3)
    defaultAddress = AddressBody(required=False, allow_null=True)
    attributes = AttributesBody(required=False, allow_null=True)


class BeneficiaryBody(serializers.Serializer[Any]):
    name = _text(200)
    email = _text(254)


class CustomerBody(serializers.Serializer[Any]):
    """What is left out, null or unchanged stays as it is; read-only and unknown members are ignored."""

    companyProfile = CompanyBody(required=False, allow_null=True)
    billingProfile = BillingBody(required=False, allow_null=True)
    beneficiary = BeneficiaryBody(required=False, allow_null=True)
    associatedPartnerId = _text(16)
    relationshipToPartner = _text(30)
    relationshipReason = _text(500)
    attributes = AttributesBody(required=False, allow_null=True)


def new_profile(values: dict[str, Any]) -> CustomerProfile:
    """The profile of a new customer: bought for its billing contact, in its country's currency, where nothing is said.

    What is missing is empty, for the service to refuse.
    """
    given = MAY_STAY_EMPTY | {name: value for name, value in fields_of(values, "").items() if value}
    person = f"{given.get('billing_first_name', '')} {given.get('billing_last_name', '')}".strip()
    assumed = {
        "currency": CURRENCIES.get(given.get("country", ""), ""),
        "beneficiary_name": person,
        "beneficiary_email": given.get("billing_email", ""),
    }
    return CustomerProfile(**dict.fromkeys(PROFILE_FIELDS, "") | assumed | given)


def fields_of(values: dict[str, Any], name: str) -> dict[str, str]:
    """The fields that a customer's body gives a value for; `name` is what the company is called until now."""
    company, billing = values.get(COMPANY) or {}, values.get(BILLING) or {}
    address, beneficiary = billing.get("defaultAddress") or {}, values.get(BENEFICIARY) or {}
    asked = {
        "name": _renamed(name, company.get("companyName"), billing.get("companyName")),
        "domain": company.get("domain"),
        "vat_id": company.get("organizationRegistrationNumber"),
        "billing_first_name": _either(billing.get("firstName"), address.get("firstName")),
        "billing_last_name": _either(billing.get("lastName"), address.get("lastName")),
        "billing_email": billing.get("email"),
        "language": billing.get("language") or str(billing.get("culture") or "").partition("-")[0] or None,
        "currency": billing.get("currencyCode"),
        "country": address.get("country"),
        "region": _either(address.get("region"), address.get("state")),
        "city": address.get("city"),
        "address_line": _lines(address.get("addressLine1"), address.get("addressLine2")),
        "postal_code": address.get("postalCode"),
        "beneficiary_name": beneficiary.get("name"),
        "beneficiary_email": beneficiary.get("email"),
    }
    return {field: _as_kept(field, value) for field, value in asked.items() if value is not None}


def _renamed(current: str, *given: str | None) -> str | None:
    """The company's name stands in both profiles: whichever of them differs from what it was is meant."""
    named = [name for name in given if name]
    return next((name for name in named if name != current), named[0] if named else None)


def _either(first: str | None, second: str | None) -> str | None:
    """The one that says something; an empty first one, which empties the field, counts where there is no second."""
    return first or second or first


def _lines(first: str | None, second: str | None) -> str | None:
    return f"{first}, {second}" if first and second else first


def _as_kept(field: str, value: str) -> str:
    if field in UPPER:
        return value.upper()
    return value.lower() if field in LOWER else value


@contextmanager
def named_as_sent(within: str = "") -> Iterator[None]:
    """Let a refused field be named by its place in the body, which is the part of a customer called `within`."""
    try:
        yield
    except InvalidInput as refusal:
        field = str(refusal.values["field"])
        path = PATHS.get(field, field).removeprefix(within and f"{within}.")
        raise InvalidInput(field=path, problem=refusal.values["problem"]) from None
