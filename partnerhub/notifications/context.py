"""The bell of the top bar, on every page of a person."""

from typing import Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from accounts.policy import Actor
from partnerhub.notifications.selectors import unread
from partnerhub.web.pages import capped_count

SHOWN_AT_MOST = 99


def bell(request: HttpRequest) -> dict[str, Any]:
    """`unread_count` as text, counted where it is shown: `99+` beyond."""
    actor: Actor | None = getattr(request, "actor", None)
    if actor is None or actor.kind != "user":
        return {}
    return {"unread_count": SimpleLazyObject(lambda: capped_count(unread(actor), SHOWN_AT_MOST))}
