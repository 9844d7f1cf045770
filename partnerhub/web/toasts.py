"""A sentence to whoever has acted: a toast on a page that stays as it is, a message on a page that comes anew."""

import json
from typing import TypedDict

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect


class Told(TypedDict):
    """What is said, and as what: `success` or `error`."""

    level: str
    text: str


def toasted(response: HttpResponse, told: Told) -> HttpResponse:
    """The response, which lets the page show a toast."""
    response["HX-Trigger"] = json.dumps({"toast": told})
    return response


def tell(request: HttpRequest, told: Told, back_to: str) -> HttpResponse:
    """Say it where the page stays, or on the page at the address `back_to` for a reader without scripts."""
    if request.htmx:  # type: ignore[attr-defined]
        return toasted(HttpResponse(status=204), told)
    messages.add_message(request, messages.DEFAULT_LEVELS[told["level"].upper()], told["text"])
    return redirect(back_to)
