"""Finding subscriptions by what people type: a part of a name or of an id, an e-mail, an order number, a PartnerID.

Every kind of match is a search of its own over its own table, and their ids are united: one condition that ORs over
several tables can use no index and reads them all.
"""

import re
from uuid import UUID

from django.db.models import Q, QuerySet

from customers.models import Customer
from publishers.models import Offer
from subscriptions.models import Subscription

SHORTEST = 3
NEWEST = 3000
_PART_OF_ID = re.compile(r"[0-9a-f]{4,32}")


def found_by(queryset: QuerySet[Subscription], text: str) -> QuerySet[Subscription]:
    """The subscriptions of a queryset that `text` finds.

    With fewer than SHORTEST characters only beginnings of names count, among the NEWEST of the queryset.
    """
    if len(text) < SHORTEST:
        newest = queryset.order_by("-purchased_at", "-id").values("pk")[:NEWEST]
        names = ("nickname", "offer__title", "customer__name")
        begins = Q(*((f"{name}__istartswith", text) for name in names), _connector=Q.OR)
        return queryset.filter(begins, pk__in=newest)
    first, *others = (each.order_by().values("pk") for each in _searches(text))
    return queryset.filter(pk__in=first.union(*others))


def _searches(text: str) -> list[QuerySet[Subscription]]:
    every = Subscription.objects.all()
    customers = Customer.objects.filter(
        Q(name__icontains=text) | Q(domain__icontains=text) | Q(beneficiary_email__iexact=text)
    )
    searches = [
        every.filter(nickname__icontains=text),
        every.filter(customer__in=customers.values("pk")),
        every.filter(offer__in=Offer.objects.filter(title__icontains=text).values("pk")),
        every.filter(order_line__order__number=text.lower()),
        every.filter(reseller_id=text),
    ]
    if span := _span_of_id(text):
        owners = Customer.objects.filter(pk__range=span)
        searches += [every.filter(pk__range=span), every.filter(customer__in=owners.values("pk"))]
    return searches


def _span_of_id(text: str) -> tuple[UUID, UUID] | None:
    """The first and the last UUID that begin as `text` does, hyphens or not; None when no id begins like that."""
    digits = text.lower().replace("-", "")
    if not _PART_OF_ID.fullmatch(digits):
        return None
    return UUID(digits.ljust(32, "0")), UUID(digits.ljust(32, "f"))
