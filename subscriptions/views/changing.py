"""Changing a subscription in two steps: what is wanted, then what it does and costs; confirmed, exactly that is done.

Each works in a dialog where there are scripts, else on a page of its own. Whoever may only ask uses the same forms.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from accounts.middleware import actor_of
from accounts.policy import Action, Actor, authorize
from customers.models import IndirectReseller
from partnerhub.clock import now
from partnerhub.errors import (
    HubError,
    NotFound,
    NothingAsked,
    NotPermitted,
    QuoteExpired,
    QuoteMoved,
    QuoteUnknown,
    ReductionWindowClosed,
)
from partnerhub.web.refusals import refused, status_of
from subscriptions.changes import Change
from subscriptions.enums import Control
from subscriptions.forms import (
    AskCancelForm,
    AskNicknameForm,
    AutoRenewForm,
    ChangeForm,
    FrequencyForm,
    PlanForm,
    QuantityForm,
    ReinstateForm,
    RenewalForm,
    ResellerForm,
    SuspendForm,
)
from subscriptions.models import Subscription
from subscriptions.previews import preview_from
from subscriptions.selectors import subscription_for
from subscriptions.services.allowing import NEEDS
from subscriptions.services.quoting import commit, quote
from subscriptions.services.requests import ask
from subscriptions.views.catalogue import price_words
from subscriptions.views.controls import ControlView, control_view
from subscriptions.views.lookahead import Difference, effect_words, look_ahead, moved_figures
from subscriptions.views.operations import latest_operation
from subscriptions.views.seats import reduction_choices, removable_words

KNOWN_RESELLERS_SHOWN = 200


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of change: the control that opens it, its form and its title."""

    control: Control
    form: type[ChangeForm]
    title: Promise


KINDS = {
    "quantity": Kind(Control.INCREASE, QuantityForm, gettext_lazy("Change the quantity")),
    "auto-renew": Kind(Control.AUTO_RENEW, AutoRenewForm, gettext_lazy("Change auto-renew")),
    "plan": Kind(Control.CHANGE_PLAN, PlanForm, gettext_lazy("Change the plan")),
    "billing-frequency": Kind(Control.BILLING_FREQUENCY, FrequencyForm, gettext_lazy("Change the billing frequency")),
    "reseller": Kind(Control.CHANGE_RESELLER, ResellerForm, gettext_lazy("Change the reseller")),
    "suspend": Kind(Control.SUSPEND, SuspendForm, gettext_lazy("Suspend the subscription")),
    "reinstate": Kind(Control.REINSTATE, ReinstateForm, gettext_lazy("Reinstate the subscription")),
    "renewal": Kind(Control.SCHEDULE, RenewalForm, gettext_lazy("At renewal")),
    "nickname": Kind(Control.RENAME, AskNicknameForm, gettext_lazy("Change the nickname")),
    "cancel": Kind(Control.CANCEL, AskCancelForm, gettext_lazy("Cancel the subscription")),
}

# Those who may do these themselves do them elsewhere.
OWN_PAGES = ("nickname", "cancel")


