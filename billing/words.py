"""The words people read for the codes of billing, and how a charge is told in a few of them."""

from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from billing.enums import ChargeType, InvoiceKind, InvoiceState, TaxReason
from billing.models import Charge

CHARGE = {
    ChargeType.NEW: gettext_lazy("First period"),
    ChargeType.CYCLE_CHARGE: gettext_lazy("Next period"),
    ChargeType.RENEW: gettext_lazy("Renewal"),
    ChargeType.ADD_QUANTITY: gettext_lazy("More licences"),
    ChargeType.REMOVE_QUANTITY: gettext_lazy("Fewer licences"),
    ChargeType.CONVERT: gettext_lazy("Plan change"),
    ChargeType.CHANGE_BILLING_PLAN: gettext_lazy("Change of billing frequency"),
    ChargeType.CANCEL_IMMEDIATE: gettext_lazy("Refund after cancellation"),
    ChargeType.CUSTOMER_CREDIT: gettext_lazy("Credit"),
}

KIND = {
    InvoiceKind.INVOICE: gettext_lazy("Invoice"),
    InvoiceKind.CREDIT_NOTE: gettext_lazy("Credit note"),
}

STATE = {
    InvoiceState.DRAFT: pgettext_lazy("invoice", "Draft"),
    InvoiceState.HELD: pgettext_lazy("invoice", "Held"),
    InvoiceState.FINALIZED: pgettext_lazy("invoice", "Finalized"),
    InvoiceState.VOID: pgettext_lazy("invoice", "Void"),
}

TAX_REASON = {
    TaxReason.DOMESTIC: gettext_lazy("VAT of the seller's country"),
    TaxReason.DESTINATION: gettext_lazy("VAT of the buyer's country"),
    TaxReason.REVERSE_CHARGE: gettext_lazy("Reverse charge: the buyer accounts for the VAT."),
    TaxReason.EXPORT: gettext_lazy("Outside the scope of EU VAT: the buyer is outside the European Union."),
    TaxReason.OUT_OF_SCOPE: gettext_lazy("No VAT is charged by the seller."),
}


def charge_kind(charge: Charge) -> str:
    """What a charge is for; one that begins after a trial looks like a plan change to the ledger."""
    if charge.charge_type == ChargeType.CONVERT and charge.reference_id is None:
        return _("First period after the trial")
    return str(CHARGE[ChargeType(charge.charge_type)])


def charge_part(charge: Charge) -> str:
    """Which half of a change a line is, or that it has its own price; empty for other lines."""
    if charge.reference_id is None:
        return ""
    if charge.reverses_id is None and charge.cause.data.get("price") == str(charge.price_id):
        return _("at the price of their day")
    return _("charged anew") if charge.reverses_id is None else _("credited")


def charge_share(charge: Charge) -> str:
    """Which part of a cycle is charged and what a unit costs for it; empty for a whole cycle."""
    if charge.billing_days == charge.cycle_days:
        return ""
    unit = number_format(abs(charge.effective_unit_price), decimal_pos=4, force_grouping=True)
    return _("{days} of {cycle} days, {price} each").format(
        days=charge.billing_days, cycle=charge.cycle_days, price=unit
    )
