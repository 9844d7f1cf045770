"""Customers in the dialect (partner-center-v1.md section 1.7)."""

from typing import NotRequired, TypedDict

from customers.models import Customer
from partnerhub.api.etag import etag_of
from partnerhub.api.shapes import Attributes, Guid, SelfLinks, link


class Address(TypedDict):
    country: str
    region: str
    city: str
    addressLine1: str
    postalCode: str


class CompanyProfile(TypedDict):
    tenantId: Guid
    domain: str
    companyName: str
    organizationRegistrationNumber: str


class BillingProfile(TypedDict):
    """`currencyCode` is what the customer buys in."""

    firstName: str
    lastName: str
    email: str
    culture: str
    language: str
    companyName: str
    currencyCode: str
    defaultAddress: Address


class CustomerShown(TypedDict):
    id: Guid
    companyProfile: CompanyProfile
    billingProfile: BillingProfile
    relationshipToPartner: str
    allowDelegatedAccess: bool
    associatedPartnerId: NotRequired[str]
    links: SelfLinks
    attributes: Attributes


def customer(found: Customer) -> CustomerShown:
    """A customer; `associatedPartnerId` is the PartnerID of the indirect reseller it came through, where it did."""
    shown = CustomerShown(
        id=str(found.pk),
        companyProfile=CompanyProfile(
            tenantId=str(found.tenant_id),
            domain=found.domain,
            companyName=found.name,
            organizationRegistrationNumber=found.vat_id,
        ),
        billingProfile=_billing_profile(found),
        relationshipToPartner="none" if found.relationship_ended_at else "reseller",
        allowDelegatedAccess=False,
        links=SelfLinks(self=link(f"/customers/{found.pk}")),
        attributes=Attributes(etag=etag_of(found.pk, found.version), objectType="Customer"),
    )
    if found.reseller_id:
        shown["associatedPartnerId"] = found.reseller_id
    return shown


def _billing_profile(found: Customer) -> BillingProfile:
    return BillingProfile(
        firstName=found.billing_first_name,
        lastName=found.billing_last_name,
        email=found.billing_email,
        culture=f"{found.language}-{found.country}",
        language=found.language,
        companyName=found.name,
        currencyCode=found.currency,
        defaultAddress=Address(
            country=found.country,
            region=found.region,
            city=found.city,
            addressLine1=found.address_line,
            postalCode=found.postal_code,
        ),
    )
