"""The door of every address that publishers call: credential, version, size and method are checked; all is JSON."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from django.conf import settings
from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.views.decorators.csrf import csrf_exempt

from accounts.policy import Actor
from partnerhub.clock import now
from partnerhub.errors import HubError
from partnerhub.outbox.refusals import attempt_of, is_read, keep_refusal
from subscriptions.fulfillment_api.authentication import publisher_calling
from subscriptions.fulfillment_api.errors import Fault, NoCredential, VersionFault, fault_of

API_VERSION = "2018-08-31"
LARGEST_BODY = 64 * 1024

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Call:
    """A publisher's authenticated call, the moment it came in, and the id it is traced by."""

    http: HttpRequest
    publisher: Actor
    at: datetime
    id: str


Handler = Callable[..., HttpResponse]
View = Callable[..., HttpResponseBase]


def door(**handlers: Handler) -> View:
    """A view that lets publishers in, one handler a method; each takes the Call and the address's parts."""

    @csrf_exempt
    def view(request: HttpRequest, **parts: str) -> HttpResponse:
        ids = _tracing_ids(request)
        response = _answer(request, handlers, parts)
        for name, value in ids.items():
            response[name] = value
        response["Cache-Control"] = "no-store"
        return response

    return view


def _tracing_ids(request: HttpRequest) -> dict[str, str]:
    """Both ids as sent; what is missing is made up, alike when both are (fulfillment-v2.md section 2)."""
    made_up = request.META["HTTP_X_REQUEST_ID"]
    names = ("x-ms-requestid", "x-ms-correlationid")
    return {name: request.headers.get(name) or made_up for name in names}


def _answer(request: HttpRequest, handlers: dict[str, Handler], parts: dict[str, str]) -> HttpResponse:
    try:
        return _let_in(request, handlers, parts)
    except Fault as fault:
        return _fault_response(fault, handlers)
    except HubError as error:
        return _fault_response(fault_of(error, str(request.method)), handlers)
    except SuspiciousOperation:
        return _fault_response(Fault(400, "BadRequest", "The request holds more than the hub reads."), handlers)
    except Exception:
        # Publishers' programs parse every answer: our own failure must not reach them as a page.
        log.exception("fulfillment_call_failed", path=request.path)
        return _fault_response(Fault(500, "InternalServerError", "The hub failed to answer. Please retry."), handlers)


def _let_in(request: HttpRequest, handlers: dict[str, Handler], parts: dict[str, str]) -> HttpResponse:
    at = now()
    publisher = publisher_calling(request, at)
    _check_version(request)
    if int(request.META.get("CONTENT_LENGTH") or 0) > LARGEST_BODY:
        raise Fault(413, "RequestEntityTooLarge", f"The body must not exceed {LARGEST_BODY} bytes.")
    if not handlers:
        raise Fault(404, "NotFound", f"There is nothing at {request.path}.")
    handler = handlers.get(str(request.method))
    if handler is None:
        raise Fault(405, "MethodNotAllowed", f"{request.method} is not allowed here.")
    try:
        return handler(Call(request, publisher, at, request.META["HTTP_X_REQUEST_ID"]), **parts)
    except HubError as error:
        if not is_read(request):
            keep_refusal(error, attempt_of(request, "publisher", _asked(request)), actor=publisher, at=at)
        raise


def _asked(request: HttpRequest) -> dict[str, Any]:
    """The body as it was sent, where it is a JSON object; the purchase token travels in a header and is not kept."""
    try:
        body = json.loads(request.body)
    except (ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}


def _check_version(request: HttpRequest) -> None:
    version = request.GET.get("api-version")
    if not version:
        raise VersionFault(400, "ApiVersionUnspecified", "An API version is required: add api-version to the query.")
    if version != API_VERSION:
        message = f"The API version '{version[:50]}' is not supported: use {API_VERSION}."
        raise VersionFault(400, "UnsupportedApiVersion", message)


def _fault_response(fault: Fault, handlers: dict[str, Any]) -> HttpResponse:
    response = JsonResponse(fault.body(), status=fault.status)
    if isinstance(fault, NoCredential):
        response["WWW-Authenticate"] = f'Bearer authorization_uri="{settings.HUB_BASE_URL}/common/oauth2/token"'
    if fault.status == 405:
        response["Allow"] = ", ".join(handlers)
    return response
