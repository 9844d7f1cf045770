from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import translation
from django.utils.cache import add_never_cache_headers

from accounts.models import User
from accounts.policy import Actor
from accounts.sessions import SessionStore


def actor(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Put the signed-in person's actor, in the active role, on every request; None when signed out.

    What a signed-in person is shown is kept by no cache: it must not outlive the sign-out on a shared machine.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        session: SessionStore = request.session  # type: ignore[assignment]
        session.met_by(request)
        user = request.user if request.user.is_authenticated else None
        request.actor = user.actor() if isinstance(user, User) else None  # type: ignore[attr-defined]
        if isinstance(user, User):
            _speak_to(user, request)
        response = get_response(request)
        if response.status_code != 304:
            session.note_seen()
        if user is not None and not response.has_header("Cache-Control"):
            add_never_cache_headers(response)
        return response

    return middleware


def _speak_to(user: User, request: HttpRequest) -> None:
    """The person's own language, unless one was chosen in this browser."""
    if user.language and settings.LANGUAGE_COOKIE_NAME not in request.COOKIES:
        translation.activate(user.language)
        request.LANGUAGE_CODE = user.language  # type: ignore[attr-defined]


def actor_of(request: HttpRequest) -> Actor:
    """The actor of a view that requires sign-in."""
    found: Actor | None = getattr(request, "actor", None)
    if found is None:
        raise PermissionError("this view must require sign-in")
    return found
