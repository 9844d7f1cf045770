"""Changing a subscription: each form calls one service and shows its refusal where it was typed."""

import json
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts.middleware import actor_of
from accounts.policy import Action, authorize
from partnerhub.clock import now
from partnerhub.errors import HubError, NotFound, NotPermitted, StaleVersion
from partnerhub.web.refusals import refused, status_of
from subscriptions.cancellation import CancelTerms
from subscriptions.enums import Control
from subscriptions.forms import CancelForm, NicknameForm, VersionedForm
from subscriptions.models import Subscription
from subscriptions.selectors import subscription_for
from subscriptions.services.edits import rename as rename_subscription
from subscriptions.services.ending import cancel as cancel_subscription
from subscriptions.services.ending import cancel_terms
from subscriptions.views.cancelling import effect_of
from subscriptions.views.controls import control_view
from subscriptions.views.operations import latest_operation
from subscriptions.views.permission import denial_of


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def rename(request: HttpRequest, subscription_id: UUID) -> HttpResponse:
    """The nickname, edited in its place where there are scripts, else on a page of its own. Nothing to confirm."""
    actor, at = actor_of(request), now()
    subscription = subscription_for(actor, subscription_id)
    if request.method != "POST":
        control = control_view(actor, Control.RENAME, subscription, at)
        if control.asks:
            return redirect(control.url)
        if "leave" in request.GET or control.why:
            return _nickname(request, subscription, None)
        form = NicknameForm.shown(NicknameForm.values_of(subscription), subscription.version)
        return _nickname(request, subscription, form)
    authorize(actor, Action.SUBSCRIPTION_RENAME)
    form = NicknameForm(request.POST.dict())
    if not form.is_valid():
        return _nickname(request, subscription, form, status=422)
    given = {"nickname": form.cleaned_data["nickname"], "version": form.cleaned_data["version"]}
    try:
        renamed = rename_subscription(actor, subscription_id, at=at, **given)
    except (NotPermitted, NotFound):
        raise
    except HubError as refusal:
        refused(request, refusal)
        current = subscription_for(actor, subscription_id)
        if isinstance(refusal, StaleVersion):
            form.compare(NicknameForm.values_of(current), current.version)
        form.refuse(refusal)
        return _nickname(request, current, form, status=status_of(refusal))
    told = _("The nickname is now “{nickname}”.").format(nickname=renamed.nickname)
    if getattr(request, "htmx", None):
        response = _nickname(request, subscription_for(actor, subscription_id), None)
        response["HX-Trigger"] = json.dumps({"toast": {"level": "success", "text": told}})
        return response
    messages.success(request, told)
    return redirect("subscriptions:detail", subscription_id)


def _nickname(
    request: HttpRequest, subscription: Subscription, form: NicknameForm | None, *, status: int = 200
) -> HttpResponse:
    """The nickname in the heading; with a form, being edited."""
    in_place = bool(getattr(request, "htmx", None))
    context = {
        "subscription": subscription,
        "nickname_form": form,
        "rename": control_view(actor_of(request), Control.RENAME, subscription, now()),
        "back_url": reverse("subscriptions:detail", args=[subscription.pk]),
        "crumbs": [{"url": reverse("subscriptions:detail", args=[subscription.pk]), "label": subscription.nickname}],
    }
    template = "subscriptions/_nickname.html" if in_place else "subscriptions/nickname.html"
    return render(request, template, context, status=status)


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
    operation = latest_operation(subscription)
    if operation is not None and operation.held_until is not None:
        messages.success(request, _("The cancellation takes effect in a moment: until then you can undo it."))
    else:
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
