"""Changing many subscriptions: choose what, then look at the plan. The plan itself is a job with a page of its own."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.middleware import actor_of
from accounts.policy import Action, Actor, authorize
from partnerhub.clock import now
from partnerhub.errors import HubError, NotFound, NotPermitted, TooManyRows
from partnerhub.jobs.models import Job
from partnerhub.jobs.services import MOST_ROWS
from partnerhub.jobs.working import Worker
from partnerhub.web.export import csv_response
from partnerhub.web.refusals import refused, sentence_of, status_of
from subscriptions.bulk import ACTS, plan_selected, selected
from subscriptions.bulk_file import COLUMNS, plan_file, values_now
from subscriptions.bulk_forms import FORMS, BulkForm, FileForm
from subscriptions.models import Subscription
from subscriptions.services.bulk import ACTIONS, Act, authorize_bulk
from subscriptions.views.permission import Denial, denial_of

NAMED = 5
# Long enough to plan what fits on a screen before the page is answered; a worker plans the rest.
PLANNING_SECONDS = 0.8
ICONS = {
    Act.NICKNAME: "pencil",
    Act.AUTO_RENEW: "refresh-cw",
    Act.PARTNER_ID: "handshake",
    Act.QUANTITY: "users",
    Act.POLL: "message-circle-question-mark",
    Act.CANCEL: "circle-x",
}


@dataclass(frozen=True, slots=True)
class Selection:
    """What was selected in a list: some by id, or with `matching` all that a filter leaves, however many they are."""

    ids: tuple[UUID, ...]
    matching: str | None

    @classmethod
    def of(cls, params: QueryDict) -> "Selection":
        ids = [found for text in params.getlist("ids") if (found := _as_id(text)) is not None]
        return cls(tuple(dict.fromkeys(ids)), params.get("matching") if "matching" in params else None)

    @property
    def query(self) -> str:
        """The selection as part of an address."""
        if self.matching is not None:
            return urlencode({"matching": self.matching})
        return urlencode([("ids", str(one)) for one in self.ids])

    def found(self, actor: Actor) -> QuerySet[Subscription]:
        """The visible ones of it. Raises InvalidInput, NotPermitted."""
        return selected(actor, self.ids, self.matching, at=now())


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def bulk(request: HttpRequest) -> HttpResponse:
    """Ask what is to be done with a selection; with POST, plan it."""
    params = request.POST if request.method == "POST" else request.GET
    act, selection = _act_of(params.get("action", "")), Selection.of(params)
    if request.method != "POST":
        return _page(request, selection, act, FORMS[act]())
    actor = actor_of(request)
    authorize_bulk(actor, [act])
    form = FORMS[act](params.dict())
    if not form.is_valid():
        return _page(request, selection, act, form, status=422)
    try:
        job = plan_selected(actor, selection.ids, selection.matching, form.asked(), reason=form.why(), at=now())
    except (NotPermitted, NotFound):
        raise
    except HubError as refusal:
        refused(request, refusal)
        form.refuse(refusal)
        return _page(request, selection, act, form, status=status_of(refusal))
    return _planned(job)


@require_POST
@login_required
def from_file(request: HttpRequest) -> HttpResponse:
    """Plan what an uploaded file asks for."""
    actor = actor_of(request)
    authorize(actor, Action.SUBSCRIPTION_BULK)
    form = FileForm(request.POST, request.FILES)
    selection = Selection.of(request.POST)
    if not form.is_valid():
        return _page(request, selection, Act.NICKNAME, FORMS[Act.NICKNAME](), file_form=form, status=422)
    try:
        job = plan_file(actor, form.lines, reason=form.cleaned_data["reason"], at=now())
    except (NotPermitted, NotFound):
        raise
    except HubError as refusal:
        refused(request, refusal)
        form.refuse(refusal)
        blank = FORMS[Act.NICKNAME]()
        return _page(request, selection, Act.NICKNAME, blank, file_form=form, status=status_of(refusal))
    return _planned(job)


@require_safe
@login_required
def values(request: HttpRequest) -> StreamingHttpResponse:
    """A file to fill in: the values that a selection has now. Raises TooManyRows."""
    found = Selection.of(request.GET).found(actor_of(request)).prefetch_related(None)
    if found[: MOST_ROWS + 1].count() > MOST_ROWS:
        raise TooManyRows(limit=MOST_ROWS)
    return csv_response("subscriptions", COLUMNS, values_now(found.iterator(chunk_size=500)))


def _planned(job: Job) -> HttpResponse:
    Worker(PLANNING_SECONDS, job.pk).run()
    return redirect("jobs:job", job.pk)


def _page(
    request: HttpRequest,
    selection: Selection,
    act: Act,
    form: BulkForm,
    *,
    file_form: FileForm | None = None,
    status: int = 200,
) -> HttpResponse:
    actor = actor_of(request)
    context = _chosen(actor, selection) | {
        "selection": selection,
        "act": act,
        "title": ACTS[act],
        "choices": [_choice(actor, selection, each, each == act) for each in Act],
        "form": form,
        "file_form": file_form or FileForm(auto_id="id_file_%s"),
        "denied": _denied(actor, act),
        "file_denied": denial_of(actor, Action.SUBSCRIPTION_RENAME),
        "values_url": f"{reverse('subscriptions:bulk_values')}?{selection.query}",
        "crumbs": [{"url": reverse("subscriptions:list"), "label": _("Subscriptions")}],
    }
    return render(request, "subscriptions/bulk.html", context, status=status)


def _chosen(actor: Actor, selection: Selection) -> dict[str, Any]:
    """How many were selected and a few of their names, or why the selection cannot be used."""
    try:
        found = selection.found(actor).prefetch_related(None)
    except (NotPermitted, NotFound):
        raise
    except HubError as refusal:
        return {"count": 0, "named": [], "problem": sentence_of(refusal)}
    count = found.order_by()[: MOST_ROWS + 1].count()
    problem = sentence_of(TooManyRows(limit=MOST_ROWS)) if count > MOST_ROWS else ""
    named = list(found[:NAMED]) if count else []
    return {"count": count, "named": named, "more": count - len(named), "problem": problem}


def _choice(actor: Actor, selection: Selection, act: Act, current: bool) -> dict[str, Any]:
    query = f"{selection.query}&action={act.value}" if selection.query else f"action={act.value}"
    return {
        "act": act.value,
        "label": ACTS[act],
        "icon": ICONS[act],
        "url": f"{reverse('subscriptions:bulk')}?{query}",
        "current": current,
    }


def _denied(actor: Actor, act: Act) -> Denial | None:
    return denial_of(actor, Action.SUBSCRIPTION_BULK) or denial_of(actor, ACTIONS[act])


def _act_of(word: str) -> Act:
    return Act(word) if word in list(Act) else Act.NICKNAME


def _as_id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
