"""Customers, read and kept by programs."""

from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api import caller
from accounts.policy import Action, who_can
from customers.api import examples, shapes
from customers.api.bodies import BILLING, BillingBody, CustomerBody, named_as_sent, new_profile
from customers.api.changing import apply_changes
from customers.api.shapes import BillingProfile, CompanyProfile, CustomerShown, PartnerRelationship
from customers.models import Customer
from customers.selectors import customer_for, customers_visible_to
from customers.services.customers import create_customer
from partnerhub.api.etag import version_seen
from partnerhub.api.idempotency import idempotent
from partnerhub.api.pages import page_of, total_of
from partnerhub.api.reading import body_of, checked, filter_of
from partnerhub.api.schema import IF_MATCH, PAGED, operation
from partnerhub.api.shapes import Collection, collection, guid
from partnerhub.api.views import Resource
from partnerhub.clock import now
from partnerhub.errors import (
    CurrencyInUse,
    DomainTaken,
    InvalidInput,
    LiveSubscriptions,
    NotFound,
    NotPermitted,
    ResellerAgreementMissing,
    ResellerIsProvider,
    ResellerUnknown,
    StaleVersion,
    TenantTaken,
    VatIdInvalid,
)

FIELDS = {"companyname": "name", "domain": "domain", "indirectreseller": "reseller__partner_id"}
OPERATORS = {"starts_with": "istartswith", "equals": "iexact"}
QUERY = {
    "filter": (
        '`{"Field": "CompanyName" | "Domain" | "IndirectReseller", "Value": "cont", '
        '"Operator": "starts_with" | "equals"}`; an indirect reseller by its PartnerID.'
    ),
}
READERS, KEEPERS = who_can(Action.CUSTOMER_READ), who_can(Action.CUSTOMER_MANAGE)
RESELLER_REFUSALS = (ResellerUnknown, ResellerIsProvider, ResellerAgreementMissing)
CHANGE_REFUSALS = (NotPermitted, NotFound, StaleVersion, InvalidInput, VatIdInvalid, DomainTaken, CurrencyInUse)


class Customers(Resource):
    @operation(
        "listCustomers",
        "The customers, by name",
        Collection[CustomerShown],
        query=QUERY,
        parameters=PAGED,
        about=(
            "Page by page; `totalCount` counts those that match, to 10,000. A field or an operator that is unknown: "
            "400 / 3000."
        ),
        roles=READERS,
        answer=examples.CUSTOMERS,
    )
    def get(self, request: Request) -> Response:
        visible = customers_visible_to(caller(request)).filter(**_filter(request))
        page = page_of(visible, request, "/customers", key="name")
        shown = map(shapes.customer, page.rows)
        total = total_of(page, visible)
        found = collection(shown, "/customers", total=total, following=page.following, preceding=page.preceding)
        return Response(found)

    @operation(
        "createCustomer",
        "Take on a customer",
        CustomerShown,
        status=201,
        body=CustomerBody,
        about=(
            "Needed are `companyName` (in either profile), `domain`, and of the billing profile names, `email`, "
            "country, city, `addressLine1` and `postalCode`. Without `currencyCode` it buys in its country's currency, "
            "without `beneficiary` for its billing contact, without `tenantId` under one of its own. Nothing is "
            "created at Microsoft, so there are no `userCredentials`."
        ),
        roles=KEEPERS,
        refusals=(NotPermitted, InvalidInput, VatIdInvalid, DomainTaken, TenantTaken, *RESELLER_REFUSALS),
        example=examples.NEW_CUSTOMER,
        answer=examples.CREATED_CUSTOMER,
    )
    @idempotent
    def post(self, request: Request) -> Response:
        values = checked(CustomerBody(data=body_of(request)))
        with named_as_sent():
            created = create_customer(
                caller(request),
                new_profile(values),
                partner_id=values.get("associatedPartnerId") or "",
                tenant_id=(values.get("companyProfile") or {}).get("tenantId"),
                at=now(),
            )
        return Response(shapes.customer(created), 201)


