"""Action required: the queue of what somebody must act on, one row a subscription, the most urgent first; live."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict, StreamingHttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.timezone import localdate
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from accounts.middleware import actor_of
from accounts.models import SavedView
from accounts.policy import Action, Actor
from accounts.selectors import default_view_for, saved_view_for, saved_views_for
from partnerhub.clock import now
from partnerhub.web.export import Value, csv_response
from partnerhub.web.pages import CURSORS, PAGE_SIZE, capped_count, keyset_page
from subscriptions.attending import attention_visible_to, one_each, ranked
from subscriptions.models import AttentionItem
from subscriptions.queue_filter import ME, NOBODY, QueueFilter
from subscriptions.views.lasting import etag_of, unchanged
from subscriptions.views.permission import denial_of
from subscriptions.views.queue_rows import QueueRow, queue_rows

PAGE = "attention"
EVERYTHING = "all"
ORDER = ("rank", "id")


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the query string asks for: the filter, and one item for each row that it leaves."""

    filters: QueueFilter
    rows: QuerySet[AttentionItem]

    @classmethod
    def of(cls, actor: Actor, params: QueryDict, at: datetime) -> "_Asked":
        filters = QueueFilter(params, attention_visible_to(actor, at), actor=actor, at=at)
        return cls(filters, ranked(one_each(filters.qs)).select_related("publisher"))


@require_safe
@login_required
def queue(request: HttpRequest) -> HttpResponse:
    if elsewhere := _opening(request):
        return HttpResponseRedirect(elsewhere)
    return render(request, "subscriptions/queue.html", queue_context(request))


@require_safe
@login_required
def live(request: HttpRequest) -> HttpResponse:
    """The rows anew, with the page's title; 304 without any work while nothing could have changed."""
    same = unchanged(request, actor_of(request), now())
    return same or render(request, "subscriptions/_queue_live.html", _rows_context(request))


@require_safe
@login_required
def export(request: HttpRequest) -> StreamingHttpResponse:
    """Every row that the filter leaves, as CSV in the reader's language."""
    actor, at = actor_of(request), now()
    items = list(_Asked.of(actor, request.GET, at).rows)
    pages = (items[start : start + PAGE_SIZE] for start in range(0, len(items), PAGE_SIZE))
    rows = [_cells(row) for page in pages for row in queue_rows(actor, page, at)]
    return csv_response(f"{PAGE}-{localdate(at)}", _headings(), rows)


def queue_context(request: HttpRequest) -> dict[str, Any]:
    """What the whole page shows."""
    actor, context = actor_of(request), _rows_context(request)
    filters: QueueFilter = context["filter"]
    return context | {
        "tabs": _tabs(request.GET),
        "chips": list(_chips(request.GET, filters)),
        "kept": [(name, request.GET[name]) for name in ("view", "assignee", "snoozed") if request.GET.get(name)],
        "matching": _address(request.GET).removeprefix("?"),
        "views": _views(request, actor),
    }


def _rows_context(request: HttpRequest) -> dict[str, Any]:
    actor, at = actor_of(request), now()
    etag = etag_of(request, actor, at)
    asked = _Asked.of(actor, request.GET, at)
    page = keyset_page(asked.rows, ORDER, request.GET)
    return {
        "filter": asked.filters,
        "etag": etag,
        "live_url": f"{reverse('attention:live')}?{request.GET.urlencode()}",
        "waiting_count": capped_count(asked.rows),
        "rows": queue_rows(actor, page.rows, at),
        "previous_url": page.previous_url,
        "next_url": page.next_url,
        "may_triage": actor.may(Action.ATTENTION_TRIAGE),
        "triage_denied": denial_of(actor, Action.ATTENTION_TRIAGE),
        "may_note": actor.may(Action.SUBSCRIPTION_NOTE),
        "may_poll": actor.may(Action.SUBSCRIPTION_POLL) and actor.may(Action.SUBSCRIPTION_BULK),
        "everything_url": f"{reverse('attention:queue')}?view={EVERYTHING}",
    }


def _headings() -> list[str]:
    return [
        _("Subscription ID"), _("Subscription"), _("Customer"), _("Publisher"), _("Reason"), _("What is wrong"),
        _("Other reasons"), _("Owner"), _("Since"), _("Due"), _("At risk"), _("Currency"), _("Assignee"),
        _("Next step"),
    ]  # fmt: skip


