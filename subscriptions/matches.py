"""What a text of three characters or more matches, each kind of match by an index of its own, in one statement.

One condition that ORs over several tables can use no index and reads them all. A text that many match is known by a
sample: rows in the order of their ids, which are random, are from everywhere, and always the same.
"""

import re
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import BooleanField, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.expressions import RawSQL
from django.db.models.functions import Coalesce, Concat

from customers.models import Customer
from publishers.models import Offer
from subscriptions.models import Nickname, OrderLine, Subscription

# Where more match than this they are not read one by one; of what a sample meets often, no more are read to know it.
FEW, FEW_FREQUENT = 5000, 1000
# A text is common where it matches so many of the sample: the order of a list then meets a page of it within a
# thousand. It is frequent where it matches so many.
SAMPLED, COMMON, FREQUENT = 300, 15, 3
# More customers than this are not handed over one by one.
FEW_NAMED = 1000
# An index of trigrams reads the list of each trigram in a text, and those of "Team" are as long as the table: it is
# asked for the rarest so many characters, and what it finds is compared with all of them.
PART, MOST_PARTS, COMPARED = 6, 20, 100
_PART_OF_ID, _WORD = re.compile(r"[0-9a-f]{4,32}"), re.compile(r"[^\W_]{3,}")
# Materialized, so that each is planned by itself: neither a limit nor an order changes how the parts are found.
_LOOK = """
WITH titled (id) AS MATERIALIZED ({offers}), sampled AS MATERIALIZED (
  SELECT upper(s.nickname) AS nickname, s.offer_id, upper(c.name) AS name, upper(c.domain) AS domain,
         upper(c.beneficiary_email) AS email
    FROM (SELECT nickname, offer_id, customer_id FROM subscriptions_subscription ORDER BY id LIMIT {sampled}) AS s
    JOIN customers_customer c ON c.id = s.customer_id
), common AS MATERIALIZED (
  SELECT count(*) >= {common} AS yes, CASE WHEN count(*) >= {frequent} THEN {few_frequent} ELSE {few} END AS most
    FROM sampled
   WHERE strpos(nickname, upper(%s)) > 0 OR strpos(name, upper(%s)) > 0 OR strpos(domain, upper(%s)) > 0
      OR email = upper(%s) OR offer_id IN (SELECT id FROM titled)
), met AS MATERIALIZED (
  SELECT place, part, count(*) FILTER (WHERE strpos(nickname, upper(part)) > 0) AS nicknames,
         count(*) FILTER (WHERE strpos(name, upper(part)) > 0 OR strpos(domain, upper(part)) > 0) AS names
    FROM unnest(%s::text[]) WITH ORDINALITY AS parts (part, place), (SELECT * FROM sampled LIMIT {compared}) AS compared
   GROUP BY place, part
), rarest AS MATERIALIZED (
  SELECT (SELECT part FROM met ORDER BY nicknames, place DESC LIMIT 1) AS nickname,
         (SELECT part FROM met ORDER BY names, place DESC LIMIT 1) AS name
), named (id) AS MATERIALIZED ({named}), found (id) AS MATERIALIZED (
  SELECT id
    FROM (SELECT id FROM ({found}) AS matching (id) WHERE NOT (SELECT yes FROM common) LIMIT {few} + 1) AS enough
   LIMIT (SELECT most + 1 FROM common)
)
SELECT yes, yes OR (SELECT count(*) FROM found) > most, ARRAY(SELECT id FROM found)::text,
       CASE WHEN (SELECT count(*) FROM titled) <= {few_named} THEN ARRAY(SELECT id FROM titled)::text END,
       CASE WHEN NOT yes
            THEN CASE WHEN (SELECT count(*) FROM (SELECT FROM named LIMIT {few_named} + 1) AS first) <= {few_named}
                      THEN ARRAY(SELECT id FROM named)::text END END
  FROM common
"""
_NICKNAME, _NAME = RawSQL("SELECT nickname FROM rarest", []), RawSQL("SELECT name FROM rarest", [])


@dataclass(frozen=True, slots=True)
class Matches:
    """What was found. Ids are PostgreSQL's own text of an array, which nobody here needs to read.

    Where there are `many`, `ids` are not all, and none of a text that `is_common`. `offers` and `customers` are None
    where they are too many.
    """

    text: str
    is_common: bool
    many: bool
    ids: str
    offers: str | None
    customers: str | None

    def condition(self) -> Q:
        """The same as one condition on a row, for rows that an order's index gives."""
        lines = OrderLine.objects.filter(order__number=self.text.lower())
        found = Q(nickname__icontains=self.text) | Q(order_line__in=lines.values("pk")) | Q(reseller_id=self.text)
        found |= _is_one_of("offer", self.offers, _offers(self.text))
        found |= _is_one_of("customer", self.customers, _customers(self.text))
        if span := _span_of_id(self.text):
            found |= Q(pk__range=span) | Q(customer__pk__range=span)
        return found


