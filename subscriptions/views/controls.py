"""The controls of the subscription page: each one works, asks an admin agent, or says why not and who can."""

from dataclasses import dataclass, replace
from datetime import datetime

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.policy import Action, Actor, Role, who_can
from partnerhub.errors import (
    BillingFrequencyFixed,
    CancellationWindowClosed,
    HubError,
    NotActivatedYet,
    NotPermitted,
    OperationPending,
    RenewalUnderWay,
    ResellerAgreementMissing,
    ResellerUnknown,
    SubscriptionEnded,
)
from partnerhub.web.refusals import sentence_of
from partnerhub.web.templatetags.hub import role_name
from subscriptions.enums import Control
from subscriptions.models import Subscription
from subscriptions.services.allowing import refusal_of
from subscriptions.views.permission import denial_of

LABELS = {
    Control.RENAME: gettext_lazy("Change the nickname"),
    Control.INCREASE: gettext_lazy("Submit"),
    Control.REDUCE: gettext_lazy("Submit"),
    Control.AUTO_RENEW: gettext_lazy("Auto-renew"),
    Control.BILLING_FREQUENCY: gettext_lazy("Change the billing frequency"),
    Control.CHANGE_PLAN: gettext_lazy("Change the plan"),
    Control.CHANGE_RESELLER: gettext_lazy("Change the reseller"),
    Control.SUSPEND: gettext_lazy("Suspend"),
    Control.REINSTATE: gettext_lazy("Reinstate"),
    Control.CANCEL: gettext_lazy("Cancel the subscription"),
    Control.SCHEDULE: gettext_lazy("Change what begins at renewal"),
}
ADDRESSES = {
    Control.INCREASE: "quantity",
    Control.REDUCE: "quantity",
    Control.AUTO_RENEW: "auto-renew",
    Control.BILLING_FREQUENCY: "billing-frequency",
    Control.CHANGE_PLAN: "plan",
    Control.CHANGE_RESELLER: "reseller",
    Control.SUSPEND: "suspend",
    Control.REINSTATE: "reinstate",
    Control.SCHEDULE: "renewal",
    Control.RENAME: "nickname",
    Control.CANCEL: "cancel",
}
# Those who may do these themselves find them here; the addresses above then only ask.
OWN_PAGES = {Control.RENAME: "subscriptions:rename", Control.CANCEL: "subscriptions:cancel"}


@dataclass(frozen=True, slots=True)
class Why:
    """Why a control cannot be used now: the code that the API gives too, the sentence, who can, how to ask."""

    code: str
    reason: str
    who: str = ""
    ask: str = ""


@dataclass(frozen=True, slots=True)
class ControlView:
    """One control: `why` when it cannot be used now, `asks` when using it asks an admin agent."""

    name: str
    label: str
    url: str
    why: Why | None
    asks: bool


def controls_of(actor: Actor, subscription: Subscription, at: datetime) -> dict[str, ControlView]:
    """Every control of the page by its name, as the services would judge it at this moment."""
    return {control.value: control_view(actor, control, subscription, at) for control in LABELS}


def control_view(actor: Actor, control: Control, subscription: Subscription, at: datetime) -> ControlView:
    """One control for one agent. Whoever may only ask gets the control as an admin agent would have it."""
    refusal = _refusal(actor, control, subscription, at)
    asks = isinstance(refusal, NotPermitted) and actor.may(Action.SUBSCRIPTION_ASK)
    if asks:
        refusal = _refusal(as_admin(actor), control, subscription, at)
    why = why_of(actor, refusal, subscription) if refusal else None
    asks = asks and why is None
    return ControlView(control.value, str(LABELS[control]), _url(control, subscription, asks), why, asks)


def _refusal(actor: Actor, control: Control, subscription: Subscription, at: datetime) -> HubError | None:
    refusal = refusal_of(actor, control, subscription, at=at)
    if isinstance(refusal, BillingFrequencyFixed):
        # The same form then schedules it for renewal.
        return refusal_of(actor, Control.SCHEDULE, subscription, at=at)
    return refusal


def as_admin(actor: Actor) -> Actor:
    """The same person as if an admin agent, to see what one could do. Nothing may be done in this name."""
    return replace(actor, role=Role.ADMIN_AGENT, roles=(Role.ADMIN_AGENT,))


def why_of(actor: Actor, refusal: HubError, subscription: Subscription) -> Why:
    """A refusal as a control tells it."""
    if isinstance(refusal, NotPermitted):
        denied = denial_of(actor, Action(refusal.values["action"]))
        if denied is not None:
            return Why(refusal.code, denied.reason, denied.who, _("Ask one of them; tell them the subscription ID."))
    who, ask = _help_with(refusal, subscription)
    return Why(refusal.code, sentence_of(refusal), who, ask)


def _help_with(refusal: HubError, subscription: Subscription) -> tuple[str, str]:
    """Who can do something about it, and what to ask them for."""
    publisher = subscription.publisher.name
    admin = ", ".join(role_name(role) for role in who_can(Action.SUBSCRIPTION_CHANGE))
    if isinstance(refusal, NotActivatedYet):
        return publisher, _("Complete the set-up on the publisher's site, or ask the publisher now.")
    if isinstance(refusal, OperationPending):
        return publisher, _("See the change under way on top of this page.")
    if isinstance(refusal, (ResellerUnknown, ResellerAgreementMissing)):
        return admin, _("Change or remove the reseller first.")
    if isinstance(refusal, RenewalUnderWay):
        return role_name(Role.SYSTEM), _("Try again in a few minutes.")
    if isinstance(refusal, CancellationWindowClosed):
        return publisher, _("Ask the publisher, or turn auto-renew off.")
    if isinstance(refusal, SubscriptionEnded):
        return _("Nobody"), _("Buy a new subscription instead.")
    return admin, _("Ask one of them; tell them the subscription ID.")


def _url(control: Control, subscription: Subscription, asks: bool) -> str:
    if control in OWN_PAGES and not asks:
        return reverse(OWN_PAGES[control], args=[subscription.pk])
    return reverse("subscriptions:change", args=[subscription.pk, ADDRESSES[control]])
