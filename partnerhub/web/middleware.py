"""HTML and HTTP plumbing around every request."""

import re
import uuid
from collections.abc import Callable

import structlog
from django.http import HttpRequest, HttpResponse

from partnerhub.errors import HubError
from partnerhub.web.refusals import page_of

GetResponse = Callable[[HttpRequest], HttpResponse]
_SAFE_ID = re.compile(r"^[A-Za-z0-9_.:-]{1,64}$")


def _given_or_new(request: HttpRequest, *headers: str) -> str:
    given = next((request.headers[name] for name in headers if name in request.headers), "")
    return given if _SAFE_ID.match(given) else str(uuid.uuid4())


def request_ids(get_response: GetResponse) -> GetResponse:
    """Give every request its ids (the caller's where it sent some), for logs, events and the answer's headers."""

    def middleware(request: HttpRequest) -> HttpResponse:
        request_id = _given_or_new(request, "MS-RequestId", "X-Ms-Requestid", "X-Request-ID")
        correlation_id = _given_or_new(request, "MS-CorrelationId", "X-Ms-Correlationid", "X-Correlation-ID")
        with structlog.contextvars.bound_contextvars(hub_request_id=request_id, correlation_id=correlation_id):
            request.META["HTTP_X_REQUEST_ID"] = request_id
            request.META["HTTP_X_CORRELATION_ID"] = correlation_id
            # The headers were cached when they were read above; whoever reads them next must see these ids.
            del request.__dict__["headers"]
            response = get_response(request)
        response.headers.setdefault("MS-RequestId", request_id)
        response.headers.setdefault("MS-CorrelationId", correlation_id)
        return response

    return middleware


class refusals:
    """Show a refusal that a page did not handle itself as a page of its own, never as a traceback."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        return page_of(request, exception) if isinstance(exception, HubError) else None
