"""What every resource of /v1 shares."""

import re
from base64 import b64encode
from collections.abc import Iterable
from os import getpid
from platform import node
from typing import Any
from uuid import uuid4
from zlib import crc32

from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.urls import resolve
from django.utils import translation
from django.views import defaults
from django.views.decorators.csrf import csrf_exempt
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.views import APIView

from partnerhub.api.errors import FAILED, NUMBERS, problem
from partnerhub.errors import InvalidInput

LOCALE = "en-US"  # of every sentence in the API
# Where only programs call: what answers there is parsed.
PROGRAMS = re.compile(r"/(?:v1|api|webhooks/v1)(?:/|$)")
_VECTOR = re.compile(r"[A-Za-z0-9+/=.!-]{1,128}")


class JsonOnly(BaseContentNegotiation):
    """JSON in, JSON out, whatever a client's media types say: old ones send none, or wrong ones."""

    def select_parser(self, request: Request, parsers: Iterable[BaseParser]) -> BaseParser:
        return next(iter(parsers))

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        renderer = next(iter(renderers))
        return renderer, str(renderer.media_type)


class Resource(APIView):
    """A resource of the dialect: refusals as JSON (settings), never cached, no NUL in any name."""

    content_negotiation_class = JsonOnly
    http_method_names = ["get", "post", "put", "patch", "head", "options"]

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        with translation.override("en"):  # sentences of one language, whatever a program's library sends
            return super().dispatch(request, *args, **kwargs)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        _ = request._request.body  # read whole, so that Django's limit holds; the parsers would read without one
        values = [*map(str, kwargs.values()), *request.query_params.values()]
        if any("\0" in value for value in values):
            raise InvalidInput(field="address", problem="it contains a NUL character")

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        final = super().finalize_response(request, response, *args, **kwargs)
        final.headers.setdefault("Cache-Control", "no-store")
        final.headers["MS-CV"] = _correlation_vector(request)
        final.headers["X-Locale"] = LOCALE
        final.headers["MS-ServerId"] = _server_id()
        return final


class OwnResource(Resource):
    """A resource that Partner Center does not have: it may speak more than the dialect."""

    is_own = True


def _server_id() -> str:
    """Nine digits that tell the hub's processes apart and name no machine."""
    return f"{crc32(f'{node()} {getpid()}'.encode()) % 10**9:09}"


def _correlation_vector(request: Request) -> str:
    """The caller's vector, or a new one: 22 characters of base64 and the number of the first call."""
    given = request.headers.get("MS-CV", "")
    return given if _VECTOR.fullmatch(given) else f"{b64encode(uuid4().bytes).decode()[:22]}.0"


@csrf_exempt
def unknown_path(request: HttpRequest, path: str = "") -> HttpResponse:
    """Answer what no route knows: the same address without its trailing slash where that is one, else JSON 404."""
    if path.endswith("/") and path.strip("/"):
        view, arguments, named = resolve(request.path_info.rstrip("/"))
        response: HttpResponse = view(request, *arguments, **named)
        return response
    return nothing_there(request)


@csrf_exempt
def nothing_there(request: HttpRequest) -> HttpResponse:
    """JSON 404 in the dialect."""
    return JsonResponse(problem(1000, f"There is nothing at {request.path[:200]}.", "not_found"), status=404)


@csrf_exempt
def unreadable(request: HttpRequest, exception: Exception) -> HttpResponse:
    """400 of what no view was asked for, such as another host's name: JSON to programs, a page to people."""
    if not PROGRAMS.match(request.path_info):
        return defaults.bad_request(request, exception)
    sentence = "The request cannot be read, or is meant for another host."
    return JsonResponse(problem(NUMBERS[InvalidInput][1], sentence, InvalidInput.code), status=400)


@csrf_exempt
def failed(request: HttpRequest) -> HttpResponse:
    """500 of what broke outside of every view: JSON to programs, a page to people."""
    if not PROGRAMS.match(request.path_info):
        return defaults.server_error(request)
    return JsonResponse(problem(500, FAILED), status=500)
