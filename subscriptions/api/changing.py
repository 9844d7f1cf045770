"""Looking ahead, asking, deciding, and following a change: the views."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import transaction
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api import caller
from partnerhub.api.etag import version_seen
from partnerhub.api.idempotency import idempotent
from partnerhub.api.pages import page_of, total_of
from partnerhub.api.reading import body_of, checked
from partnerhub.api.schema import IF_MATCH, PAGED, operation
from partnerhub.api.shapes import Collection, collection, guid
from partnerhub.api.views import OwnResource
from partnerhub.clock import now
from partnerhub.errors import InvalidInput, NothingAsked, RequestClosed, RequestOwn, StaleVersion
from subscriptions.api import examples, grants
from subscriptions.api.changes import WantedBody, wanted_of
from subscriptions.api.operations import OperationShown, operation_of, operation_shown
from subscriptions.api.previews import PreviewShown, preview_shown
from subscriptions.api.requests import ChangeRequestShown, DecisionBody, RequestBody, request_shown
from subscriptions.api.views import bare_subscription_of, subscription_of
from subscriptions.enums import RequestStatus
from subscriptions.models import Subscription
from subscriptions.selectors import change_request_of, change_requests_visible_to
from subscriptions.services.locking import check_version, lock_subscription
from subscriptions.services.quoting import quote
from subscriptions.services.requests import approve, ask, decline, withdraw

REQUESTS_QUERY = {
    "status": f"Only those that are {', '.join(RequestStatus)}.",
    "customerId": "Only those for this customer.",
}


class Previews(OwnResource):
    @operation(
        "previewChange",
        "What a change would do and cost, with a quote",
        PreviewShown,
        body=WantedBody,
        headers=(IF_MATCH,),
        about=(
            "Nothing is changed: whoever may read may ask. With its `quoteId`, PATCH does exactly this, or refuses; "
            "for `toCatalogItemId`, a transition does."
        ),
        roles=grants.READERS,
        refusals=grants.PREVIEWING,
        example=examples.QUANTITY_CHANGE,
        answer=examples.PREVIEW,
    )
    @idempotent
    def post(self, request: Request, customer_id: str, subscription_id: str) -> Response:
        actor, at = caller(request), now()
        found = subscription_of(actor, customer_id, subscription_id)
        body = body_of(request)
        values = checked(WantedBody(data=body, partial=True))
        with _as_seen(request, body, found):
            change = wanted_of(actor, found, {name: value for name, value in values.items() if value is not None})
            row, shown = quote(actor, found.pk, change, at=at)
        return Response(preview_shown(row, shown))


class Operations(OwnResource):
    @operation(
        "listOperations",
        "Changes, held, waiting or over, newest first",
        Collection[OperationShown],
        about="All there were.",
        roles=grants.READERS,
        refusals=grants.READING,
        answer=examples.OPERATIONS,
    )
    def get(self, request: Request, customer_id: str, subscription_id: str) -> Response:
        found = bare_subscription_of(caller(request), customer_id, subscription_id)
        shown = map(operation_shown, found.operations.order_by("-created_at"))
        return Response(collection(shown, f"{_uri(found)}/operations"))


class OperationById(OwnResource):
    @operation(
        "getOperation",
        "One change",
        OperationShown,
        about="Where an answer of 202 leads.",
        roles=grants.READERS,
        refusals=grants.READING,
        answer=examples.OPERATION,
    )
    def get(self, request: Request, customer_id: str, subscription_id: str, operation_id: str) -> Response:
        found = subscription_of(caller(request), customer_id, subscription_id)
        return Response(operation_shown(operation_of(found, guid(operation_id, "operation"))))


class EveryChangeRequest(OwnResource):
    @operation(
        "listEveryChangeRequest",
        "What admin agents are asked for, of all customers",
        Collection[ChangeRequestShown],
        query=REQUESTS_QUERY,
        parameters=PAGED,
        about="Page by page, those that expire first first. Without a `status`, those that are open.",
        roles=grants.READERS,
        refusals=(*grants.READING, InvalidInput),
        answer=examples.EVERY_CHANGE_REQUEST,
    )
    def get(self, request: Request) -> Response:
        rows = change_requests_visible_to(caller(request)).filter(status=_status_asked(request))
        if given := request.query_params.get("customerId"):
            rows = rows.filter(subscription__customer=guid(given, "customer"))
        page = page_of(rows, request, "/changerequests", key="expires_at")
        total, following, preceding = total_of(page, rows), page.following, page.preceding
        shown = map(request_shown, page.rows)
        return Response(collection(shown, "/changerequests", total=total, following=following, preceding=preceding))


class ChangeRequests(OwnResource):
    @operation(
        "listChangeRequests",
        "What admin agents were asked for, newest first",
        Collection[ChangeRequestShown],
        about="Decided ones too.",
        roles=grants.READERS,
        refusals=grants.READING,
        answer=examples.CHANGE_REQUESTS,
    )
    def get(self, request: Request, customer_id: str, subscription_id: str) -> Response:
        found = bare_subscription_of(caller(request), customer_id, subscription_id)
        shown = map(request_shown, found.change_requests.order_by("-requested_at"))
        return Response(collection(shown, f"{_uri(found)}/changerequests"))

    @operation(
        "askForChange",
        "Ask an admin agent for a change",
        ChangeRequestShown,
        body=RequestBody,
        status=201,
        headers=(IF_MATCH,),
        about="For who may not change it. What policy `auto_approve` allows is made at once, by the hub.",
        roles=grants.ASKERS,
        refusals=(*grants.PREVIEWING, NothingAsked),
        example=examples.ASKED,
        answer=examples.CHANGE_REQUEST,
    )
    @idempotent
    def post(self, request: Request, customer_id: str, subscription_id: str) -> Response:
        actor, at = caller(request), now()
        found = subscription_of(actor, customer_id, subscription_id)
        body = body_of(request)
        values = checked(RequestBody(data=body))
        wanted = {name: value for name, value in values.items() if value is not None}
        with _as_seen(request, body, found):
            asked = ask(actor, found.pk, wanted_of(actor, found, wanted), reason=wanted["reason"], at=at)
        return Response(request_shown(asked), 201)


class ChangeRequestById(OwnResource):
    @operation(
        "getChangeRequest",
        "What an admin agent was asked for",
        ChangeRequestShown,
        about="Whatever became of it.",
        roles=grants.READERS,
        refusals=grants.READING,
        answer=examples.CHANGE_REQUEST,
    )
    def get(self, request: Request, customer_id: str, subscription_id: str, request_id: str) -> Response:
        found = subscription_of(caller(request), customer_id, subscription_id)
        return Response(request_shown(change_request_of(found, guid(request_id, "change request"))))


class Approval(OwnResource):
    @operation(
        "approveChangeRequest",
        "Grant it, or part of it",
        ChangeRequestShown,
        body=DecisionBody,
        headers=(IF_MATCH,),
        about="Made as it was asked for, or with the `quantity` given here; with a `quoteId`, only as it was quoted.",
        roles=grants.DECIDERS,
        refusals=(*grants.DECIDING, *grants.QUOTED),
        example=examples.APPROVAL,
        answer=examples.APPROVED,
    )
    @idempotent
    def post(self, request: Request, customer_id: str, subscription_id: str, request_id: str) -> Response:
        actor, at = caller(request), now()
        found = subscription_of(actor, customer_id, subscription_id)
        body = body_of(request)
        values = checked(DecisionBody(data=body))
        quote_id = values.get("quoteId")
        with _as_seen(request, body, found):
            granted = approve(
                actor,
                change_request_of(found, guid(request_id, "change request")).pk,
                quantity=values.get("quantity"),
                reason=values.get("reason") or "",
                quote_id=guid(quote_id, "quote") if quote_id else None,
                at=at,
            )
        return Response(request_shown(granted))


class Refusal(OwnResource):
    @operation(
        "declineChangeRequest",
        "Refuse it, with a reason",
        ChangeRequestShown,
        body=DecisionBody,
        headers=(IF_MATCH,),
        about="Whoever asked is told, with the reason.",
        roles=grants.DECIDERS,
        refusals=(*grants.READING, InvalidInput, StaleVersion, RequestOwn, RequestClosed),
        example=examples.REFUSAL,
        answer=examples.DECLINED,
    )
    @idempotent
    def post(self, request: Request, customer_id: str, subscription_id: str, request_id: str) -> Response:
        actor, at = caller(request), now()
        found = subscription_of(actor, customer_id, subscription_id)
        body = body_of(request)
        values = checked(DecisionBody(data=body))
        asked = change_request_of(found, guid(request_id, "change request"))
        with _as_seen(request, body, found):
            declined = decline(actor, asked.pk, reason=values.get("reason") or "", at=at)
        return Response(request_shown(declined))


class Withdrawal(OwnResource):
    @operation(
        "withdrawChangeRequest",
        "Take back what one has asked for",
        ChangeRequestShown,
        about="Only one's own: somebody else's is not found.",
        roles=grants.ASKERS,
        refusals=(*grants.READING, RequestClosed),
        answer=examples.WITHDRAWN,
    )
    @idempotent
    def post(self, request: Request, customer_id: str, subscription_id: str, request_id: str) -> Response:
        actor, at = caller(request), now()
        found = subscription_of(actor, customer_id, subscription_id)
        asked = change_request_of(found, guid(request_id, "change request"))
        return Response(request_shown(withdraw(actor, asked.pk, at=at)))


@contextmanager
def _as_seen(request: Request, body: dict[str, Any], found: Subscription) -> Iterator[None]:
    """Work on a subscription only while it is as the caller saw it; whoever sent no etag did not look.

    Raises StaleVersion.
    """
    with transaction.atomic():
        check_version(lock_subscription(found.pk, caller(request)), version_seen(request, body, found.pk))
        yield


def _status_asked(request: Request) -> RequestStatus:
    given = request.query_params.get("status") or RequestStatus.OPEN
    if given not in list(RequestStatus):
        raise InvalidInput(field="status", problem=f"{', '.join(RequestStatus)} are known")
    return RequestStatus(given)


def _uri(found: Subscription) -> str:
    return f"/customers/{found.customer_id}/subscriptions/{found.pk}"
