"""The OpenAPI document of what publishers call, written by hand: its views have no serializers. A test holds it."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse

from subscriptions.fulfillment_api.bodies import LARGEST_INT64
from subscriptions.fulfillment_api.door import API_VERSION
from subscriptions.fulfillment_api.errors import TOKEN_HEADER
from subscriptions.marketplace import ACTIONS, NEVER_MODIFIED, OPERATION_STATUSES, STATUSES, TOLD_ONLY_BY_WEBHOOK

Node = dict[str, Any]
BASE = "/api/saas/subscriptions"
TERM_UNITS = ["P1M", "P1Y", "P2Y", "P3Y"]


def show(_request: HttpRequest) -> HttpResponse:
    """The document as JSON."""
    return JsonResponse(document())


def document() -> Node:
    """The whole document: paths, shapes, how to sign in."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Partner Hub: what publishers call",
            "version": API_VERSION,
            "description": "SaaS fulfillment, version 2, as publishers' programs know it from the marketplace.",
        },
        "servers": [{"url": settings.HUB_BASE_URL}],
        "security": [{"bearer": []}],
        "paths": _paths(),
        "components": {
            "schemas": SCHEMAS,
            "parameters": PARAMETERS,
            "headers": HEADERS,
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
        },
    }


def _paths() -> Node:
    one, operations = f"{BASE}/{{subscription}}", f"{BASE}/{{subscription}}/operations"
    return {
        BASE: _address(get=_call("list", "The publisher's subscriptions, in pages", _LISTED, query=["continuation"])),
        f"{BASE}/": _address(get=_call("listWithSlash", "The same again", _LISTED, query=["continuation"])),
        f"{BASE}/resolve": _address(
            post=_call("resolve", "The order behind a purchase token", _of("ResolvedSubscription"), query=["token"])
        ),
        one: _address(
            "subscription",
            get=_call("get", "One subscription", _of("Subscription"), 404),
            patch=_call("change", "Ask for another plan or quantity", _ACCEPTED, 404, 409, body="SubscriberPlan"),
            delete=_call("cancel", "End the subscription", _ACCEPTED, 404, 409),
        ),
        f"{one}/activate": _address(
            "subscription",
            post=_call("activate", "Confirm that it is set up", _NOTHING, 404, body="SubscriberPlan", optional=True),
        ),
        f"{one}/listAvailablePlans": _address(
            "subscription", get=_call("plans", "The plans of the offer", _of("Plans"), 404, query=["planId"])
        ),
        operations: _address(
            "subscription", get=_call("operations", "What waits for the publisher", _of("Operations"), 404)
        ),
        f"{operations}/{{operation}}": _address(
            "subscription",
            "operation",
            get=_call("operation", "One operation, final or not", _of("Operation"), 404),
            patch=_call("acknowledge", "Agree to a change, or refuse", _NOTHING, 404, 409, body="UpdateOperation"),
        ),
    }


def _address(*ids: str, **calls: Node) -> Node:
    shared = ("apiVersion", *ids, "requestId", "correlationId")
    return {"parameters": [_ref("parameters", name) for name in shared], **calls}


def _call(
    name: str,
    summary: str,
    success: tuple[str, Node],
    *refusals: int,
    query: list[str] | None = None,
    body: str = "",
    optional: bool = False,
) -> Node:
    status, answer = success
    errors = {str(code): _error(code) for code in sorted({400, 401, 403, 500, *refusals})}
    call: Node = {"operationId": name, "summary": summary, "responses": {status: answer, **errors}}
    if query:
        call["parameters"] = [_ref("parameters", one) for one in query]
    if body:
        call["responses"]["413"] = _error(413)
        call["requestBody"] = {"required": not optional, "content": _json(_schema(body))}
    return call


def _error(code: int) -> Node:
    shape = {"oneOf": [_schema("Error"), _schema("VersionError")]} if code == 400 else _schema("Error")
    headers = {"WWW-Authenticate": _ref("headers", "WWW-Authenticate")} if code == 401 else {}
    return _response(_REFUSALS[code], headers) | {"content": _json(shape)}


