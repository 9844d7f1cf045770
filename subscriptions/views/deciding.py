"""Approving a change request in two steps: what it does now, under a quote; confirmed, exactly that is done."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from accounts.middleware import actor_of
from accounts.policy import Actor
from partnerhub.clock import now
from partnerhub.errors import HubError, NotFound, NotPermitted, QuoteExpired, QuoteMoved, QuoteUnknown
from partnerhub.web.refusals import refused, sentence_of, status_of
from subscriptions.models import ChangeRequest
from subscriptions.previews import preview_from
from subscriptions.request_forms import ApproveForm
from subscriptions.services.quoting import quote
from subscriptions.services.requests import approve, check_decidable, granted_change
from subscriptions.views.lookahead import Difference, effect_words, look_ahead, moved_figures
from subscriptions.views.operations import latest_operation
from subscriptions.views.requests import request_for


@require_POST
@login_required
def approve_request(request: HttpRequest, request_id: UUID) -> HttpResponse:
    """Without a quote show what approving does now; with one do it."""
    return Approval(request, request_id).sent()


class Approval:
    """One agent's approval of one change request, whole or in part."""

    def __init__(self, request: HttpRequest, request_id: UUID) -> None:
        self.request, self.at = request, now()
        self.actor: Actor = actor_of(request)
        self.asked: ChangeRequest = request_for(self.actor, request_id)
        # Its page has a form with a reason, too.
        self.form = ApproveForm(request.POST.dict(), auto_id="approve_%s")

    def sent(self) -> HttpResponse:
        if not self.form.is_valid():
            return self.show(status=422)
        try:
            check_decidable(self.actor, self.asked, self.at)
            return self.review() if self.form.cleaned_data["quote"] is None else self.confirmed()
        except (NotFound, NotPermitted):
            raise
        except HubError as refusal:
            self.keep(refusal)
            return self.show(problem=refusal, status=status_of(refusal))

    def review(self, *, moved: list[Difference] | None = None, status: int = 200) -> HttpResponse:
        """What it does and costs now, under a fresh quote. Raises what the change is refused with."""
        change = granted_change(self.asked, self.form.cleaned_data["quantity"])
        row, shown = quote(self.actor, self.asked.subscription_id, change, at=self.at)
        self.form.data = {**self.form.data, "quote": str(row.pk)}
        more = {
            "ahead": look_ahead(shown, self.asked.subscription),
            "effect": effect_words(change, shown),
            "partly": change.as_json() != self.asked.change,
            "moved": moved,
            "quoted_until": row.expires_at,
        }
        return self.show(status=status, **more)

    def confirmed(self) -> HttpResponse:
        """Do exactly what was shown. Raises what the approval is refused with for good."""
        given = self.form.cleaned_data
        try:
            approve(
                self.actor,
                self.asked.pk,
                quantity=given["quantity"],
                reason=given["reason"].strip(),
                quote_id=given["quote"],
                at=self.at,
            )
        except QuoteMoved as refusal:
            self.keep(refusal)
            found, current = refusal.carried
            return self.review(moved=moved_figures(preview_from(current.change, found.shown), current), status=409)
        except (QuoteExpired, QuoteUnknown) as refusal:
            self.keep(refusal)
            self.form.refuse(refusal)
            return self.review(status=status_of(refusal))
        messages.success(self.request, self.outcome())
        url = reverse("requests:detail", args=[self.asked.pk])
        if getattr(self.request, "htmx", None):
            return HttpResponse(status=204, headers={"HX-Redirect": url})
        return redirect(url)

    def keep(self, refusal: HubError) -> None:
        """Put a refusal on the record of the subscription."""
        refused(self.request, refusal, stream=("subscription", self.asked.subscription_id))

    def outcome(self) -> str:
        """What became of the approved change."""
        operation = latest_operation(self.asked.subscription)
        if operation is None or not operation.is_in_flight or operation.only_tells:
            return _("Approved: the change is made.")
        if operation.held_until is not None:
            return _("Approved: it takes effect in a moment, until then it can be undone on the subscription's page.")
        return _("Approved: the publisher is being asked.")

    def show(self, *, problem: HubError | None = None, status: int = 200, **more: Any) -> HttpResponse:
        """The review, or why there is none, as a dialog or a page."""
        in_dialog = bool(getattr(self.request, "htmx", None))
        context = {
            "title": _("Approve the change request"),
            "asked": self.asked,
            "subscription": self.asked.subscription,
            "role": self.actor.role,
            "form": self.form,
            "approve_url": reverse("requests:approve", args=[self.asked.pk]),
            "back_url": reverse("requests:detail", args=[self.asked.pk]),
            "in_dialog": in_dialog,
            "problem": sentence_of(problem) if problem else "",
            "code": problem.code if problem else "",
            "crumbs": [{"url": reverse("requests:list"), "label": _("Change requests")}],
        }
        template = "requests/_approve.html" if in_dialog else "requests/approve.html"
        return render(self.request, template, context | more, status=status)
