"""Changing a subscription: each form calls one service and shows its refusal where it was typed."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from accounts.middleware import actor_of
from accounts.policy import Action, authorize
from partnerhub.clock import now
from partnerhub.errors import HubError, NotFound, NotPermitted
from partnerhub.web.refusals import refused, status_of
from subscriptions.cancellation import CancelTerms
from subscriptions.forms import AutoRenewForm, CancelForm, NicknameForm, VersionedForm
from subscriptions.models import Subscription
from subscriptions.selectors import subscription_for
from subscriptions.services.edits import rename as rename_subscription
from subscriptions.services.edits import set_auto_renew
from subscriptions.services.ending import cancel as cancel_subscription
from subscriptions.services.ending import cancel_terms
from subscriptions.views.cancelling import effect_of
from subscriptions.views.detail import detail_page
from subscriptions.views.permission import denial_of


@require_POST
@login_required
def rename(request: HttpRequest, subscription_id: UUID) -> HttpResponse:
    form = NicknameForm(request.POST.dict())

    def act(given: dict[str, Any]) -> str:
        renamed = rename_subscription(actor_of(request), subscription_id, at=now(), **given)
        return _("The nickname is now “{nickname}”.").format(nickname=renamed.nickname)

    authorize(actor_of(request), Action.SUBSCRIPTION_RENAME)
    return _edited(request, subscription_id, "nickname_form", form, act)


@require_POST
@login_required
def auto_renew(request: HttpRequest, subscription_id: UUID) -> HttpResponse:
    form = AutoRenewForm(request.POST.dict())

    def act(given: dict[str, Any]) -> str:
        changed = set_auto_renew(actor_of(request), subscription_id, at=now(), **given)
        return _("Auto-renew is on.") if changed.auto_renew else _("Auto-renew is off: it ends with its term.")

    authorize(actor_of(request), Action.SUBSCRIPTION_AUTO_RENEW)
    return _edited(request, subscription_id, "auto_renew_form", form, act)


def _edited(
    request: HttpRequest, subscription_id: UUID, name: str, form: VersionedForm, act: Callable[[dict[str, Any]], str]
) -> HttpResponse:
    if not form.is_valid():
        return detail_page(request, subscription_id, refused={name: form}, status=422)
    try:
        messages.success(request, act(form.cleaned_data))
    except (NotPermitted, NotFound):
        raise
    except HubError as refusal:
        refused(request, refusal)
        _keep_input(form, refusal, subscription_for(actor_of(request), subscription_id))
        return detail_page(request, subscription_id, refused={name: form}, status=status_of(refusal))
    return redirect("subscriptions:detail", subscription_id)


def _keep_input(form: VersionedForm, refusal: HubError, current: Subscription) -> None:
    """Show what was typed again, over the version that stands now, so that sending it once more is a decision."""
    form.data = {**form.data, "version": str(current.version)}
    form.refuse(refusal)


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def cancel(request: HttpRequest, subscription_id: UUID) -> HttpResponse:
    """Say what cancelling does, then do it. In a dialog where there are scripts, else on a page of its own."""
    actor = actor_of(request)
    subscription = subscription_for(actor, subscription_id)
    terms = cancel_terms(subscription, now())
    if request.method != "POST":
        form = CancelForm(initial={"version": subscription.version}, terms=terms)
        return _cancel_form(request, subscription, terms, form, 200)
    authorize(actor, Action.SUBSCRIPTION_CANCEL)
    form = CancelForm(request.POST.dict(), terms=terms)
    if not form.is_valid():
        return _cancel_form(request, subscription, terms, form, 422)
    try:
        cancel_subscription(actor, subscription_id, at=now(), **form.given())
    except (NotPermitted, NotFound):
        raise
    except HubError as refusal:
        refused(request, refusal)
        _keep_input(form, refusal, subscription_for(actor, subscription_id))
        return _cancel_form(request, subscription, terms, form, status_of(refusal))
    messages.success(request, _("“{nickname}” is cancelled.").format(nickname=subscription.nickname))
    return _leave_dialog(request, subscription_id)


def _cancel_form(
    request: HttpRequest, subscription: Subscription, terms: CancelTerms, form: CancelForm, status: int
) -> HttpResponse:
    context = {
        "subscription": subscription,
        "form": form,
        "effect": effect_of(subscription, terms),
        "is_possible": terms.is_possible,
        "cancel_url": reverse("subscriptions:cancel", args=[subscription.pk]),
        "back_url": reverse("subscriptions:detail", args=[subscription.pk]),
        "denied": denial_of(actor_of(request), Action.SUBSCRIPTION_CANCEL),
        "crumbs": [{"url": reverse("subscriptions:detail", args=[subscription.pk]), "label": subscription.nickname}],
    }
    dialog = bool(getattr(request, "htmx", None))
    template = "subscriptions/_cancel.html" if dialog else "subscriptions/cancel.html"
    return render(request, template, context | {"in_dialog": dialog}, status=status)


def _leave_dialog(request: HttpRequest, subscription_id: UUID) -> HttpResponse:
    if getattr(request, "htmx", None):
        return HttpResponse(
            status=204, headers={"HX-Redirect": reverse("subscriptions:detail", args=[subscription_id])}
        )
    return redirect("subscriptions:detail", subscription_id)
