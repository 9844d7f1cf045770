"""The nickname, edited where it stands; its refusal is shown where it was typed."""

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
from partnerhub.web.toasts import toasted
from subscriptions.enums import Control
from subscriptions.forms import NicknameForm
from subscriptions.models import Subscription
from subscriptions.selectors import subscription_for
from subscriptions.services.edits import rename as rename_subscription
from subscriptions.views.controls import control_view


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
        return toasted(response, {"level": "success", "text": told})
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
