"""Looking ahead, asking, deciding, and following a change: the views."""

from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api import caller
from partnerhub.api.idempotency import idempotent
from partnerhub.api.reading import body_of, checked
from partnerhub.api.schema import operation
from partnerhub.api.shapes import Collection, collection, guid
from partnerhub.api.views import Resource
from partnerhub.clock import now
from subscriptions.api.changes import SubscriptionBody, change_of
from subscriptions.api.operations import OperationShown, operation_of, operation_shown
from subscriptions.api.previews import PreviewShown, preview_shown
from subscriptions.api.requests import ChangeRequestShown, DecisionBody, RequestBody, request_shown
from subscriptions.api.views import subscription_of
from subscriptions.models import Subscription
from subscriptions.selectors import change_request_of
from subscriptions.services.quoting import quote
from subscriptions.services.requests import approve, ask, decline


class Previews(Resource):
    @operation("previewChange", "What a change would do and cost, with a quote", PreviewShown, body=SubscriptionBody)
    @idempotent
    def post(self, request: Request, customer_id: str, subscription_id: str) -> Response:
        actor, at = caller(request), now()
        found = subscription_of(actor, customer_id, subscription_id)
        values = checked(SubscriptionBody(data=body_of(request), partial=True))
        change = change_of(actor, found, {name: value for name, value in values.items() if value is not None})
        row, shown = quote(actor, found.pk, change, at=at)
        return Response(preview_shown(row, shown))


class Operations(Resource):
    @operation("listOperations", "Changes, held, waiting or over, newest first", Collection[OperationShown])
    def get(self, request: Request, customer_id: str, subscription_id: str) -> Response:
        found = subscription_of(caller(request), customer_id, subscription_id)
        shown = map(operation_shown, found.operations.order_by("-created_at"))
        return Response(collection(shown, f"{_uri(found)}/operations"))


class OperationById(Resource):
    @operation("getOperation", "One change", OperationShown)
    def get(self, request: Request, customer_id: str, subscription_id: str, operation_id: str) -> Response:
        found = subscription_of(caller(request), customer_id, subscription_id)
        return Response(operation_shown(operation_of(found, guid(operation_id, "operation"))))


class ChangeRequests(Resource):
    @operation("listChangeRequests", "What admin agents were asked for, newest first", Collection[ChangeRequestShown])
    def get(self, request: Request, customer_id: str, subscription_id: str) -> Response:
        found = subscription_of(caller(request), customer_id, subscription_id)
        shown = map(request_shown, found.change_requests.order_by("-requested_at"))
        return Response(collection(shown, f"{_uri(found)}/changerequests"))

    @operation("askForChange", "Ask an admin agent for a change", ChangeRequestShown, body=RequestBody, status=201)
    @idempotent
    def post(self, request: Request, customer_id: str, subscription_id: str) -> Response:
        actor, at = caller(request), now()
        found = subscription_of(actor, customer_id, subscription_id)
        values = checked(RequestBody(data=body_of(request)))
        wanted = {name: value for name, value in values.items() if value is not None}
        asked = ask(actor, found.pk, change_of(actor, found, wanted), reason=wanted["reason"], at=at)
        return Response(request_shown(asked), 201)


class Approval(Resource):
    @operation("approveChangeRequest", "Grant it, or part of it", ChangeRequestShown, body=DecisionBody)
    @idempotent
    def post(self, request: Request, customer_id: str, subscription_id: str, request_id: str) -> Response:
        actor, at = caller(request), now()
        found = subscription_of(actor, customer_id, subscription_id)
        values = checked(DecisionBody(data=body_of(request)))
        quote_id = values.get("quoteId")
        granted = approve(
            actor,
            change_request_of(found, guid(request_id, "change request")).pk,
            quantity=values.get("quantity"),
            reason=values.get("reason") or "",
            quote_id=guid(quote_id, "quote") if quote_id else None,
            at=at,
        )
        return Response(request_shown(granted))


class Refusal(Resource):
    @operation("declineChangeRequest", "Refuse it, with a reason", ChangeRequestShown, body=DecisionBody)
    @idempotent
    def post(self, request: Request, customer_id: str, subscription_id: str, request_id: str) -> Response:
        actor, at = caller(request), now()
        found = subscription_of(actor, customer_id, subscription_id)
        values = checked(DecisionBody(data=body_of(request)))
        asked = change_request_of(found, guid(request_id, "change request"))
        return Response(request_shown(decline(actor, asked.pk, reason=values.get("reason") or "", at=at)))


def _uri(found: Subscription) -> str:
    return f"/customers/{found.customer_id}/subscriptions/{found.pk}"