class Dialog:
    """One request of one agent about one kind of change."""

    form_template = "subscriptions/_change_form.html"
    review_template = "subscriptions/_change_review.html"

    def __init__(self, request: HttpRequest, subscription_id: UUID, name: str) -> None:
        self.request, self.name = request, name
        self.kind = KINDS[name]
        self.actor: Actor = actor_of(request)
        self.url = reverse("subscriptions:change", args=[subscription_id, name])
        self.at: datetime = now()
        self.subscription: Subscription = subscription_for(self.actor, subscription_id)
        self.control: ControlView = control_view(self.actor, self.kind.control, self.subscription, self.at)

    @property
    def only_asks(self) -> bool:
        """Whether the agent's role may ask for this and not do it, whatever else stands against it now."""
        return self.actor.may(Action.SUBSCRIPTION_ASK) and not self.actor.may(NEEDS[self.kind.control])

    def opened(self) -> HttpResponse:
        """The form over the subscription as it is, with what the address already says."""
        form = self.kind.form.shown_of(self.subscription, self.at)
        form.initial.update({name: self.request.GET[name] for name in form.field_order if name in self.request.GET})
        return self.show("form", form)

    def sent(self) -> HttpResponse:
        """Without a quote show what the change does; with one make it."""
        form = self.kind.form(self.request.POST.dict(), subscription=self.subscription, at=self.at)
        if not self.only_asks:
            authorize(self.actor, NEEDS[self.kind.control])
        if not form.is_valid():
            return self.unfit(form)
        if form.cleaned_data["version"] != self.subscription.version:
            form.compare(form.values_of(self.subscription), self.subscription.version)
            if form.conflicts:
                return self.show("form", form, status=409)
        if form.cleaned_data["quote"] is None:
            return self.review(form)
        return self.confirmed(form)

    def unfit(self, form: ChangeForm) -> HttpResponse:
        """What was typed does not make a change: the form again, with what is wrong at its field."""
        return self.show("form", form, status=422)

    def review(self, form: ChangeForm, *, moved: list[Difference] | None = None, status: int = 200) -> HttpResponse:
        """What the change does and costs, under a quote; a refusal is shown where it was typed."""
        change = form.change()
        try:
            row, shown = quote(self.actor, self.subscription.pk, change, at=self.at)
            if shown.before == shown.after:
                raise NothingAsked
        except HubError as refusal:
            return self.told(form, change, refusal)
        form.fields["reason"].required = self.only_asks or form.needs_reason
        form.carry(row.pk, self.subscription.version)
        more = {
            "ahead": look_ahead(shown, self.subscription),
            "effect": effect_words(change, shown),
            "moved": moved,
            "quoted_until": row.expires_at,
        }
        return self.show("review", form, status=status, **more)

    def confirmed(self, form: ChangeForm) -> HttpResponse:
        """Do what was shown, or ask for it; nothing at all when it is not what was shown any more."""
        given, change = dict(form.cleaned_data), form.change()
        if not given["reason"].strip() and (self.only_asks or form.needs_reason):
            form.add_error("reason", _("Say why: it goes on record."))
            return self.review(form, status=422)
        try:
            if self.only_asks:
                ask(self.actor, self.subscription.pk, change, reason=given["reason"], at=self.at)
            else:
                commit(
                    self.actor,
                    self.subscription.pk,
                    given["quote"],
                    change,
                    reason=given["reason"],
                    at=self.at,
                )
        except QuoteMoved as refusal:
            refused(self.request, refusal)
            found, current = refusal.carried
            before = preview_from(current.change, found.shown)
            return self.review(form, moved=moved_figures(before, current), status=409)
        except (QuoteExpired, QuoteUnknown) as refusal:
            refused(self.request, refusal)
            form.refuse(refusal)
            return self.review(form, status=status_of(refusal))
        except HubError as refusal:
            return self.told(form, change, refusal)
        messages.success(self.request, self.outcome())
        return self.left()

    def told(self, form: ChangeForm, change: Change, refusal: HubError) -> HttpResponse:
        """A refusal at its field, and what could be had instead."""
        if isinstance(refusal, (NotPermitted, NotFound)):
            raise refusal
        refused(self.request, refusal)
        form.refuse(refusal)
        choices = None
        if isinstance(refusal, ReductionWindowClosed) and change.quantity is not None:
            choices = reduction_choices(self.subscription, change.quantity, self.at)
        return self.show("form", form, status=status_of(refusal), choices=choices)

    def outcome(self) -> str:
        """What became of a confirmed change."""
        if self.only_asks:
            return _("An admin agent is asked. You find the change request on this page.")
        operation = latest_operation(self.subscription)
        if operation is None or not operation.is_in_flight or operation.only_tells:
            return _("The change is made.")
        if operation.held_until is not None:
            return _("The change takes effect in a moment: until then you can undo it.")
        return _("The publisher is being asked.")

    def left(self) -> HttpResponse:
        """Back to the subscription."""
        url = reverse("subscriptions:detail", args=[self.subscription.pk])
        if getattr(self.request, "htmx", None):
            return HttpResponse(status=204, headers={"HX-Redirect": url})
        return redirect(url)

    def show(self, stage: str, form: ChangeForm, *, status: int = 200, **more: Any) -> HttpResponse:
        """One of the two steps, as a dialog or a page."""
        subscription, in_dialog = self.subscription, bool(getattr(self.request, "htmx", None))
        context = {
            "stage": stage,
            "title": self.kind.title,
            "subscription": subscription,
            "form": form,
            "fields": [form[name] for name in form.field_order if name in form.fields],
            "control": self.control,
            "role": self.actor.role,
            "body": self.form_template if stage == "form" else self.review_template,
            "change_url": self.url,
            "renewal_url": reverse("subscriptions:change", args=[subscription.pk, "renewal"]),
            "back_url": reverse("subscriptions:detail", args=[subscription.pk]),
            "in_dialog": in_dialog,
            "crumbs": [
                {"url": reverse("subscriptions:detail", args=[subscription.pk]), "label": subscription.nickname}
            ],
            **self.of_kind(form),
        }
        template = "subscriptions/_change.html" if in_dialog else "subscriptions/change.html"
        return render(self.request, template, context | more, status=status)

    def of_kind(self, form: ChangeForm) -> dict[str, Any]:
        """What only one kind's form shows besides its fields."""
        if isinstance(form, PlanForm):
            offered = [_choice(form, item) for item in form.offered]
            return {"offered": offered, "nothing_else": all(choice["is_current"] for choice in offered)}
        if isinstance(form, ResellerForm):
            known = IndirectReseller.objects.filter(suspended_at=None, agreement_signed_at__isnull=False)
            return {"resellers": known.order_by("name")[:KNOWN_RESELLERS_SHOWN]}
        if isinstance(form, QuantityForm):
            return {"removable": removable_words(self.subscription, self.at)}
        return {}


def _choice(form: PlanForm, item: Any) -> dict[str, Any]:
    value = str(item.plan_term.pk)
    return {
        "value": value,
        "label": form.words_of(item),
        "price": price_words(item),
        "is_current": item.plan_term.pk == form.subscription.plan_term_id,
        "is_chosen": value == str(form["plan_term"].value()),
    }


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def change(request: HttpRequest, subscription_id: UUID, kind: str) -> HttpResponse:
    """One kind of change: its form, what it does, and its confirmation."""
    if kind not in KINDS:
        raise Http404
    dialog = Dialog(request, subscription_id, kind)
    if kind in OWN_PAGES and not dialog.only_asks:
        return redirect(dialog.control.url)
    return dialog.sent() if request.method == "POST" else dialog.opened()
