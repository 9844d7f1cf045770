"""What surrounds the pages of billing."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from accounts.middleware import actor_of
from accounts.policy import Action, Actor
from billing.seller import seller_profile
from partnerhub.errors import SellerIncomplete
from partnerhub.web.refusals import sentence_of


def frame(actor: Actor, current: str) -> dict[str, Any]:
    """The tabs of billing that the actor's role may ever see (`current` names one), and what keeps us from billing."""
    tabs = [
        ("invoices", _("Invoices"), Action.INVOICE_READ),
        ("forecast", _("Forecast"), Action.CHARGE_READ),
        ("insight", _("Key figures"), Action.CHARGE_READ),
        ("runs", _("Billing runs"), Action.INVOICE_READ),
        ("seats", _("Licences"), Action.CHARGE_READ),
        ("statements", _("Publishers' statements"), Action.INVOICE_READ),
        ("reconciliation", _("Reconciliation"), Action.CHARGE_READ),
    ]
    return {
        "tabs": [
            {"url": reverse(f"billing:{name}"), "label": label, "count": None, "current": name == current}
            for name, label, action in tabs
            if actor.may(action)
        ],
        "unable": _unable() if actor.may(Action.INVOICE_READ) else "",
    }


def _unable() -> str:
    try:
        seller_profile()
    except SellerIncomplete as refusal:
        return sentence_of(refusal)
    return ""


@require_safe
@login_required
def billing(request: HttpRequest) -> HttpResponse:
    """The first page of billing that the role may see."""
    may = actor_of(request).may(Action.INVOICE_READ)
    return redirect("billing:invoices" if may else "billing:seats")
