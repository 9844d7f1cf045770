"""Change requests in the shape of the contract: asked by who may not change, decided by who may."""

from typing import Any, TypedDict

from rest_framework import serializers

from customers.api.bodies import AttributesBody
from partnerhub.api.etag import etag_of
from partnerhub.api.shapes import Attributes, Guid, Utc, utc, utc_or_none
from subscriptions.api.changes import WantedBody
from subscriptions.models import ChangeRequest


class RequestBody(WantedBody):
    """What is asked for, as in a preview, and why."""

    reason = serializers.CharField(max_length=500)


class DecisionBody(serializers.Serializer[Any]):
    """`quantity` grants part of what was asked for; `quoteId` only what a preview has shown."""

    reason = serializers.CharField(max_length=500, required=False, allow_null=True, allow_blank=True)
    quantity = serializers.IntegerField(required=False, allow_null=True)
    quoteId = serializers.CharField(max_length=40, required=False, allow_null=True)
    attributes = AttributesBody(required=False, allow_null=True)


class ChangeRequestShown(TypedDict):
    """`changes` maps each field to its old and its new value; `preview` is what was shown when it was asked."""

    id: Guid
    subscriptionId: Guid
    customerId: Guid
    baseEtag: str
    changes: dict[str, list[Any]]
    preview: dict[str, Any]
    status: str
    requestedBy: str
    requestedAt: Utc
    reason: str
    expiresAt: Utc
    decidedBy: str
    decidedAt: Utc | None
    decision: str
    attributes: Attributes


def request_shown(request: ChangeRequest) -> ChangeRequestShown:
    return ChangeRequestShown(
        id=str(request.pk),
        subscriptionId=str(request.subscription_id),
        customerId=str(request.subscription.customer_id),
        baseEtag=etag_of(request.subscription_id, request.base_version),
        changes=request.changes,
        preview=request.shown,
        status=request.status,
        requestedBy=request.requested_by,
        requestedAt=utc(request.requested_at),
        reason=request.reason,
        expiresAt=utc(request.expires_at),
        decidedBy=request.decided_by,
        decidedAt=utc_or_none(request.decided_at),
        decision=request.decision,
        attributes=Attributes(objectType="ChangeRequest"),
    )