_REFUSALS = {
    400: "Not readable, or not allowed as things are",
    401: "No credential was sent",
    403: "The credential does not match, or it is another publisher's; `target` says what",
    404: "Unknown, or over",
    409: "Final already, or another operation is pending",
    413: "The body is too large",
    500: "The hub failed to answer",
}


def _response(description: str, headers: Node | None = None) -> Node:
    traced = {name: _ref("headers", name) for name in ("x-ms-requestid", "x-ms-correlationid")}
    return {"description": description, "headers": {**traced, **(headers or {})}}


def _of(shape: str) -> tuple[str, Node]:
    return "200", _response("As asked") | {"content": _json(_schema(shape))}


def _json(schema: Node) -> Node:
    return {"application/json": {"schema": schema}}


def _ref(kind: str, name: str) -> Node:
    return {"$ref": f"#/components/{kind}/{name}"}


def _schema(name: str) -> Node:
    return _ref("schemas", name)


_LISTED = _of("SubscriptionsResponse")
_NOTHING = ("200", _response("Done; the body is empty"))
_ACCEPTED = (
    "202",
    _response(
        "Begun; the body is empty, and the operation is to be followed",
        {name: _ref("headers", name) for name in ("Operation-Location", "Operation-Id", "Retry-After")},
    ),
)

TEXT: Node = {"type": "string"}
ID: Node = {"type": "string", "format": "uuid"}
MOMENT: Node = {"type": "string", "format": "date-time"}
COUNT: Node = {"type": "integer", "minimum": 1}
YES_OR_NO: Node = {"type": "boolean"}


def _words(*words: str) -> Node:
    return {"type": "string", "enum": list(words)}


def _list(items: Node) -> Node:
    return {"type": "array", "items": items}


def _object(required: Node, optional: Node | None = None) -> Node:
    return {"type": "object", "required": list(required), "properties": {**required, **(optional or {})}}


def _parameter(name: str, place: str, schema: Node, *, required: bool = False, about: str = "") -> Node:
    return {"name": name, "in": place, "required": required, "schema": schema} | (
        {"description": about} if about else {}
    )


PARAMETERS: Node = {
    "apiVersion": _parameter("api-version", "query", _words(API_VERSION), required=True),
    "subscription": _parameter("subscription", "path", ID, required=True),
    "operation": _parameter("operation", "path", ID, required=True),
    "continuation": _parameter("continuationToken", "query", TEXT, about="Out of @nextLink"),
    "planId": _parameter("planId", "query", TEXT, about="Only this plan; an empty list where there is none"),
    "token": _parameter(TOKEN_HEADER, "header", TEXT, required=True, about="Out of the landing page's address"),
    "requestId": _parameter("x-ms-requestid", "header", TEXT, about="Comes back as it was sent"),
    "correlationId": _parameter("x-ms-correlationid", "header", TEXT, about="Comes back as it was sent"),
}

HEADERS: Node = {
    "x-ms-requestid": {"schema": TEXT, "required": True},
    "x-ms-correlationid": {"schema": TEXT, "required": True},
    "Operation-Location": {"schema": {"type": "string", "format": "uri"}, "required": True},
    "Operation-Id": {"schema": ID, "required": True},
    "Retry-After": {"schema": {"type": "integer"}, "required": True, "description": "Seconds"},
    "WWW-Authenticate": {"schema": TEXT, "required": True},
}

_PERSON = _object({"objectId": ID, "tenantId": ID, "puid": {"type": "string", "pattern": "^[0-9a-f]{16}$"}})

