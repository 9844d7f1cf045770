"""Keeping, changing and deleting saved views from the list they belong to; each act goes back to that list."""

from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from accounts.forms import DefaultViewForm, SavedViewForm, ViewChangeForm
from accounts.middleware import actor_of
from accounts.models import SavedView
from accounts.services.views import change_view, delete_view, open_with, save_view
from partnerhub.clock import now
from partnerhub.errors import HubError
from partnerhub.web.refusals import sentence_of


@require_POST
@login_required
def add(request: HttpRequest) -> HttpResponse:
    """Save the list as it is under a name; it may become the one that the list opens with."""
    form = SavedViewForm(request.POST)
    if not form.is_valid():
        return _not_kept(request, form)
    given, actor = form.cleaned_data, actor_of(request)
    try:
        view = save_view(
            actor, page=given["page"], name=given["name"], query=given["query"], shared=given["shared"], at=now()
        )
        if given["opens"]:
            open_with(actor, view.page, view.pk)
    except HubError as refusal:
        return _refused(request, refusal)
    messages.success(request, _("Saved as {name}.").format(name=view.name))
    return _back(request, view)


@require_POST
@login_required
def change(request: HttpRequest, view_id: UUID) -> HttpResponse:
    """Give one's own view the list's present filters, or another name and reach."""
    form = ViewChangeForm(request.POST)
    if not form.is_valid():
        return _not_kept(request, form)
    given = form.cleaned_data
    wanted: dict[str, Any] = {"query": given["query"]}
    if given["part"] == "name":
        wanted = {"name": given["name"], "shared": given["shared"]}
    try:
        view = change_view(actor_of(request), view_id, **wanted, at=now())
    except HubError as refusal:
        return _refused(request, refusal)
    messages.success(request, _("Saved as {name}.").format(name=view.name))
    return _back(request, view)


@require_POST
@login_required
def delete(request: HttpRequest, view_id: UUID) -> HttpResponse:
    try:
        delete_view(actor_of(request), view_id, at=now())
    except HubError as refusal:
        return _refused(request, refusal)
    messages.success(request, _("The saved view was deleted."))
    return _back(request, None)


@require_POST
@login_required
def default(request: HttpRequest) -> HttpResponse:
    """Choose what a list opens with."""
    form = DefaultViewForm(request.POST)
    if not form.is_valid():
        return _not_kept(request, form)
    try:
        open_with(actor_of(request), form.cleaned_data["page"], form.cleaned_data["view"])
    except HubError as refusal:
        return _refused(request, refusal)
    messages.success(request, _("This list now opens the way you chose."))
    return _again(request)


def _not_kept(request: HttpRequest, form: forms.Form) -> HttpResponse:
    problems = " ".join(str(error) for errors in form.errors.values() for error in errors)
    messages.error(request, _("The view was not saved. {problems}").format(problems=problems))
    return _again(request)


def _refused(request: HttpRequest, refusal: HubError) -> HttpResponse:
    messages.error(request, sentence_of(refusal))
    return _again(request)


def _back(request: HttpRequest, view: SavedView | None) -> HttpResponse:
    """To the list, showing the view; without one, everything."""
    shown = QueryDict(view.query, mutable=True) if view else QueryDict(mutable=True)
    shown["view"] = str(view.pk) if view else "all"
    return HttpResponseRedirect(f"{_path_of(request)}?{shown.urlencode()}")


def _again(request: HttpRequest) -> HttpResponse:
    """To the list as it was."""
    return HttpResponseRedirect(f"{_path_of(request)}?{request.POST.get('query') or urlencode({'view': 'all'})}")


def _path_of(request: HttpRequest) -> str:
    path = request.POST.get("next", "").partition("?")[0]
    return path if url_has_allowed_host_and_scheme(path, {request.get_host()}, require_https=False) else "/"
