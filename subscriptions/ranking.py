"""Reading the most urgent items by an index, out of what the scheduler has ranked (`services/ranking.py`).

Ranked rows hold what the view says of subscriptions, each in its place. The view itself is asked for what may differ by
now: of subscriptions that were touched since, or that time has moved, and of publishers. So what is read is what the
view says at that moment; where too much has changed, or nothing is ranked, the view is asked for everything.
"""

from collections.abc import Callable, Collection, Iterable
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection
from django.db.models import Count, Q, QuerySet

from accounts.policy import Action, Actor, authorize
from subscriptions.attending import ages, attention_visible_to, changes_ahead, open_items, ranked, soonest
from subscriptions.models import RankedItem
from subscriptions.selectors import within

# So many of the most urgent items are told apart; for a first page, fewer: enough to count to a thousand rows.
MOST_READ, FIRST_READ = 10_000, 2500
# Of so many subscriptions the view is asked at most.
MOST_APART = 1000
_APART = """
SELECT ARRAY(SELECT subscription_id FROM (SELECT subscription_id FROM subscriptions_touchedsubscription LIMIT %(most)s)
                 AS touched
              UNION
             SELECT subscription_id FROM (SELECT subscription_id FROM subscriptions_rankeditem
                                           WHERE moves_at <= %(at)s LIMIT %(most)s) AS moved),
       (SELECT min(moves_at) FROM subscriptions_rankeditem WHERE moves_at > %(at)s)
  FROM subscriptions_ranking WHERE ranked_at <= %(at)s AND until > %(at)s
"""


class Place(NamedTuple):
    """An open item in its place. `rank` sorts as text."""

    rank: str
    item: str
    subscription: UUID | None
    cause: str


class Reading:
    """What every reading at one moment begins with, asked for once: the policies that set deadlines, and what is not
    ranked as it stands.
    """

    def __init__(self, at: datetime) -> None:
        self.at, self.book = at, ages()
        self.apart, self.moves_at = _apart(at)


def most_urgent(
    actor: Actor,
    at: datetime,
    narrow: Callable[[QuerySet[Any]], QuerySet[Any]],
    most: int = MOST_READ,
    reading: Reading | None = None,
) -> list[Place]:
    """The most urgent of the open items that an actor may see and `narrow` leaves, in their order, `most` at most.

    `narrow` may use what ranked and open items have in common. Raises NotPermitted.
    """
    authorize(actor, Action.SUBSCRIPTION_READ)
    reading = reading or Reading(at)
    apart, view = reading.apart, ranked(narrow(attention_visible_to(actor, at, reading.book)))
    if apart is None:
        return _places(view, most)
    found = _places(narrow(within(_in_place(apart), actor, "customer_id")), most)
    for one in _not_ranked(apart):
        found += _places(view.filter(one), most)
    return sorted(found)[:most]


def one_each_of(places: Iterable[Place]) -> list[Place]:
    """The most urgent item of each subscription, and each publisher's: `attending.one_each` of what is read already."""
    firsts: dict[object, Place] = {}
    for one in places:
        firsts.setdefault(one.subscription or one.item, one)
    return list(firsts.values())


def count_by_cause(at: datetime) -> dict[str, tuple[int, int]]:
    """How many items of each cause are open, whoever looks, and of how many of them the deadline has passed."""
    reading = Reading(at)
    apart, items = reading.apart, open_items(at, reading.book)
    if apart is None:
        return _counted([(items, Q(deadline__lte=at))])
    parts = [(items.filter(one), Q(deadline__lte=at)) for one in _not_ranked(apart)]
    return _counted([(_in_place(apart), Q(rank__lt="1")), *parts])


def next_change(at: datetime, reading: Reading | None = None) -> datetime:
    """The next moment at which time alone opens, closes, reorders or brings back an item; LOOK_AGAIN at the latest."""
    reading = reading or Reading(at)
    if reading.apart is None:
        return soonest(at, changes_ahead(at, book=reading.book))
    ahead = [moment for one in _not_ranked(reading.apart) for moment in changes_ahead(at, one, reading.book)]
    return soonest(at, [*ahead, reading.moves_at] if reading.moves_at else ahead)


def _apart(at: datetime) -> tuple[list[UUID] | None, datetime | None]:
    """The subscriptions whose ranked items may have changed since, None when the view is to be asked for all; and when
    time moves the next ranked item.
    """
    with connection.cursor() as cursor:
        cursor.execute(_APART, {"at": at, "most": MOST_APART + 1})
        found = cursor.fetchone()
    return found if found and len(found[0]) <= MOST_APART else (None, None)


def _in_place(apart: Collection[UUID]) -> QuerySet[RankedItem]:
    return RankedItem.objects.filter(rank__isnull=False).exclude(subscription_id__in=apart).order_by("rank", "id")


def _not_ranked(apart: Collection[UUID]) -> list[Q]:
    """What the view is asked for: each of these by itself, because together they could use no index."""
    return [Q(subscription=None), *([Q(subscription__in=apart)] if apart else [])]


def _places(items: QuerySet[Any], most: int) -> list[Place]:
    return [Place(*row) for row in items.values_list("rank", "pk", "subscription_id", "cause")[:most]]


def _counted(parts: list[tuple[QuerySet[Any], Q]]) -> dict[str, tuple[int, int]]:
    found: dict[str, tuple[int, int]] = {}
    for items, late in parts:
        figures = items.order_by().values_list("cause").annotate(n=Count("id"), late=Count("id", filter=late))
        for cause, count, overdue in figures:
            before = found.get(cause, (0, 0))
            found[cause] = (before[0] + count, before[1] + overdue)
    return found
