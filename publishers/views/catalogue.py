"""A publisher's whole document: download it, change it, see what would come of it, apply it."""

import json
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from accounts.middleware import actor_of
from accounts.policy import Action, authorize
from accounts.proofs import confirm_sending
from partnerhub.clock import now
from partnerhub.errors import HubError, StaleVersion
from partnerhub.web.refusals import status_of
from publishers.forms import DocumentForm
from publishers.models import Publisher
from publishers.selectors import publisher_for, version_of
from publishers.services.register import Registration, change_publisher
from publishers.services.writing import document_of
from publishers.views.acting import acted
from publishers.views.secrets import secret_page


@require_safe
@login_required
def download(request: HttpRequest, publisher_id: UUID) -> HttpResponse:
    """The document of what stands now, without secrets."""
    actor = actor_of(request)
    authorize(actor, Action.PUBLISHER_MANAGE)  # the webhook's address is in it whole, with any key in its query
    publisher = publisher_for(actor, publisher_id)
    response = HttpResponse(_text(publisher), content_type="application/json")
    response["Content-Disposition"] = f'attachment; filename="publisher-{publisher.pk}.json"'
    return response


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@confirm_sending
def catalogue(request: HttpRequest, publisher_id: UUID) -> HttpResponse:
    """Preview a document, then apply it: the same service as the command's, with its refusals."""
    actor = actor_of(request)
    authorize(actor, Action.PUBLISHER_MANAGE)
    publisher = publisher_for(actor, publisher_id)
    if request.method != "POST":
        given = {"document": _text(publisher), "version": version_of(publisher.pk)}
        return _page(request, publisher, DocumentForm(initial=given), None, 200)
    form = DocumentForm(request.POST.dict(), request.FILES)
    if not form.is_valid():
        return _page(request, publisher, form, None, 422)
    # A file has been seen by nobody yet: it is only previewed.
    applies = request.POST.get("act") == "apply" and not request.FILES
    seen = form.cleaned_data["version"] if applies else None
    done = acted(
        request,
        form,
        lambda: change_publisher(actor, publisher_id, form.parsed, seen=seen, only_try=not applies, at=now()),
    )
    if isinstance(done, HubError):
        if isinstance(done, StaleVersion):
            form.reopen(version_of(publisher_id))
        return _page(request, publisher_for(actor, publisher_id), form, None, status_of(done))
    if not applies:
        form.reopen(version_of(publisher_id))
        return _page(request, publisher, form, done, 200)
    return _applied(request, done)


def _applied(request: HttpRequest, done: Registration) -> HttpResponse:
    if done.client_secret is not None:
        return secret_page(request, done.publisher, done.client_secret, first=False)
    told = _("The catalogue is changed.") if done.changes else _("Nothing differed, so nothing was changed.")
    messages.success(request, told)
    return redirect("publisher-settings", done.publisher.pk)


def _text(publisher: Publisher) -> str:
    return json.dumps(document_of(publisher), indent=2, ensure_ascii=False)


def _page(
    request: HttpRequest, publisher: Publisher, form: DocumentForm, preview: Registration | None, status: int
) -> HttpResponse:
    context: dict[str, Any] = {
        "publisher": publisher,
        "current": "settings",
        "form": form,
        "preview": preview,
        "back_url": reverse("publisher-settings", args=[publisher.pk]),
    }
    return render(request, "publishers/catalogue.html", context, status=status)
