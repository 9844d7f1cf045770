"""Shapes of what agents type; whether it may be done is the services' business."""

from dataclasses import replace
from datetime import datetime
from typing import Any, Self, cast
from uuid import UUID

from django import forms
from django.utils.translation import gettext_lazy as _

from partnerhub.errors import (
    AgreementMissing,
    AvailabilityNotFound,
    BillingFrequencyFixed,
    CancelStepsOpen,
    InvalidInput,
    NoPriceInCurrency,
    NothingAsked,
    ProductNotFound,
    QuantityOutOfRange,
    ReductionWindowClosed,
    ResellerAgreementMissing,
    ResellerIsProvider,
    ResellerUnknown,
    SkuNotFound,
    TermFixed,
)
from partnerhub.money import Money
from partnerhub.web.forms import ComparedForm, RefusableForm
from partnerhub.web.templatetags.hub import money_words
from publishers.models import Plan, Pricing
from publishers.selectors import CatalogItem, catalogue_for
from subscriptions import words
from subscriptions.cancellation import How, Refund
from subscriptions.changes import AT_RENEWAL, NOW, Change
from subscriptions.models import Subscription
from subscriptions.services.carts import LineRequest
from subscriptions.services.ending import cancel_terms
from subscriptions.services.plans import may_change_frequency_now
from subscriptions.services.scheduling import scheduled_of

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
        limit_quantity(self.fields["quantity"], plan)

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


class NicknameForm(ComparedForm):
    nickname = forms.CharField(
        label=_("Nickname"), max_length=200, widget=forms.TextInput(attrs={"autofocus": True, "autocomplete": "off"})
    )

    refused_at = {InvalidInput: "nickname"}

    @staticmethod
    def values_of(subscription: Subscription) -> dict[str, str]:
        """What the form shows of a subscription."""
        return {"nickname": subscription.nickname}


