"""Shapes of what agents type; whether it may be done is the services' business."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from partnerhub.errors import (
    AvailabilityNotFound,
    InvalidInput,
    NoPriceInCurrency,
    ProductNotFound,
    QuantityOutOfRange,
    ResellerAgreementMissing,
    ResellerIsProvider,
    ResellerUnknown,
    SkuNotFound,
)
from partnerhub.web.forms import RefusableForm
from publishers.models import Plan, Pricing
from subscriptions.services.carts import LineRequest

LARGEST_QUANTITY = 2_147_483_647


class LineForm(RefusableForm):
    """One line of a cart: which way to buy the plan, how many, and what goes with it."""

    catalog_item = forms.CharField(max_length=64, widget=forms.HiddenInput)
    quantity = forms.IntegerField(label=_("Quantity (licences)"), min_value=1, max_value=LARGEST_QUANTITY)
    nickname = forms.CharField(
        label=_("Nickname"), max_length=200, required=False, help_text=_("Shown in lists and on invoices.")
    )
    partner_id = forms.CharField(
        label=_("Indirect reseller PartnerID"),
        max_length=16,
        required=False,
        help_text=_("Only when an indirect reseller takes part in this sale."),
    )
    auto_renew = forms.BooleanField(
        label=_("Auto-renew"), required=False, initial=True, help_text=_("Renews at the end of the term by itself.")
    )

    refused_at = {
        QuantityOutOfRange: "quantity",
        ResellerUnknown: "partner_id",
        ResellerIsProvider: "partner_id",
        ResellerAgreementMissing: "partner_id",
        ProductNotFound: "catalog_item",
        SkuNotFound: "catalog_item",
        AvailabilityNotFound: "catalog_item",
        NoPriceInCurrency: "catalog_item",
    }

    def __init__(self, *args: Any, plan: Plan, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        quantity = self.fields["quantity"]
        if plan.pricing == Pricing.FLAT_RATE:
            quantity.label, quantity.help_text = _("Quantity"), _("A flat rate: its price does not depend on it.")
        else:
            quantity.help_text = _("From {minimum} to {maximum}.").format(
                minimum=plan.min_quantity, maximum=plan.max_quantity
            )
        quantity.widget.attrs |= {"min": plan.min_quantity, "max": plan.max_quantity}

    def line(self) -> LineRequest:
        """The cart line that a valid form asks for."""
        given = self.cleaned_data
        return LineRequest(
            catalog_item_id=given["catalog_item"],
            quantity=given["quantity"],
            nickname=" ".join(given["nickname"].split()),
            partner_id=given["partner_id"].strip(),
            auto_renew=given["auto_renew"],
        )


class CheckoutForm(RefusableForm):
    attested = forms.BooleanField(required=True)

    def __init__(self, *args: Any, role: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["attested"].label = {
            "direct": _("I attest that we act as direct bill partner of this customer for this purchase."),
            "indirect": _("I attest that we act as indirect provider, with the indirect reseller named above."),
        }[role]
        self.fields["attested"].error_messages["required"] = _("Attest your partner role to order.")


class VersionedForm(RefusableForm):
    """A change of a subscription as somebody saw it."""

    version = forms.IntegerField(widget=forms.HiddenInput)


class NicknameForm(VersionedForm):
    nickname = forms.CharField(label=_("Nickname"), max_length=200)

    refused_at = {InvalidInput: "nickname"}


class AutoRenewForm(VersionedForm):
    auto_renew = forms.TypedChoiceField(
        choices=[("on", "on"), ("off", "off")], coerce=lambda word: word == "on", widget=forms.HiddenInput
    )


class CancelForm(VersionedForm):
    reason = forms.CharField(
        label=_("Reason"),
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("Goes on record in the timeline."),
    )


class NoteForm(RefusableForm):
    text = forms.CharField(
        label=_("Note"),
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("Everybody who sees this subscription can read it; it cannot be taken back."),
    )
