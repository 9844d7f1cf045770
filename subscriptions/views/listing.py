"""The list of subscriptions across all customers."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from django_htmx.middleware import HtmxDetails

from accounts.middleware import actor_of
from partnerhub.web.pages import keyset_page
from subscriptions.filters import SubscriptionFilter
from subscriptions.models import Subscription
from subscriptions.selectors import subscriptions_visible_to
from subscriptions.views.rows import row_of

NEWEST_FIRST = ("-purchased_at", "-id")


@require_safe
@login_required
def subscriptions(request: HttpRequest) -> HttpResponse:
    context = listed(request, subscriptions_visible_to(actor_of(request)))
    template = "subscriptions/_results.html" if is_partial(request) else "subscriptions/list.html"
    return render(request, template, context | {"with_customer": True})


def listed(request: HttpRequest, queryset: QuerySet[Subscription]) -> dict[str, Any]:
    """The filter of the request's query string, and the page of rows that it leaves."""
    actor = actor_of(request)
    filters = SubscriptionFilter(request.GET, queryset=queryset)
    page = keyset_page(filters.qs, NEWEST_FIRST, request.GET)
    return {
        "filter": filters,
        "rows": [row_of(subscription, actor) for subscription in page.rows],
        "previous_url": page.previous_url,
        "next_url": page.next_url,
    }


def is_partial(request: HttpRequest) -> bool:
    """Whether htmx asks for the results alone: a restored history entry needs the whole page."""
    htmx: HtmxDetails = request.htmx  # type: ignore[attr-defined]
    return bool(htmx) and not htmx.history_restore_request and htmx.target == "results"
