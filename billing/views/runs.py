"""The monthly run as pages: every month, one of them while it works, and billing at once."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import Count, QuerySet, Sum
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotModified
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import get_language, pgettext
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from accounts.denial import denial_of
from accounts.middleware import actor_of
from accounts.policy import Action, Actor, authorize, authorize_for_all
from billing.drafting import customers_to_draft, whole_ledger
from billing.enums import InvoiceKind, InvoiceState
from billing.filters import month_in
from billing.invoicing import (
    CHUNKS_A_REQUEST,
    CUSTOMERS_AT_ONCE,
    INVOICES_A_REQUEST,
    Billed,
    Total,
    bill,
    preview,
    totals_of,
)
from billing.models import BillingRun, Invoice
from billing.periods import Month
from billing.views.frame import frame
from customers.models import Customer
from partnerhub.clock import now
from partnerhub.errors import HubError, NotPermitted
from partnerhub.money import Money
from partnerhub.web.conditional import known_etag, short_hash
from partnerhub.web.pages import keyset_page
from partnerhub.web.refusals import refused, sentence_of, sentence_of_code, status_of

RUNS_A_PAGE = 12
FAILURES_SHOWN = 100


@dataclass(slots=True)
class RunRow:
    """A month's run in the list. `done` and `failed` count customers."""

    url: str
    run: BillingRun
    tone: str
    word: str
    failed: int
    done: int = 0
    totals: list[Money] = field(default_factory=list)


@require_safe
@login_required
def runs(request: HttpRequest) -> HttpResponse:
    """Every month that was billed, the newest first."""
    actor = actor_of(request)
    authorize_for_all(actor, Action.INVOICE_READ)
    page = keyset_page(BillingRun.objects.all(), ("-month", "-started_at"), request.GET, RUNS_A_PAGE)
    context = {
        "rows": _rows(page.rows),
        "previous_url": page.previous_url,
        "next_url": page.next_url,
        "denied": denial_of(actor, Action.INVOICE_MANAGE),
    }
    return render(request, "billing/runs.html", context | frame(actor, "runs"))


@require_safe
@login_required
def run(request: HttpRequest, month: str) -> HttpResponse:
    """One month: how far its drafts are, what they come to, and who could not be billed."""
    actor, found = actor_of(request), _run(request, month)
    crumbs = [{"url": reverse("billing:runs"), "label": _("Billing runs")}]
    context = _context(actor, found) | {"crumbs": crumbs, "denied": denial_of(actor, Action.INVOICE_MANAGE)}
    return render(request, "billing/run.html", context)


@require_safe
@login_required
def progress(request: HttpRequest, month: str) -> HttpResponse:
    """How far the month is: 304 while nothing has changed. What it answers looks again by itself until all is done."""
    actor, found = actor_of(request), _run(request, month)
    if known_etag(request) == _etag(actor, found):
        return HttpResponseNotModified()
    return render(request, "billing/_run.html", _context(actor, found))


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def bill_now(request: HttpRequest) -> HttpResponse:
    """Say what billing would do now, then do it: the same call, committed or not."""
    actor, at = actor_of(request), now()
    authorize(actor, Action.INVOICE_MANAGE)
    act = bill if request.method == "POST" else preview
    try:
        billed = act(actor, as_of=at.date(), at=at, chunks=CHUNKS_A_REQUEST, limit=INVOICES_A_REQUEST)
    except NotPermitted:
        raise
    except HubError as refusal:
        refused(request, refusal)
        context = {"problem": sentence_of(refusal), "code": refusal.code}
        return render(request, "billing/run_now.html", context | _around(), status=status_of(refusal))
    if request.method != "POST":
        return render(request, "billing/run_now.html", _previewed(billed) | _around())
    told = _("Billed: {drafted} drafted, {finalized} finalized.")
    messages.success(request, told.format(drafted=_drafted(billed), finalized=billed.finalized))
    return redirect("billing:run", str(billed.runs[-1])) if billed.runs else redirect("billing:runs")


def _around() -> dict[str, Any]:
    return {
        "back_url": reverse("billing:runs"),
        "crumbs": [{"url": reverse("billing:runs"), "label": _("Billing runs")}],
        "customers_at_once": CHUNKS_A_REQUEST * CUSTOMERS_AT_ONCE,
    }


