"""Finding subscriptions by what people type: a part of a name or of an id, an e-mail, an order number, a PartnerID.

Where few match, their ids are read first, so that the database knows how few they are when it orders and counts them.
Of what many match, the index of the list's order soon meets enough.
"""

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from uuid import UUID

from django.db.models import Count, Q, QuerySet

from subscriptions import matches
from subscriptions.matches import Matches, among, matches_of, some_of
from subscriptions.models import Subscription

SHORTEST = 3
NEWEST = 3000
# Where filters leave more than this they are not read one by one: an order soon meets them.
FEW_LEFT = 1000


@dataclass
class Search:
    """What `text` finds. Fewer than SHORTEST characters find only beginnings of names, among the NEWEST."""

    text: str

    @property
    def is_short(self) -> bool:
        return len(self.text) < SHORTEST

    @property
    def finds_many(self) -> bool:
        """Whether more match than are read one by one, whoever may see them."""
        if self.is_short:
            return False
        return len(self._some) > matches.FEW if self._matches.is_common else self._matches.many

    def among(self, queryset: QuerySet[Subscription]) -> QuerySet[Subscription]:
        """Those of the queryset that match."""
        if self.is_short:
            return _beginning(queryset, self.text)
        found = self._matches
        return queryset.filter(found.condition()) if found.many else _with_ids(queryset, found.ids)

    def by_status(self, queryset: QuerySet[Subscription]) -> Counter[str]:
        """How many of the queryset match in each status; where the text finds many, of some of them."""
        found = self.among(queryset) if self.is_short else self._sample(queryset)
        return Counter(dict(found.order_by().values_list("status").annotate(Count("pk"))))

    def _sample(self, queryset: QuerySet[Subscription]) -> QuerySet[Subscription]:
        """Those of the queryset that match, all of them unless the text finds many; of these only some."""
        return _with_ids(queryset, self._some if self._matches.is_common else self._matches.ids)

    @cached_property
    def _matches(self) -> Matches:
        return matches_of(self.text)

    @cached_property
    def _some(self) -> list[UUID]:
        return some_of(self.text)


@dataclass
class Narrowed:
    """What filters without an order of their own leave of `every` subscription: as of a search, some are read first."""

    every: QuerySet[Subscription]
    left: QuerySet[Subscription]

    @property
    def finds_many(self) -> bool:
        """Whether they leave more than FEW_LEFT."""
        return len(self._first) > FEW_LEFT

    def found(self) -> QuerySet[Subscription]:
        """What is left, as the database reads it best: few by their ids, many by the order of the list."""
        return self.left if self.finds_many else _with_ids(self.every, [row[0] for row in self._first])

    def by_status(self) -> Counter[str]:
        """How many in each status; where there are many, of some of them."""
        return Counter(row[1] for row in self._first)

    @cached_property
    def _first(self) -> list[tuple[UUID, str]]:
        """The ids of at most FEW_LEFT + 1 that are left, and their statuses."""
        return list(self.left.order_by().values_list("pk", "status")[: FEW_LEFT + 1])


def _with_ids(queryset: QuerySet[Subscription], ids: str | list[UUID]) -> QuerySet[Subscription]:
    return queryset.filter(pk__in=among(ids))


def _beginning(queryset: QuerySet[Subscription], text: str) -> QuerySet[Subscription]:
    newest = queryset.order_by("-purchased_at", "-id").values("pk")[:NEWEST]
    names = ("nickname", "offer__title", "customer__name")
    begins = Q(*((f"{name}__istartswith", text) for name in names), _connector=Q.OR)
    return queryset.filter(begins, pk__in=newest)
