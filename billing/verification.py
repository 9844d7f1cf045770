"""Proving the ledger: everything that can be recomputed is, and the first row that disagrees is named."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC
from itertools import islice
from uuid import UUID

from django.db.models import Exists, OuterRef

from billing.accounts import fingerprint
from billing.hearing import CONSUMER, Shelf
from billing.models import Account, Charge
from billing.proving import invoice_faults
from billing.replaying import Fault, Heard, Told, replay, row_of
from partnerhub.outbox.models import Delivery, Event
from partnerhub.outbox.recorder import digest
from partnerhub.outbox.recorder import fingerprint as event_fingerprint
from subscriptions.models import BillingStart, Subscription

CHUNK = 2000
SUBSCRIPTIONS_AT_ONCE = 500


@dataclass(slots=True)
class Report:
    """How much was checked, and the faults in the order of their streams."""

    events: int = 0
    charges: int = 0
    starts: int = 0
    invoices: int = 0
    lines: int = 0
    faults: list[Fault] = field(default_factory=list)

    @property
    def first(self) -> Fault | None:
        return self.faults[0] if self.faults else None


def verify() -> Report:
    """Recompute all chains, every line and its evidence from the events that were heard, how far is charged, and every
    invoice from its charges.
    """
    report = Report()
    for faults in (_event_faults(report), _ledger_faults(report), _start_faults(report), _invoice_faults(report)):
        report.faults.extend(faults)
    return report


def faults_of(subscription_id: UUID) -> list[Fault]:
    """What does not hold in the ledger of one subscription, the first fault first; nothing if all of it does."""
    return [fault for told in _told([subscription_id]) for fault in _subscription_faults(told, Shelf())]


def _invoice_faults(report: Report) -> Iterator[Fault]:
    for lines, faults in invoice_faults():
        report.invoices, report.lines = report.invoices + bool(lines), report.lines + lines
        yield from faults


def _event_faults(report: Report) -> Iterator[Fault]:
    previous: Event | None = None
    for event in Event.objects.order_by("stream_id", "sequence").iterator(chunk_size=CHUNK):
        report.events += 1
        follows = previous if previous is not None and previous.stream_id == event.stream_id else None
        row = f"event {event.pk} ({event.stream_type} {event.stream_id} #{event.sequence})"
        if problem := _broken_link(event, follows, digest(event_fingerprint(event), event.previous_hash)):
            yield Fault(row, problem)
        previous = event


def _broken_link(row: Event | Charge, follows: Event | Charge | None, computed: str) -> str | None:
    if row.sequence != (follows.sequence + 1 if follows else 1):
        return f"sequence {row.sequence} does not follow {follows.sequence if follows else 'the beginning'}"
    if row.previous_hash != (follows.hash if follows else ""):
        return "does not continue the chain of the row before it"
    return None if row.hash == computed else "its content does not match its hash"


def _ledger_faults(report: Report) -> Iterator[Fault]:
    shelf, ids = Shelf(), _with_ledger()
    while some := list(islice(ids, SUBSCRIPTIONS_AT_ONCE)):
        for told in _told(some):
            report.charges += len(told.charges)
            yield from _subscription_faults(told, shelf)


def _subscription_faults(told: Told, shelf: Shelf) -> list[Fault]:
    # What a broken row makes of those after it is not worth telling.
    return list(_row_faults(told.charges)) or list(replay(told, shelf))


def _with_ledger() -> Iterator[UUID]:
    """Subscriptions that billing has heard of, or that have a row in the ledger, in the order of their ids."""
    heard = Exists(Delivery.objects.filter(stream_id=OuterRef("pk"), handler=CONSUMER))
    charged = Exists(Charge.objects.filter(subscription_id=OuterRef("pk")))
    found = Subscription.objects.filter(heard | charged).order_by("pk")
    return found.values_list("pk", flat=True).iterator(chunk_size=CHUNK)


def _told(ids: list[UUID]) -> Iterator[Told]:
    """What was heard of some subscriptions, and what was written."""
    events, charges = defaultdict(list), defaultdict(list)
    heard = Delivery.objects.select_related("event").filter(handler=CONSUMER, stream_id__in=ids)
    for delivery in heard.order_by("stream_id", "sequence"):
        if delivery.delivered_at is not None:
            events[delivery.stream_id].append(Heard(delivery.event, delivery.delivered_at))
    written = Charge.objects.select_related("confirmation", "cause", "price").filter(subscription_id__in=ids)
    for charge in written.order_by("subscription_id", "sequence"):
        charges[charge.subscription_id].append(charge)
    accounts = Account.objects.in_bulk(ids)
    for subscription in Subscription.objects.select_related("order_line").filter(pk__in=ids).order_by("pk"):
        key = subscription.pk
        yield Told(subscription, events[key], charges[key], accounts.get(key))


def _row_faults(charges: list[Charge]) -> Iterator[Fault]:
    follows: Charge | None = None
    for charge in charges:
        link = _broken_link(charge, follows, digest(fingerprint(charge), charge.previous_hash))
        for problem in filter(None, [link, *_evidence_problems(charge)]):
            yield Fault(row_of(charge), problem)
        follows = charge


def _evidence_problems(charge: Charge) -> Iterator[str]:
    start = charge.confirmation
    if (start.subscription_id, start.starts_at) != (charge.subscription_id, charge.confirmed_at):
        yield "references another confirmation than it claims"
    if charge.recorded_at < start.starts_at:
        yield f"was recorded {charge.recorded_at.isoformat()}, before its confirmation {start.starts_at.isoformat()}"
    if charge.period_start < start.starts_at.astimezone(UTC).date():
        yield f"its period begins {charge.period_start} before its confirmation {start.starts_at:%Y-%m-%d}"
    if charge.cause.stream_id != charge.subscription_id:
        yield "was caused by an event of another subscription"
    if charge.currency != charge.price.currency:
        yield f"is in {charge.currency}, its price in {charge.price.currency}"


def _start_faults(report: Report) -> Iterator[Fault]:
    """Every billing start stands on both satisfied gates, and its subscription was activated at its moment."""
    starts = BillingStart.objects.prefetch_related("subscription__gates").select_related("subscription")
    for start in starts.order_by("id").iterator(chunk_size=CHUNK):
        report.starts += 1
        satisfied = {gate.gate: gate.satisfied_at for gate in start.subscription.gates.all()}
        confirmed = (satisfied["licenses_assigned"], satisfied["configuration_confirmed"])
        if confirmed != (start.licenses_assigned_at, start.configuration_confirmed_at):
            yield Fault(f"billing start {start.pk}", "does not stand on its gates as they are")
        if start.subscription.activated_at != start.starts_at:
            yield Fault(
                f"subscription {start.subscription_id}", "was activated at another moment than its billing start"
            )
