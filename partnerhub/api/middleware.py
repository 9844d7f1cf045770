"""Programs step aside from what only people need: sessions, messages, a language of their own, a token in each form."""

from collections.abc import Callable
from typing import cast

from django.core.handlers.exception import convert_exception_to_response
from django.http import HttpRequest, HttpResponse
from django.middleware.common import CommonMiddleware
from django.utils import translation
from django.utils.cache import patch_vary_headers

from partnerhub.api.views import PROGRAMS

GetResponse = Callable[[HttpRequest], HttpResponse]
LANGUAGE = "en"
# Middleware is made from the last one outwards: what `destination` was given waits here for `shortcut`.
_destinations: list[GetResponse] = []


def destination(get_response: GetResponse) -> GetResponse:
    """Stands last, and marks where the shortcut leads to."""
    _destinations.append(get_response)
    return get_response


def shortcut(get_response: GetResponse) -> GetResponse:
    """Lead programs past the middleware that stands between this and `destination`, with the headers that it adds."""
    behind = cast(GetResponse, convert_exception_to_response(CommonMiddleware(_destinations.pop())))

    def middleware(request: HttpRequest) -> HttpResponse:
        if not PROGRAMS.match(request.path_info):
            return get_response(request)
        with translation.override(LANGUAGE):
            response = behind(request)
        patch_vary_headers(response, ("Accept-Language", "Cookie"))
        response.headers.setdefault("Content-Language", LANGUAGE)
        return response

    return middleware
