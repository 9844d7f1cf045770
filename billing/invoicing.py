"""The monthly run: drafts for every month that is over, and numbers for those whose review is over.

It works in chunks, each a transaction, and goes on where it stopped; it may be run twice, or by two at once.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import structlog
from django.db import DatabaseError, transaction
from django.db.models import Count, F, Max, Min, Q, Sum

from accounts.policy import Action, Actor, authorize, authorize_for_all
from billing.drafting import Failure, customers_to_draft, unbilled, whole_ledger
from billing.enums import InvoiceKind, InvoiceState
from billing.models import BillingRun, Charge, Invoice
from billing.periods import Month
from billing.seller import seller_profile
from billing.services.invoices import Kept, draft_customers
from billing.services.numbering import lock_series, number
from partnerhub.errors import BilledLater, ClockBehind, HubError, RowFailed
from partnerhub.outbox.models import Event
from subscriptions.terms import midnight

log = structlog.get_logger(__name__)

CUSTOMERS_AT_ONCE = 500
INVOICES_AT_ONCE = 500
# One request bills this much; the tick goes on with the rest.
CHUNKS_A_REQUEST = 5
INVOICES_A_REQUEST = 2000
# Machines whose clocks differ by less bill together; by one that was set back further nothing is billed.
CLOCKS_DIFFER = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Total:
    """How much was drafted in one currency."""

    invoices: int
    net: Decimal
    tax: Decimal
    gross: Decimal

    def __sub__(self, other: "Total") -> "Total":
        return Total(
            self.invoices - other.invoices, self.net - other.net, self.tax - other.tax, self.gross - other.gross
        )


NOTHING = Total(0, Decimal(0), Decimal(0), Decimal(0))


@dataclass(slots=True)
class Billed:
    """What a run did: its months, the totals of their drafts by currency, those of them that it `added`, how many
    invoices were finalized, and which could not be (by id).
    """

    runs: list[BillingRun] = field(default_factory=list)
    totals: dict[str, Total] = field(default_factory=dict)
    added: dict[str, Total] = field(default_factory=dict)
    finalized: int = 0
    refused: dict[UUID, HubError] = field(default_factory=dict)


def bill(actor: Actor, *, as_of: date, at: datetime, chunks: int | None = None, limit: int | None = None) -> Billed:
    """Draft every month that is over on a day (UTC), and finalize what has been reviewed by then. Idempotent.

    With `chunks` and `limit` at most so many chunks of each month and invoices, the rest at the next call.
    Raises NotPermitted, ConcernsEveryCustomer, SellerIncomplete, ClockBehind also where charges or events are of a
    later moment, BilledLater where invoices of a later month are final.
    """
    authorize_for_all(actor, Action.INVOICE_MANAGE)
    _check_ledger_clock(at)
    _check_nothing_later(as_of, at)
    months = months_to_draft(as_of)
    before = totals_of(months)
    billed = Billed(runs=[draft_month(actor, month, at=at, chunks=chunks) for month in months])
    billed.totals = totals_of(months)
    added = {currency: total - before.get(currency, NOTHING) for currency, total in billed.totals.items()}
    billed.added = {currency: total for currency, total in added.items() if total.invoices}
    billed.finalized, billed.refused = finalize_reviewed(actor, reviewed_by=as_of, at=at, limit=limit)
    return billed


def preview(actor: Actor, *, as_of: date, at: datetime, chunks: int | None = None, limit: int | None = None) -> Billed:
    """What `bill` would do: the same call, not committed. Raises as it does."""
    with transaction.atomic():
        billed = bill(actor, as_of=as_of, at=at, chunks=chunks, limit=limit)
        transaction.set_rollback(True)
    return billed


def months_to_draft(as_of: date) -> list[Month]:
    """The months that are over on a day and not drafted yet, or not for everybody, the oldest first.

    Once the last of them is drafted for everybody, as on most days, the ledger is not asked: what is late since then
    stands on the next month's.
    """
    last = Month.of(Month.of(as_of).start - timedelta(days=1))
    done = set(BillingRun.objects.filter(finished_at__isnull=False).values_list("month", flat=True))
    if last.start in done and not BillingRun.objects.filter(finished_at=None).exists():
        return []
    with whole_ledger():
        oldest = unbilled(last.begins_next).exclude(amount=0).aggregate(at=Min("recorded_at"))["at"]
    month = min(Month.of(oldest.astimezone(UTC).date()), last) if oldest else last
    return [one for one in _months(month, last) if one.start not in done]


def _months(month: Month, last: Month) -> Iterator[Month]:
    while month <= last:
        yield month
        month = month.next


def draft_month(actor: Actor, month: Month, *, at: datetime, chunks: int | None = None) -> BillingRun:
    """Draft what every customer owes for a month; with `chunks` at most so many, the rest at the next call.

    The run is finished when the month is over, whatever day it is taken to be, and nobody is left. Who cannot be
    drafted is listed and tried again, after all others, and stops none of them.
    Raises NotPermitted, SellerIncomplete, ClockBehind.
    """
    authorize(actor, Action.INVOICE_MANAGE)
    _check_clock(at)
    run = BillingRun.objects.filter(month=month.start, finished_at__isnull=False).first()
    if run is not None:
        return run
    owing = _owing(month)
    if owing:
        seller_profile()
    run, _created = BillingRun.objects.get_or_create(month=month.start, defaults={"started_at": at})
    told = {UUID(failure["customer"]): failure for failure in run.failures}
    ids = sorted(owing, key=told.__contains__)
    parts = [ids[start : start + CUSTOMERS_AT_ONCE] for start in range(0, len(ids), CUSTOMERS_AT_ONCE)]
    tried = parts[:chunks]
    failures = [failure for part in tried for failure in _draft_chunk(actor, run, part, month, at)]
    untried = set(ids).difference(*tried)
    kept = [failure for customer_id, failure in told.items() if customer_id in untried]
    run.failures = kept + [failure.as_json() for failure in failures]
    # Who was not tried or cannot be drafted owes still: only where there is none is the whole ledger asked again.
    finished = month.begins_next <= at and not untried and not failures and not _owing(month)
    BillingRun.objects.filter(pk=run.pk).update(failures=run.failures, finished_at=at if finished else None)
    run.refresh_from_db()
    return run


def _owing(month: Month) -> list[UUID]:
    with whole_ledger():
        return list(customers_to_draft(month))


def _draft_chunk(actor: Actor, run: BillingRun, ids: Sequence[UUID], month: Month, at: datetime) -> list[Failure]:
    """Draft some customers together; where the database refuses one of them, each by itself."""
    try:
        return _drafted(actor, run, ids, month, at).failures
    except DatabaseError as error:
        if len(ids) > 1:
            return [failure for one in ids for failure in _draft_chunk(actor, run, [one], month, at)]
        log.exception("customer_not_drafted", customer_id=str(ids[0]), month=str(month))
        return [Failure(ids[0], RowFailed(error=type(error).__name__))]


@transaction.atomic
def _drafted(actor: Actor, run: BillingRun, ids: Sequence[UUID], month: Month, at: datetime) -> Kept:
    found = draft_customers(actor, ids, month, at=at)
    # Before the run's row is locked, not at the commit: another worker counts its chunk there, too.
    transaction.get_connection().check_constraints()
    counted = {"chunks": F("chunks") + 1, "invoices": F("invoices") + found.invoices}
    BillingRun.objects.filter(pk=run.pk).update(**counted, lines=F("lines") + found.lines)
    return found


def finalize_reviewed(
    actor: Actor, *, reviewed_by: date, at: datetime, limit: int | None = None
) -> tuple[int, dict[UUID, HubError]]:
    """Finalize the drafts whose review is over by a day (UTC), up to `limit`; how many, and which could not be.

    Raises NotPermitted, ClockBehind.
    """
    authorize(actor, Action.INVOICE_MANAGE)
    _check_clock(at)
    numbered = 0
    refused: dict[UUID, HubError] = {}
    last: tuple[datetime, UUID] | None = None
    while limit is None or numbered < limit:
        tried, not_now = _finalize_some(actor, reviewed_by, last, at)
        if not tried:
            break
        last = tried[-1]
        numbered, refused = numbered + len(tried) - len(not_now), refused | not_now
    return numbered, refused


@transaction.atomic
def _finalize_some(
    actor: Actor, reviewed_by: date, last: tuple[datetime, UUID] | None, at: datetime
) -> tuple[list[tuple[datetime, UUID]], dict[UUID, HubError]]:
    """Finalize the next drafts after the last one tried; the places of those tried now, and which could not be."""
    series = lock_series(InvoiceKind.INVOICE)
    drafts = Invoice.objects.select_for_update(skip_locked=True).filter(
        kind=InvoiceKind.INVOICE, state=InvoiceState.DRAFT, review_until__lte=midnight(reviewed_by)
    )
    if last is not None:
        # From a place on, not without each that was refused: those may be thousands, where a rate is missing.
        review_until, invoice_id = last
        drafts = drafts.filter(Q(review_until__gt=review_until) | Q(review_until=review_until, pk__gt=invoice_id))
    some = list(drafts.order_by("review_until", "id")[:INVOICES_AT_ONCE])
    refused = number(actor, series, some, at=at) if some else {}
    return [(invoice.review_until, invoice.pk) for invoice in some], refused


def _check_clock(at: datetime) -> None:
    """Raises ClockBehind when drafts are of a later moment."""
    _check_not_behind(at, Invoice.objects.order_by("-drafted_at").values_list("drafted_at", flat=True).first())


def _check_ledger_clock(at: datetime) -> None:
    """Raises ClockBehind when charges or events are of a later moment."""
    _check_not_behind(at, Event.objects.order_by("-at", "-id").values_list("at", flat=True).first())
    _check_not_behind(at, Charge.objects.filter(recorded_at__gt=at).aggregate(at=Max("recorded_at"))["at"])


def _check_not_behind(at: datetime, newest: datetime | None) -> None:
    if newest is not None and newest - at > CLOCKS_DIFFER:
        raise ClockBehind(at=f"{at:%Y-%m-%d %H:%M}", newest=f"{newest:%Y-%m-%d %H:%M}")


def _check_nothing_later(as_of: date, at: datetime) -> None:
    """Raises BilledLater when invoices are final of a month that is over by now, but not on the day."""
    finals = Invoice.objects.filter(kind=InvoiceKind.INVOICE, state=InvoiceState.FINALIZED)
    until = finals.filter(period_end__lte=at.astimezone(UTC).date()).aggregate(until=Max("period_end"))["until"]
    if until is not None and as_of < until:
        raise BilledLater(as_of=f"{as_of:%Y-%m-%d}", month=str(Month.of(until - timedelta(days=1))))


def totals_of(months: Sequence[Month]) -> dict[str, Total]:
    """The totals of the drafts of some months, by currency: never added across."""
    invoices = Invoice.objects.filter(kind=InvoiceKind.INVOICE, period_start__in=[month.start for month in months])
    kept = invoices.exclude(state=InvoiceState.VOID).order_by("currency").values_list("currency")
    rows = kept.annotate(Count("id"), Sum("net"), Sum("tax"), Sum("gross"))
    return {currency: Total(*sums) for currency, *sums in rows}
