"""A publisher's statement against the ledger: for each subscription and calendar month (UTC), what both say of it.

The ledger's side are the charges and credits recorded in the month, as in the reconciliation file, before tax.
"""

from collections import Counter
from enum import StrEnum
from typing import Any

from django.db.models import (
    Case,
    CharField,
    Count,
    F,
    Q,
    QuerySet,
    Sum,
    Value,
    When,
)

from accounts.policy import Action, Actor, authorize
from billing.models import Charge, Statement, StatementLine
from subscriptions.terms import add_months, midnight


class Difference(StrEnum):
    """How a statement's lines of a subscription and month differ from the ledger; the first that holds is told."""

    UNKNOWN_SUBSCRIPTION = "unknown_subscription"
    NOTHING_CHARGED = "nothing_charged"
    CURRENCY_DIFFERS = "currency_differs"
    AMOUNT_DIFFERS = "amount_differs"
    QUANTITY_DIFFERS = "quantity_differs"
    AGREES = "agrees"
    # Not of a line: charged by us, and not on the statement.
    MISSING_THERE = "missing_there"


def statements_visible_to(actor: Actor) -> QuerySet[Statement]:
    """The statements, newest import first; none for who sees only some customers. Raises NotPermitted."""
    authorize(actor, Action.INVOICE_READ)
    if actor.customers is not None:
        return Statement.objects.none()
    return Statement.objects.select_related("publisher").order_by("-imported_at", "-id")


_FIGURES = ("ours", "our_quantity", "our_currency", "theirs", "their_quantity")


def compared(statement: Statement, only: str = "") -> QuerySet[StatementLine]:
    """The lines in the order of the file (those of `only` one difference), each with `theirs` and `ours` (amounts of
    its subscription and month), `our_quantity`, `their_quantity`, `our_currency` and the `difference`.
    """
    figures = statement.lines.filter(comparison__statement=statement).select_related("subscription")
    figures = figures.annotate(**{name: F(f"comparison__{name}") for name in _FIGURES})
    lines = figures.annotate(difference=_difference()).order_by("number")
    return lines.filter(Q(difference=only)) if only in set(Difference) else lines


def _difference() -> Case:
    return Case(
        When(subscription=None, then=Value(Difference.UNKNOWN_SUBSCRIPTION)),
        When(ours=None, then=Value(Difference.NOTHING_CHARGED)),
        When(~Q(our_currency=F("currency")), then=Value(Difference.CURRENCY_DIFFERS)),
        When(~Q(ours=F("theirs")), then=Value(Difference.AMOUNT_DIFFERS)),
        When(~Q(our_quantity=F("their_quantity")), then=Value(Difference.QUANTITY_DIFFERS)),
        default=Value(Difference.AGREES),
        output_field=CharField(),
    )


def missing_there(statement: Statement) -> list[dict[str, Any]]:
    """What was charged for this publisher in the statement's months and does not stand on it, with its sum."""
    missing: list[dict[str, Any]] = []
    for month in statement.lines.order_by("month").values_list("month", flat=True).distinct():
        stated = statement.lines.filter(month=month, subscription__isnull=False).values("subscription")
        charged = Charge.objects.filter(
            subscription__publisher=statement.publisher,
            recorded_at__gte=midnight(month),
            recorded_at__lt=midnight(add_months(month, 1)),
        ).exclude(subscription__in=stated)
        rows = charged.values("subscription_id", "subscription__nickname", "currency").annotate(ours=Sum("amount"))
        missing.extend({**row, "month": month} for row in rows.order_by("subscription__nickname", "subscription_id"))
    return missing


def counts_of(statement: Statement) -> Counter[str]:
    """How many lines there are of each difference."""
    # Any: the stubs know the fields of the model alone.
    found: Any = compared(statement)
    return Counter(dict(found.order_by().values_list("difference").annotate(lines=Count("pk"))))
