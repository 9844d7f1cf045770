"""Refusals on pages: which HTTP status and which translated sentence a HubError becomes."""

from functools import cache
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext, gettext_noop

from partnerhub.clock import now
from partnerhub.errors import (
    CartNotFound,
    ClockBehind,
    HubError,
    JobMovedOn,
    NotFound,
    NotPermitted,
    OperationPending,
    QuoteMoved,
    QuoteUnknown,
    QuoteUsed,
    RenewalUnderWay,
    RequestClosed,
    RequestMoved,
    RequestOwn,
    StaleVersion,
    TooLateToUndo,
)
from partnerhub.outbox.refusals import Stream, attempt_of, is_read, keep_refusal
from partnerhub.web.templatetags.hub import role_name

_STATUS: dict[type[HubError], int] = {
    NotPermitted: 403,
    NotFound: 404,
    CartNotFound: 404,
    StaleVersion: 409,
    OperationPending: 409,
    RenewalUnderWay: 409,
    TooLateToUndo: 409,
    JobMovedOn: 409,
    QuoteUnknown: 404,
    QuoteUsed: 409,
    QuoteMoved: 409,
    RequestOwn: 403,
    RequestClosed: 409,
    RequestMoved: 409,
    ClockBehind: 500,
}

# Nouns that refusals carry as values.
_NOUNS = {
    gettext_noop("customer"),
    gettext_noop("order"),
    gettext_noop("subscription"),
    gettext_noop("saved view"),
    gettext_noop("nickname"),
    gettext_noop("reseller"),
    gettext_noop("job"),
    gettext_noop("change request"),
    gettext_noop("approved"),
    gettext_noop("partly approved"),
    gettext_noop("declined"),
    gettext_noop("withdrawn"),
    gettext_noop("void"),
    gettext_noop("its time ran out"),
    gettext_noop("what it rests on is not so any more"),
    gettext_noop("a whole number from 1 is expected"),
    gettext_noop("on or off is expected"),
    gettext_noop("its check digit does not fit"),
    gettext_noop("it has too few or too many characters"),
    gettext_noop("it is not written as one"),
    gettext_noop("this publisher calls us by itself"),
}


def status_of(error: HubError) -> int:
    """The HTTP status of a refusal on a page; 422 unless the table knows better."""
    return _STATUS.get(type(error), 422)


def sentence_of(error: HubError) -> str:
    """The refusal's sentence in the reader's language, with its actual values."""
    return _filled(error.sentence, error.values)


def sentence_of_code(code: str, values: dict[str, Any], told: str) -> str:
    """The sentence of a refusal that was kept by its code, in the reader's language; as it was `told` (English) where
    this version has no such code or words it with other values.
    """
    sentence = _sentences().get(code)
    try:
        return _filled(sentence, values) if sentence else told
    except (KeyError, IndexError):
        return told


def _filled(sentence: str, values: dict[str, Any]) -> str:
    return gettext(sentence).format(**{name: _in_words(name, value) for name, value in values.items()})


@cache
def _sentences() -> dict[str, str]:
    kinds = [HubError]
    for kind in kinds:
        kinds.extend(kind.__subclasses__())
    return {kind.code: kind.sentence for kind in kinds}


def _in_words(name: str, value: Any) -> Any:
    """A value as people read it: roles by their names, the nouns below in the reader's language, all else as it is."""
    if name in ("role", "who_can"):
        return ", ".join(role_name(role) for role in str(value).split(", "))
    return gettext(value) if isinstance(value, str) and value in _NOUNS else value


def refused(request: HttpRequest, error: HubError, *, stream: Stream | None = None) -> None:
    """Put a refused act on record, once a request. Every view that shows a refusal itself calls it, after the service
    has rolled back; `stream` names what it was about where the address does not. Looking is no attempt. Never raises.
    """
    if is_read(request) or getattr(request, "refusal_is_kept", False):
        return
    request.refusal_is_kept = True  # type: ignore[attr-defined]
    asked = {name: value for name, value in request.POST.dict().items() if name != "csrfmiddlewaretoken"}
    attempt = attempt_of(request, "page", asked, stream)
    keep_refusal(error, attempt, actor=getattr(request, "actor", None), at=now())


def page_of(request: HttpRequest, error: HubError) -> HttpResponse:
    """A whole page telling the refusal, for requests that had no better place to show it."""
    context = {"code": error.code, "sentence": sentence_of(error)}
    return render(request, "components/refusal.html", context, status=status_of(error))
