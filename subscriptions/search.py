"""Finding subscriptions by what people type: a part of a name or of an id, an e-mail, an order number, a PartnerID.

Every kind of match is a search of its own over its own table: one condition that ORs over several tables can use no
index and reads them all. Where few match, their ids are read first, so that the database knows how few they are when
it orders and counts them. Of what many match, the index of the list's order soon meets enough.
"""

import re
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.db.models.expressions import RawSQL

from customers.models import Customer
from publishers.models import Offer
from subscriptions.models import Nickname, OrderLine, Subscription

SHORTEST = 3
NEWEST = 3000
# Where more match than this they are not read one by one.
FEW = 5000
# The same of what filters leave, which an order soon meets more often than a text.
FEW_LEFT = 1000
_PART_OF_ID = re.compile(r"[0-9a-f]{4,32}")
# Materialized, so that it is planned by itself: neither a limit nor an order above it changes how the parts are found.
_FIRST = "WITH found (id) AS MATERIALIZED ({sql}) SELECT id FROM found LIMIT %s"


@dataclass
class Search:
    """What `text` finds. Fewer than SHORTEST characters find only beginnings of names, among the NEWEST."""

    text: str

    @property
    def is_short(self) -> bool:
        return len(self.text) < SHORTEST

    @property
    def finds_many(self) -> bool:
        """Whether more match than FEW, whoever may see them."""
        return not self.is_short and len(self._first) > FEW

    def among(self, queryset: QuerySet[Subscription]) -> QuerySet[Subscription]:
        """Those of the queryset that match."""
        if self.is_short:
            return _beginning(queryset, self.text)
        return queryset.filter(_matching(self.text)) if self.finds_many else self._sample(queryset)

    def by_status(self, queryset: QuerySet[Subscription]) -> Counter[str]:
        """How many of the queryset match in each status; where the text finds many, of some of them."""
        found = self._sample(queryset) if self.finds_many else self.among(queryset)
        return Counter(dict(found.order_by().values_list("status").annotate(Count("pk"))))

    def _sample(self, queryset: QuerySet[Subscription]) -> QuerySet[Subscription]:
        """Those of the queryset that match, all of them unless the text finds many; of these only some."""
        return _with_ids(queryset, self._first)

    @cached_property
    def _first(self) -> list[UUID]:
        """At most FEW + 1 that match; one may stand there for each of its matches."""
        first, *others = (each.order_by() for each in _searches(self.text))
        sql, params = first.union(*others, all=True).query.sql_with_params()
        with connection.cursor() as cursor:
            cursor.execute(_FIRST.format(sql=sql), [*params, FEW + 1])
            return [row[0] for row in cursor.fetchall()]


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


def _with_ids(queryset: QuerySet[Subscription], ids: list[UUID]) -> QuerySet[Subscription]:
    return queryset.filter(pk__in=RawSQL("SELECT unnest(%s::uuid[])", [ids]))


def _beginning(queryset: QuerySet[Subscription], text: str) -> QuerySet[Subscription]:
    newest = queryset.order_by("-purchased_at", "-id").values("pk")[:NEWEST]
    names = ("nickname", "offer__title", "customer__name")
    begins = Q(*((f"{name}__istartswith", text) for name in names), _connector=Q.OR)
    return queryset.filter(begins, pk__in=newest)


def _searches(text: str) -> list[QuerySet[Any, UUID]]:
    """A search for each way to match, over an index each."""
    every = Subscription.objects.values_list("pk", flat=True)
    nicknames = Nickname.objects.filter(text__icontains=text).values_list("pk", flat=True)
    searches: list[QuerySet[Any, UUID]] = [
        nicknames,
        every.filter(customer__in=Customer.objects.filter(_named(text)).values("pk")),
        every.filter(offer__in=Offer.objects.filter(title__icontains=text).values("pk")),
        every.filter(order_line__order__number=text.lower()),
        every.filter(reseller_id=text),
    ]
    if span := _span_of_id(text):
        owners = Customer.objects.filter(pk__range=span)
        searches += [every.filter(pk__range=span), every.filter(customer__in=owners.values("pk"))]
    return searches


def _matching(text: str) -> Q:
    """The same as one condition on a row, for rows that an order's index gives."""
    customers = Customer.objects.filter(_named(text), pk=OuterRef("customer"))
    offers = Offer.objects.filter(pk=OuterRef("offer"), title__icontains=text)
    lines = OrderLine.objects.filter(order__number=text.lower())
    found = (
        Q(nickname__icontains=text) | Q(Exists(customers)) | Q(Exists(offers)) | Q(order_line__in=lines.values("pk"))
    )
    if span := _span_of_id(text):
        found |= Q(pk__range=span) | Q(customer__pk__range=span)
    return found | Q(reseller_id=text)


def _named(text: str) -> Q:
    return Q(name__icontains=text) | Q(domain__icontains=text) | Q(beneficiary_email__iexact=text)


def _span_of_id(text: str) -> tuple[UUID, UUID] | None:
    """The first and the last UUID that begin as `text` does, hyphens or not; None when no id begins like that."""
    digits = text.lower().replace("-", "")
    if not _PART_OF_ID.fullmatch(digits):
        return None
    return UUID(digits.ljust(32, "0")), UUID(digits.ljust(32, "f"))