class ChangeForm(ComparedForm):
    """What is to become of a subscription. `shown_of` opens it, `change` is what a valid one asks for.

    Without a quote it asks what the change would cost, with one it confirms what was shown.
    """

    reason = forms.CharField(
        label=_("Reason"),
        max_length=500,
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("Goes on record in the timeline."),
    )
    quote = forms.UUIDField(required=False, widget=forms.HiddenInput)

    needs_reason = False
    field_order: list[str] = []

    def __init__(self, *args: Any, subscription: Subscription, at: datetime, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.subscription = subscription
        self.prepare(at)
        for name in self.field_order[:1]:
            if name in self.fields:
                self.fields[name].widget.attrs["autofocus"] = True

    def prepare(self, at: datetime) -> None:
        """Fit the fields to the subscription as it is at a moment."""

    @classmethod
    def shown_of(cls, subscription: Subscription, at: datetime) -> Self:
        """The form over a subscription as it is."""
        return cls.shown(cls.values_of(subscription), subscription.version, subscription=subscription, at=at)

    @staticmethod
    def values_of(subscription: Subscription) -> dict[str, str]:
        """What the form's own fields show of a subscription, as a browser would send it."""
        return {}

    def change(self) -> Change:
        """What a valid form asks for."""
        raise NotImplementedError

    def carry(self, quote: UUID, version: int) -> None:
        """Show the form again with the quote of what it asks for, over the version that was quoted."""
        if self.is_bound:
            self.data = {**self.data, "quote": str(quote), "version": str(version)}
        else:
            self.initial = {**self.initial, "quote": quote, "version": version}


class QuantityForm(ChangeForm):
    quantity = forms.IntegerField(label=_("Quantity (licences)"), min_value=1, max_value=LARGEST_QUANTITY)

    field_order = ["quantity"]
    refused_at = {QuantityOutOfRange: "quantity", ReductionWindowClosed: "quantity", NothingAsked: "quantity"}

    def prepare(self, at: datetime) -> None:
        limit_quantity(self.fields["quantity"], self.subscription.plan)

    @staticmethod
    def values_of(subscription: Subscription) -> dict[str, str]:
        return {"quantity": str(subscription.quantity)}

    def change(self) -> Change:
        return Change(quantity=self.cleaned_data["quantity"])


class AutoRenewForm(ChangeForm):
    auto_renew = forms.ChoiceField(
        label=_("Auto-renew"), choices=[("on", _("On")), ("off", _("Off"))], widget=forms.RadioSelect
    )

    field_order = ["auto_renew"]

    @staticmethod
    def values_of(subscription: Subscription) -> dict[str, str]:
        return {"auto_renew": "on" if subscription.auto_renew else "off"}

    def change(self) -> Change:
        return Change(auto_renew=self.cleaned_data["auto_renew"] == "on")


class PlanForm(ChangeForm):
    """Another plan of the offer, in the term that runs."""

    plan_term = forms.ChoiceField(label=_("Plan"), widget=forms.RadioSelect)

    field_order = ["plan_term"]
    refused_at = {
        NoPriceInCurrency: "plan_term",
        QuantityOutOfRange: "plan_term",
        TermFixed: "plan_term",
        BillingFrequencyFixed: "plan_term",
        NothingAsked: "plan_term",
    }

    def prepare(self, at: datetime) -> None:
        self.offered = self.offered_at(at)
        choice = cast(forms.ChoiceField, self.fields["plan_term"])
        choice.choices = [(str(one.plan_term.pk), self.words_of(one)) for one in self.offered]

    def offered_at(self, at: datetime) -> list[CatalogItem]:
        """What can be chosen: the plans whose term and billing frequency are those of now."""
        term = self.subscription.plan_term
        return [
            one
            for one in _on_sale(self.subscription, at)
            if (one.plan_term.term, one.plan_term.billing_cycle) == (term.term, term.billing_cycle)
        ]

    @staticmethod
    def words_of(offered: CatalogItem) -> str:
        return offered.plan_term.plan.title

    @staticmethod
    def values_of(subscription: Subscription) -> dict[str, str]:
        return {"plan_term": str(subscription.plan_term_id)}

    def change(self) -> Change:
        return Change(plan_term_id=UUID(self.cleaned_data["plan_term"]))


class FrequencyForm(PlanForm):
    """Another billing frequency of the same plan and term, now where the plan's policy allows it, else at renewal."""

    plan_term = forms.ChoiceField(label=_("Billing frequency"), widget=forms.RadioSelect)

    def offered_at(self, at: datetime) -> list[CatalogItem]:
        term = self.subscription.plan_term
        self.is_now = may_change_frequency_now(term, at)
        return [
            one
            for one in _on_sale(self.subscription, at)
            if (one.plan_term.plan_id, one.plan_term.term) == (term.plan_id, term.term)
        ]

    @staticmethod
    def words_of(offered: CatalogItem) -> str:
        return str(words.CYCLE[offered.plan_term.billing_cycle])

    @staticmethod
    def values_of(subscription: Subscription) -> dict[str, str]:
        return {"plan_term": str(subscription.plan_term_id)}

    def change(self) -> Change:
        when = NOW if self.is_now else AT_RENEWAL
        return Change(plan_term_id=UUID(self.cleaned_data["plan_term"]), when=when)


class ResellerForm(ChangeForm):
    partner_id = forms.CharField(
        label=_("Indirect reseller PartnerID"),
        max_length=16,
        required=False,
        widget=forms.TextInput(attrs={"list": "resellers", "inputmode": "numeric", "autocomplete": "off"}),
        help_text=_("Empty: no indirect reseller takes part. Later charges carry the new one."),
    )

    field_order = ["partner_id"]
    refused_at = {
        ResellerUnknown: "partner_id",
        ResellerIsProvider: "partner_id",
        ResellerAgreementMissing: "partner_id",
        NothingAsked: "partner_id",
    }

    @staticmethod
    def values_of(subscription: Subscription) -> dict[str, str]:
        return {"partner_id": subscription.reseller_id or ""}

    def change(self) -> Change:
        return Change(partner_id=self.cleaned_data["partner_id"].strip())


class SuspendForm(ChangeForm):
    needs_reason = True

    def change(self) -> Change:
        return Change(status="suspended")


class ReinstateForm(SuspendForm):
    def change(self) -> Change:
        return Change(status="active")


class RenewalForm(ChangeForm):
    """What the next term begins with."""

    quantity = forms.IntegerField(label=_("Quantity (licences)"), min_value=1, max_value=LARGEST_QUANTITY)
    plan_term = forms.ChoiceField(label=_("Plan, term and billing"))

    field_order = ["quantity", "plan_term"]
    refused_at = {QuantityOutOfRange: "quantity", NoPriceInCurrency: "plan_term"}

    def prepare(self, at: datetime) -> None:
        offered = _on_sale(self.subscription, at)
        choice = cast(forms.ChoiceField, self.fields["plan_term"])
        choice.choices = [(str(one.plan_term.pk), _way_to_buy(one)) for one in offered]

    @staticmethod
    def values_of(subscription: Subscription) -> dict[str, str]:
        scheduled = scheduled_of(subscription)
        return {
            "quantity": str(scheduled.get("quantity", subscription.quantity)),
            "plan_term": str(scheduled.get("plan_term", subscription.plan_term_id)),
        }

    def change(self) -> Change:
        given = self.cleaned_data
        return Change(quantity=given["quantity"], plan_term_id=UUID(given["plan_term"]), when=AT_RENEWAL)


def _on_sale(subscription: Subscription, at: datetime) -> list[CatalogItem]:
    """The ways to buy the plans of the subscription's offer that have a price in its currency."""
    product, country = subscription.offer.product_id, subscription.customer.country
    items = catalogue_for(country, subscription.currency, at, product_id=product)
    return [item for item in items if item.price is not None]


def _way_to_buy(item: CatalogItem) -> str:
    term, price = item.plan_term, item.price
    amount = money_words(Money(price.amount, price.currency)) if price else ""
    return f"{term.plan.title}, {words.TERM[term.term]}, {words.CYCLE[term.billing_cycle]}: {amount}"


def limit_quantity(field: forms.Field, plan: Plan) -> None:
    """Say at a quantity's field what the plan allows."""
    if plan.pricing == Pricing.FLAT_RATE:
        field.label, field.help_text = _("Quantity"), _("A flat rate: its price does not depend on it.")
    else:
        field.help_text = _("From {minimum} to {maximum}.").format(minimum=plan.min_quantity, maximum=plan.max_quantity)
    field.widget.attrs |= {"min": plan.min_quantity, "max": plan.max_quantity}


class AskNicknameForm(ChangeForm):
    nickname = forms.CharField(label=_("Nickname"), max_length=200)

    field_order = ["nickname"]
    refused_at = {InvalidInput: "nickname", NothingAsked: "nickname"}

    @staticmethod
    def values_of(subscription: Subscription) -> dict[str, str]:
        return {"nickname": subscription.nickname}

    def change(self) -> Change:
        return Change(nickname=" ".join(self.cleaned_data["nickname"].split()))


class AskCancelForm(ChangeForm):
    """A cancellation that an admin agent is asked for."""

    steps_done = forms.BooleanField(label=_("The publisher's steps are done"), required=False)
    agreement = forms.CharField(label=_("Reference of the publisher's agreement"), max_length=200, required=False)

    field_order = ["steps_done", "agreement"]
    refused_at = {CancelStepsOpen: "steps_done", AgreementMissing: "agreement"}

    def prepare(self, at: datetime) -> None:
        terms = cancel_terms(self.subscription, at)
        self.fields["steps_done"].help_text = " · ".join(terms.steps)
        unasked = {"steps_done": not terms.steps, "agreement": terms.how != How.BY_AGREEMENT}
        for name in [name for name, is_unasked in unasked.items() if is_unasked]:
            del self.fields[name]

    def change(self) -> Change:
        given = self.cleaned_data
        return Change(
            status="deleted", steps_done=given.get("steps_done", True), agreement=given.get("agreement", "").strip()
        )


class UnscheduleForm(VersionedForm):
    """What is not to begin at renewal any more; empty for all that is scheduled."""

    what = forms.ChoiceField(choices=[("quantity", "quantity"), ("plan_term", "plan_term")], required=False)


class CancelForm(ChangeForm):
    """Why, and what the terms ask for besides: each of the publisher's steps ticked, its agreement.

    Only what the publisher agreed to moves the money, so without an agreement the form is priced as it opens.
    """

    needs_reason = True
    refused_at = {AgreementMissing: "agreement"}

    def prepare(self, at: datetime) -> None:
        self.terms = cancel_terms(self.subscription, at)
        self.by_agreement = self.terms.how == How.BY_AGREEMENT
        self._steps = {f"step_{place}": step for place, step in enumerate(self.terms.steps, start=1)}
        for name, step in self._steps.items():
            self.fields[name] = forms.BooleanField(
                label=step, error_messages={"required": _("Do this step first, then tick it.")}
            )
        if self.by_agreement:
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
        else:
            self.fields["reason"].required = True
            self.fields["reason"].error_messages["required"] = _("Say why: it goes on record.")

    def steps(self) -> list[forms.BoundField]:
        return [self[name] for name in self._steps]

    def agreed(self) -> list[forms.BoundField]:
        return [self[name] for name in ("agreement", "agreed_refund") if name in self.fields]

    def change(self) -> Change:
        """What the form asks for. Every step is a required tick, so it is quoted as if all were done."""
        quoted = Change(status="deleted", steps_done=bool(self.terms.steps))
        if not self.by_agreement:
            return quoted
        given = self.cleaned_data
        return replace(quoted, agreement=given["agreement"], agreed_refund=given["agreed_refund"])


class NoteForm(RefusableForm):
    text = forms.CharField(
        label=_("Note"),
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_(
            "Everybody who sees this subscription can read it; it cannot be taken back. Name a colleague with @ and "
            "their e-mail address or name to let them know."
        ),
    )
