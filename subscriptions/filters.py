"""The one filter of subscriptions, for pages, exports and bulk changes."""

from collections import Counter
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from functools import cached_property
from typing import Any

import django_filters  # type: ignore[import-untyped]
from django import forms
from django.db.models import Exists, OuterRef, QuerySet, Subquery
from django.http import QueryDict
from django.utils.timezone import localdate, make_aware
from django.utils.translation import gettext_lazy as _

from accounts.policy import Actor
from publishers.models import Price, Publisher, Term
from subscriptions.enums import GateState, Owner, Reason, Status
from subscriptions.models import Gate, Operation, Subscription
from subscriptions.models.operation import WAITED_FOR
from subscriptions.search import FEW_LEFT, Narrowed, Search
from subscriptions.selectors import subscriptions_visible_to
from subscriptions.words import OWNER, REASON, STATUS, TERM

ON_OFF = [("on", _("On")), ("off", _("Off"))]
FURTHEST_RENEWAL = 1200
# What a page places by itself; the status by tabs, the customer by being the customer's page.
FIRST = ("q", "status", "publisher", "customer")
# What the indexes of lists begin with, so that its rows are found in any order at once.
BY_ORDER = {"status", "publisher", "customer"}
# Those of a subscription that waits; the others have ended.
WHY_ENDED = (Reason.CANCELLED, Reason.VOIDED, Reason.EXPIRED)
WAITING_REASONS = [reason for reason in Reason if reason not in WHY_ENDED]


def _currencies() -> list[tuple[str, str]]:
    codes = Price.objects.order_by("currency").values_list("currency", flat=True).distinct()
    return [(code, code) for code in codes]


def _choice(label: Any, choices: Any, **given: Any) -> django_filters.ChoiceFilter:
    return django_filters.ChoiceFilter(choices=choices, label=label, empty_label=_("All"), **given)


def _day(label: Any, method: str) -> django_filters.DateFilter:
    return django_filters.DateFilter(label=label, method=method, widget=forms.DateInput({"type": "date"}, "%Y-%m-%d"))


class WholeNumberFilter(django_filters.NumberFilter):  # type: ignore[misc]
    field_class = forms.IntegerField


