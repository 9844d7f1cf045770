"""Cancelling a subscription: what it does in words, what it gives back, and its confirmation.

Where the terms alone decide, the form opens with its price, and one press does it. Where the publisher has to agree,
what it agreed to is asked for first.
"""

from dataclasses import replace
from datetime import timedelta
from typing import Any, cast
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from accounts.policy import Action, authorize
from partnerhub.errors import HubError, NotPermitted
from partnerhub.web.templatetags.hub import absolute, day_text
from subscriptions.cancellation import MULTI_YEAR, CancelTerms, How
from subscriptions.changes import Change
from subscriptions.forms import CancelForm, ChangeForm
from subscriptions.models import Subscription
from subscriptions.views.changing import Dialog
from subscriptions.views.controls import why_of
from subscriptions.views.operations import latest_operation


class CancelDialog(Dialog):
    """One request of one agent about cancelling."""

    form_template = review_template = "subscriptions/_cancel.html"

    def __init__(self, request: HttpRequest, subscription_id: UUID) -> None:
        super().__init__(request, subscription_id, "cancel")
        self.kind = replace(self.kind, form=CancelForm)
        self.url = reverse("subscriptions:cancel", args=[subscription_id])

    def opened(self) -> HttpResponse:
        """With its price where that is known; else what has to be known first, or why not."""
        form = CancelForm.shown_of(self.subscription, self.at)
        why = self.control.why
        if why and why.code != NotPermitted.code and not form.terms.is_possible:
            why = replace(why, reason=effect_of(self.subscription, form.terms))
            self.control = replace(self.control, why=why)
        return self.show("form", form) if why or form.by_agreement else self.review(form)

    def unfit(self, form: ChangeForm) -> HttpResponse:
        if cast(CancelForm, form).by_agreement:
            return super().unfit(form)
        return self.review(form, status=422)

    def told(self, form: ChangeForm, change: Change, refusal: HubError) -> HttpResponse:
        if form.is_bound:
            return super().told(form, change, refusal)
        self.control = replace(self.control, why=why_of(self.actor, refusal, self.subscription))
        return self.show("form", form)

    def outcome(self) -> str:
        operation = latest_operation(self.subscription)
        if operation is not None and operation.held_until is not None:
            return _("The cancellation takes effect in a moment: until then you can undo it.")
        return _("“{nickname}” is cancelled.").format(nickname=self.subscription.nickname)

    def of_kind(self, form: ChangeForm) -> dict[str, Any]:
        terms = cast(CancelForm, form).terms
        return {"terms": effect_of(self.subscription, terms), "is_possible": terms.is_possible}


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def cancel(request: HttpRequest, subscription_id: UUID) -> HttpResponse:
    """Say what cancelling does and gives back, then do exactly that. Whoever may only ask is led there."""
    dialog = CancelDialog(request, subscription_id)
    if request.method == "POST":
        authorize(dialog.actor, Action.SUBSCRIPTION_CANCEL)
        return dialog.sent()
    return redirect(dialog.control.url) if dialog.control.asks else dialog.opened()


def effect_of(subscription: Subscription, terms: CancelTerms) -> str:
    """On what terms it is cancelled, or why it is not and what to do instead."""
    if terms.how == How.BEFORE_ACTIVATION:
        return _("It has not been activated: nothing was charged, and nothing ever will be.")
    if terms.how == How.ENDED:
        return _("It ended on {day}.").format(day=absolute(subscription.ended_at) if subscription.ended_at else "")
    if terms.until and terms.how == How.IN_TRIAL:
        return _(
            "It is in its free trial: until {until} cancelling costs nothing. The customer loses access at once."
        ).format(until=absolute(terms.until))
    if terms.until:
        return _("Until {until} everything charged is refunded. The customer loses access at once.").format(
            until=absolute(terms.until)
        )
    return f"{_closed(terms)} {_instead(subscription, terms)}"


def _closed(terms: CancelTerms) -> str:
    until = absolute(terms.window_ends) if terms.window_ends else ""
    return _("The cancellation window closed on {until}.").format(until=until)


def _instead(subscription: Subscription, terms: CancelTerms) -> str:
    if terms.how == How.BY_AGREEMENT:
        publisher = subscription.publisher.name
        return _("It is cancelled when {publisher} agrees; the customer then loses access at once.").format(
            publisher=publisher
        )
    ends_on = day_text(subscription.term_end - timedelta(days=1)) if subscription.term_end else ""
    locked = _locked(subscription) if terms.how == How.LOCKED else ""
    if subscription.auto_renew:
        ending = _("Turn auto-renew off: it then ends on {day}.").format(day=ends_on)
    else:
        ending = _("Auto-renew is off: it ends on {day}.").format(day=ends_on)
    return f"{locked} {ending}".strip()


def _locked(subscription: Subscription) -> str:
    years = MULTI_YEAR[subscription.plan_term.term]
    return ngettext(
        "A plan of %(years)d year with payments due is locked until its term ends.",
        "A plan of %(years)d years with payments due is locked until its term ends.",
        years,
    ) % {"years": years}
