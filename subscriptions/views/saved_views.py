"""Saved views of a list: which one an address opens, and what the list's page shows of them."""

from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import parse_qsl

from django.contrib import messages
from django.http import HttpRequest, QueryDict
from django.utils.translation import gettext as _

from accounts.models import SavedView
from accounts.policy import Action, Actor
from accounts.selectors import saved_views_for
from subscriptions.views.addresses import EVERYTHING, address


@dataclass(frozen=True, slots=True)
class Saved:
    """The saved views of a list that a person may choose from, read once, and the one it opens with."""

    page: str
    views: list[SavedView]
    default: SavedView | None

    @classmethod
    def of(cls, actor: Actor, page: str) -> Self:
        views = list(saved_views_for(actor, page))
        return cls(page, views, next((view for view in views if view.opens), None))

    def named(self, asked: str) -> SavedView | None:
        """The one with an id; None when it does not exist, was deleted or is somebody else's own."""
        return next((view for view in self.views if str(view.pk) == asked), None)


def opening(request: HttpRequest, saved: Saved) -> str:
    """Where a list opens instead of here: a bare address opens one's default view, `?view=ID` alone that view."""
    asked = request.GET.get("view", "")
    if not request.GET:
        view = saved.default
    elif list(request.GET) == ["view"] and asked != EVERYTHING:
        view = saved.named(asked)
        if view is None:
            messages.warning(request, _("This saved view no longer exists or is no longer shared."))
            return f"{request.path}?view={EVERYTHING}"
    else:
        return ""
    here = f"{request.path}{address(QueryDict(view.query), view=str(view.pk))}" if view else ""
    return "" if here == request.get_full_path() else here


def views_of(params: QueryDict, actor: Actor, saved: Saved) -> dict[str, Any]:
    """The saved views of a list: one's own and the shared ones, the one shown, and whether changed."""
    current = saved.named(params.get("view", ""))
    query = address(params, view="").removeprefix("?")
    is_own = current is not None and str(current.user_id) == actor.id
    return {
        "own": [_view_link(view, current) for view in saved.views if str(view.user_id) == actor.id],
        "shared": [_view_link(view, current) for view in saved.views if str(view.user_id) != actor.id],
        "current": current,
        "is_own": is_own,
        "is_changed": current is not None and sorted(parse_qsl(current.query)) != sorted(parse_qsl(query)),
        "may_delete": is_own or actor.may(Action.SAVED_VIEW_MANAGE),
        "default": saved.default,
        "page": saved.page,
        "query": query,
        "here": address(params).removeprefix("?"),
    }


def _view_link(view: SavedView, current: SavedView | None) -> dict[str, Any]:
    return {
        "name": view.name,
        "owner": view.user.name,
        "shared": view.shared,
        "url": address(QueryDict(view.query), view=str(view.pk)),
        "current": view == current,
    }
