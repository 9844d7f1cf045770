from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import translation
from django.utils.cache import add_never_cache_headers

from accounts.models import User
from accounts.policy import Actor
from accounts.proofs import lacks_second_factor
from accounts.sessions import SessionStore


def actor(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Put the signed-in person's actor, in the active role, on every request; None when signed out.

    What a signed-in person is shown is kept by no cache: it must not outlive the sign-out on a shared machine.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        session = request.session
        if isinstance(session, SessionStore):
            session.met_by(request)
        user = request.user if request.user.is_authenticated else None
        request.actor = user.actor() if isinstance(user, User) else None  # type: ignore[attr-defined]
        if isinstance(user, User):
            _speak_to(user, request)
        response = get_response(request)
        if response.status_code != 304 and isinstance(session, SessionStore):
            session.note_seen()
        if user is not None and not response.has_header("Cache-Control"):
            add_never_cache_headers(response)
        return response

    return middleware


def _speak_to(user: User, request: HttpRequest) -> None:
    """The person's own language, unless one was chosen in this browser."""
    if user.language and settings.LANGUAGE_COOKIE_NAME not in request.COOKIES:
        translation.activate(user.language)
        request.LANGUAGE_CODE = user.language


# What somebody may do who has yet to prove a second factor: set one up, prove it, sign out, read in another language.
WITHOUT_SECOND_FACTOR = ("/accounts/security/", "/accounts/confirm/", "/accounts/sign-out/", "/i18n/", "/health/")


def second_factor(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Lead who holds a role that needs a second factor to it, before anything else."""

    def middleware(request: HttpRequest) -> HttpResponse:
        found: Actor | None = getattr(request, "actor", None)
        if found is None or request.path.startswith(WITHOUT_SECOND_FACTOR) or not lacks_second_factor(request, found):
            return get_response(request)
        if request.headers.get("HX-Request"):
            return HttpResponse(status=403, headers={"HX-Redirect": reverse("mfa_index")})
        return redirect("mfa_index")

    return middleware


def actor_of(request: HttpRequest) -> Actor:
    """The actor of a view that requires sign-in."""
    found: Actor | None = getattr(request, "actor", None)
    if found is None:
        raise PermissionError("this view must require sign-in")
    return found
