"""What is scheduled for renewal: shown on the page, and taken back there."""

from dataclasses import dataclass
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from accounts.middleware import actor_of
from partnerhub.clock import now
from partnerhub.errors import NothingScheduled, StaleVersion
from partnerhub.web.refusals import refused, sentence_of
from partnerhub.web.templatetags.hub import day_text
from subscriptions.forms import UnscheduleForm
from subscriptions.models import Subscription
from subscriptions.services.scheduling import told_of_schedule, unschedule
from subscriptions.views.lookahead import renewal_words


@dataclass(frozen=True, slots=True)
class Renewal:
    """What the next term begins with, in words; `remove_url` is empty where nothing is scheduled."""

    words: str
    note: str
    remove_url: str


def renewal_of(subscription: Subscription) -> Renewal | None:
    """The renewal box; None before activation, when there is no renewal to speak of."""
    if subscription.term_end is None:
        return None
    scheduled = told_of_schedule(getattr(subscription, "scheduled_renewal", None))
    on = day_text(subscription.term_end)
    if not subscription.auto_renew:
        waits = _("Scheduled, but it waits: {what}.").format(what=renewal_words(scheduled)) if scheduled else ""
        return Renewal(_("None: auto-renew is off."), waits, _remove_url(subscription) if scheduled else "")
    if not scheduled:
        return Renewal(_("On {day}, as it is.").format(day=on), "", "")
    return Renewal(_("On {day}: {what}.").format(day=on, what=renewal_words(scheduled)), "", _remove_url(subscription))


def _remove_url(subscription: Subscription) -> str:
    return reverse("subscriptions:unschedule", args=[subscription.pk])


@require_POST
@login_required
def unschedule_renewal(request: HttpRequest, subscription_id: UUID) -> HttpResponse:
    """Take back all that is scheduled for renewal, or one part of it."""
    form = UnscheduleForm(request.POST)
    if form.is_valid():
        try:
            unschedule(actor_of(request), subscription_id, at=now(), **form.cleaned_data)
            messages.success(request, _("Nothing of it is scheduled for renewal any more."))
        except (NothingScheduled, StaleVersion) as refusal:
            refused(request, refusal)
            messages.error(request, sentence_of(refusal))
    return redirect("subscriptions:detail", subscription_id)
