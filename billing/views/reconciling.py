"""The reconciliation file of a month, to look at in sums and to take along."""

from datetime import UTC
from typing import Any

from django.contrib.auth.decorators import login_required
from django.db.models import Count, Sum
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.middleware import actor_of
from accounts.policy import Action, authorize
from billing.filters import month_in
from billing.reconciliation import COLUMNS, lines_of, month_of, reconciled
from billing.views.frame import frame
from partnerhub.clock import now
from partnerhub.money import Money
from partnerhub.web.export import csv_response, xlsx_response

WRITERS = {"csv": csv_response, "xlsx": xlsx_response}


@require_safe
@login_required
def reconciliation(request: HttpRequest) -> HttpResponse:
    """A month's lines in sums by currency, and its files."""
    actor = actor_of(request)
    authorize(actor, Action.CHARGE_READ)
    month = month_in(request.GET.get("period", "")) or month_of(now().astimezone(UTC).date())[0]
    sums = lines_of(month).values("currency").order_by("currency")
    figures = sums.annotate(lines=Count("id"), net=Sum("amount"), billed=Count("line"), tax=Sum("line__tax"))
    context: dict[str, Any] = {
        "month": month,
        "period": f"{month:%Y-%m}",
        "sums": [
            {
                "currency": row["currency"],
                "lines": row["lines"],
                "open": row["lines"] - row["billed"],
                "net": Money(row["net"], row["currency"]),
                "tax": Money(row["tax"], row["currency"]) if row["tax"] is not None else None,
            }
            for row in figures
        ],
    }
    return render(request, "billing/reconciliation.html", context | frame(actor, "reconciliation"))


@require_safe
@login_required
def reconciliation_file(request: HttpRequest, form: str) -> HttpResponseBase:
    """The month `?period=2026-11` as `csv` or `xlsx`; its columns have the marketplace's names in any language."""
    month = month_in(request.GET.get("period", ""))
    if form not in WRITERS or month is None:
        raise Http404
    return WRITERS[form](f"reconciliation-{month:%Y-%m}", COLUMNS, reconciled(actor_of(request), month))
