"""A line of an invoice that explains itself, and is written once more to see that it holds."""

from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from accounts.middleware import actor_of
from billing.enums import TaxReason
from billing.explaining import Explanation, Sum, explain, rebuild
from billing.models import Invoice, InvoiceLine
from billing.proration import Rounding
from billing.selectors import invoice_for
from billing.views.charges import reason_url
from billing.views.invoices import name_of
from billing.words import TAX_REASON, charge_kind, charge_part
from partnerhub.money import Money
from partnerhub.web.templatetags.hub import absolute, day_text, money_text, money_words, role_name
from publishers.models import Price
from subscriptions.enums import GateName, TrancheCause
from subscriptions.models import Gate, SeatTranche
from subscriptions.views.gates import proof_words
from subscriptions.views.telling import role_shown, sentence_of_event
from subscriptions.words import GATE

ROUNDING = {
    Rounding.LINE: gettext_lazy("The exact amount of the line is rounded down once."),
    Rounding.UNIT: gettext_lazy("The share of one unit is cut first, then multiplied."),
}
TRANCHE = {
    TrancheCause.PURCHASE: gettext_lazy("bought"),
    TrancheCause.INCREASE: gettext_lazy("added"),
    TrancheCause.RENEWAL: gettext_lazy("renewed"),
    TrancheCause.REDUCTION: gettext_lazy("given back"),
}


@require_safe
@login_required
def line(request: HttpRequest, invoice_id: UUID, position: int) -> HttpResponse:
    """Why a line is what it is; with `?rebuild` it is recomputed by the ledger's own code and compared."""
    invoice = invoice_for(actor_of(request), invoice_id)
    lines = invoice.lines.select_related("charge__cause", "charge__confirmation", "charge__price", "charge__reverses")
    found = lines.filter(position=position).first()
    if found is None:
        raise Http404
    explained = explain(found.charge)
    in_dialog = bool(getattr(request, "htmx", None))
    context = {
        "title": _("Line {number}").format(number=found.position),
        "called": name_of(invoice),
        "names": found.description,
        "net": Money(found.net, invoice.currency),
        "groups": [group for group in _groups(invoice, found, explained) if group["facts"]],
        "rebuilt": rebuild(found.charge) if "rebuild" in request.GET else None,
        "line_url": reverse("billing:line", args=[invoice.pk, found.position]),
        "back_url": reverse("billing:invoice", args=[invoice.pk]),
        "in_dialog": in_dialog,
    }
    return render(request, "billing/_line.html" if in_dialog else "billing/line.html", context)


def _groups(invoice: Invoice, found: InvoiceLine, explained: Explanation) -> list[dict[str, Any]]:
    charge = explained.charge
    return [
        {"title": _("What for"), "facts": _what(explained)},
        {"title": _("Why"), "facts": _why(explained), "url": reason_url(charge)},
        {"title": _("Since when it may be charged"), "facts": _evidence(explained)},
        {"title": _("Licences"), "facts": [_tranche(tranche) for tranche in explained.tranches]},
        {"title": _("How much"), "facts": _how_much(explained) + _tax(invoice, found)},
        {"title": _("In the ledger"), "facts": _chain(explained)},
    ]


def _fact(term: Any, value: Any, note: Any = "", **more: Any) -> dict[str, Any]:
    return {"term": term, "value": value, "note": note, **more}


def _what(explained: Explanation) -> list[dict[str, Any]]:
    charge = explained.charge
    part, last_day = charge_part(charge), charge.period_end - timedelta(days=1)
    facts = [
        _fact(_("Charge"), f"{charge_kind(charge)}: {part}" if part else charge_kind(charge)),
        _fact(_("Period"), f"{day_text(charge.period_start)} – {day_text(last_day)}"),
    ]
    if charge.reference_id:
        facts.append(_fact(_("Reference"), charge.reference_id, copyable=True))
    if explained.credits is not None:
        credited = explained.credits
        amount = money_text(credited.amount, credited.currency)
        told = _("line {number} of the ledger, {amount}").format(number=credited.sequence, amount=amount)
        facts.append(_fact(_("Credits"), told))
    return facts


