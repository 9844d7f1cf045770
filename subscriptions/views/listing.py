"""The list of subscriptions across all customers, and what it shares with the Marketplace tab of one."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe
from django_htmx.middleware import HtmxDetails

from accounts.middleware import actor_of
from partnerhub.clock import now
from partnerhub.web.pages import CURSORS, at_least, capped, capped_counts, keyset_page
from partnerhub.web.wording import voice
from subscriptions.enums import Status
from subscriptions.filters import SubscriptionFilter
from subscriptions.ledger import ledger
from subscriptions.models import Subscription
from subscriptions.selectors import rows_visible_to, told
from subscriptions.sorts import NEWEST_FIRST, SOONEST_END, order_of, parts_of, sortable
from subscriptions.views import columns
from subscriptions.views.addresses import EVERYTHING, address, chips, link
from subscriptions.views.rows import row_of
from subscriptions.views.saved_views import Saved, opening, views_of
from subscriptions.words import STATUS

# What of the URL says how a list looks, and nothing about which rows it has.
LOOKS = ("sort", "columns", "view")


@dataclass(frozen=True, slots=True)
class Listing:
    """Which list is shown: its name in saved views, the rows it chooses from, and the customer whose tab it is."""

    page: str
    rows: QuerySet[Subscription]
    customer: UUID | None = None


@require_safe
@login_required
def subscriptions(request: HttpRequest) -> HttpResponse:
    """Every subscription of every customer."""
    listing = Listing("subscriptions", rows_visible_to(actor_of(request)))
    saved = Saved.of(actor_of(request), listing.page)
    if elsewhere := opening(request, saved):
        return HttpResponseRedirect(elsewhere)
    return answered(request, listed(request, listing, saved), "subscriptions/list.html")


def answered(request: HttpRequest, context: Mapping[str, Any], page: str) -> HttpResponse:
    """The whole page, or the results alone where htmx filters; the address bar then keeps what narrows the list."""
    if not is_partial(request):
        return render(request, page, dict(context))
    response = render(request, "subscriptions/_results.html", dict(context) | {"oob": True})
    response["HX-Push-Url"] = f"{request.path}{context['query']}"
    return response


def listed(request: HttpRequest, listing: Listing, saved: Saved) -> dict[str, Any]:
    """What the request's query string makes of a list: its page of rows, and the controls that change it."""
    actor, params = actor_of(request), request.GET
    filters = SubscriptionFilter(params, listing.rows, at=now())
    # Renewals of the next days were bought long ago: newest first shows the last of them, and walks all to find them.
    usual = SOONEST_END if "renews_within" in filters.applied else NEWEST_FIRST
    sort = columns.sort_named(params.get("sort", ""), usual=usual)
    shown = columns.chosen(params.getlist("columns"), listing.customer is not None)
    is_whole = filters.applied.keys() <= {"publisher"} and listing.customer is None and actor.customers is None
    found, parts = sortable(filters.qs, sort), parts_of(sort, whole=is_whole)
    page = keyset_page(found, order_of(sort), params, narrow=True, parts=parts)
    tabs = _tabs(params, filters)
    cells = [(column, column.opening) for column in shown]
    say = voice()
    rows = told(page.rows, *(column.related for column in shown if column.related))
    prices = ledger().own_prices([each.pk for each in rows])
    return {
        "filter": filters,
        "query": address(params),
        "rows": [columns.filled(row_of(each, actor, say, prices.get(each.pk, ())), each, cells, say) for each in rows],
        "previous_url": page.previous_url,
        "next_url": page.next_url,
        "status_tabs": tabs,
        "shown_count": next((tab["count"] for tab in tabs if tab["current"]), "0") or f"{len(page.rows)}+",
        "chips": chips(params, filters, ("status",)),
        "everything_url": f"?view={EVERYTHING}",
        "headers": [_header(params, column, sort) for column in shown],
        "offer_header": _header(params, columns.NICKNAME, sort),
        "columns": _column_choices(shown, listing),
        "kept": _kept(params, shown),
        "sorts": _sort_choices(sort),
        "matching": matching_query(params, listing),
        "bulk_url": reverse("subscriptions:bulk"),
        "views": views_of(params, actor, saved),
    }


def is_partial(request: HttpRequest) -> bool:
    """Whether htmx asks for the results alone: a restored history entry needs the whole page."""
    htmx: HtmxDetails = request.htmx  # type: ignore[attr-defined]
    return bool(htmx) and not htmx.history_restore_request and htmx.target == "results"


def matching_query(params: QueryDict, listing: Listing) -> str:
    """The query string that names every row of the list, on whatever page: for exports and bulk changes."""
    without = dict.fromkeys(LOOKS, "")
    query = address(params, **without).removeprefix("?")
    if listing.customer is None:
        return query
    scope = f"customer={listing.customer}"
    return f"{query}&{scope}" if query else scope


def _tabs(params: QueryDict, filters: SubscriptionFilter) -> list[dict[str, Any]]:
    """One tab for each status, counted with every other filter applied."""
    asked = params.get("status", "")
    current = asked if asked in list(Status) else ""
    named = [("", _("All")), *((status.value, str(STATUS[status])) for status in Status)]
    return [
        {"label": label, "count": count, "url": link(params, status=value), "current": value == current}
        for (value, label), count in zip(named, _counts(filters), strict=True)
    ]


def _counts(filters: SubscriptionFilter) -> list[str | None]:
    """How many there are, and how many in each status; where many are found, at least how many, if any is known.

    What is looked for is found as a whole: once for all, not once for each status.
    """
    first = filters.found_first
    if first is None:
        found = filters.of_every_status
        return list(capped_counts([found, *(found.filter(status=status) for status in Status)]))
    by_status, many = first
    counts = [by_status.total(), *(by_status[status.value] for status in Status)]
    return [at_least(count) if many else capped(count) for count in counts]


def _header(params: QueryDict, column: columns.Column, sort: str) -> dict[str, Any]:
    """A column's heading: where a click sorts by it, and how it is sorted now."""
    turned = f"-{column.sort}" if sort == column.sort else column.sort
    direction = {column.sort: "ascending", f"-{column.sort}": "descending"}.get(sort, "") if column.sort else ""
    return {
        "label": column.label,
        "css": column.css,
        "url": link(params, sort=turned) if column.sort else "",
        "direction": direction,
    }


def _column_choices(shown: list[columns.Column], listing: Listing) -> list[dict[str, Any]]:
    rest = [column for column in columns.offered(listing.customer is not None) if column not in shown]
    return [{"name": column.name, "label": column.label, "shown": column in shown} for column in [*shown, *rest]]


def _sort_choices(sort: str) -> list[dict[str, Any]]:
    """The sorts to choose from by name; the one in use stands among them, whichever way it runs."""
    plain = sort.removeprefix("-")
    in_use = next((name for name in (sort, plain, f"-{plain}") if name in columns.SORT_WORDS), "")
    return [
        {"value": sort if name == in_use else name, "label": label, "current": name == in_use}
        for name, label in columns.SORT_WORDS.items()
    ]


def _kept(params: QueryDict, shown: list[columns.Column]) -> dict[str, list[tuple[str, str]]]:
    """What each form of the page must carry along, so that it changes only its own part of the URL."""
    given = [(name, str(value)) for name, value in params.items() if value and name not in CURSORS]
    for_filters = [(name, value) for name, value in given if name in ("status", "view", "customer")]
    if "columns" in params:
        for_filters.append(("columns", ",".join(column.name for column in shown)))
    return {
        "filters": for_filters,
        "columns": [(name, value) for name, value in given if name != "columns"],
    }
