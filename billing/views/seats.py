"""Licences bought, assigned and billed, side by side."""

from collections.abc import Iterator
from typing import Any

from django.contrib.auth.decorators import login_required
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.translation import get_language, gettext_lazy, override
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from accounts.middleware import actor_of
from accounts.policy import Actor
from billing.seats import TOLD_APART, SeatReason, differing, seats_of, seats_visible_to
from billing.views.frame import frame
from billing.views.reconciling import WRITERS
from partnerhub.web.export import Value
from partnerhub.web.pages import capped_count, keyset_page
from publishers.models import Publisher
from publishers.selectors import publishers_visible_to
from subscriptions import words
from subscriptions.enums import DivergenceKind
from subscriptions.models import Subscription
from subscriptions.views.listing import is_partial

ROWS_A_READ = 500
REASONS = {
    SeatReason.NOT_ACTIVATED: gettext_lazy("Not activated yet, so not billed"),
    SeatReason.BILLING_BEHIND: gettext_lazy("Billing is about to hear of it"),
    SeatReason.BILLED_DIFFERS: gettext_lazy("Billed for another quantity than bought"),
    SeatReason.CHANGE_UNDER_WAY: gettext_lazy("A change is under way"),
    SeatReason.ACCEPTED_BY_SILENCE: gettext_lazy("The last change was accepted by silence"),
    SeatReason.PARTIAL_ASSIGNMENT: gettext_lazy("Not all licences are assigned"),
    SeatReason.ASSIGNED_MORE: gettext_lazy("More licences are assigned than bought"),
    SeatReason.NOT_REPORTED: gettext_lazy("The publisher does not report assigned licences"),
    SeatReason.DIVERGENCE: gettext_lazy("The publisher shows something else"),
}


@require_safe
@login_required
def seats(request: HttpRequest) -> HttpResponse:
    """Every subscription's three figures; `?differing=on` leaves those that do not agree, `?publisher=` one's."""
    actor, params = actor_of(request), request.GET
    found = _found(request, actor)
    page = keyset_page(found, ("-purchased_at", "-id"), params)
    context: dict[str, Any] = {
        "rows": [_shown(row) for row in page.rows],
        "previous_url": page.previous_url,
        "next_url": page.next_url,
        "found": capped_count(found),
        "only_differing": "differing" in params,
        "publishers": _publishers(actor, params.get("publisher", "")),
        "query": params.urlencode(),
    }
    if is_partial(request):
        return render(request, "billing/_seats.html", context)
    return render(request, "billing/seats.html", context | frame(actor, "seats"))


@require_safe
@login_required
def seats_file(request: HttpRequest, form: str) -> HttpResponseBase:
    """What the filter leaves, all of it."""
    if form not in WRITERS:
        raise Http404
    headings = [
        _("Subscription ID"), _("Nickname"), _("Customer"), _("Publisher"), _("Offer"), _("Plan"), _("Bought"),
        _("Assigned"), _("Billed"), _("Codes"), _("Why"),
    ]  # fmt: skip
    rows = _rows(_found(request, actor_of(request)).order_by("-purchased_at", "-id"), get_language() or "en")
    return WRITERS[form]("licences", headings, rows)


def _found(request: HttpRequest, actor: Actor) -> QuerySet[Subscription]:
    found = seats_visible_to(actor)
    publisher = next((one for one in _publishers(actor, request.GET.get("publisher", "")) if one["current"]), None)
    if publisher is not None:
        found = found.filter(publisher_id=publisher["id"])
    return differing(found) if "differing" in request.GET else found


def _publishers(actor: Actor, chosen: str) -> list[dict[str, Any]]:
    every: QuerySet[Publisher] = publishers_visible_to(actor)
    return [{"id": str(one.pk), "name": one.name, "current": str(one.pk) == chosen} for one in every]


def _shown(row: Subscription) -> dict[str, Any]:
    seats = seats_of(row)
    return {"subscription": row, "seats": seats, "reasons": _reasons(row, seats.reasons)}


def _reasons(row: Subscription, reasons: list[SeatReason]) -> list[str]:
    told = [str(REASONS[reason]) for reason in reasons if reason != SeatReason.DIVERGENCE]
    kinds = [DivergenceKind(divergence.kind) for divergence in vars(row)["open_divergences"]]
    return told + [str(words.DIVERGENCE[kind]) for kind in kinds if kind not in TOLD_APART]


def _rows(found: QuerySet[Subscription], language: str) -> Iterator[list[Value]]:
    """The answer is sent when the request's own language is gone already."""
    for row in found.iterator(chunk_size=ROWS_A_READ):
        seats = seats_of(row)
        with override(language):
            why = "; ".join(_reasons(row, seats.reasons))
        yield [
            str(row.pk),
            row.nickname,
            row.customer.name,
            row.publisher.name,
            row.offer.title,
            row.plan.title,
            seats.bought,
            seats.assigned,
            seats.billed,
            " ".join(seats.reasons),
            why,
        ]
