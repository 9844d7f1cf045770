"""The upkeep of indirect resellers by programs: taken on, changed, suspended and reinstated."""

from datetime import UTC, date, datetime, time
from typing import Any, TypedDict

from django.db import transaction
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api import caller
from accounts.policy import Action, Actor, authorize_for_all, who_can
from customers.api.bodies import AttributesBody
from customers.api.resellers import READERS
from customers.models import IndirectReseller
from customers.selectors import reseller_for, resellers_visible_to
from customers.services.resellers import (
    change_reseller,
    create_reseller,
    reinstate_reseller,
    stream_of,
    suspend_reseller,
)
from partnerhub.api.etag import etag_of, version_seen
from partnerhub.api.idempotency import idempotent
from partnerhub.api.pages import page_of, total_of
from partnerhub.api.reading import body_of, checked
from partnerhub.api.schema import IF_MATCH, PAGED, operation
from partnerhub.api.shapes import Attributes, Collection, Link, collection, link
from partnerhub.api.views import OwnResource
from partnerhub.clock import now
from partnerhub.errors import (
    ConcernsEveryCustomer,
    InvalidInput,
    NotFound,
    NotPermitted,
    PartnerIdTaken,
    ResellerIsProvider,
    StaleVersion,
)

KEEPERS = who_can(Action.CUSTOMER_MANAGE)
NO_REASON = "No reason was given."
ACTS = {"suspended": suspend_reseller, "active": reinstate_reseller}
REFUSALS = (NotPermitted, ConcernsEveryCustomer, InvalidInput)


class ResellerLinks(TypedDict):
    self: Link
    customers: Link


class ResellerShown(TypedDict):
    """An indirect reseller. No purchase may name it before `agreementSignedDate`, nor while `status` is `suspended`."""

    partnerId: str
    name: str
    country: str
    agreementSignedDate: str | None
    status: str
    links: ResellerLinks
    attributes: Attributes


class ResellerBody(serializers.Serializer[Any]):
    """What is left out or null stays; `agreementSignedDate` of no characters takes the signature back."""

    name = serializers.CharField(max_length=200, required=False, allow_null=True)
    country = serializers.CharField(max_length=2, required=False, allow_null=True)
    agreementSignedDate = serializers.CharField(max_length=10, required=False, allow_null=True, allow_blank=True)
    attributes = AttributesBody(required=False, allow_null=True)


class NewResellerBody(ResellerBody):
    """A new reseller; without `agreementSignedDate` its agreement is not signed yet."""

    partnerId = serializers.CharField(max_length=16)
    name = serializers.CharField(max_length=200)
    country = serializers.CharField(max_length=2)


class ResellerChangeBody(ResellerBody):
    """With `status`, `suspended` or `active`, and the `reason` that goes on record with it."""

    status = serializers.ChoiceField(choices=list(ACTS), required=False, allow_null=True)
    reason = serializers.CharField(max_length=500, required=False, allow_null=True, allow_blank=True)


def shown(found: IndirectReseller) -> ResellerShown:
    query = {"filter": f'{{"Field": "IndirectReseller", "Value": "{found.pk}", "Operator": "equals"}}'}
    signed = found.agreement_signed_at
    return ResellerShown(
        partnerId=found.pk,
        name=found.name,
        country=found.country,
        agreementSignedDate=signed.astimezone(UTC).date().isoformat() if signed else None,
        status="suspended" if found.suspended_at else "active",
        links=ResellerLinks(self=link(f"/resellers/{found.pk}"), customers=link("/customers", query)),
        attributes=Attributes(etag=etag_of(stream_of(found.pk), found.version), objectType="IndirectReseller"),
    )


_LITWARE = IndirectReseller(
    partner_id="7654321", name="Litware Partnerzy", country="PL", agreement_signed_at=datetime(2026, 11, 2, tzinfo=UTC)
)
EXAMPLE = shown(_LITWARE)
NEW: dict[str, Any] = {"partnerId": "8765432", "name": "Proseware", "country": "PL"}
CHANGE: dict[str, Any] = {"status": "suspended", "reason": "Invoices are open"}