def matches_of(text: str) -> Matches:
    """What matches a text of three characters or more, whoever may see it."""
    offers, offers_given = _sql(_offers(text).values("pk"))
    named, named_given = _sql(_customers(text, rarest=_NAME).values("pk"))
    found, found_given = _sql(_union(text, _nicknames(text, _NICKNAME), RawSQL("SELECT id FROM named", [])))
    often = {"sampled": SAMPLED, "common": COMMON, "frequent": FREQUENT, "compared": COMPARED}
    most = {"few": FEW, "few_frequent": min(FEW, FEW_FREQUENT), "few_named": FEW_NAMED}
    statement = _LOOK.format(offers=offers, named=named, found=found, **often, **most)
    given = [*offers_given, *[text] * 4, _parts_of(text), *named_given, *found_given]
    with connection.cursor() as cursor:
        cursor.execute(statement, given)
        return Matches(text, *cursor.fetchone())


def some_of(text: str) -> list[UUID]:
    """At most FEW + 1 ids that match a text which is common; one may stand there for each of its matches."""
    sql, params = _sql(_union(text, _nicknames(text), _customers(text).values("pk")))
    with connection.cursor() as cursor:
        cursor.execute(f"WITH found (id) AS MATERIALIZED ({sql}) SELECT id FROM found LIMIT %s", [*params, FEW + 1])  # noqa: S608 - Django's own SQL, values apart
        return [row[0] for row in cursor.fetchall()]


def among(ids: str | list[UUID]) -> RawSQL:
    """Ids, for a condition `__in`."""
    return RawSQL("SELECT unnest(%s::uuid[])", [ids])


def _union(text: str, nicknames: QuerySet[Any], customers: Any) -> QuerySet[Any, UUID]:
    """A search for each way to match, over an index each."""
    every = Subscription.objects.values_list("pk", flat=True)
    searches = [
        every.filter(customer__in=customers),
        every.filter(offer__in=_offers(text).values("pk")),
        every.filter(order_line__order__number=text.lower()),
        every.filter(reseller_id=text),
    ]
    if span := _span_of_id(text):
        owners = Customer.objects.filter(pk__range=span)
        searches += [every.filter(pk__range=span), every.filter(customer__in=owners.values("pk"))]
    first = nicknames.values_list("pk", flat=True)
    return first.order_by().union(*(each.order_by() for each in searches), all=True)


def _nicknames(text: str, rarest: RawSQL | None = None) -> QuerySet[Nickname]:
    """Where a part is given the index is asked for that part, and what it has is compared with the whole text."""
    if rarest is None:
        return Nickname.objects.filter(text__icontains=text)
    compared = Nickname.objects.alias(spelled=Concat("text", Value("")))
    return compared.filter(text__icontains=rarest, spelled__icontains=text)


def _customers(text: str, rarest: RawSQL | None = None) -> QuerySet[Customer]:
    by_email = Q(beneficiary_email__iexact=text)
    if rarest is None:
        return Customer.objects.filter(Q(name__icontains=text) | Q(domain__icontains=text) | by_email)
    compared = Customer.objects.alias(called=Concat("name", Value("")), at=Concat("domain", Value("")))
    first = compared.filter(Q(name__icontains=rarest) | Q(domain__icontains=rarest) | by_email)
    return first.filter(Q(called__icontains=text) | Q(at__icontains=text) | by_email)


def _offers(text: str) -> QuerySet[Offer]:
    return Offer.objects.filter(title__icontains=text)


def _is_one_of(name: str, ids: str | None, matching: QuerySet[Any]) -> Q:
    """Rows whose offer or customer matches: by its id, or where they are too many by asking for each.

    Asked whether there is one, the database would read all of them first.
    """
    if ids is not None:
        return Q(**{f"{name}__in": among(ids)})
    found = matching.filter(pk=OuterRef(name)).annotate(matches=Value(True)).values("matches")[:1]
    return Q(Coalesce(Subquery(found), Value(False), output_field=BooleanField()))


def _parts_of(text: str) -> list[str]:
    """Parts of the words of a text that an index can be asked for, the whole where it has no word."""
    words = [text[one.start() : one.end()] for one in _WORD.finditer(text)]
    parts = [word[start : start + PART] for word in words for start in range(max(1, len(word) - PART + 1))]
    return parts[:: len(parts) // MOST_PARTS + 1] or [text]


def _sql(queryset: QuerySet[Any, Any]) -> tuple[str, tuple[Any, ...]]:
    return queryset.query.sql_with_params()


def _span_of_id(text: str) -> tuple[UUID, UUID] | None:
    """The first and the last UUID that begin as `text` does, hyphens or not; None when no id begins like that."""
    digits = text.lower().replace("-", "")
    if not _PART_OF_ID.fullmatch(digits):
        return None
    return UUID(digits.ljust(32, "0")), UUID(digits.ljust(32, "f"))
