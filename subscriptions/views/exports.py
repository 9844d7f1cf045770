"""A list of subscriptions as a file: every row that its filter leaves, read as it is sent."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from itertools import islice
from typing import Any

from django.contrib.auth.decorators import login_required
from django.db.models import Case, QuerySet, Subquery, When
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.utils.timezone import localdate
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from accounts.middleware import actor_of
from partnerhub.clock import now
from partnerhub.money import Money
from partnerhub.web.export import Value, csv_response, xlsx_response
from publishers.models import Plan
from subscriptions import words
from subscriptions.enums import Status
from subscriptions.filters import matching
from subscriptions.ledger import ledger
from subscriptions.models import Subscription
from subscriptions.selectors import blocking_gates
from subscriptions.views.rows import cycle_price

WRITERS = {"csv": csv_response, "xlsx": xlsx_response}
ROWS_A_READ = 2000
FIELDS = (
    "id", "nickname", "customer_id", "customer__name", "customer__country", "customer__beneficiary_email",
    "publisher__name", "offer__title", "plan__title", "plan__pricing", "plan__trial_days", "quantity", "status",
    "end_reason", "auto_renew", "plan_term__term", "plan_term__billing_cycle", "unit_price", "currency", "purchased_at",
    "activated_at", "term_start", "term_end", "ended_at", "reseller__name", "reseller_id", "order_line__order__number",
)  # fmt: skip


@require_safe
@login_required
def export(request: HttpRequest, form: str) -> HttpResponseBase:
    """The list with this query string as `csv` or `xlsx`. Headings and words are in the reader's language."""
    if form not in WRITERS:
        raise Http404
    at = now()
    found = matching(actor_of(request), request.META.get("QUERY_STRING", ""), at=at)
    return WRITERS[form](f"subscriptions-{localdate(at)}", _headings(), _rows(found, _Words()))


def _headings() -> list[str]:
    return [
        _("Subscription ID"), _("Nickname"), _("Customer ID"), _("Customer"), _("Country"), _("Beneficiary"),
        _("Publisher"), _("Offer"), _("Plan"), _("Quantity"), _("Status"), _("Reason"), _("Owner"), _("Auto-renew"),
        _("Term"), _("Billing"), _("Unit price"), _("Amount per billing cycle"), _("Currency"), _("Bought"),
        _("Activated"), _("Term starts"), _("Term ends"), _("Ended"), _("Indirect reseller"),
        _("Reseller's PartnerID"), _("Order"),
    ]  # fmt: skip


class _Words:
    """The words of all codes, translated once: the rows are written after the request's language is forgotten."""

    def __init__(self) -> None:
        self.status, self.end = _translated(words.STATUS), _translated(words.END)
        self.reason, self.owner = _translated(words.REASON), _translated(words.OWNER)
        self.term, self.cycle = _translated(words.TERM), _translated(words.CYCLE)
        self.on, self.off = _("On"), _("Off")


def _translated(table: Mapping[Any, Any]) -> dict[str, str]:
    return {str(code): str(word) for code, word in table.items()}


def _rows(found: QuerySet[Subscription], said: _Words) -> Iterator[list[Value]]:
    gate = blocking_gates().order_by("position")
    waiting = {
        name: Case(When(status=Status.PENDING, then=Subquery(gate.values(name)[:1])), default=None)
        for name in ("reason", "owner")
    }
    plain = found.select_related(None).prefetch_related(None)
    rows = plain.values(*FIELDS, waits_for=waiting["reason"], waits_on=waiting["owner"])
    left = iter(rows.iterator(chunk_size=ROWS_A_READ))
    while chunk := list(islice(left, ROWS_A_READ)):
        prices = ledger().own_prices([row["id"] for row in chunk])
        yield from (_row(row, prices.get(row["id"], ()), said) for row in chunk)


def _row(row: Mapping[str, Any], own_prices: Sequence[tuple[int, Money]], said: _Words) -> list[Value]:
    plan = Plan(pricing=row["plan__pricing"], trial_days=row["plan__trial_days"])
    total = cycle_price(plan, row["unit_price"], row["quantity"], row["currency"], own_prices)
    return [
        str(row["id"]),
        row["nickname"],
        str(row["customer_id"]),
        row["customer__name"],
        row["customer__country"],
        row["customer__beneficiary_email"],
        row["publisher__name"],
        row["offer__title"],
        row["plan__title"],
        row["quantity"],
        said.end.get(row["end_reason"]) or said.status[row["status"]],
        said.reason.get(row["waits_for"] or "", ""),
        said.owner.get(row["waits_on"] or "", ""),
        said.on if row["auto_renew"] else said.off,
        said.term[row["plan_term__term"]],
        said.cycle[row["plan_term__billing_cycle"]],
        row["unit_price"],
        total.amount,
        row["currency"],
        row["purchased_at"],
        row["activated_at"],
        row["term_start"],
        _last_day(row["term_end"]),
        row["ended_at"],
        row["reseller__name"],
        row["reseller_id"],
        row["order_line__order__number"],
    ]


def _last_day(end: date | None) -> date | None:
    """The last day of a term, inclusive, as people read it."""
    return end - timedelta(days=1) if end else None
