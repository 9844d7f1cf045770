"""The one filter of subscriptions, for pages and exports."""

from typing import Any
from uuid import UUID

import django_filters  # type: ignore[import-untyped]
from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from publishers.models import Publisher
from subscriptions.enums import Status
from subscriptions.models import Subscription
from subscriptions.words import STATUS


class SubscriptionFilter(django_filters.FilterSet):  # type: ignore[misc]
    """By text, status and publisher. Text finds id, nickname, offer, customer, its contact's e-mail and PartnerID."""

    q = django_filters.CharFilter(method="search", label=_("Search"), max_length=200)
    status = django_filters.ChoiceFilter(
        choices=[(status.value, STATUS[status]) for status in Status], label=_("Status"), empty_label=_("All")
    )
    publisher = django_filters.ModelChoiceFilter(
        queryset=Publisher.objects.order_by("name"), label=_("Publisher"), empty_label=_("All")
    )

    class Meta:
        model = Subscription
        fields = ["q", "status", "publisher"]

    def search(self, queryset: QuerySet[Subscription], name: str, value: str) -> QuerySet[Subscription]:
        text = value.strip()
        if (found := _as_id(text)) is not None:
            return queryset.filter(Q(pk=found) | Q(customer_id=found))
        matches = Q(nickname__icontains=text) | Q(offer__title__icontains=text) | Q(customer__name__icontains=text)
        exact = Q(customer__beneficiary_email__iexact=text) | Q(reseller_id=text) | Q(order_line__order__number=text)
        return queryset.filter(matches | exact)

    @property
    def is_filtering(self) -> bool:
        """Whether anything narrows the list."""
        return any(value for value in self._cleaned().values())

    def _cleaned(self) -> dict[str, Any]:
        return self.form.cleaned_data if self.form.is_valid() else {}


def _as_id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
