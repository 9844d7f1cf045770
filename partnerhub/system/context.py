from typing import Any

from django.http import HttpRequest

from accounts.policy import Action, Actor


def system_page(request: HttpRequest) -> dict[str, Any]:
    """Whether the page's reader may see the system page, for the navigation."""
    actor: Actor | None = getattr(request, "actor", None)
    return {"sees_system": actor is not None and actor.may(Action.SYSTEM_READ)}