class SubscriptionFilter(django_filters.FilterSet):  # type: ignore[misc]
    """What narrows a list of subscriptions, each by a parameter of the URL; a value that is no value narrows nothing.

    `q` finds id, nickname, offer, customer, its contact's e-mail, order and PartnerID. `at` decides which day it is.
    """

    q = django_filters.CharFilter(label=_("Search"), max_length=200)
    status = _choice(_("Status"), [(status.value, STATUS[status]) for status in Status])
    publisher = django_filters.ModelChoiceFilter(
        queryset=Publisher.objects.order_by("name"), label=_("Publisher"), empty_label=_("All")
    )
    reason = _choice(_("Reason"), [(reason.value, REASON[reason]) for reason in WAITING_REASONS], method="by_reason")
    owner = _choice(_("Owner"), [(owner.value, OWNER[owner]) for owner in Owner], method="by_owner")
    waiting = _choice(_("Change waiting for publisher"), [("yes", _("Yes"))], method="by_waiting")
    term = _choice(_("Term"), [(term.value, TERM[term.value]) for term in Term], field_name="plan_term__term")
    auto_renew = _choice(_("Auto-renew"), ON_OFF, method="by_auto_renew")
    renews_within = WholeNumberFilter(
        label=_("Term ends within (days)"),
        method="by_term_end",
        min_value=0,
        max_value=FURTHEST_RENEWAL,
    )
    country = django_filters.CharFilter(method="by_country", label=_("Country"), max_length=2)
    currency = _choice(_("Currency"), _currencies)
    reseller = django_filters.CharFilter(field_name="reseller_id", label=_("Reseller's PartnerID"), max_length=16)
    purchased_from = _day(_("Bought from"), "by_first_day")
    purchased_to = _day(_("Bought until"), "by_last_day")
    customer = django_filters.UUIDFilter(field_name="customer_id", label=_("Customer"), widget=forms.HiddenInput())

    class Meta:
        model = Subscription
        fields: list[str] = []

    def __init__(self, data: Mapping[str, Any], queryset: QuerySet[Subscription], *, at: datetime) -> None:
        self.at = at
        self.narrowed: Narrowed | None = None
        super().__init__(data, queryset)

    def filter_queryset(self, queryset: QuerySet[Subscription]) -> QuerySet[Subscription]:
        """What the search finds is looked for last. Keeps what the other steps leave, for counting."""
        values, every = self.form.cleaned_data, queryset
        for name in values.keys() - {"q", "status"}:
            queryset = self.filters[name].filter(queryset, values[name])
        self.unsearched = queryset
        if self.search is None and not self.applied.keys() <= BY_ORDER:
            self.narrowed = Narrowed(every, queryset)
        self.of_every_status = self._looked_for(queryset)
        found: QuerySet[Subscription] = self.filters["status"].filter(self.of_every_status, values.get("status"))
        return found

    def _looked_for(self, queryset: QuerySet[Subscription]) -> QuerySet[Subscription]:
        if self.search:
            return self.search.among(queryset)
        return self.narrowed.found() if self.narrowed else queryset

    @property
    def found_first(self) -> tuple[Counter[str], bool] | None:
        """How many in each status where something is looked for before it is ordered, and whether that are only some of
        many; None for all that an order's index begins with.
        """
        self.qs  # noqa: B018 - which applies the filters
        if self.search:
            return self.search.by_status(self.unsearched), self.search.finds_many
        return (self.narrowed.by_status(), self.narrowed.finds_many) if self.narrowed else None

    @cached_property
    def search(self) -> Search | None:
        """What is searched for; None when nothing is."""
        text = str(self.applied.get("q", "")).strip()
        return Search(text) if text else None

    def by_reason(self, queryset: QuerySet[Subscription], name: str, value: str) -> QuerySet[Subscription]:
        # Without a reason a gate waits for the customer's set-up.
        reasons = [value, ""] if value == Reason.AWAITING_CUSTOMER_SETUP else [value]
        return _blocked(queryset, "reason", reasons)

    def by_owner(self, queryset: QuerySet[Subscription], name: str, value: str) -> QuerySet[Subscription]:
        return _blocked(queryset, "owner", [value])

    def by_waiting(self, queryset: QuerySet[Subscription], name: str, value: str) -> QuerySet[Subscription]:
        in_flight = Operation.objects.filter(WAITED_FOR, subscription=OuterRef("pk"))
        return queryset.filter(Exists(in_flight))

    def by_auto_renew(self, queryset: QuerySet[Subscription], name: str, value: str) -> QuerySet[Subscription]:
        return queryset.filter(auto_renew=value == "on")

    def by_term_end(self, queryset: QuerySet[Subscription], name: str, value: int) -> QuerySet[Subscription]:
        """Running terms whose end (exclusive, so the day of the renewal) is today or at most `value` days ahead."""
        today = localdate(self.at)
        ends = (today, today + timedelta(days=int(value)))
        return queryset.filter(term_end__range=ends).exclude(status=Status.UNSUBSCRIBED)

    def by_country(self, queryset: QuerySet[Subscription], name: str, value: str) -> QuerySet[Subscription]:
        return queryset.filter(customer__country=value.upper())

    def by_first_day(self, queryset: QuerySet[Subscription], name: str, value: date) -> QuerySet[Subscription]:
        return queryset.filter(purchased_at__gte=_start_of(value))

    def by_last_day(self, queryset: QuerySet[Subscription], name: str, value: date) -> QuerySet[Subscription]:
        """Until the end of that day; the calendar's last day needs no bound."""
        if value == date.max:
            return queryset
        return queryset.filter(purchased_at__lt=_start_of(value + timedelta(days=1)))

    @property
    def applied(self) -> dict[str, Any]:
        """What narrows the list: valid values by parameter."""
        self.form.is_valid()
        return {name: value for name, value in self.form.cleaned_data.items() if value not in (None, "")}

    @property
    def is_filtering(self) -> bool:
        """Whether anything narrows the list."""
        return bool(self.applied)

    @property
    def more_fields(self) -> list[forms.BoundField]:
        """The fields that a page shows only on demand."""
        return [self.form[name] for name in self.form.fields if name not in FIRST]

    @property
    def has_more(self) -> bool:
        """Whether one of those fields narrows the list, so that it must not be hidden."""
        return any(name not in FIRST for name in self.applied)

    @property
    def is_short_search(self) -> bool:
        """Whether the text is too short to be looked for inside names."""
        return self.search is not None and self.search.is_short


def matching(actor: Actor, query: str, *, at: datetime) -> QuerySet[Subscription]:
    """The visible subscriptions that a list with this query string shows, newest first. Raises NotPermitted."""
    found: QuerySet[Subscription] = SubscriptionFilter(QueryDict(query), subscriptions_visible_to(actor), at=at).qs
    return found


def _blocked(queryset: QuerySet[Subscription], name: str, values: list[str]) -> QuerySet[Subscription]:
    """The pending ones whose blocking gate has one of the values.

    Few are found by their gates. For many each row is asked for its gate while the order of the list is walked: asked
    whether there is such a gate, the database would look for all of them first.
    """
    pending = queryset.filter(status=Status.PENDING)
    gates = Gate.objects.exclude(state=GateState.SATISFIED)
    # Whoever owns them, because the index begins with the owner.
    open_ones = gates.filter(owner__in=list(Owner)).filter(**{f"{name}__in": values})
    found = list(open_ones.values_list("subscription_id", flat=True)[: FEW_LEFT + 1])
    if len(found) <= FEW_LEFT:
        pending = pending.filter(pk__in=found)
    first = gates.filter(subscription=OuterRef("pk")).order_by("position").values(name)[:1]
    return pending.alias(blocked_by=Subquery(first)).filter(blocked_by__in=values)


def _start_of(day: date) -> datetime:
    return make_aware(datetime.combine(day, time.min))
