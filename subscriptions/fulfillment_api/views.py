"""What publishers call: resolve, activate, read, acknowledge. Changes of their own to a reseller's purchase are refused
by name (rule 43), unless the policy of the plan allows them.
"""

from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpResponse, JsonResponse

from partnerhub.api.shapes import guid
from publishers.selectors import policy_book
from subscriptions import marketplace
from subscriptions.fulfillment_api import selectors
from subscriptions.fulfillment_api.bodies import acknowledgement, subscriber_plan
from subscriptions.fulfillment_api.door import API_VERSION, Call, door
from subscriptions.fulfillment_api.errors import TOKEN_HEADER, Fault
from subscriptions.models import Operation
from subscriptions.services import acknowledging, confirmation, links, publisher_changes

RETRY_SECONDS = 10


def _resolve(call: Call) -> HttpResponse:
    token = call.http.headers.get(TOKEN_HEADER, "")
    if not token:
        raise Fault(400, "HeaderNotPresent", f"The header {TOKEN_HEADER} is required.", TOKEN_HEADER)
    subscription = links.resolve_token(call.publisher, token, at=call.at)
    return JsonResponse(marketplace.resolved(subscription, call.at))


def _activate(call: Call, subscription: str) -> HttpResponse:
    wanted = subscriber_plan(call.http)
    confirmation.activate(
        call.publisher,
        guid(subscription, "subscription"),
        plan_id=wanted.plan_id,
        quantity=wanted.quantity,
        call_id=call.id,
        at=call.at,
    )
    return HttpResponse(content_type="application/json")


def _list(call: Call) -> HttpResponse:
    found, following = selectors.page_of(call.publisher, call.http.GET.get("continuationToken", ""))
    book = policy_book("publisher_changes")
    page: dict[str, object] = {"subscriptions": [marketplace.whole(one, call.at, book) for one in found]}
    if following:
        query = urlencode({"continuationToken": following, "api-version": API_VERSION})
        page["@nextLink"] = f"{settings.HUB_BASE_URL}/api/saas/subscriptions?{query}"
    return JsonResponse(page)


def _get(call: Call, subscription: str) -> HttpResponse:
    return JsonResponse(marketplace.whole(selectors.subscription_of(call.publisher, subscription), call.at))


def _plans(call: Call, subscription: str) -> HttpResponse:
    own = selectors.subscription_of(call.publisher, subscription)
    wanted = call.http.GET.get("planId")
    plans = [plan for plan in selectors.plans_on_sale(own, call.at) if wanted in (None, "", plan.plan_id)]
    return JsonResponse({"plans": [marketplace.plan_on_sale(plan, own.customer.country) for plan in plans]})


def _patch(call: Call, subscription: str) -> HttpResponse:
    own = selectors.subscription_of(call.publisher, subscription)
    wanted = subscriber_plan(call.http)
    if (wanted.plan_id is None) == (wanted.quantity is None):
        raise Fault(400, "BadRequest", "Send either planId or quantity: one of them, and one only.")
    return _accepted(
        publisher_changes.change_by_publisher(
            call.publisher, own.pk, plan_id=wanted.plan_id, quantity=wanted.quantity, at=call.at
        )
    )


def _delete(call: Call, subscription: str) -> HttpResponse:
    own = selectors.subscription_of(call.publisher, subscription)
    return _accepted(publisher_changes.cancel_by_publisher(call.publisher, own.pk, at=call.at))


def _accepted(operation: Operation) -> HttpResponse:
    """202 without a body: where to follow the operation. Programs count the parts of the path."""
    address = f"{settings.HUB_BASE_URL}/api/saas/subscriptions/{operation.subscription_id}/operations/{operation.pk}"
    response = HttpResponse(status=202, content_type="application/json")
    response["Operation-Location"] = f"{address}?api-version={API_VERSION}"
    response["Operation-Id"], response["Retry-After"] = str(operation.pk), str(RETRY_SECONDS)
    return response


def _operations(call: Call, subscription: str) -> HttpResponse:
    own = selectors.subscription_of(call.publisher, subscription)
    in_flight = selectors.operations_in_flight(own)
    return JsonResponse({"operations": [marketplace.operation(one, own) for one in in_flight]})


def _operation(call: Call, subscription: str, operation: str) -> HttpResponse:
    own = selectors.subscription_of(call.publisher, subscription)
    return JsonResponse(marketplace.operation(selectors.operation_of(own, operation), own))


def _acknowledge(call: Call, subscription: str, operation: str) -> HttpResponse:
    own = selectors.subscription_of(call.publisher, subscription)
    said = acknowledgement(call.http)
    one = selectors.operation_of(own, operation)
    acknowledging.acknowledge(call.publisher, one.pk, agrees=said.agrees, reason=said.reason, at=call.at)
    return HttpResponse(content_type="application/json")


resolve = door(POST=_resolve)
activate = door(POST=_activate)
collection = door(GET=_list)
subscription = door(GET=_get, PATCH=_patch, DELETE=_delete)
plans = door(GET=_plans)
operations = door(GET=_operations)
operation = door(GET=_operation, PATCH=_acknowledge)
nothing = door()
