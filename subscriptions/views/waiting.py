"""How many change requests wait, for the navigation of those who have a part in them."""

from typing import Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from accounts.policy import Action, Actor
from partnerhub.web.pages import capped_count
from subscriptions.views.requests import waiting_requests


def change_requests(request: HttpRequest) -> dict[str, Any]:
    """Whether the page's reader asks for changes or decides on them; `open_requests` is counted where it is shown."""
    actor: Actor | None = getattr(request, "actor", None)
    if actor is None:
        return {}
    decides = actor.may(Action.SUBSCRIPTION_DECIDE)
    return {
        "has_requests": decides or actor.may(Action.SUBSCRIPTION_ASK),
        "open_requests": SimpleLazyObject(lambda: capped_count(waiting_requests(actor))) if decides else "",
    }
