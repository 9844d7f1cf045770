"""The audit as an actor may read it: everything, or what is around one customer or one subscription."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID

import django_filters  # type: ignore[import-untyped]
from django import forms
from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from accounts.policy import AGENT_ROLES, Action, Actor, Role, authorize
from customers.models import Customer
from customers.selectors import customer_for
from partnerhub.outbox.models import Entry
from partnerhub.web.templatetags.hub import ROLE_NAMES
from subscriptions.models import Cart, Subscription
from subscriptions.selectors import bare_subscription_for

LONGEST_SEARCH = 200
_DAY = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")

KINDS = {
    "user": _("People"),
    "client": _("API clients"),
    "publisher": _("Publishers"),
    "customer": _("Customers"),
    "system": _("Partner Hub itself"),
}
_S = "subscription."
# Events by what they are about; a name that ends in a dot stands for all that begin so.
FAMILIES: dict[str, tuple[Any, tuple[str, ...]]] = {
    "purchase": (_("Purchases"), ("cart.", f"{_S}ordered")),
    "activation": (
        _("Activation"),
        (
            f"{_S}link_minted",
            f"{_S}link_resolved",
            f"{_S}poll_requested",
            f"{_S}gate_satisfied",
            f"{_S}gate_reopened",
            f"{_S}gate_failed",
            f"{_S}attention_changed",
            f"{_S}reminded",
            f"{_S}page_sent",
            f"{_S}page_revoked",
            f"{_S}page_asked_for",
            f"{_S}setup_answered",
            f"{_S}activated",
        ),
    ),
    "change": (
        _("Changes"),
        (
            f"{_S}renamed",
            f"{_S}auto_renew_changed",
            f"{_S}quantity_changed",
            f"{_S}plan_changed",
            f"{_S}billing_frequency_changed",
            f"{_S}reseller_changed",
            f"{_S}change_held",
            f"{_S}change_undone",
            f"{_S}change_requested_of_publisher",
            f"{_S}change_begun_by_publisher",
            "operation.",
        ),
    ),
    "renewal": (
        _("Renewals"),
        (f"{_S}renewal_scheduled", f"{_S}renewal_unscheduled", f"{_S}renewal_announced", f"{_S}renewed"),
    ),
    "request": (
        _("Change requests"),
        (f"{_S}change_asked", f"{_S}change_approved", f"{_S}change_declined", f"{_S}change_request_void"),
    ),
    "end": (
        _("Suspended and ended"),
        (f"{_S}suspended", f"{_S}reinstated", f"{_S}cancelled", f"{_S}voided", f"{_S}expired"),
    ),
    "divergence": (_("Divergences"), (f"{_S}diverged", f"{_S}divergence_ended")),
    "invoice": (_("Invoices"), ("invoice.", "statement.", f"{_S}credited")),
    "note": (_("Notes"), (f"{_S}noted",)),
    "triage": (
        _("Action required"),
        (f"{_S}attention_assigned", f"{_S}attention_snoozed", f"{_S}attention_woken", f"{_S}change_let_be"),
    ),
    "customer": (_("Customers and resellers"), ("customer.", "reseller.")),
    "publisher": (_("Publishers and policies"), ("publisher.", "hub.")),
    "access": (
        _("Access and settings"),
        (
            "client.",
            "personal_token.",
            "user.",
            "invitation.",
            "saved_view.",
            "job.",
            "signing_key.",
            "webhook.",
            "notification_channel.",
            "delivery.",
            "mail.",
            "letter.",
        ),
    ),
}
# What may be refused, as the doors name it (partnerhub/outbox/refusals.py): its family, and its words.
ACTS: dict[str, tuple[str, Any]] = {
    "POST subscriptions/nickname": ("change", _("Nickname change")),
    "POST subscriptions/change/nickname": ("change", _("Nickname change")),
    "POST subscriptions/change/quantity": ("change", _("Quantity change")),
    "POST subscriptions/change/auto-renew": ("change", _("Change of auto-renew")),
    "POST subscriptions/change/plan": ("change", _("Plan change")),
    "POST subscriptions/change/billing-frequency": ("change", _("Change of billing frequency")),
    "POST subscriptions/change/reseller": ("change", _("Reseller change")),
    "POST subscriptions/change/suspend": ("end", _("Suspension")),
    "POST subscriptions/change/reinstate": ("end", _("Reinstatement")),
    "POST subscriptions/change/cancel": ("end", _("Cancellation")),
    "POST subscriptions/change/renewal": ("renewal", _("Schedule for renewal")),
    "POST subscriptions/unschedule": ("renewal", _("Schedule for renewal")),
    "POST subscriptions/operations/undo": ("change", _("Undoing of a change")),
    "POST subscriptions/operations/hurry": ("change", _("Skipping of the wait before a change")),
    "POST subscriptions/cancel": ("end", _("Cancellation")),
    "POST subscriptions/ask": ("activation", _("Question to the publisher")),
    "POST subscriptions/remind": ("activation", _("Reminder of the customer")),
    "POST subscriptions/send": ("activation", _("Sending to the customer")),
    "POST subscriptions/pages/revoke": ("activation", _("Revocation of a customer's page")),
    "POST letters": ("access", _("Change of the letter to customers")),
    "POST subscriptions/renewal-notice": ("renewal", _("Notice of the renewal")),
    "POST subscriptions/note": ("note", _("Note")),
    "POST subscriptions/divergences/accept": ("divergence", _("Letting a divergence be")),
    "POST subscriptions/bulk": ("change", _("Bulk change")),
    "POST subscriptions/bulk/file": ("change", _("Bulk change")),
    "POST attention/triage": ("triage", _("Triage")),
    "POST attention/act": ("triage", _("Triage")),
    "POST attention/let-be": ("triage", _("Letting a failed change be")),
    "POST attention/press": ("triage", _("Question to the publisher")),
    "POST requests/approve": ("request", _("Approval of a change request")),
    "POST requests/decline": ("request", _("Declining of a change request")),
    "POST requests/withdraw": ("request", _("Withdrawal of a change request")),
    "POST go/copy": ("activation", _("Fresh link to the publisher's site")),
    "POST customers/buy": ("purchase", _("Purchase")),
    "POST customers/cart": ("purchase", _("Purchase")),
    "POST customers/cart/lines": ("purchase", _("Change of a cart")),
    "POST customers/new": ("customer", _("New customer")),
    "POST customers/edit": ("customer", _("Change of the customer's data")),
    "POST customers/relationship": ("customer", _("Change of the relationship")),
    "POST resellers/new": ("customer", _("New indirect reseller")),
    "POST resellers/edit": ("customer", _("Change of the indirect reseller's data")),
    "POST resellers/suspension": ("customer", _("Suspension of the indirect reseller")),
    "POST publishers/new": ("publisher", _("New publisher")),
    "POST publishers/edit": ("publisher", _("Change of the publisher's data")),
    "POST publishers/catalogue": ("publisher", _("Change of the publisher's catalogue")),
    "POST publishers/secrets": ("publisher", _("New secret")),
    "POST publishers/secrets/revoke": ("publisher", _("Revocation of a secret")),
    "POST publishers/try": ("publisher", _("Question before the pause is over")),
    "POST publishers/test": ("publisher", _("Test of the connection")),
    "POST publishers/keys": ("access", _("New signing key")),
    "POST developers/hooks/again": ("access", _("Sending of a webhook again")),
    "POST system/deliveries": ("access", _("Retry of what was not delivered")),
    "POST system/mails": ("access", _("Retry of what was not delivered")),
    "POST webhooks/v1/registration": ("access", _("Registration of a webhook")),
    "PUT webhooks/v1/registration": ("access", _("Registration of a webhook")),
    "DELETE webhooks/v1/registration": ("access", _("Removal of a webhook")),
    "POST agents/invite": ("access", _("Invitation of an agent")),
    "POST agents/invitations/send": ("access", _("Invitation of an agent")),
    "POST agents/invitations/revoke": ("access", _("Revocation of an invitation")),
    "POST agents/edit": ("access", _("Change of an agent")),
    "POST agents/activation": ("access", _("Deactivation of an agent")),
    "POST agents/sessions": ("access", _("Ending of sessions")),
    "POST accounts/sessions/end": ("access", _("Ending of sessions")),
    "POST accounts/switch-role": ("access", _("Switch of roles")),
    "POST v1/customers/carts": ("purchase", _("Purchase")),
    "PUT v1/customers/carts": ("purchase", _("Change of a cart")),
    "POST v1/customers/carts/checkout": ("purchase", _("Purchase")),
    "PATCH v1/customers/subscriptions": ("change", _("Change of the subscription")),
    "POST v1/customers/subscriptions/preview": ("change", _("Change of the subscription")),
    "POST v1/customers/subscriptions/poll": ("activation", _("Question to the publisher")),
    "POST v1/customers/subscriptions/changerequests": ("request", _("Change request")),
    "POST v1/customers/subscriptions/changerequests/approve": ("request", _("Approval of a change request")),
    "POST v1/customers/subscriptions/changerequests/decline": ("request", _("Declining of a change request")),
    "POST v1/customers/subscriptions/changerequests/withdraw": ("request", _("Withdrawal of a change request")),
    "POST v1/customers/subscriptions/remind": ("activation", _("Reminder of the customer")),
    "POST v1/customers/subscriptions/customerpages": ("activation", _("Sending to the customer")),
    "POST v1/customers/subscriptions/customerpages/preview": ("activation", _("Sending to the customer")),
    "POST v1/customers/subscriptions/customerpages/revoke": ("activation", _("Revocation of a customer's page")),
    "PUT v1/letters": ("access", _("Change of the letter to customers")),
    "POST v1/customers/subscriptions/renewalnotices": ("renewal", _("Notice of the renewal")),
    "POST v1/customers/subscriptions/unschedule": ("renewal", _("Schedule for renewal")),
    "POST v1/customers/subscriptions/transitions": ("change", _("Plan change")),
    "POST v1/customers/subscriptions/operations/undo": ("change", _("Undoing of a change")),
    "POST v1/customers/subscriptions/operations/hurry": ("change", _("Skipping of the wait before a change")),
    "POST v1/customers/subscriptions/operations/poll": ("triage", _("Question to the publisher")),
    "POST v1/customers/subscriptions/operations/letbe": ("triage", _("Letting a failed change be")),
    "POST v1/customers/subscriptions/notes": ("note", _("Note")),
    "POST v1/divergences/accept": ("divergence", _("Letting a divergence be")),
    "POST v1/attention/assign": ("triage", _("Triage")),
    "POST v1/attention/snooze": ("triage", _("Triage")),
    "POST v1/attention/wake": ("triage", _("Triage")),
    "POST publishers/notices/again": ("publisher", _("Sending of a notice")),
    "POST publishers/notices/test": ("publisher", _("Test event")),
    "POST api/saas/subscriptions/resolve": ("activation", _("Opening of the order by its link")),
    "POST api/saas/subscriptions/activate": ("activation", _("Activation")),
    "PATCH api/saas/subscriptions": ("change", _("Change of the subscription")),
    "PATCH api/saas/subscriptions/operations": ("change", _("Answer to a change")),
    "DELETE api/saas/subscriptions": ("end", _("Cancellation")),
}


def activity_visible_to(actor: Actor) -> QuerySet[Entry]:
    """Everything that happened or was refused, newest first. Raises NotPermitted for a role that may see none."""
    authorize(actor, Action.SUBSCRIPTION_READ)
    entries = Entry.objects.order_by("-at", "-id")
    return entries if actor.customers is None else entries.filter(_around(list(actor.customers)))


def activity_of(actor: Actor, customer_id: UUID) -> QuerySet[Entry]:
    """What happened around one customer, newest first. Raises NotFound, NotPermitted."""
    return activity_visible_to(actor).filter(_around([customer_for(actor, customer_id).pk]))


def timeline_entries(actor: Actor, subscription_id: UUID) -> QuerySet[Entry]:
    """What happened to one subscription, newest first, and in the order of its stream within one moment.

    Raises NotFound, NotPermitted.
    """
    return entries_of(bare_subscription_for(actor, subscription_id))


def entries_of(subscription: Subscription) -> QuerySet[Entry]:
    """The same of a subscription that the actor was found to see."""
    return Entry.objects.filter(stream_id=subscription.pk).order_by("-at", "-sequence", "-id")


def _around(customers: Any) -> Q:
    subscriptions = Subscription.objects.filter(customer__in=customers).values("pk")
    carts = Cart.objects.filter(customer__in=customers).values("pk")
    return Q(stream_id__in=customers) | Q(stream_id__in=subscriptions) | Q(stream_id__in=carts)


def _choices(table: dict[str, Any]) -> list[tuple[str, Any]]:
    return list(table.items())


class ActivityFilter(django_filters.FilterSet):  # type: ignore[misc]
    """By who, role, kind of actor, what, customer, subscription, days (UTC, both included), refused, request id."""

    who = django_filters.CharFilter(method="by_who", label=_("Who"), max_length=LONGEST_SEARCH)
    role = django_filters.ChoiceFilter(
        field_name="actor_role",
        choices=[(role.value, ROLE_NAMES[role]) for role in (*AGENT_ROLES, Role.PUBLISHER, Role.CUSTOMER)],
        label=_("Role"),
        empty_label=_("All"),
    )
    kind = django_filters.ChoiceFilter(
        field_name="actor_kind", choices=_choices(KINDS), label=_("Came from"), empty_label=_("All")
    )
    what = django_filters.ChoiceFilter(
        method="by_family",
        choices=[(code, label) for code, (label, _names) in FAMILIES.items()],
        label=_("What"),
        empty_label=_("All"),
    )
    customer = django_filters.CharFilter(method="by_customer", label=_("Customer"), max_length=LONGEST_SEARCH)
    subscription = django_filters.CharFilter(
        method="by_subscription", label=_("Subscription"), max_length=LONGEST_SEARCH
    )
    since = django_filters.DateFilter(method="by_first_day", label=_("From"), widget=_DAY)
    until = django_filters.DateFilter(method="by_last_day", label=_("To"), widget=_DAY)
    request_id = django_filters.CharFilter(method="by_request", label=_("Request id"), max_length=64)
    refused = django_filters.BooleanFilter(method="by_refused", label=_("Refused only"), widget=forms.CheckboxInput)

    class Meta:
        model = Entry
        fields: list[str] = []

    @property
    def is_filtering(self) -> bool:
        """Whether anything narrows the list."""
        return self.form.is_valid() and any(value for value in self.form.cleaned_data.values())

    def by_who(self, entries: QuerySet[Entry], name: str, value: str) -> QuerySet[Entry]:
        return entries.filter(Q(actor_label__icontains=value.strip()) | Q(actor_id=value.strip()))

    def by_family(self, entries: QuerySet[Entry], name: str, value: str) -> QuerySet[Entry]:
        names = FAMILIES[value][1]
        acts = [act for act, (family, _words) in ACTS.items() if family == value]
        wanted = Q(name__in=[one for one in names if not one.endswith(".")] + acts)
        for prefix in (one for one in names if one.endswith(".")):
            wanted |= Q(name__startswith=prefix)
        return entries.filter(wanted)

    def by_customer(self, entries: QuerySet[Entry], name: str, value: str) -> QuerySet[Entry]:
        found = _as_id(value)
        matches = Q(pk=found) if found else Q(name__icontains=value.strip())
        return entries.filter(_around(Customer.objects.filter(matches).values("pk")))

    def by_subscription(self, entries: QuerySet[Entry], name: str, value: str) -> QuerySet[Entry]:
        found = _as_id(value)
        if found:
            return entries.filter(stream_id=found)
        named = Subscription.objects.filter(nickname__icontains=value.strip())
        return entries.filter(stream_id__in=named.values("pk"))

    def by_first_day(self, entries: QuerySet[Entry], name: str, value: date) -> QuerySet[Entry]:
        return entries.filter(at__gte=_midnight(value))

    def by_last_day(self, entries: QuerySet[Entry], name: str, value: date) -> QuerySet[Entry]:
        return entries.filter(at__lt=_midnight(value) + timedelta(days=1)) if value < date.max else entries

    def by_request(self, entries: QuerySet[Entry], name: str, value: str) -> QuerySet[Entry]:
        return entries.filter(Q(request_id=value.strip()) | Q(correlation_id=value.strip()))

    def by_refused(self, entries: QuerySet[Entry], name: str, value: bool) -> QuerySet[Entry]:
        return entries.exclude(code="") if value else entries


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _as_id(text: str) -> UUID | None:
    try:
        return UUID(text.strip())
    except ValueError:
        return None
