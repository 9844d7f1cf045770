"""Figures of the past: how long orders and changes took, what waits, how publishers and webhooks did; also as files."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from accounts.middleware import actor_of
from accounts.policy import Action, Actor, authorize
from partnerhub.clock import now
from partnerhub.web.export import csv_response
from subscriptions.insight import MOST_DAYS
from subscriptions.insight_forms import PRESETS, InsightForm
from subscriptions.insight_orders import Asked
from subscriptions.views import insight_calls, insight_orders
from subscriptions.views.insight_tables import Table

Figures = Callable[[Actor, Asked, datetime], Table]


@dataclass(frozen=True, slots=True)
class Kind:
    """A page: its tables by the names of their files, each with the action that it takes to see it.

    `by_customer` where it can be narrowed to one.
    """

    label: Promise | str
    tables: dict[str, tuple[Action, Figures]]
    by_customer: bool = False

    @property
    def action(self) -> Action:
        """What it takes to see the page at all: its first table."""
        return next(action for action, _figures in self.tables.values())


_READ, _CALLS, _HOOKS = Action.SUBSCRIPTION_READ, Action.PUBLISHER_READ, Action.CLIENT_MANAGE
FIRST = "activation"
AT_HOME = ((FIRST, "activation-by-month"), ("waiting", "waiting-by-age"))
DAYS = ("since", "until", "last")
KINDS = {
    FIRST: Kind(
        gettext_lazy("Time to activation"),
        {
            "activation-by-month": (_READ, insight_orders.activation_by_month),
            "activation-by-publisher": (_READ, insight_orders.activation_by_publisher),
            "activation-by-publisher-and-month": (_READ, insight_orders.activation_by_both),
        },
        by_customer=True,
    ),
    "waiting": Kind(
        gettext_lazy("What waits"),
        {
            "waiting-by-age": (_READ, insight_orders.waiting_ages),
            "stuck-by-publisher": (_READ, insight_orders.waiting_stuck),
        },
        by_customer=True,
    ),
    "changes": Kind(
        gettext_lazy("Changes"),
        {
            "changes-by-time": (_READ, insight_orders.changes_by_part),
            "changes-by-kind": (_READ, insight_orders.changes_by_action),
        },
        by_customer=True,
    ),
    "publishers": Kind(
        gettext_lazy("Questions and circuits"),
        {
            "questions-by-time": (_CALLS, insight_calls.polls_by_part),
            "questions-by-publisher": (_CALLS, insight_calls.polls_by_publisher),
            "circuits": (_CALLS, insight_calls.circuits),
        },
    ),
    "webhooks": Kind(
        gettext_lazy("Webhooks"),
        {
            "publisher-webhooks-by-time": (_CALLS, insight_calls.notices_over_time),
            "publisher-webhooks": (_CALLS, insight_calls.notices_by_receiver),
            "program-webhooks-by-time": (_HOOKS, insight_calls.programs_over_time),
            "program-webhooks": (_HOOKS, insight_calls.programs),
        },
    ),
}


@require_safe
@login_required
def insight(request: HttpRequest, name: str = FIRST) -> HttpResponse:
    """One page of figures; 422 with the reason at its field where what was asked for cannot be shown."""
    actor, at, kind = actor_of(request), now(), _kind(name)
    form = _form(request, actor, kind, at)
    shown = _permitted(actor, kind) if form.is_valid() else {}
    tables = {file: figures(actor, form.asked, at) for file, figures in shown.items()}
    return _page(request, actor, name, form, tables)


@require_safe
@login_required
def charts(request: HttpRequest) -> HttpResponse:
    """What Home shows of it, fetched once Home is there: the usual period, everything that the actor sees."""
    actor, at = actor_of(request), now()
    form = InsightForm({}, actor=actor, today=at.astimezone(UTC).date(), by_customer=True)
    form.is_valid()
    shown = [(name, file, KINDS[name].tables[file]) for name, file in AT_HOME if actor.may(KINDS[name].action)]
    tables = [_shown(name, file, figures(actor, form.asked, at), {}) for name, file, (_action, figures) in shown]
    return render(request, "insight/charts.html", {"tables": tables})


@require_safe
@login_required
def table_file(request: HttpRequest, name: str, table: str) -> HttpResponseBase:
    """One table of a page with the same query string as CSV, every row: durations as numbers, see the headings."""
    actor, at, kind = actor_of(request), now(), _kind(name)
    form = _form(request, actor, kind, at)
    permitted = _permitted(actor, kind)
    if table not in permitted:
        raise Http404
    if not form.is_valid():
        return _page(request, actor, name, form, {})
    found, span = permitted[table](actor, form.asked, at), form.asked.span
    return csv_response(f"{table}-{span.first}-{span.last}", found.file_headings, found.file_rows)


def _kind(name: str) -> Kind:
    if name not in KINDS:
        raise Http404
    return KINDS[name]


def _permitted(actor: Actor, kind: Kind) -> dict[str, Figures]:
    """The tables of a page that the role may see. Raises NotPermitted where it may see none."""
    authorize(actor, kind.action)
    return {file: figures for file, (action, figures) in kind.tables.items() if actor.may(action)}


def _form(request: HttpRequest, actor: Actor, kind: Kind, at: datetime) -> InsightForm:
    return InsightForm(_given(request), actor=actor, today=at.astimezone(UTC).date(), by_customer=kind.by_customer)


def _given(request: HttpRequest) -> dict[str, str]:
    return {name: str(value) for name, value in request.GET.items() if value}


def _page(request: HttpRequest, actor: Actor, name: str, form: InsightForm, tables: dict[str, Table]) -> HttpResponse:
    kept = _given(request)
    others = {key: value for key, value in kept.items() if key not in DAYS}
    context: dict[str, Any] = {
        "form": form,
        "tables": [_shown(name, file, table, kept) for file, table in tables.items()],
        "tabs": _tabs(actor, name, kept),
        "presets": [
            {"url": f"?{urlencode(others | {'last': days})}", "label": label, "current": form.preset == days}
            for days, label in PRESETS.items()
        ],
        "most_days": MOST_DAYS,
    }
    return render(request, "insight/page.html", context, status=200 if form.is_valid() else 422)


def _shown(name: str, file: str, table: Table, kept: dict[str, str]) -> dict[str, Any]:
    return {"table": table, "id": file, "file_url": f"{reverse('insight:file', args=[name, file])}?{urlencode(kept)}"}


def _tabs(actor: Actor, current: str, kept: dict[str, str]) -> list[dict[str, Any]]:
    """The pages that the role may see, with the same period and filters, and the figures of billing."""
    query = f"?{urlencode(kept)}" if kept else ""
    tabs = [
        {"url": reverse("insight:page", args=[name]) + query, "label": kind.label, "count": None}
        | {"current": name == current}
        for name, kind in KINDS.items()
        if actor.may(kind.action)
    ]
    if actor.may(Action.CHARGE_READ):
        tabs.append({"url": reverse("billing:insight"), "label": _("Revenue"), "count": None, "current": False})
    return tabs
