"""Indirect resellers and PartnerIDs, looked up by programs (partner-center-v1.md section 1.8)."""

from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api import caller
from accounts.policy import Action, who_can
from customers.api import examples, shapes
from customers.api.shapes import (
    AgreementStatus,
    MpnProfile,
    PartnerRelationship,
    ResellerValidation,
    ResellerValidations,
)
from customers.models import IndirectReseller
from customers.selectors import fit_for_purchase, resellers_visible_to
from customers.services.resellers import stream_of
from partnerhub.api.errors import number_of
from partnerhub.api.idempotency import idempotent
from partnerhub.api.reading import body_of, checked
from partnerhub.api.schema import operation
from partnerhub.api.shapes import Collection, collection
from partnerhub.api.views import Resource
from partnerhub.errors import (
    AgreementUnknown,
    AgreementUnknownById,
    HubError,
    InvalidInput,
    NotFound,
    ResellerUnknown,
)

RELATIONSHIP_TYPE = OpenApiParameter(
    "relationship_type",
    {"type": "string", "enum": ["IsIndirectCloudSolutionProviderOf", "IsIndirectResellerOf"]},
    required=True,
    description="We are the provider of our indirect resellers, and nobody's reseller.",
)
READERS = who_can(Action.CUSTOMER_READ)
# We are an indirect provider, and nobody's indirect reseller.
RELATIONSHIPS = {"isindirectcloudsolutionproviderof": True, "isindirectresellerof": False}
NOT_ON_RECORD = 900400  # what the dialect answers for a PartnerID that nobody can be found by
MOST_PARTNER_IDS = 500


class PartnerIdsBody(serializers.Serializer[Any]):
    partnerIds = serializers.ListField(child=serializers.CharField(max_length=64), max_length=MOST_PARTNER_IDS)


class Relationships(Resource):
    @operation(
        "listRelationships",
        "Our indirect resellers, by name",
        Collection[PartnerRelationship],
        parameters=(RELATIONSHIP_TYPE,),
        about="All of them. Their `id` is accepted as `tenantId` by the agreement status.",
        roles=READERS,
        refusals=(InvalidInput,),
        answer=examples.RELATIONSHIPS,
    )
    def get(self, request: Request) -> Response:
        asked = _query(request, "relationship_type")
        ours = RELATIONSHIPS.get(asked.replace("_", "").lower())
        if ours is None:
            problem = f"IsIndirectCloudSolutionProviderOf is expected, not {asked[:50]!r}"
            raise InvalidInput(field="relationship_type", problem=problem)
        resellers = resellers_visible_to(caller(request))
        shown = map(shapes.partner_relationship, resellers if ours else resellers.none())
        return Response(collection(shown, "/relationships"))


class ValidateResellers(Resource):
    @operation(
        "validateResellers",
        "Which PartnerIDs a purchase may name",
        ResellerValidations,
        body=PartnerIdsBody,
        about=f"By the rules of a purchase; nothing is changed. Up to {MOST_PARTNER_IDS} at once.",
        roles=READERS,
        refusals=(InvalidInput,),
        example=examples.PARTNER_IDS,
        answer=examples.VALIDATIONS,
    )
    @idempotent
    def post(self, request: Request) -> Response:
        asked = checked(PartnerIdsBody(data=body_of(request)))["partnerIds"]
        known = resellers_visible_to(caller(request)).in_bulk(asked)
        results = [_validation(partner_id, known.get(partner_id)) for partner_id in asked]
        return Response(ResellerValidations(validationResults=results))


def _validation(partner_id: str, reseller: IndirectReseller | None) -> ResellerValidation:
    try:
        fit_for_purchase(partner_id, reseller, settings.HUB_PARTNER_ID)
    except HubError as refusal:
        unknown = isinstance(refusal, ResellerUnknown)
        return ResellerValidation(
            partnerId=partner_id,
            isValidPartnerIdOnRecord=False,
            errorCode=NOT_ON_RECORD if unknown else number_of(refusal)[1],
            errorDescription=str(refusal),
            errorReason=refusal.code,
        )
    return ResellerValidation(partnerId=partner_id, isValidPartnerIdOnRecord=True)


class MpnProfileByQuery(Resource):
    @operation(
        "getMpnProfile",
        "Whose PartnerID it is",
        MpnProfile,
        query={"mpnId": "A PartnerID; ours when absent."},
        about="Unknown: 404 / 3000.",
        roles=READERS,
        refusals=(NotFound,),
        answer=examples.MPN_PROFILE,
    )
    def get(self, request: Request) -> Response:
        visible = resellers_visible_to(caller(request))
        partner_id = _query(request, "mpnId") or settings.HUB_PARTNER_ID
        if partner_id == settings.HUB_PARTNER_ID:
            return Response(shapes.mpn_profile(partner_id, settings.HUB_SELLER_NAME))
        reseller = visible.filter(pk=partner_id).first()
        if reseller is None:
            raise NotFound(what="PartnerID", id=partner_id[:64])
        return Response(shapes.mpn_profile(reseller.pk, reseller.name))


class AgreementStatusByQuery(Resource):
    @operation(
        "getAgreementStatus",
        "Whether an indirect reseller has signed the partner agreement",
        AgreementStatus,
        parameters=(
            OpenApiParameter("mpnId", {"type": "string", "pattern": "^[0-9]*$"}, description="Its PartnerID."),
            OpenApiParameter("tenantId", UUID, description="Or its id, as relationships give it."),
        ),
        about="One of the two. None: 400 / 2001; both, or one that cannot be read: 400 / 2000.",
        roles=READERS,
        refusals=(AgreementUnknown, AgreementUnknownById),
        answer=examples.AGREEMENT_STATUS,
    )
    def get(self, request: Request) -> Response:
        partner_id, tenant_id = _query(request, "mpnId"), _query(request, "tenantId")
        if bool(partner_id) == bool(tenant_id):
            field = "mpnId" if partner_id else "mpnId, tenantId"
            raise InvalidInput(field=field, problem="either a PartnerID or a tenant id is expected")
        visible = resellers_visible_to(caller(request))
        found = _by_partner_id(visible, partner_id) if partner_id else _by_tenant(visible, tenant_id)
        return Response(AgreementStatus(isAgreementSigned=found.agreement_signed_at is not None))


def _query(request: Request, name: str) -> str:
    """A query parameter whatever its capitals: the dialect's own examples write `mpnid`."""
    return next((value for key, value in request.query_params.dict().items() if key.lower() == name.lower()), "")


def _by_partner_id(visible: QuerySet[IndirectReseller], partner_id: str) -> IndirectReseller:
    if not (partner_id.isascii() and partner_id.isdigit()):
        raise InvalidInput(field="mpnId", problem=f"{partner_id[:50]!r} is not numeric")
    reseller = visible.filter(pk=partner_id).first()
    if reseller is None:
        raise AgreementUnknown(id=partner_id[:64])
    return reseller


def _by_tenant(visible: QuerySet[IndirectReseller], tenant_id: str) -> IndirectReseller:
    """The reseller whose relationship has this id: it is made from the PartnerID, and stored nowhere."""
    try:
        wanted = UUID(tenant_id)
    except ValueError:
        raise InvalidInput(field="tenantId", problem=f"{tenant_id[:50]!r} is not a GUID") from None
    reseller = next((found for found in visible if stream_of(found.pk) == wanted), None)
    if reseller is None:
        raise AgreementUnknownById(id=wanted)
    return reseller