class CustomerById(Resource):
    @operation("getCustomer", "One customer", CustomerShown, roles=READERS, answer=examples.CUSTOMER)
    def get(self, request: Request, customer_id: str) -> Response:
        return Response(shapes.customer(_found(request, customer_id)))

    @operation(
        "changeCustomer",
        "Change it, or end the relationship",
        CustomerShown,
        body=CustomerBody,
        headers=(IF_MATCH,),
        about=(
            "`relationshipToPartner: none` stops selling to the customer, once its subscriptions have ended; "
            "`reseller` takes the relationship up again. Its id and its tenant stay. An empty `associatedPartnerId` "
            "removes the reseller."
        ),
        roles=KEEPERS,
        refusals=(*CHANGE_REFUSALS, LiveSubscriptions, *RESELLER_REFUSALS),
        example=examples.RELATIONSHIP_END,
        answer=examples.ENDED_CUSTOMER,
    )
    @idempotent
    def patch(self, request: Request, customer_id: str) -> Response:
        found, body = _found(request, customer_id), body_of(request)
        values = checked(CustomerBody(data=body))
        version = version_seen(request, body, found.pk)
        with named_as_sent():
            changed = apply_changes(caller(request), found.pk, values, version=version, at=now())
        return Response(shapes.customer(changed))


class CustomerBillingProfile(Resource):
    @operation(
        "getBillingProfile", "Who is billed", BillingProfile, roles=READERS, answer=examples.CUSTOMER["billingProfile"]
    )
    def get(self, request: Request, customer_id: str) -> Response:
        return Response(shapes.billing_profile(_found(request, customer_id)))

    @operation(
        "replaceBillingProfile",
        "Change who is billed",
        BillingProfile,
        body=BillingBody,
        headers=(IF_MATCH,),
        about=(
            "What is left out stays. `companyName` is the customer's, here and in its company profile. The country "
            "decides what can be bought next; the currency can change while no subscription is live."
        ),
        roles=KEEPERS,
        refusals=CHANGE_REFUSALS,
        example=examples.BILLING_CHANGE,
        answer=examples.CHANGED_BILLING,
    )
    @idempotent
    def put(self, request: Request, customer_id: str) -> Response:
        found, body = _found(request, customer_id), body_of(request)
        values: dict[str, Any] = {BILLING: checked(BillingBody(data=body))}
        version = version_seen(request, body, found.pk)
        with named_as_sent(BILLING):
            changed = apply_changes(caller(request), found.pk, values, version=version, at=now())
        return Response(shapes.billing_profile(changed))


class CustomerCompanyProfile(Resource):
    @operation(
        "getCompanyProfile",
        "Which company it is",
        CompanyProfile,
        about="Changed by PATCH of the customer.",
        roles=READERS,
        answer=examples.CUSTOMER["companyProfile"],
    )
    def get(self, request: Request, customer_id: str) -> Response:
        return Response(shapes.company_profile(_found(request, customer_id)))


class CustomerRelationships(Resource):
    @operation(
        "listCustomerRelationships",
        "The indirect reseller it came through",
        Collection[PartnerRelationship],
        about="One at most. Changed by PATCH of the customer's `associatedPartnerId`.",
        roles=READERS,
        answer=examples.CUSTOMER_RELATIONSHIPS,
    )
    def get(self, request: Request, customer_id: str) -> Response:
        found = _found(request, customer_id)
        resellers = [found.reseller] if found.reseller else []
        shown = map(shapes.partner_relationship, resellers)
        return Response(collection(shown, f"/customers/{found.pk}/relationships"))


def _found(request: Request, customer_id: str) -> Customer:
    return customer_for(caller(request), guid(customer_id, "customer"))


def _filter(request: Request) -> dict[str, str]:
    asked = filter_of(request, FIELDS, OPERATORS)
    return {f"{FIELDS[asked.field]}__{OPERATORS[asked.operator]}": asked.value} if asked else {}
