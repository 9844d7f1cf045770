"""Refusals on pages: which HTTP status and which translated sentence a HubError becomes."""

import re
from contextlib import suppress
from datetime import UTC, date, datetime
from functools import cache
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext, gettext_noop, ngettext

from partnerhub.clock import now
from partnerhub.errors import (
    AttentionSettled,
    CartNotFound,
    ClockBehind,
    DeliveryUnderWay,
    DivergenceOver,
    HookRemovedMeanwhile,
    HubError,
    InvitationClosed,
    InvitationGone,
    InvoiceStateForbids,
    JobMovedOn,
    KeyNotSigningYet,
    LastSecondFactor,
    LedgerBehind,
    NotFound,
    NotPermitted,
    OperationPending,
    OutsideScope,
    PageGone,
    QuoteMoved,
    QuoteUnknown,
    QuoteUsed,
    RemindedAlready,
    RenewalUnderWay,
    RequestClosed,
    RequestMoved,
    RequestOwn,
    SentTooOften,
    StaleVersion,
    TooLateToUndo,
)
from partnerhub.outbox.refusals import Stream, attempt_of, is_read, keep_refusal
from partnerhub.web.templatetags.hub import absolute, day_text, role_name

_STATUS: dict[type[HubError], int] = {
    NotPermitted: 403,
    OutsideScope: 403,
    NotFound: 404,
    CartNotFound: 404,
    StaleVersion: 409,
    OperationPending: 409,
    RenewalUnderWay: 409,
    TooLateToUndo: 409,
    JobMovedOn: 409,
    RemindedAlready: 409,
    PageGone: 410,
    InvitationGone: 410,
    InvitationClosed: 409,
    SentTooOften: 409,
    KeyNotSigningYet: 409,
    LastSecondFactor: 409,
    QuoteUnknown: 404,
    QuoteUsed: 409,
    QuoteMoved: 409,
    RequestOwn: 403,
    RequestClosed: 409,
    RequestMoved: 409,
    DivergenceOver: 409,
    AttentionSettled: 409,
    ClockBehind: 500,
    InvoiceStateForbids: 409,
    LedgerBehind: 409,
    DeliveryUnderWay: 409,
    HookRemovedMeanwhile: 409,
}

# Nouns that refusals carry as values.
_NOUNS = {
    gettext_noop("customer"),
    gettext_noop("order"),
    gettext_noop("subscription"),
    gettext_noop("saved view"),
    gettext_noop("API client"),
    gettext_noop("agent"),
    gettext_noop("invitation"),
    gettext_noop("session"),
    gettext_noop("personal token"),
    gettext_noop("person"),
    gettext_noop("row"),
    gettext_noop("secret"),
    gettext_noop("signing key"),
    gettext_noop("nickname"),
    gettext_noop("reseller"),
    gettext_noop("job"),
    gettext_noop("change request"),
    gettext_noop("statement"),
    gettext_noop("divergence"),
    gettext_noop("notice"),
    gettext_noop("delivery"),
    gettext_noop("mail"),
    gettext_noop("operation"),
    gettext_noop("page"),
    gettext_noop("language"),
    gettext_noop("it is not an e-mail address"),
    gettext_noop("the hub does not speak it"),
    gettext_noop("it contains a control character"),
    gettext_noop("no webhook is registered."),
    gettext_noop("invoice"),
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
    gettext_noop("the subscription waits no more"),
    gettext_noop("the publisher refused the order"),
    gettext_noop("there is no e-mail address"),
    gettext_noop("the subscription does not renew"),
}

# Codes that refusals carry as values, by the value's name.
_CODES = {
    "field": {
        "quantity": gettext_noop("quantity"),
        "plan": gettext_noop("plan"),
        "billing frequency": gettext_noop("billing frequency"),
        "status": gettext_noop("status"),
    },
    "action": {
        "unsubscribe": gettext_noop("cancellation"),
        "change_plan": gettext_noop("plan change"),
        "change_quantity": gettext_noop("quantity change"),
        "set_auto_renew": gettext_noop("auto-renew"),
        "change_reseller": gettext_noop("reseller change"),
    },
    "status": {
        "pending_fulfillment_start": gettext_noop("action required"),
        "subscribed": gettext_noop("active"),
        "suspended": gettext_noop("suspended"),
        "unsubscribed": gettext_noop("ended"),
        "in_progress": gettext_noop("under way"),
        "succeeded": gettext_noop("carried out"),
        "failed": gettext_noop("failed"),
        "conflict": gettext_noop("refused"),
    },
    "state": {
        "draft": gettext_noop("a draft"),
        "held": gettext_noop("held"),
        "finalized": gettext_noop("finalized"),
        "void": gettext_noop("dropped"),
        "credit_note": gettext_noop("a credit note"),
        "paid": gettext_noop("paid"),
        "unpaid": gettext_noop("not paid"),
    },
    "wanted": {
        "held": gettext_noop("held"),
        "released": gettext_noop("released"),
        "finalized": gettext_noop("finalized"),
        "dropped": gettext_noop("dropped"),
        "paid": gettext_noop("paid"),
        "marked unpaid": gettext_noop("marked as not paid"),
        "credited": gettext_noop("credited with a note"),
    },
    "trigger": {
        "suspend": gettext_noop("suspend"),
        "reinstate": gettext_noop("reinstate"),
    },
}

# How services write days, moments (UTC) and windows into their refusals.
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_MOMENT = re.compile(r"(\d{4}-\d{2}-\d{2} \d{2}:\d{2}(?::\d{2})?) UTC")
_WINDOW = re.compile(r"(\d+)-(hour|day)")


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
    """A value as people read it: roles, codes and nouns by their words, times as everywhere else; the rest as it is."""
    if not isinstance(value, str):
        return value
    if name in ("role", "who_can"):
        return ", ".join(role_name(role) for role in value.split(", "))
    if value in _CODES.get(name, {}):
        return gettext(_CODES[name][value])
    if value in _NOUNS:
        return gettext(value)
    return _window(value) if name == "window" else _time(value)


def _time(text: str) -> str:
    """A day or a moment in the reader's format; any other text as it is."""
    with suppress(ValueError):
        if _DAY.fullmatch(text):
            return day_text(date.fromisoformat(text))
        if moment := _MOMENT.fullmatch(text):
            return absolute(datetime.fromisoformat(moment[1]).replace(tzinfo=UTC))
    return text


def _window(text: str) -> str:
    window = _WINDOW.fullmatch(text)
    if window is None:
        return text
    n = int(window[1])
    if window[2] == "hour":
        return ngettext("%(n)d-hour", "%(n)d-hour", n) % {"n": n}
    return ngettext("%(n)d-day", "%(n)d-day", n) % {"n": n}


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
