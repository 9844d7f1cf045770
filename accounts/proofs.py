"""What a session has proved of its person: when last, and whether by a second factor.

Kept in the session, so that a page that needs no proof costs no query.
"""

from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import Any, Concatenate, ParamSpec
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.urls import resolve, reverse

from accounts.policy import Actor
from accounts.sealing import opened, sealed
from partnerhub.clock import now

_AT, _SECOND, _SUSPENDED = "proved_at", "proved_by_second_factor", "proof_suspended"
LONGEST_SUSPENDED = 10_000

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponse]


def note_proof(request: HttpRequest, *, second_factor: bool) -> None:
    """Remember that the person has just proved who they are."""
    request.session[_AT] = now().timestamp()
    if second_factor:
        request.session[_SECOND] = True


def proved_lately(request: HttpRequest) -> bool:
    """Whether the person proved who they are within HUB_CONFIRM_MINUTES; 0 minutes ask nobody."""
    minutes: int = settings.HUB_CONFIRM_MINUTES
    proved = request.session.get(_AT, 0)
    return not minutes or now().timestamp() - proved < timedelta(minutes=minutes).total_seconds()


def needs_second_factor(actor: Actor) -> bool:
    """Whether one of the roles that somebody holds is among HUB_SECOND_FACTOR_ROLES."""
    return not settings.HUB_SECOND_FACTOR_ROLES.isdisjoint(actor.roles)


def lacks_second_factor(request: HttpRequest, actor: Actor) -> bool:
    """Whether somebody may do nothing before the session has proved a second factor."""
    return needs_second_factor(actor) and not request.session.get(_SECOND)


def confirm_first(view: View[P]) -> View[P]:
    """Let a page ask "is it still you?" first, unless that was proved lately; then the page goes on where it was."""

    @wraps(view)
    def asking(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        return view(request, *args, **kwargs) if proved_lately(request) else ask(request)

    return asking


def confirm_sending(view: View[P]) -> View[P]:
    """The same, only for what is sent: everybody who may see the page sees it."""

    @wraps(view)
    def asking(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        asks = request.method == "POST" and not proved_lately(request)
        return ask(request) if asks else view(request, *args, **kwargs)

    return asking


def ask(request: HttpRequest) -> HttpResponse:
    """Lead to the question; what was about to be sent is kept, sealed, until it is answered."""
    sent = request.POST.copy()
    sent.pop("csrfmiddlewaretoken", None)
    kept = sent.urlencode()
    request.session.pop(_SUSPENDED, None)
    if request.method == "POST" and len(kept) <= LONGEST_SUSPENDED:
        request.session[_SUSPENDED] = {"path": request.path, "sent": sealed(kept)}
    where = request.get_full_path() if request.method in ("GET", "HEAD") else request.path
    return HttpResponseRedirect(f"{reverse('account_reauthenticate')}?{urlencode({'next': where})}")


def go_on(request: HttpRequest, where: str) -> HttpResponse:
    """Do what was kept back for the answer, when it was for this address; else go there."""
    kept: dict[str, Any] = request.session.pop(_SUSPENDED, {})
    if kept.get("path") != where:
        return HttpResponseRedirect(where)
    found = resolve(where)
    request.POST = QueryDict(opened(kept["sent"]))
    request.path = request.path_info = where
    request.resolver_match = found
    answer: HttpResponse = found.func(request, *found.args, **found.kwargs)
    return answer
