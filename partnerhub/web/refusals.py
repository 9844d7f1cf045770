"""Refusals on pages: which HTTP status and which translated sentence a HubError becomes."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext, gettext_noop

from partnerhub.errors import (
    CartNotFound,
    HubError,
    NotFound,
    NotPermitted,
    OperationPending,
    StaleVersion,
)
from partnerhub.web.templatetags.hub import role_name

_STATUS: dict[type[HubError], int] = {
    NotPermitted: 403,
    NotFound: 404,
    CartNotFound: 404,
    StaleVersion: 409,
    OperationPending: 409,
}

# Nouns that refusals carry as values.
_NOUNS = {
    gettext_noop("customer"),
    gettext_noop("order"),
    gettext_noop("subscription"),
    gettext_noop("nickname"),
    gettext_noop("this publisher calls us by itself"),
}


def status_of(error: HubError) -> int:
    """The HTTP status of a refusal on a page; 422 unless the table knows better."""
    return _STATUS.get(type(error), 422)


def sentence_of(error: HubError) -> str:
    """The refusal's sentence in the reader's language, with its actual values."""
    return gettext(error.sentence).format(**{name: _in_words(name, value) for name, value in error.values.items()})


def _in_words(name: str, value: Any) -> Any:
    """A value as people read it: roles by their names, the nouns below in the reader's language, all else as it is."""
    if name in ("role", "who_can"):
        return ", ".join(role_name(role) for role in str(value).split(", "))
    return gettext(value) if isinstance(value, str) and value in _NOUNS else value


def page_of(request: HttpRequest, error: HubError) -> HttpResponse:
    """A whole page telling the refusal, for requests that had no better place to show it."""
    context = {"code": error.code, "sentence": sentence_of(error)}
    return render(request, "components/refusal.html", context, status=status_of(error))
