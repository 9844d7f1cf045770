"""Customers and their indirect resellers in the dialect (partner-center-v1.md sections 1.7 and 1.8)."""

from typing import NotRequired, TypedDict

from customers.models import Customer, IndirectReseller
from customers.services.resellers import stream_of
from partnerhub.api.etag import etag_of
from partnerhub.api.shapes import Attributes, Guid, SelfLinks, link

PROVIDER_OF = "is_indirect_cloud_solution_provider_of"


class Address(TypedDict):
    country: str
    region: str
    city: str
    addressLine1: str
    postalCode: str


class CompanyProfile(TypedDict):
    """`organizationRegistrationNumber` is the VAT id."""

    tenantId: Guid
    domain: str
    companyName: str
    organizationRegistrationNumber: str
    links: SelfLinks
    attributes: Attributes


class BillingProfile(TypedDict):
    """`currencyCode` is what the customer buys in; `language` that of its mails and invoices."""

    id: Guid
    firstName: str
    lastName: str
    email: str
    culture: str
    language: str
    companyName: str
    currencyCode: str
    defaultAddress: Address
    links: SelfLinks
    attributes: Attributes


class Beneficiary(TypedDict):
    """The person at the customer who uses what is bought; publishers get to know them."""

    name: str
    email: str


class CustomerShown(TypedDict):
    id: Guid
    companyProfile: CompanyProfile
    billingProfile: BillingProfile
    beneficiary: Beneficiary
    relationshipToPartner: str
    allowDelegatedAccess: bool
    associatedPartnerId: NotRequired[str]
    links: SelfLinks
    attributes: Attributes


class PartnerRelationship(TypedDict):
    """`state` is `active`, or `suspended` while no purchase may name the reseller; `location` is its country."""

    id: Guid
    name: str
    relationshipType: str
    state: str
    mpnId: str
    location: str
    attributes: Attributes


class MpnProfile(TypedDict):
    mpnId: str
    partnerName: str
    links: SelfLinks
    attributes: Attributes


class AgreementStatus(TypedDict):
    isAgreementSigned: bool


class ResellerValidation(TypedDict):
    """Why a PartnerID cannot be named: a number and a sentence, and the hub's own stable code in `errorReason`."""

    partnerId: str
    isValidPartnerIdOnRecord: bool
    errorCode: NotRequired[int]
    errorDescription: NotRequired[str]
    errorReason: NotRequired[str]


class ResellerValidations(TypedDict):
    """One result for each PartnerID, in the order asked."""

    validationResults: list[ResellerValidation]


def customer(found: Customer) -> CustomerShown:
    """A customer; `associatedPartnerId` is the PartnerID of the indirect reseller it came through, where it did."""
    shown = CustomerShown(
        id=str(found.pk),
        companyProfile=company_profile(found),
        billingProfile=billing_profile(found),
        beneficiary=Beneficiary(name=found.beneficiary_name, email=found.beneficiary_email),
        relationshipToPartner=relationship(found),
        allowDelegatedAccess=False,
        links=SelfLinks(self=link(f"/customers/{found.pk}")),
        attributes=_attributes(found, "Customer"),
    )
    if found.reseller_id:
        shown["associatedPartnerId"] = found.reseller_id
    return shown


def relationship(found: Customer) -> str:
    return "none" if found.relationship_ended_at else "reseller"


def company_profile(found: Customer) -> CompanyProfile:
    return CompanyProfile(
        tenantId=str(found.tenant_id),
        domain=found.domain,
        companyName=found.name,
        organizationRegistrationNumber=found.vat_id,
        links=SelfLinks(self=link(f"/customers/{found.pk}/profiles/company")),
        attributes=_attributes(found, "CustomerCompanyProfile"),
    )


def billing_profile(found: Customer) -> BillingProfile:
    return BillingProfile(
        id=str(found.pk),
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
        links=SelfLinks(self=link(f"/customers/{found.pk}/profiles/billing")),
        attributes=_attributes(found, "CustomerBillingProfile"),
    )


def _attributes(found: Customer, kind: str) -> Attributes:
    """One etag for a customer and its profiles: they are one row, and change together."""
    return Attributes(etag=etag_of(found.pk, found.version), objectType=kind)


def partner_relationship(found: IndirectReseller) -> PartnerRelationship:
    return PartnerRelationship(
        id=str(stream_of(found.pk)),
        name=found.name,
        relationshipType=PROVIDER_OF,
        state="suspended" if found.suspended_at else "active",
        mpnId=found.pk,
        location=found.country,
        attributes=Attributes(objectType="PartnerRelationship"),
    )


def mpn_profile(partner_id: str, name: str) -> MpnProfile:
    return MpnProfile(
        mpnId=partner_id,
        partnerName=name,
        links=SelfLinks(self=link("/profiles/mpn", {"mpnId": partner_id})),
        attributes=Attributes(objectType="MpnProfile"),
    )
