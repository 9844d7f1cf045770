"""Shapes of what is typed when a change request is decided."""

from django import forms
from django.utils.translation import gettext_lazy as _

from partnerhub.errors import QuantityOutOfRange, RequestTooMuch
from partnerhub.web.forms import RefusableForm


class ApproveForm(RefusableForm):
    """How much is approved: all that was asked for without a quantity; with a quote exactly what it showed."""

    quantity = forms.IntegerField(required=False, min_value=1, widget=forms.HiddenInput)
    quote = forms.UUIDField(required=False, widget=forms.HiddenInput)
    reason = forms.CharField(
        label=_("Remark"),
        max_length=300,
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("Goes on record in the timeline, after the reason of who asked."),
    )

    refused_at = {RequestTooMuch: "quantity", QuantityOutOfRange: "quantity"}


class DeclineForm(RefusableForm):
    reason = forms.CharField(
        label=_("Reason for declining"),
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("Who asked reads it. Goes on record in the timeline."),
    )
