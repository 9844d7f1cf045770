"""Taking back what is scheduled for renewal, or one part of it."""

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api import caller
from customers.api.bodies import AttributesBody
from partnerhub.api.etag import version_seen
from partnerhub.api.idempotency import idempotent
from partnerhub.api.reading import body_of, checked
from partnerhub.api.schema import IF_MATCH, operation
from partnerhub.api.views import OwnResource
from partnerhub.clock import now
from partnerhub.errors import NothingScheduled, StaleVersion
from subscriptions.api import examples, grants, shapes
from subscriptions.api.shapes import Reader, SubscriptionShown
from subscriptions.api.views import subscription_of
from subscriptions.selectors import subscription_for
from subscriptions.services.scheduling import unschedule

# The parts of `scheduledNextTermInstructions` as the schedule names them.
PARTS = {"quantity": "quantity", "product": "plan_term"}


class UnscheduleBody(serializers.Serializer[Any]):
    """Which part of `scheduledNextTermInstructions` goes; without one, all of it."""

    what = serializers.ChoiceField(list(PARTS), required=False, allow_null=True)
    attributes = AttributesBody(required=False, allow_null=True)


class Unscheduling(OwnResource):
    @operation(
        "unscheduleRenewal",
        "Take back what is scheduled for renewal",
        SubscriptionShown,
        body=UnscheduleBody,
        headers=(IF_MATCH,),
        about="The other part stays scheduled. Also while auto-renew is off, when nothing can be scheduled.",
        roles=grants.CHANGERS,
        refusals=(*grants.READING, StaleVersion, NothingScheduled),
        example={"what": "quantity"},
        answer=examples.SHOWN,
    )
    @idempotent
    def post(self, request: Request, customer_id: str, subscription_id: str) -> Response:
        actor, at = caller(request), now()
        found = subscription_of(actor, customer_id, subscription_id)
        body = body_of(request)
        what = checked(UnscheduleBody(data=body)).get("what")
        version = version_seen(request, body, found.pk)
        unschedule(actor, found.pk, what=PARTS[what] if what else "", version=version, at=at)
        return Response(shapes.subscription(subscription_for(actor, found.pk), Reader.of(actor, at)))
