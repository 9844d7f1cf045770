"""Divergences as lists narrow them, and the form that lets one be."""

from typing import Any

import django_filters  # type: ignore[import-untyped]
from django import forms
from django.utils.translation import gettext_lazy as _

from partnerhub.errors import DivergenceOver
from partnerhub.web.forms import RefusableForm
from subscriptions import words
from subscriptions.models import Divergence


class DivergenceFilter(django_filters.FilterSet):  # type: ignore[misc]
    """What narrows a list of divergences, each by a parameter of the URL; a value that is no value narrows nothing."""

    kind = django_filters.ChoiceFilter(label=_("What"), choices=list(words.DIVERGENCE.items()), empty_label=_("All"))
    customer = django_filters.CharFilter(
        label=_("Customer"), field_name="subscription__customer__name", lookup_expr="icontains", max_length=200
    )

    class Meta:
        model = Divergence
        fields: list[str] = []

    @property
    def is_filtering(self) -> bool:
        """Whether anything narrows the list."""
        return self.form.is_valid() and any(self.form.cleaned_data.values())


class LetBeForm(RefusableForm):
    """Why a divergence is let be."""

    refused_at: dict[type[Any], str] = {DivergenceOver: "note"}

    note = forms.CharField(label=_("Why it may stay so"), max_length=500, widget=forms.Textarea(attrs={"rows": 2}))
