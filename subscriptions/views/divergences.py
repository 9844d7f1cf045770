"""Divergences: the lists of all publishers and of one, and letting one be."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts.middleware import actor_of
from accounts.policy import Action, authorize
from partnerhub.clock import now
from partnerhub.errors import DivergenceOver, InvalidInput
from partnerhub.web.pages import keyset_page
from partnerhub.web.refusals import refused as keep_refused
from partnerhub.web.refusals import status_of
from publishers.selectors import publisher_for
from subscriptions.divergence_forms import DivergenceFilter, LetBeForm
from subscriptions.models import Divergence
from subscriptions.selectors import divergences_visible_to, subscription_for
from subscriptions.services.divergences import accept_divergence
from subscriptions.views.detail import detail_page
from subscriptions.views.divergence_rows import decidable, divergence_row

NEWEST_FIRST = ("-first_seen_at", "-id")


@require_safe
@login_required
def divergences(request: HttpRequest) -> HttpResponse:
    """What is open at all publishers, the newest first."""
    found = divergences_visible_to(actor_of(request))
    crumbs = [{"url": reverse("publishers"), "label": _("Publishers")}]
    return render(request, "publishers/divergences_everywhere.html", _listed(request, found) | {"crumbs": crumbs})


@require_safe
@login_required
def divergences_of(request: HttpRequest, publisher_id: UUID) -> HttpResponse:
    """What is open at one publisher, the newest first."""
    actor = actor_of(request)
    publisher = publisher_for(actor, publisher_id)
    found = divergences_visible_to(actor).filter(publisher=publisher)
    context = {"publisher": publisher, "current": "divergences", **_listed(request, found)}
    return render(request, "publishers/divergences.html", context)


def _listed(request: HttpRequest, found: QuerySet[Divergence]) -> dict[str, Any]:
    filters = DivergenceFilter(request.GET, found)
    page = keyset_page(filters.qs, NEWEST_FIRST, request.GET)
    return {
        "filter": filters,
        "rows": [divergence_row(one) for one in page.rows],
        "previous_url": page.previous_url,
        "next_url": page.next_url,
        "everything_url": request.path,
    }


@require_POST
@login_required
def accept(request: HttpRequest, subscription_id: UUID, divergence_id: UUID) -> HttpResponse:
    """Let a divergence be, with a note that says why."""
    actor = actor_of(request)
    authorize(actor, Action.DIVERGENCE_ACCEPT)
    form = LetBeForm(request.POST, auto_id=f"{divergence_id}-%s")
    if not form.is_valid():
        return _again(request, subscription_id, divergence_id, form, 422)
    try:
        accept_divergence(actor, subscription_id, divergence_id, note=form.cleaned_data["note"], at=now())
    except InvalidInput as refusal:
        keep_refused(request, refusal)
        form.refuse(refusal)
        return _again(request, subscription_id, divergence_id, form, status_of(refusal))
    except DivergenceOver as refusal:
        # Somebody else let it be, or it is gone: there is no form left to say it at.
        keep_refused(request, refusal)
        messages.error(request, _("The divergence has ended already: nothing was changed."))
        return redirect("subscriptions:detail", subscription_id)
    messages.success(request, _("The divergence is let be. It comes back when it changes."))
    return redirect("subscriptions:detail", subscription_id)


def _again(
    request: HttpRequest, subscription_id: UUID, divergence_id: UUID, form: LetBeForm, status: int
) -> HttpResponse:
    actor = actor_of(request)
    shown = decidable(actor, subscription_for(actor, subscription_id), {divergence_id: form})
    return detail_page(request, subscription_id, refused={"divergences": shown}, status=status)
