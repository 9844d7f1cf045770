"""Charges that stand on no finalized invoice: what estimates are made of. Drafts are not final, so theirs are here."""

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum

from django.db.models import Count, Q, QuerySet, Sum

from accounts.policy import Action, Actor, authorize
from billing.enums import InvoiceState
from billing.models import Charge
from billing.periods import Month
from billing.reconciliation import with_lines
from subscriptions.selectors import within
from subscriptions.terms import midnight

_OPEN = (InvoiceState.DRAFT, InvoiceState.HELD)


class Due(StrEnum):
    """Whether a charge goes to the invoice of the running month, or to one of a month that is over."""

    CURRENT = "current"
    PREVIOUS = "previous"


@dataclass(frozen=True, slots=True)
class Estimate:
    """What is not finalized yet in one currency. `net` is before tax."""

    currency: str
    due: Due
    lines: int
    net: Decimal


def uninvoiced(actor: Actor, *, at: datetime, due: Due | None = None, currency: str | None = None) -> QuerySet[Charge]:
    """The charges on no finalized invoice, all or only those due then or in a currency. Raises NotPermitted."""
    authorize(actor, Action.INVOICE_READ)
    found = within(with_lines(), actor).filter(Q(line=None) | Q(line__invoice__state__in=_OPEN))
    if currency is not None:
        found = found.filter(currency=currency)
    return found if due is None else found.filter(_due(due, at))


def _due(due: Due, at: datetime) -> Q:
    begins = midnight(Month.of(at.astimezone(UTC).date()).start)
    if due == Due.CURRENT:
        return Q(line=None, recorded_at__gte=begins)
    return Q(line__isnull=False) | Q(recorded_at__lt=begins)


def estimates(actor: Actor, *, at: datetime, currency: str | None = None) -> list[Estimate]:
    """The sums of both, by currency, where there is anything. Raises NotPermitted."""
    return [
        Estimate(row["currency"], due, row["lines"], row["net"])
        for due in Due
        for row in uninvoiced(actor, at=at, due=due, currency=currency)
        .order_by("currency")
        .values("currency")
        .annotate(lines=Count("id"), net=Sum("amount"))
    ]