def _why(explained: Explanation) -> list[dict[str, Any]]:
    cause = explained.cause
    by = cause.data.get("requested_by") or cause.actor_label
    facts = [
        _fact(_("Event"), sentence_of_event(cause.name, cause.data)[0], absolute(cause.at)),
        _fact(_("By"), by, role_name(role_shown(cause.actor_role)) if by == cause.actor_label else ""),
    ]
    if cause.reason:
        facts.append(_fact(_("Reason"), cause.reason))
    request = explained.request
    if request is not None:
        asked = _("asked for by {who}: {why}").format(who=request.requested_by, why=request.reason)
        facts.append(_fact(_("Approved by"), request.decided_by, asked))
    return facts


def _evidence(explained: Explanation) -> list[dict[str, Any]]:
    start = explained.start
    return [
        _fact(_("Billing started"), absolute(start.starts_at), _("the later of the two confirmations")),
        *(_gate(gate) for gate in explained.evidence if gate.gate in _CONFIRMATIONS),
    ]


_CONFIRMATIONS = (GateName.LICENSES_ASSIGNED, GateName.CONFIGURATION_CONFIRMED)


def _gate(gate: Gate) -> dict[str, Any]:
    return _fact(GATE[GateName(gate.gate)], proof_words(gate.evidence or {}))


def _tranche(tranche: SeatTranche) -> dict[str, Any]:
    until = _("can be given back until {moment}").format(moment=absolute(tranche.reducible_until))
    return _fact(
        f"{tranche.quantity:+d} {TRANCHE[TrancheCause(tranche.cause)]}",
        absolute(tranche.opened_at),
        until if tranche.quantity > 0 else "",
    )


def _how_much(explained: Explanation) -> list[dict[str, Any]]:
    charge = explained.charge
    facts = [_price(explained.price, charge.currency)]
    if explained.sum is None:
        credited = charge.reverses
        is_capped = credited is not None and str(credited.sequence) in explained.cause.data.get("limits", {})
        told = _("what was left of it on its invoice") if is_capped else _("all that was left of the line")
        facts.append(_fact(_("Amount"), money_text(charge.amount, charge.currency), told))
        return facts
    found = explained.sum
    return [
        *facts,
        _fact(_("Calculation"), _calculation(found), ROUNDING[Rounding(charge.rounding)]),
        _fact(_("A unit for these days"), _number(abs(charge.effective_unit_price))),
        _fact(_("Amount"), money_words(found.amount)),
    ]


def _calculation(found: Sum) -> str:
    price, exact = _number(found.unit_price), _number(found.exact)
    if found.days == found.cycle_days:
        return f"{price} × {found.units} = {exact}"
    return f"{price} × {found.units} × {found.days}/{found.cycle_days} = {exact}"


def _number(value: Decimal) -> str:
    """A number with as many decimals as it has, two at least."""
    exponent = value.normalize().as_tuple().exponent
    digits = max(2, -exponent if isinstance(exponent, int) else 2)
    return number_format(value, decimal_pos=digits, force_grouping=True)


def _price(price: Price, currency: str) -> dict[str, Any]:
    since = _("valid from {moment}").format(moment=absolute(price.valid_from))
    until = _("until {moment}").format(moment=absolute(price.valid_to)) if price.valid_to else ""
    return _fact(_("List price"), f"{currency} {_number(price.amount)}", " ".join(filter(None, [since, until])))


def _tax(invoice: Invoice, found: InvoiceLine) -> list[dict[str, Any]]:
    amount = money_text(found.tax, invoice.currency)
    return [_fact(_("VAT"), f"{_number(found.tax_rate)}% = {amount}", TAX_REASON[TaxReason(found.tax_reason)])]


def _chain(explained: Explanation) -> list[dict[str, Any]]:
    charge = explained.charge
    return [
        _fact(_("Recorded"), absolute(charge.recorded_at), _("line {number}").format(number=charge.sequence)),
        _fact(_("Charge ID"), charge.pk, copyable=True),
        _fact(_("Hash"), charge.hash[:16] + "…"),
    ]
