"""What lists of subscriptions are sorted by, on pages and for programs; each order has an index."""

from django.db.models import F, QuerySet

from subscriptions.models import Subscription
from subscriptions.models.subscription import STATUS_SINCE

# As ?sort= names it; each goes on by id.
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


def order_of(sort: str) -> tuple[str, str]:
    """The keys of a sort, e.g. `-quantity`; both run in the same direction."""
    sign = "-" if sort.startswith("-") else ""
    return f"{sign}{SORTS[sort.removeprefix('-')]}", f"{sign}id"


def sortable(found: QuerySet[Subscription], sort: str) -> QuerySet[Subscription]:
    """The subscriptions with what a sort of them goes by, written as its index has it."""
    match sort.removeprefix("-"):
        case "nickname":
            return found.filter(searched_nickname__isnull=False).annotate(searched=F("searched_nickname__text"))
        case "since":
            return found.annotate(status_since=STATUS_SINCE)
    return found