SCHEMAS: Node = {
    "ResolvedSubscription": _object(
        {"id": ID, "subscriptionName": TEXT, "offerId": TEXT, "planId": TEXT, "subscription": _schema("Subscription")},
        {"quantity": COUNT},
    ),
    "Subscription": _object(
        {
            "id": ID,
            "publisherId": TEXT,
            "offerId": TEXT,
            "planId": TEXT,
            "name": TEXT,
            "saasSubscriptionStatus": _words(*STATUSES.values()),
            "beneficiary": _schema("Beneficiary"),
            "purchaser": _schema("Purchaser"),
            "term": _schema("Term"),
            "autoRenew": YES_OR_NO,
            "isTest": YES_OR_NO,
            "isFreeTrial": YES_OR_NO,
            "allowedCustomerOperations": _list(_words("Read", "Update", "Delete")),
            "sandboxType": _words("None"),
            "sessionMode": _words("None"),
            "created": MOMENT,
            "lastModified": {"const": NEVER_MODIFIED},
        },
        {"quantity": COUNT | {"description": "Absent on flat rates and once it has ended"}},
    ),
    "Beneficiary": _object({"emailId": TEXT, **_PERSON["properties"]}),
    "Purchaser": _PERSON,
    "Term": _object({"termUnit": _words(*TERM_UNITS)}, {"startDate": MOMENT, "endDate": MOMENT}),
    "SubscriptionsResponse": _object(
        {"subscriptions": _list(_schema("Subscription")) | {"maxItems": 100}},
        {"@nextLink": {"type": "string", "format": "uri", "description": "Absent on the last page"}},
    ),
    "Plans": _object({"plans": _list(_schema("Plan"))}),
    "Plan": _object(
        {
            "planId": TEXT,
            "displayName": TEXT,
            "isPrivate": YES_OR_NO,
            "description": TEXT,
            "hasFreeTrials": YES_OR_NO,
            "isPricePerSeat": YES_OR_NO,
            "isStopSell": YES_OR_NO,
            "market": {"type": "string", "pattern": "^[A-Z]{2}$"},
            "planComponents": _object(
                {"recurrentBillingTerms": _list(_schema("BillingTerm")), "meteringDimensions": _list({})}
            ),
        },
        {"minQuantity": COUNT, "maxQuantity": COUNT},
    ),
    "BillingTerm": _object(
        {
            "currency": {"type": "string", "pattern": "^[A-Z]{3}$"},
            "price": {"type": "number", "minimum": 0},
            "termUnit": _words(*TERM_UNITS),
            "termDescription": TEXT,
            "meteredQuantityIncluded": _list({}),
        }
    ),
    "SubscriberPlan": _object(
        {},
        {
            "planId": {"type": ["string", "null"], "pattern": "^[ -~]{1,50}$"},
            "quantity": {
                "description": "A numeric string is read, too",
                "anyOf": [
                    {"type": ["integer", "null"], "minimum": 1, "maximum": LARGEST_INT64},
                    {"type": "string", "pattern": "^[1-9][0-9]{0,17}$"},
                ],
            },
        },
    ),
    "Operations": _object({"operations": _list(_schema("Operation")) | {"maxItems": 1}}),
    "Operation": _object(
        {
            "id": ID,
            "activityId": ID,
            "subscriptionId": ID,
            "offerId": TEXT,
            "publisherId": TEXT,
            "planId": TEXT | {"description": "The one that the operation leads to"},
            "action": _words(*(word for action, word in ACTIONS.items() if action not in TOLD_ONLY_BY_WEBHOOK)),
            "timeStamp": MOMENT,
            "status": _words(*OPERATION_STATUSES.values()),
            "operationRequestSource": _words("Azure", "Partner"),
        },
        {"quantity": COUNT, "errorMessage": TEXT},
    ),
    "UpdateOperation": _object(
        {"status": _words("Success", "Failure")},
        {"planId": {}, "quantity": {}, "errorMessage": {"description": "Why; shown to the partner's agents"}},
    ),
    "Error": _object({"code": TEXT, "message": TEXT}, {"target": TEXT}),
    "VersionError": _object(
        {"Error": _object({"Code": _words("ApiVersionUnspecified", "UnsupportedApiVersion"), "Message": TEXT})}
    ),
}
