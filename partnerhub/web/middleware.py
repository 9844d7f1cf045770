"""HTML and HTTP plumbing around every request."""

import re
import time
import uuid
from collections.abc import Callable

import structlog
from django.conf import settings
from django.db import DataError
from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_vary_headers
from django.utils.text import compress_string
from django.views.defaults import bad_request

from partnerhub.broker import count_server_error
from partnerhub.errors import HubError
from partnerhub.tracing import span
from partnerhub.web.refusals import page_of, refused

log = structlog.get_logger(__name__)

WATCHERS = ("/health/", "/metrics")
# The largest file that a page takes, and what a form puts around it.
LARGEST_REQUEST = 21_000_000
GetResponse = Callable[[HttpRequest], HttpResponse]
# Bytes: smaller pages are not worth it; so many at most are added.
SMALLEST_COMPRESSED = 1000
PADDING = 100
_GZIP = re.compile(r"\bgzip\b")
_SAFE_ID = re.compile(r"[A-Za-z0-9_.:-]{1,64}")


def _given_or_new(request: HttpRequest, *headers: str) -> str:
    given = next((request.headers[name] for name in headers if name in request.headers), "")
    return given if _SAFE_ID.fullmatch(given) else str(uuid.uuid4())


def limits(get_response: GetResponse) -> GetResponse:
    """Read nothing larger than any page takes, and let pages use only those powers of a browser that they need."""

    def middleware(request: HttpRequest) -> HttpResponse:
        length = request.headers.get("Content-Length", "")
        is_too_large = length.isdecimal() and int(length) > LARGEST_REQUEST
        response = HttpResponse(status=413) if is_too_large else get_response(request)
        response.headers.setdefault("Permissions-Policy", settings.HUB_PERMISSIONS_POLICY)
        return response

    return middleware


def compressed(get_response: GetResponse) -> GetResponse:
    """Send pages as gzip to browsers that take it, with a random length: tokens in forms are masked anew each time,
    and now nobody learns from a page's size what stands in it either (BREACH).
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if not response.headers.get("Content-Type", "").startswith("text/html") or response.streaming:
            return response
        patch_vary_headers(response, ("Accept-Encoding",))
        is_worth_it = len(response.content) >= SMALLEST_COMPRESSED and not response.has_header("Content-Encoding")
        if is_worth_it and _GZIP.search(request.headers.get("Accept-Encoding", "")):
            response.content = compress_string(response.content, max_random_bytes=PADDING)
            response.headers["Content-Length"] = str(len(response.content))
            response.headers["Content-Encoding"] = "gzip"
        return response

    return middleware


def request_ids(get_response: GetResponse) -> GetResponse:
    """Give every request its ids (the caller's where it sent some): for logs, events and the answer's headers."""

    def middleware(request: HttpRequest) -> HttpResponse:
        request_id = _given_or_new(request, "MS-RequestId", "X-Ms-Requestid", "X-Request-ID")
        correlation_id = _given_or_new(request, "MS-CorrelationId", "X-Ms-Correlationid", "X-Correlation-ID")
        # The token endpoint and the publishers' door name it in their answers.
        request.META["HTTP_X_REQUEST_ID"] = request_id
        with structlog.contextvars.bound_contextvars(request_id=request_id, correlation_id=correlation_id):
            response = _traced(get_response, request, correlation_id)
        for header, value in (("MS-RequestId", request_id), ("MS-CorrelationId", correlation_id)):
            response.headers.setdefault(header, value)
        response.headers.setdefault("X-Request-ID", request_id)
        return response

    return middleware


def _traced(get_response: GetResponse, request: HttpRequest, correlation_id: str) -> HttpResponse:
    """Answer inside a span, unless it is somebody who only watches."""
    if request.path.startswith(WATCHERS):
        return _logged(get_response, request)
    with span("request", correlation_id, {"method": request.method or ""}) as tell:
        response = _logged(get_response, request)
        # The route, not the path: some paths hold what must stay between the hub and a customer.
        route = request.resolver_match.route if request.resolver_match else ""
        tell({"route": route, "status": response.status_code})
    return response


def _logged(get_response: GetResponse, request: HttpRequest) -> HttpResponse:
    """Answer, and log one line without the query string: it may hold a secret."""
    started = time.monotonic()
    response = get_response(request)
    took = round((time.monotonic() - started) * 1000, 1)
    log.info("request", method=request.method, path=request.path, status=response.status_code, milliseconds=took)
    # A probe that says "not ready" is no error of the hub.
    if response.status_code >= 500 and not request.path.startswith("/health/"):
        count_server_error()
    return response


class refusals:
    """Show a refusal that a page did not handle itself as a page of its own, never as a traceback.

    What the database cannot hold (a NUL, a moment outside the calendar) is the request's fault, not the hub's.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if isinstance(exception, DataError):
            log.warning("unreadable_value", exc_info=exception)
            return bad_request(request, exception)
        if not isinstance(exception, HubError):
            return None
        refused(request, exception)
        return page_of(request, exception)
