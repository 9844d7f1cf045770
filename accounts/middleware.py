from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from accounts.models import User
from accounts.policy import Actor


def actor(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Put the signed-in person's actor, in the active role, on every request; None when signed out."""

    def middleware(request: HttpRequest) -> HttpResponse:
        user = request.user if request.user.is_authenticated else None
        request.actor = user.actor() if isinstance(user, User) else None  # type: ignore[attr-defined]
        return get_response(request)

    return middleware


def actor_of(request: HttpRequest) -> Actor:
    """The actor of a view that requires sign-in."""
    found: Actor | None = getattr(request, "actor", None)
    if found is None:
        raise PermissionError("this view must require sign-in")
    return found
