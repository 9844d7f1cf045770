"""What surrounds the pages of billing."""

from datetime import date, datetime
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from accounts.policy import Action, Actor


def frame(actor: Actor, current: str) -> dict[str, Any]:
    """The tabs of billing that the actor's role may ever see; `current` names one."""
    tabs = [
        ("seats", _("Licences"), Action.CHARGE_READ),
        ("statements", _("Publishers' statements"), Action.INVOICE_READ),
        ("reconciliation", _("Reconciliation"), Action.CHARGE_READ),
    ]
    return {
        "tabs": [
            {"url": reverse(f"billing:{name}"), "label": label, "count": None, "current": name == current}
            for name, label, action in tabs
            if actor.may(action)
        ]
    }


@require_safe
@login_required
def billing(request: HttpRequest) -> HttpResponse:
    """The first page of billing that the role may see."""
    return redirect("billing:seats")


def month_in(text: str) -> date | None:
    """The first day of a month written as 2026-11; None for what is none."""
    try:
        return datetime.strptime(text, "%Y-%m").date()  # noqa: DTZ007 - a month has no time zone
    except ValueError:
        return None
