"""What lists of subscriptions are sorted by, on pages and for programs; each order has an index."""

from django.db.models import F, QuerySet

from partnerhub.keyset import Parts, in_groups, in_order
from subscriptions.models import Subscription
from subscriptions.models.subscription import STATUS_SINCE

# As ?sort= names it; each goes on by id, but a publisher's by the newest: there is an index of that.
SORTS = {
    "purchased": "purchased_at",
    "nickname": "searched",
    "customer": "customer__name",
    "publisher": "publisher__name",
    "quantity": "quantity",
    "renewal": "term_end",
    "since": "status_since",
}
NEWEST_FIRST, SOONEST_END = "-purchased", "renewal"
BY_PUBLISHER = "publisher"


def order_of(sort: str) -> tuple[str, ...]:
    """The keys of a sort, e.g. `-quantity`; all run in the same direction, but those of one publisher newest first."""
    sign, name = "-" if sort.startswith("-") else "", sort.removeprefix("-")
    first = f"{sign}{SORTS[name]}"
    return (first, "-purchased_at", "-id") if name == BY_PUBLISHER else (first, f"{sign}id")


def parts_of(sort: str, *, whole: bool) -> Parts:
    """How a page of a sort is found. A `whole` list is narrowed by nothing but perhaps the publisher: where few of a
    publisher's are left, its index would be read to the end.
    """
    return in_groups if whole and sort.removeprefix("-") == BY_PUBLISHER else in_order


def sortable(found: QuerySet[Subscription], sort: str) -> QuerySet[Subscription]:
    """The subscriptions with what a sort of them goes by, written as its index has it."""
    match sort.removeprefix("-"):
        case "nickname":
            return found.filter(searched_nickname__isnull=False).annotate(searched=F("searched_nickname__text"))
        case "since":
            return found.annotate(status_since=STATUS_SINCE)
    return found