class Resellers(OwnResource):
    @operation(
        "listResellers",
        "Our indirect resellers",
        Collection[ResellerShown],
        parameters=PAGED,
        about="By name.",
        roles=READERS,
        refusals=(NotPermitted, InvalidInput),
        answer=collection([EXAMPLE], "/resellers"),
    )
    def get(self, request: Request) -> Response:
        rows = resellers_visible_to(caller(request))
        page = page_of(rows, request, "/resellers", key="name")
        found, total = map(shown, page.rows), total_of(page, rows)
        return Response(
            collection(found, "/resellers", total=total, following=page.following, preceding=page.preceding)
        )

    @operation(
        "createReseller",
        "Take on an indirect reseller",
        ResellerShown,
        status=201,
        body=NewResellerBody,
        about="A PartnerID is taken once. Which customers came through it, they say: `associatedPartnerId`.",
        roles=KEEPERS,
        refusals=(*REFUSALS, PartnerIdTaken, ResellerIsProvider),
        example=NEW,
        answer=EXAMPLE,
    )
    @idempotent
    def post(self, request: Request) -> Response:
        actor, at = caller(request), now()
        authorize_for_all(actor, Action.CUSTOMER_MANAGE)
        values = checked(NewResellerBody(data=body_of(request)))
        created = create_reseller(
            actor,
            partner_id=values["partnerId"],
            name=values["name"],
            country=values["country"].upper(),
            agreement_signed_at=_moment(values.get("agreementSignedDate")),
            at=at,
        )
        return Response(shown(created), 201)


class ResellerById(OwnResource):
    @operation(
        "getReseller",
        "One indirect reseller",
        ResellerShown,
        about="By its PartnerID.",
        roles=READERS,
        refusals=(NotPermitted, NotFound),
        answer=EXAMPLE,
    )
    def get(self, request: Request, partner_id: str) -> Response:
        return Response(shown(reseller_for(caller(request), partner_id)))

    @operation(
        "changeReseller",
        "Change what is known of it, suspend or reinstate it",
        ResellerShown,
        body=ResellerChangeBody,
        headers=(IF_MATCH,),
        about="All of it or nothing. While it is suspended no purchase and no change may name it.",
        roles=KEEPERS,
        refusals=(*REFUSALS, NotFound, StaleVersion),
        example=CHANGE,
        answer=EXAMPLE,
    )
    @idempotent
    def patch(self, request: Request, partner_id: str) -> Response:
        actor = caller(request)
        authorize_for_all(actor, Action.CUSTOMER_MANAGE)
        body = body_of(request)
        values = checked(ResellerChangeBody(data=body))
        version = version_seen(request, body, stream_of(partner_id))
        return Response(shown(_change(actor, partner_id, values, version, now())))


@transaction.atomic
def _change(
    actor: Actor, partner_id: str, values: dict[str, Any], version: int | None, at: datetime
) -> IndirectReseller:
    found = reseller_for(actor, partner_id)
    signed = values.get("agreementSignedDate")
    known: dict[str, Any] = {
        "name": values.get("name") or found.name,
        "country": (values.get("country") or found.country).upper(),
        "agreement_signed_at": found.agreement_signed_at if signed is None else _moment(signed),
    }
    found = change_reseller(actor, partner_id, **known, version=version, at=at)
    if status := values.get("status"):
        reason = (values.get("reason") or "").strip() or NO_REASON
        found = ACTS[status](actor, partner_id, reason=reason, version=None, at=at)
    return found


def _moment(text: str | None) -> datetime | None:
    """The first moment of a UTC day; None for none. Raises InvalidInput."""
    if not text:
        return None
    try:
        return datetime.combine(date.fromisoformat(text), time(), UTC)
    except ValueError:
        raise InvalidInput(field="agreementSignedDate", problem="a day such as 2026-11-02 is expected") from None