def _previewed(billed: Billed) -> dict[str, Any]:
    failures = [failure for run in billed.runs for failure in run.failures]
    return {
        "facts": [
            {"term": _("Months"), "value": ", ".join(str(run) for run in billed.runs) or "–"},
            {"term": _("New drafts"), "value": _drafted(billed)},
            {"term": _("Drafts finalized"), "value": billed.finalized},
        ],
        "totals": _totals(billed.added),
        "finalized": billed.finalized,
        "refusals": sorted({sentence_of(refusal) for refusal in billed.refused.values()}),
        "failures": _failures(failures[:FAILURES_SHOWN]),
        "more": max(0, len(failures) - FAILURES_SHOWN),
        "has_something": bool(billed.added) or billed.finalized > 0,
    }


def _drafted(billed: Billed) -> int:
    return sum(total.invoices for total in billed.added.values())


def _totals(totals: dict[str, Total]) -> list[dict[str, Any]]:
    return [
        {
            "invoices": total.invoices,
            "net": Money(total.net, currency),
            "tax": Money(total.tax, currency),
            "gross": Money(total.gross, currency),
        }
        for currency, total in totals.items()
    ]


def _run(request: HttpRequest, month: str) -> BillingRun:
    authorize_for_all(actor_of(request), Action.INVOICE_READ)
    first_day = month_in(month)
    found = BillingRun.objects.filter(month=first_day).first() if first_day else None
    if found is None:
        raise Http404
    return found


def _rows(found: Sequence[BillingRun]) -> list[RunRow]:
    rows = {run.month: _row(run) for run in found}
    drafts = _drafts(rows)
    for per_month in drafts.values("period_start").annotate(done=Count("customer", distinct=True)):
        rows[per_month["period_start"]].done = per_month["done"]
    sums = drafts.order_by("currency").values_list("period_start", "currency").annotate(Sum("gross"))
    for month, currency, gross in sums:
        rows[month].totals.append(Money(gross, currency))
    return list(rows.values())


def _row(found: BillingRun) -> RunRow:
    tone, word = _badge(found)
    return RunRow(reverse("billing:run", args=[found]), found, tone, word, len(found.failures))


def _drafts(months: Iterable[date]) -> QuerySet[Invoice]:
    invoices = Invoice.objects.filter(kind=InvoiceKind.INVOICE, period_start__in=list(months))
    return invoices.exclude(state=InvoiceState.VOID).order_by()


def _badge(found: BillingRun) -> tuple[str, str]:
    if found.finished_at is not None:
        return "ok", pgettext("job", "Finished")
    return ("attention", _("Some could not be billed")) if found.failures else ("wait", pgettext("job", "Running"))


def _context(actor: Actor, found: BillingRun) -> dict[str, Any]:
    [row] = _rows([found])
    left = 0 if found.finished_at else _left(Month(found.month))
    return {
        "row": row,
        "run": found,
        "total_customers": row.done + left,
        "totals": _totals(totals_of([Month(found.month)])),
        "failures": _failures(found.failures[:FAILURES_SHOWN]),
        "more": max(0, len(found.failures) - FAILURES_SHOWN),
        "is_live": found.finished_at is None,
        "etag": _etag(actor, found),
        "invoices_url": f"{reverse('billing:invoices')}?month={found}",
    }


def _failures(found: Sequence[dict[str, Any]]) -> list[dict[str, str]]:
    names = Customer.objects.in_bulk([UUID(failure["customer"]) for failure in found])
    return [
        {
            "url": reverse("billing:customer_invoices", args=[failure["customer"]]),
            "customer": names[UUID(failure["customer"])].name,
            "why": sentence_of_code(failure["error"], failure.get("values", {}), failure["why"]),
            "code": failure["error"],
        }
        for failure in found
    ]


def _left(month: Month) -> int:
    with whole_ledger():
        return customers_to_draft(month).count()


def _etag(actor: Actor, found: BillingRun) -> str:
    shown = (found.finished_at, found.chunks, found.invoices, found.failures, actor.role, get_language())
    return short_hash(shown)
