"""Working the queue: taking, assigning, putting aside, letting be, noting; one row or those selected on a page."""

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from accounts.middleware import actor_of
from accounts.policy import Action, Actor
from partnerhub.clock import now
from partnerhub.errors import HubError, InvalidInput, NotFound, NotPermitted
from partnerhub.jobs.models import Job
from partnerhub.jobs.working import Worker
from partnerhub.web.forms import RefusableForm
from partnerhub.web.pages import PAGE_SIZE
from partnerhub.web.refusals import refused, sentence_of, status_of
from partnerhub.web.toasts import Told, tell
from subscriptions.attending import attention_visible_to, items_of
from subscriptions.bulk import plan_selected
from subscriptions.forms import NoteForm
from subscriptions.models import AttentionItem
from subscriptions.queue_forms import AssignForm, SnoozeForm
from subscriptions.queue_jobs import RELEASE, SNOOZE, TAKE, matching_rows, plan_matching
from subscriptions.services.asking import press
from subscriptions.services.bulk import Act, authorize_bulk
from subscriptions.services.notes import add_note
from subscriptions.services.triage import assign, colleagues, let_change_be, snooze, wake
from subscriptions.views.permission import denial_of
from subscriptions.views.queue_rows import key_of, queue_rows

ASSIGN, WAKE, NOTE, POLL = "assign", "wake", "note", "poll"
# Long enough to plan what fits on a screen before the page is answered; a worker plans the rest.
PLANNING_SECONDS = 0.8
Done = Callable[[], Told]


@require_POST
@login_required
def triage(request: HttpRequest) -> HttpResponse:
    """The same with the rows that were selected, those of one page at most; all that match, and questions to
    publishers, are a job to be looked at first.
    """
    keys, given = request.POST.getlist("ids")[:PAGE_SIZE], request.POST
    if "matching" in given or given.get("act") == POLL:
        return _planned(request, keys)
    return _done(request, lambda: _triaged(actor_of(request), keys, given, now()))


@require_POST
@login_required
def act(request: HttpRequest, key: str) -> HttpResponse:
    """Take, release, assign, put aside or wake one row, or leave a note on its subscription."""
    if request.POST.get("act") in (ASSIGN, SNOOZE, NOTE):
        return _by_form(request, key)
    return _done(request, lambda: _triaged(actor_of(request), [key], request.POST, now()))


@require_POST
@login_required
def let_be(request: HttpRequest, subscription_id: UUID, operation_id: UUID) -> HttpResponse:
    """A change that failed was looked at."""

    def done() -> Told:
        let_change_be(actor_of(request), subscription_id, operation_id, at=now())
        return {"level": "success", "text": _("The failed change is let be.")}

    return _done(request, done)


@require_POST
@login_required
def press_publisher(request: HttpRequest, subscription_id: UUID, operation_id: UUID) -> HttpResponse:
    """Ask the publisher now what became of a change."""

    def done() -> Told:
        press(actor_of(request), subscription_id, operation_id, at=now())
        return {"level": "success", "text": _("The publisher is being asked.")}

    return _done(request, done)


@require_safe
@login_required
def row(request: HttpRequest, key: str) -> HttpResponse:
    """What can be done with one row besides its next step: in a dialog, or on a page of its own."""
    return _row_page(request, key)


def _planned(request: HttpRequest, keys: list[str]) -> HttpResponse:
    """Plan a job of it and go there."""
    actor, at = actor_of(request), now()
    try:
        job = _plan(actor, keys, request.POST, at)
    except (NotFound, NotPermitted):
        raise
    except HubError as refusal:
        refused(request, refusal)
        return tell(request, {"level": "error", "text": sentence_of(refusal)}, _back(request))
    Worker(PLANNING_SECONDS, job.pk).run()
    url = reverse("jobs:job", args=[job.pk])
    return HttpResponse(status=204, headers={"HX-Redirect": url}) if request.htmx else redirect(url)  # type: ignore[attr-defined]


def _plan(actor: Actor, keys: list[str], given: QueryDict, at: datetime) -> Job:
    act, matching = given.get("act", ""), given.get("matching")
    if act == POLL:
        authorize_bulk(actor, [Act.POLL])
        found = keys if matching is None else [key_of(item) for item in matching_rows(actor, matching, at)]
        ids = [one for key in found if (one := _as_id(key)) is not None]
        return plan_selected(actor, ids, None, {Act.POLL.value: True}, reason="", at=at)
    if act not in (TAKE, RELEASE, SNOOZE):
        raise InvalidInput(field="act", problem=act or _("none"))
    until = _until(given, at) if act == SNOOZE else None
    return plan_matching(actor, matching or "", act, until, at=at)


def _until(given: QueryDict, at: datetime) -> datetime | None:
    form = SnoozeForm(given)
    if not form.is_valid():
        raise InvalidInput(field="until", problem=" ".join(str(each) for each in form.errors.values()))
    return form.moment(at)


