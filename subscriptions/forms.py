"""Shapes of what agents type; whether it may be done is the services' business."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from partnerhub.errors import (
    AgreementMissing,
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
from subscriptions.cancellation import CancelTerms, How, Refund
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
    """Why, and what the terms ask for besides: each of the publisher's steps ticked, its agreement."""

    reason = forms.CharField(
        label=_("Reason"),
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("Goes on record in the timeline."),
    )

    refused_at = {AgreementMissing: "agreement"}

    def __init__(self, *args: Any, terms: CancelTerms, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._steps = {f"step_{place}": step for place, step in enumerate(terms.steps, start=1)}
        for name, step in self._steps.items():
            self.fields[name] = forms.BooleanField(
                label=step, error_messages={"required": _("Do this step first, then tick it.")}
            )
        if terms.how == How.BY_AGREEMENT:
            self.fields["agreement"] = forms.CharField(
                label=_("The publisher's agreement"),
                max_length=200,
                help_text=_("Its ticket number, or who agreed and when. Goes on record."),
            )
            self.fields["agreed_refund"] = forms.ChoiceField(
                label=_("Agreed refund"),
                choices=[(Refund.NONE, _("Nothing is refunded")), (Refund.FULL, _("Everything charged is refunded"))],
                initial=Refund.NONE,
                widget=forms.RadioSelect,
            )

    def steps(self) -> list[forms.BoundField]:
        return [self[name] for name in self._steps]

    def agreed(self) -> list[forms.BoundField]:
        return [self[name] for name in ("agreement", "agreed_refund") if name in self.fields]

    def given(self) -> dict[str, Any]:
        """What a valid form gives to the service."""
        given = {name: value for name, value in self.cleaned_data.items() if name not in self._steps}
        if "agreed_refund" in given:
            given["agreed_refund"] = Refund(given["agreed_refund"])
        # Every step is a required tick, so a valid form has them all.
        return given | {"steps_done": True}


class NoteForm(RefusableForm):
    text = forms.CharField(
        label=_("Note"),
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("Everybody who sees this subscription can read it; it cannot be taken back."),
    )
