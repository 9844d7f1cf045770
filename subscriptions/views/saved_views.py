"""Saved views of a list: which one an address opens, and what the list's page shows of them."""

from typing import Any
from urllib.parse import parse_qsl
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, QueryDict
from django.utils.translation import gettext as _

from accounts.middleware import actor_of
from accounts.models import SavedView
from accounts.policy import Action, Actor
from accounts.selectors import default_view_for, saved_view_for, saved_views_for
from subscriptions.views.addresses import EVERYTHING, address


def opening(request: HttpRequest, page: str) -> str:
    """Where a list opens instead of here: a bare address opens one's default view, `?view=ID` alone that view."""
    actor, asked = actor_of(request), request.GET.get("view", "")
    if not request.GET:
        view = default_view_for(actor, page)
    elif list(request.GET) == ["view"] and asked != EVERYTHING:
        view = _view_named(actor, page, asked)
        if view is None:
            messages.warning(request, _("This saved view no longer exists or is no longer shared."))
            return f"{request.path}?view={EVERYTHING}"
    else:
        return ""
    here = f"{request.path}{address(QueryDict(view.query), view=str(view.pk))}" if view else ""
    return "" if here == request.get_full_path() else here


def views_of(params: QueryDict, actor: Actor, page: str) -> dict[str, Any]:
    """The saved views of a list: one's own and the shared ones, the one shown, and whether changed."""
    saved = list(saved_views_for(actor, page))
    current = next((view for view in saved if str(view.pk) == params.get("view")), None)
    query = address(params, view="").removeprefix("?")
    is_own = current is not None and str(current.user_id) == actor.id
    return {
        "own": [_view_link(view, current) for view in saved if str(view.user_id) == actor.id],
        "shared": [_view_link(view, current) for view in saved if str(view.user_id) != actor.id],
        "current": current,
        "is_own": is_own,
        "is_changed": current is not None and sorted(parse_qsl(current.query)) != sorted(parse_qsl(query)),
        "may_delete": is_own or actor.may(Action.SAVED_VIEW_MANAGE),
        "default": default_view_for(actor, page),
        "page": page,
        "query": query,
        "here": address(params).removeprefix("?"),
    }


def _view_named(actor: Actor, page: str, asked: str) -> SavedView | None:
    try:
        view = saved_view_for(actor, UUID(asked))
    except ValueError:
        return None
    return view if view and view.page == page else None


def _view_link(view: SavedView, current: SavedView | None) -> dict[str, Any]:
    return {
        "name": view.name,
        "owner": view.user.name,
        "shared": view.shared,
        "url": address(QueryDict(view.query), view=str(view.pk)),
        "current": view == current,
    }
