"""What the document shows: the tests put this customer and these resellers there, and compare every answer."""

from typing import Any

from customers.api.shapes import PROVIDER_OF

CUSTOMER_ID = "5f3c1a52-7d1e-4c50-9a63-1b1c6f0f7d21"
TENANT_ID = "0b6a1c2e-93a4-4a54-8f0b-0a4b3f9f6e11"
RESELLER_ID = "5dcc1268-0b47-568b-85b7-23b09bf6cba9"
ETAG = "eyJpZCI6ICI1ZjNjMWE1Mi03ZDFlLTRjNTAtOWE2My0xYjFjNmYwZjdkMjEiLCAidmVyc2lvbiI6IDF9"
NEXT_ETAG = "eyJpZCI6ICI1ZjNjMWE1Mi03ZDFlLTRjNTAtOWE2My0xYjFjNmYwZjdkMjEiLCAidmVyc2lvbiI6IDJ9"

Json = dict[str, Any]


def _links(uri: str) -> Json:
    return {"self": {"uri": uri, "method": "GET", "headers": []}}


def _collection(uri: str, *items: Json) -> Json:
    attributes = {"objectType": "Collection"}
    return {"totalCount": len(items), "items": list(items), "links": _links(uri), "attributes": attributes}


def _customer(etag: str, **changed: Any) -> Json:
    uri = f"/customers/{CUSTOMER_ID}"
    company = {
        "tenantId": TENANT_ID,
        "domain": "fabrykam.example",
        "companyName": "Fabrykam sp. z o.o.",
        "organizationRegistrationNumber": "PL5260250274",
        "links": _links(f"{uri}/profiles/company"),
        "attributes": {"etag": etag, "objectType": "CustomerCompanyProfile"},
    }
    billing = {
        "id": CUSTOMER_ID,
        "firstName": "Anna",
        "lastName": "Nowak",
        "email": "faktury@fabrykam.example",
        "culture": "pl-PL",
        "language": "pl",
        "companyName": "Fabrykam sp. z o.o.",
        "currencyCode": "PLN",
        "defaultAddress": {
            "country": "PL",
            "region": "",
            "city": "Warszawa",
            "addressLine1": "ul. Prosta 1",
            "postalCode": "00-838",
        },
        "links": _links(f"{uri}/profiles/billing"),
        "attributes": {"etag": etag, "objectType": "CustomerBillingProfile"},
    }
    return {
        "id": CUSTOMER_ID,
        "companyProfile": company,
        "billingProfile": billing,
        "beneficiary": {"name": "Jan Kowalski", "email": "jan.kowalski@fabrykam.example"},
        "relationshipToPartner": "reseller",
        "allowDelegatedAccess": False,
        "associatedPartnerId": "7654321",
        "links": _links(uri),
        "attributes": {"etag": etag, "objectType": "Customer"},
    } | changed


CUSTOMER = _customer(ETAG)
CUSTOMERS = _collection("/customers", CUSTOMER)
NEW_CUSTOMER = {
    "companyProfile": {
        "tenantId": TENANT_ID,
        "domain": "fabrykam.example",
        "organizationRegistrationNumber": "526-025-02-74",
    },
    "billingProfile": {
        "firstName": "Anna",
        "lastName": "Nowak",
        "email": "faktury@fabrykam.example",
        "culture": "pl-PL",
        "language": "pl",
        "companyName": "Fabrykam sp. z o.o.",
        "defaultAddress": {
            "country": "PL",
            "city": "Warszawa",
            "addressLine1": "ul. Prosta 1",
            "postalCode": "00-838",
        },
    },
    "beneficiary": {"name": "Jan Kowalski", "email": "jan.kowalski@fabrykam.example"},
    "associatedPartnerId": "7654321",
}
CREATED_CUSTOMER = CUSTOMER
RELATIONSHIP_END = {"relationshipToPartner": "none", "attributes": {"etag": ETAG}}
ENDED_CUSTOMER = _customer(NEXT_ETAG, relationshipToPartner="none")
BILLING_CHANGE = {"email": "ksiegowosc@fabrykam.example", "attributes": {"etag": ETAG}}
CHANGED_BILLING = _customer(NEXT_ETAG)["billingProfile"] | {"email": "ksiegowosc@fabrykam.example"}

RESELLER = {
    "id": RESELLER_ID,
    "name": "Litware Partnerzy",
    "relationshipType": PROVIDER_OF,
    "state": "active",
    "mpnId": "7654321",
    "location": "PL",
    "attributes": {"objectType": "PartnerRelationship"},
}
CUSTOMER_RELATIONSHIPS = _collection(f"/customers/{CUSTOMER_ID}/relationships", RESELLER)
RELATIONSHIPS = _collection("/relationships", RESELLER)
PARTNER_IDS = {"partnerIds": ["7654321", "234567"]}
VALIDATIONS = {
    "validationResults": [
        {"partnerId": "7654321", "isValidPartnerIdOnRecord": True},
        {
            "partnerId": "234567",
            "isValidPartnerIdOnRecord": False,
            "errorCode": 900400,
            "errorDescription": "There is no indirect reseller with PartnerID 234567.",
            "errorReason": "reseller_unknown",
        },
    ]
}
MPN_PROFILE = {
    "mpnId": "7654321",
    "partnerName": "Litware Partnerzy",
    "links": _links("/profiles/mpn?mpnId=7654321"),
    "attributes": {"objectType": "MpnProfile"},
}
AGREEMENT_STATUS = {"isAgreementSigned": True}
