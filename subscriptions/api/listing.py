"""Every subscription of every customer, page by page, narrowed and sorted as the page of subscriptions is."""

from functools import lru_cache
from typing import Any

import django_filters  # type: ignore[import-untyped]
from django.db.models import QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api import caller
from partnerhub.api.pages import DEFAULT_SIZE, LARGEST_SIZE, number_asked, page_in_order
from partnerhub.api.schema import PAGED, operation
from partnerhub.api.shapes import Collection, collection
from partnerhub.api.views import OwnResource
from partnerhub.clock import now
from partnerhub.errors import InvalidInput, NotPermitted
from subscriptions.api import examples, grants
from subscriptions.api.shapes import SubscriptionListed, subscription_listed
from subscriptions.enums import Owner, Status
from subscriptions.filters import WAITING_REASONS, SubscriptionFilter
from subscriptions.listed import listed
from subscriptions.models import Subscription
from subscriptions.selectors import bare_subscriptions_visible_to
from subscriptions.sorts import NEWEST_FIRST, SORTS, order_of, parts_of, sortable

URI = "/subscriptions"


def _words(names: Any) -> str:
    return ", ".join(f"`{name}`" for name in names)


QUERY = {
    "q": "Only those with this in id, nickname, offer, customer, contact's e-mail, order number or PartnerID.",
    "status": f"Only those in this status: {_words(Status)}.",
    "publisher": "Only those of this publisher, by id.",
    "customer": "Only those of this customer, by id.",
    "reason": f"Only those that wait for this reason: {_words(WAITING_REASONS)}.",
    "owner": f"Only those that wait for this one: {_words(Owner)}.",
    "waiting": "`yes`: only those with a change that waits for the publisher.",
    "term": "Only those of this term, such as `P1Y`.",
    "auto_renew": "Only those that renew by themselves, `on`, or that do not, `off`.",
    "renews_within": "Only those whose term ends within so many days.",
    "country": "Only those of customers in this country, by its two letters.",
    "currency": "Only those billed in this currency.",
    "reseller": "Only those with this indirect reseller's PartnerID.",
    "purchased_from": "Only those bought on this day or later, yyyy-MM-dd.",
    "purchased_to": "Only those bought on this day or earlier.",
    "sort": f"The order, backwards with `-` before it: {_words(SORTS)}; `{NEWEST_FIRST}` when absent. "
    "Of one publisher the newest come first.",
}


class EverySubscription(OwnResource):
    @operation(
        "listEverySubscription",
        "The subscriptions of all customers",
        Collection[SubscriptionListed],
        query=QUERY,
        parameters=PAGED,
        about=(
            "Page by page, the newest first. What narrows the list is what narrows the page of subscriptions, and what "
            "`matching` of a job takes. `totalCount` counts those of the page: nothing is counted that is not shown."
        ),
        roles=grants.READERS,
        refusals=(NotPermitted, InvalidInput),
        answer=examples.EVERY_SUBSCRIPTION,
    )
    def get(self, request: Request) -> Response:
        actor, sort = caller(request), _sort(request)
        order = order_of(sort)
        visible = bare_subscriptions_visible_to(actor)
        chosen = narrowed(visible, request)
        is_whole = chosen is visible and actor.customers is None
        page = page_in_order(
            sortable(chosen, sort),
            order,
            request,
            URI,
            size=number_asked(request, "size", DEFAULT_SIZE, 1, LARGEST_SIZE),
            read=lambda rows: listed(rows, order[0].removeprefix("-"), whole=is_whole),
            end=lambda row: (row.key, *(getattr(row, name.removeprefix("-")) for name in order[1:])),
            parts=parts_of(sort, whole=is_whole),
        )
        shown = [subscription_listed(row) for row in page.rows]
        return Response(collection(shown, URI, following=page.following, preceding=page.preceding))


class _Narrowing(SubscriptionFilter):
    """The same, without asking the database which publishers and currencies there are."""

    publisher = django_filters.UUIDFilter(field_name="publisher_id")
    currency = django_filters.CharFilter(max_length=3)


def narrowed(rows: QuerySet[Subscription], request: Request) -> QuerySet[Subscription]:
    """The rows that the query asks for. Raises InvalidInput for a value that is none."""
    asked = {name: value for name, value in request.query_params.items() if value and name in QUERY}
    asked.pop("sort", None)
    if not asked:
        return rows
    filters = _with(frozenset(asked))(asked, rows, at=now())
    for field, problems in filters.form.errors.items():
        raise InvalidInput(field=field, problem=problems[0])
    found: QuerySet[Subscription] = filters.qs
    return found


@lru_cache(maxsize=256)
def _with(names: frozenset[str]) -> type[_Narrowing]:
    """The filter with no other fields than these: to make all of them takes longer than to read the list."""
    unasked = _Narrowing.base_filters.keys() - names - {"q", "status"}
    return type("_Narrowing", (_Narrowing,), dict.fromkeys(unasked))


def _sort(request: Request) -> str:
    asked = request.query_params.get("sort") or NEWEST_FIRST
    if asked.removeprefix("-") not in SORTS:
        raise InvalidInput(field="sort", problem=f"one of {', '.join(SORTS)} is expected, backwards with - before it")
    return asked
