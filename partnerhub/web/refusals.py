"""Refusals on pages: which HTTP status and which translated sentence a HubError becomes."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext

from partnerhub.errors import (
    CartNotFound,
    HubError,
    NotFound,
    NotPermitted,
    OperationPending,
    StaleVersion,
)

_STATUS: dict[type[HubError], int] = {
    NotPermitted: 403,
    NotFound: 404,
    CartNotFound: 404,
    StaleVersion: 409,
    OperationPending: 409,
}


def status_of(error: HubError) -> int:
    """The HTTP status of a refusal on a page; 422 unless the table knows better."""
    return _STATUS.get(type(error), 422)


def sentence_of(error: HubError) -> str:
    """The refusal's sentence in the reader's language, with its actual values."""
    return gettext(error.sentence).format(**error.values)


def page_of(request: HttpRequest, error: HubError) -> HttpResponse:
    """A whole page telling the refusal, for requests that had no better place to show it."""
    context = {"code": error.code, "sentence": sentence_of(error)}
    return render(request, "components/refusal.html", context, status=status_of(error))