def _cells(row: QueueRow) -> list[Value]:
    return [
        row.key,
        row.name,
        row.customer,
        row.publisher or row.title,
        row.cause,
        row.reason,
        ", ".join(row.chips),
        row.owner,
        row.since,
        row.due,
        row.at_risk.amount if row.at_risk else None,
        row.at_risk.currency if row.at_risk else None,
        row.assignee,
        row.step.label,
    ]


def _address(params: QueryDict, **changes: str) -> str:
    """The query string with some parameters changed, without its cursor and what is empty; `?` when nothing is left."""
    query = params.copy()
    for name in CURSORS:
        query.pop(name, None)
    for name, value in changes.items():
        query[name] = value
    for name in [name for name, values in query.lists() if not any(values)]:
        del query[name]
    return f"?{query.urlencode()}"


def _link(params: QueryDict, **changes: str) -> str:
    """As `_address`, for a link: a bare address would open the default view instead of everything."""
    address = _address(params, **changes)
    return address if address != "?" else f"?view={EVERYTHING}"


def _tabs(params: QueryDict) -> list[dict[str, Any]]:
    """Everybody's, mine, nobody's, and what is put aside."""
    named = [
        (_("All"), {"assignee": "", "snoozed": ""}),
        (_("Assigned to me"), {"assignee": ME, "snoozed": ""}),
        (_("Assigned to nobody"), {"assignee": NOBODY, "snoozed": ""}),
        (_("What is put aside"), {"assignee": "", "snoozed": "yes"}),
    ]
    now_shown = {name: params.get(name, "") for name in ("assignee", "snoozed")}
    return [{"label": label, "url": _link(params, **asks), "current": asks == now_shown} for label, asks in named]


def _chips(params: QueryDict, filters: QueueFilter) -> Iterator[dict[str, str]]:
    """What narrows the list besides its tab, in words, each with the address that lets it go."""
    for name, value in filters.applied.items():
        if name not in ("assignee", "snoozed"):
            field = filters.form.fields[name]
            word = dict(getattr(field, "choices", ())).get(value, value) if isinstance(value, str) else value
            yield {"label": str(field.label), "value": str(word), "url": _link(params, **{name: ""})}


def _opening(request: HttpRequest) -> str:
    """Where the queue opens instead of here: a bare address opens one's default view, `?view=ID` alone that view."""
    actor, asked = actor_of(request), request.GET.get("view", "")
    if not request.GET:
        view = default_view_for(actor, PAGE)
    elif list(request.GET) == ["view"] and asked != EVERYTHING:
        view = _view_named(actor, asked)
        if view is None:
            messages.warning(request, _("This saved view no longer exists or is no longer shared."))
            return f"{request.path}?view={EVERYTHING}"
    else:
        return ""
    here = f"{request.path}{_address(QueryDict(view.query), view=str(view.pk))}" if view else ""
    return "" if here == request.get_full_path() else here


def _view_named(actor: Actor, asked: str) -> SavedView | None:
    try:
        view = saved_view_for(actor, UUID(asked))
    except ValueError:
        return None
    return view if view and view.page == PAGE else None


def _views(request: HttpRequest, actor: Actor) -> dict[str, Any]:
    """The saved views of the queue: one's own and the shared ones, the one shown, and whether changed."""
    params = request.GET
    saved = list(saved_views_for(actor, PAGE))
    current = next((view for view in saved if str(view.pk) == params.get("view")), None)
    query = _address(params, view="").removeprefix("?")
    is_own = current is not None and str(current.user_id) == actor.id
    return {
        "own": [_view_link(view, current) for view in saved if str(view.user_id) == actor.id],
        "shared": [_view_link(view, current) for view in saved if str(view.user_id) != actor.id],
        "current": current,
        "is_own": is_own,
        "is_changed": current is not None and sorted(parse_qsl(current.query)) != sorted(parse_qsl(query)),
        "may_delete": is_own or actor.may(Action.SAVED_VIEW_MANAGE),
        "default": default_view_for(actor, PAGE),
        "page": PAGE,
        "query": query,
        "here": _address(params).removeprefix("?"),
        "all_label": _("The whole queue"),
    }


def _view_link(view: SavedView, current: SavedView | None) -> dict[str, Any]:
    return {
        "name": view.name,
        "owner": view.user.name,
        "shared": view.shared,
        "url": _address(QueryDict(view.query), view=str(view.pk)),
        "current": view == current,
    }
