"""Change requests as lists find them: who asked, for which customer. One filter for the page and its counts."""

from typing import Any

import django_filters  # type: ignore[import-untyped]
from django import forms
from django.db.models import QuerySet
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from accounts.policy import Action, Actor
from subscriptions.models import ChangeRequest

ME, EVERYBODY = "me", "all"


class RequestFilter(django_filters.FilterSet):  # type: ignore[misc]
    """What narrows a list of change requests, each by a parameter of the URL; a value that is no value narrows nothing.

    Whoever may ask but not decide sees their own first; `by=all` shows everybody's.
    """

    by = django_filters.ChoiceFilter(
        label=_("Whose"), choices=[(ME, _("Mine")), (EVERYBODY, _("Everybody's"))], method="by_whom", empty_label=None
    )
    who = django_filters.CharFilter(label=_("Requester"), field_name="requested_by", lookup_expr="icontains")
    customer = django_filters.CharFilter(
        label=_("Customer"), field_name="subscription__customer__name", lookup_expr="icontains"
    )
    subscription = django_filters.UUIDFilter(field_name="subscription_id", widget=forms.HiddenInput())

    class Meta:
        model = ChangeRequest
        fields: list[str] = []

    def __init__(self, params: QueryDict, queryset: QuerySet[ChangeRequest], *, actor: Actor) -> None:
        self.actor = actor
        given = params.copy()
        given.setdefault("by", _default_of(actor, params))
        super().__init__(given, queryset)

    def by_whom(self, queryset: QuerySet[ChangeRequest], name: str, value: str) -> QuerySet[ChangeRequest]:
        if value != ME:
            return queryset
        return queryset.filter(actor_kind=self.actor.kind, actor_id=self.actor.id)

    @property
    def applied(self) -> dict[str, Any]:
        """What narrows the list beyond what its reader sees first: valid values by parameter."""
        self.form.is_valid()
        given = {name: value for name, value in self.form.cleaned_data.items() if value not in (None, "")}
        return {name: value for name, value in given.items() if (name, value) != ("by", _default_of(self.actor, {}))}


def _default_of(actor: Actor, params: QueryDict | dict[str, str]) -> str:
    """Whose requests come first; all of them where the list is about one subscription."""
    asks_only = actor.may(Action.SUBSCRIPTION_ASK) and not actor.may(Action.SUBSCRIPTION_DECIDE)
    return ME if asks_only and not params.get("subscription") else EVERYBODY