def _triaged(actor: Actor, keys: list[str], given: QueryDict, at: datetime) -> Told:
    asked = given.get("act", "")
    if not keys:
        raise InvalidInput(field="ids", problem=_("select at least one row"))
    items = items_of(actor, keys, at)
    if asked == TAKE:
        _as_person(actor)
        assign(actor, items, to=UUID(actor.id), at=at)
        return _told(keys, _("You take care of it."), _("You take care of them."))
    if asked == RELEASE:
        assign(actor, items, to=None, at=at)
        return _told(keys, _("Nobody takes care of it any more."), _("Nobody takes care of them any more."))
    if asked == WAKE:
        wake(actor, items, at=at)
        return _told(keys, _("It is no longer put aside."), _("They are no longer put aside."))
    if asked == SNOOZE:
        snooze(actor, items, until=_until(given, at), at=at)
        return _told(keys, _("It is put aside."), _("They are put aside."))
    raise InvalidInput(field="act", problem=asked or _("none"))


def _as_person(actor: Actor) -> None:
    if actor.kind != "user":
        raise NotFound(what="person", id=actor.id)


def _told(keys: list[str], one: str, many: str) -> Told:
    count = len(keys)
    rows = ngettext("%(n)d row", "%(n)d rows", count) % {"n": count}
    return {"level": "success", "text": one if count == 1 else f"{rows}: {many}"}


def _done(request: HttpRequest, act: Done) -> HttpResponse:
    try:
        told = act()
    except (NotFound, NotPermitted):
        raise
    except HubError as refusal:
        refused(request, refusal)
        told = {"level": "error", "text": sentence_of(refusal)}
    return tell(request, told, _back(request))


def _by_form(request: HttpRequest, key: str) -> HttpResponse:
    """Do what one of the dialog's forms asks; refused, the form comes back with what was typed."""
    actor, at, asked = actor_of(request), now(), request.POST["act"]
    form = _form(asked, request.POST)
    if not form.is_valid():
        return _row_page(request, key, {asked: form}, 422)
    try:
        told = _by_valid_form(actor, key, form, at)
    except NotPermitted:
        raise
    except HubError as refusal:
        refused(request, refusal)
        form.refuse(refusal)
        return _row_page(request, key, {asked: form}, status_of(refusal))
    if request.htmx:  # type: ignore[attr-defined]
        return HttpResponse(status=204, headers={"HX-Trigger": json.dumps({"toast": told, "closeDialog": True})})
    messages.success(request, told["text"])
    return redirect(_back(request))


def _form(asked: str, given: QueryDict | None = None) -> RefusableForm:
    if asked == ASSIGN:
        return AssignForm(given, people=colleagues())
    return SnoozeForm(given) if asked == SNOOZE else NoteForm(given)


def _by_valid_form(actor: Actor, key: str, form: RefusableForm, at: datetime) -> Told:
    if isinstance(form, NoteForm):
        add_note(actor, _subscription_of(key), text=form.cleaned_data["text"], at=at)
        return {"level": "success", "text": _("The note is on the timeline.")}
    items = items_of(actor, [key], at)
    if isinstance(form, SnoozeForm):
        snooze(actor, items, until=form.moment(at), at=at)
        return {"level": "success", "text": _("It is put aside.")}
    person = form.cleaned_data["assignee"]
    assign(actor, items, to=UUID(person) if person else None, at=at)
    return {"level": "success", "text": _("It is assigned.")}


def _subscription_of(key: str) -> UUID:
    found = _as_id(key)
    if found is None:
        raise NotFound(what="subscription", id=key)
    return found


def _row_page(
    request: HttpRequest, key: str, forms: dict[str, RefusableForm] | None = None, status: int = 200
) -> HttpResponse:
    actor, at = actor_of(request), now()
    found = _most_urgent(actor, key, at)
    denied = denial_of(actor, Action.ATTENTION_TRIAGE)
    made: dict[str, Any] = {name: _form(name) for name in (ASSIGN, SNOOZE, NOTE)} | (forms or {})
    context = {
        "row": queue_rows(actor, [found], at)[0],
        "forms": made,
        "triage_denied": denied,
        "note_denied": denial_of(actor, Action.SUBSCRIPTION_NOTE) if found.subscription_id else None,
        "may_note": found.subscription_id is not None,
        "focus": request.GET.get("focus", ""),
        "crumbs": [{"url": reverse("attention:queue"), "label": _("Action required")}],
    }
    is_part = bool(request.htmx)  # type: ignore[attr-defined]
    template = "subscriptions/_queue_row.html" if is_part else "subscriptions/queue_row.html"
    return render(request, template, context, status=status)


def _most_urgent(actor: Actor, key: str, at: datetime) -> AttentionItem:
    """The item that a row shows. Raises NotFound, also once it is settled."""
    visible = attention_visible_to(actor, at).select_related("publisher")
    about = _as_id(key)
    found = visible.filter(subscription=about).first() if about else visible.filter(pk=key).first()
    if found is None:
        raise NotFound(what="row", id=key)
    return found


def _back(request: HttpRequest) -> str:
    """To the queue as it was."""
    asked = request.POST.get("next", "")
    safe = url_has_allowed_host_and_scheme(asked, {request.get_host()}, require_https=request.is_secure())
    return asked if safe and asked.startswith("/") else reverse("attention:queue")


def _as_id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
