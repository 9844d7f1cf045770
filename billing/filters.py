"""The one filter of invoices, for pages and exports."""

from datetime import date, datetime
from typing import Any

import django_filters  # type: ignore[import-untyped]
from django import forms
from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from billing.enums import InvoiceKind, InvoiceState
from billing.models import Invoice
from billing.words import KIND, STATE
from publishers.models import Price


def _currencies() -> list[tuple[str, str]]:
    codes = Price.objects.order_by("currency").values_list("currency", flat=True).distinct()
    return [(code, code) for code in codes]


def _choice(label: Any, choices: Any, **given: Any) -> django_filters.ChoiceFilter:
    return django_filters.ChoiceFilter(choices=choices, label=label, empty_label=_("All"), **given)


def month_in(text: str) -> date | None:
    """The first day of a month written as 2026-11; None for what is none."""
    try:
        return datetime.strptime(text, "%Y-%m").date()  # noqa: DTZ007 - a month has no time zone
    except ValueError:
        return None


class InvoiceFilter(django_filters.FilterSet):  # type: ignore[misc]
    """What narrows a list of invoices, each by a parameter of the URL; a value that is no value narrows nothing.

    `q` finds numbers and customers; `payment` tells what is open by the day `today` (UTC).
    """

    q = django_filters.CharFilter(method="search", label=_("Number or customer"), max_length=200)
    kind = _choice(_("Kind"), [(kind.value, KIND[kind]) for kind in InvoiceKind])
    state = _choice(_("Status"), [(state.value, STATE[state]) for state in InvoiceState])
    payment = _choice(
        _("Payment"), [("paid", _("Paid")), ("open", _("Not paid")), ("overdue", _("Overdue"))], method="by_payment"
    )
    currency = _choice(_("Currency"), _currencies)
    month = django_filters.CharFilter(
        method="by_month", label=_("Month"), max_length=7, widget=forms.TextInput({"type": "month"})
    )

    class Meta:
        model = Invoice
        fields: list[str] = []

    def __init__(self, data: Any, queryset: QuerySet[Invoice], *, today: date) -> None:
        self.today = today
        super().__init__(data, queryset)

    def search(self, queryset: QuerySet[Invoice], name: str, value: str) -> QuerySet[Invoice]:
        return queryset.filter(Q(number__iexact=value.strip()) | Q(customer__name__icontains=value.strip()))

    def by_payment(self, queryset: QuerySet[Invoice], name: str, value: str) -> QuerySet[Invoice]:
        owed = queryset.filter(state=InvoiceState.FINALIZED, kind=InvoiceKind.INVOICE)
        if value == "paid":
            return owed.exclude(paid_at=None)
        unpaid = owed.filter(paid_at=None, gross__gt=0)
        return unpaid.filter(due_on__lt=self.today) if value == "overdue" else unpaid

    def by_month(self, queryset: QuerySet[Invoice], name: str, value: str) -> QuerySet[Invoice]:
        month = month_in(value)
        return queryset.filter(period_start=month) if month else queryset

    @property
    def is_filtering(self) -> bool:
        """Whether anything narrows the list."""
        self.form.is_valid()
        return any(value not in (None, "") for value in self.form.cleaned_data.values())
