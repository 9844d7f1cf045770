"""What narrows the queue of what somebody must act on. One filter for the page, its file and the API."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import django_filters  # type: ignore[import-untyped]
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext_lazy as _

from accounts.policy import Actor
from customers.models import Customer
from publishers.models import Publisher
from subscriptions.attending import not_aside, snoozes
from subscriptions.attention import CAUSES, Inbox
from subscriptions.enums import Owner
from subscriptions.models import AttentionItem, Triage
from subscriptions.words import CAUSE_NAME, INBOX, OWNER

ME, NOBODY = "me", "nobody"


def _choice(label: Any, choices: Any, method: str | None = None) -> django_filters.ChoiceFilter:
    return django_filters.ChoiceFilter(label=label, choices=choices, method=method, empty_label=_("All"))


class QueueFilter(django_filters.FilterSet):  # type: ignore[misc]
    """What narrows open items, each by a parameter of the URL; a value that is no value narrows nothing.

    What is put aside at the moment `at` is left out, unless `snoozed` asks for just that. `customer` finds a part of
    the name, or an id.
    """

    inbox = _choice(_("Class"), [(inbox.value, INBOX[inbox]) for inbox in Inbox], "by_inbox")
    cause = _choice(_("Reason"), [(cause.value, name) for cause, name in CAUSE_NAME.items()])
    owner = _choice(_("Owner"), [(owner.value, OWNER[owner]) for owner in Owner])
    assignee = _choice(_("Assignee"), [(ME, _("Me")), (NOBODY, _("Nobody"))], "by_assignee")
    publisher = django_filters.ModelChoiceFilter(
        queryset=Publisher.objects.order_by("name"), label=_("Publisher"), empty_label=_("All")
    )
    customer = django_filters.CharFilter(label=_("Customer"), method="by_customer", max_length=200)
    snoozed = _choice(_("Put aside"), [("yes", _("Yes"))], "by_snoozed")

    class Meta:
        model = AttentionItem
        fields: list[str] = []

    def __init__(
        self, data: Mapping[str, Any], queryset: QuerySet[AttentionItem], *, actor: Actor, at: datetime
    ) -> None:
        self.actor, self.at = actor, at
        super().__init__(data, queryset)

    def filter_queryset(self, queryset: QuerySet[AttentionItem]) -> QuerySet[AttentionItem]:
        found: QuerySet[AttentionItem] = super().filter_queryset(queryset)
        return found if self.form.cleaned_data["snoozed"] else not_aside(found, self.at)

    def by_inbox(self, items: QuerySet[AttentionItem], name: str, value: str) -> QuerySet[AttentionItem]:
        return items.filter(cause__in=CAUSES[Inbox(value)])

    def by_assignee(self, items: QuerySet[AttentionItem], name: str, value: str) -> QuerySet[AttentionItem]:
        taken = Triage.objects.filter(item=OuterRef("pk"), assignee__isnull=False)
        if value == NOBODY:
            return items.filter(~Exists(taken))
        return items.filter(Exists(taken.filter(assignee=_as_id(self.actor.id))))

    def by_customer(self, items: QuerySet[AttentionItem], name: str, value: str) -> QuerySet[AttentionItem]:
        found = _as_id(value)
        named = Q(pk=found) if found else Q(name__icontains=value.strip())
        return items.filter(customer_id__in=Customer.objects.filter(named).values("pk"))

    def by_snoozed(self, items: QuerySet[AttentionItem], name: str, value: str) -> QuerySet[AttentionItem]:
        return items.filter(Exists(snoozes(self.at)))

    @property
    def applied(self) -> dict[str, Any]:
        """What narrows the list: valid values by parameter."""
        self.form.is_valid()
        return {name: value for name, value in self.form.cleaned_data.items() if value not in (None, "")}


def _as_id(text: str) -> UUID | None:
    try:
        return UUID(text.strip())
    except ValueError:
        return None
