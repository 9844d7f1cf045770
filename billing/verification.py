"""Proving the ledger: everything that can be recomputed is, and the first row that disagrees is named."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC

from django.db.models import Exists, OuterRef

from billing.models import Charge, ChargeType
from billing.periods import first_period
from billing.services import fingerprint
from partnerhub.outbox.models import Delivery, Event
from partnerhub.outbox.recorder import digest
from partnerhub.outbox.recorder import fingerprint as event_fingerprint
from publishers.pricing import cycle_amount, first_unit_price
from subscriptions.models import BillingStart

CHUNK = 2000


@dataclass(frozen=True, slots=True)
class Fault:
    """One row that does not hold, and why."""

    row: str
    problem: str


@dataclass(slots=True)
class Report:
    """How much was checked, and the faults in the order of their streams."""

    events: int = 0
    charges: int = 0
    starts: int = 0
    faults: list[Fault] = field(default_factory=list)

    @property
    def first(self) -> Fault | None:
        return self.faults[0] if self.faults else None


def verify() -> Report:
    """Recompute both chains, every charge's amount and evidence, and that whoever was activated was charged."""
    report = Report()
    for faults in (_event_faults(report), _charge_faults(report), _start_faults(report)):
        report.faults.extend(faults)
    return report


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


def _charge_faults(report: Report) -> Iterator[Fault]:
    previous: Charge | None = None
    related = ("confirmation", "cause", "subscription__plan_term", "subscription__plan", "reverses")
    charges = Charge.objects.select_related(*related).order_by("subscription_id", "sequence")
    for charge in charges.iterator(chunk_size=CHUNK):
        report.charges += 1
        follows = previous if previous is not None and previous.subscription_id == charge.subscription_id else None
        row = f"charge {charge.pk} (subscription {charge.subscription_id} #{charge.sequence})"
        link = _broken_link(charge, follows, digest(fingerprint(charge), charge.previous_hash))
        for problem in filter(None, [link, *_evidence_problems(charge), *_amount_problems(charge)]):
            yield Fault(row, problem)
        previous = charge


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


def _amount_problems(charge: Charge) -> Iterator[str]:
    computed = cycle_amount(charge.effective_unit_price, charge.quantity, charge.currency).amount
    if computed != charge.amount:
        yield f"its amount is {charge.amount}, recomputed {computed}"
    if charge.reverses is not None and charge.amount != -charge.reverses.amount:
        yield f"credits {charge.amount} for a charge of {charge.reverses.amount}"
    if charge.charge_type == ChargeType.NEW:
        yield from _first_charge_problems(charge)


def _first_charge_problems(charge: Charge) -> Iterator[str]:
    subscription, plan = charge.subscription, charge.subscription.plan
    term = subscription.plan_term
    start = charge.confirmed_at.astimezone(UTC).date()
    period = first_period(start, term.term, term.billing_cycle, plan.trial_days)
    if (charge.period_start, charge.period_end) != period:
        yield f"its period is {charge.period_start}..{charge.period_end}, recomputed {period[0]}..{period[1]}"
    unit_price = first_unit_price(plan, subscription.unit_price)
    if charge.unit_price != unit_price:
        yield f"its unit price is {charge.unit_price}, ordered was {unit_price}"


def _start_faults(report: Report) -> Iterator[Fault]:
    """Every billing start stands on both satisfied gates, and once its event was heard, its subscription is charged."""
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
    yield from _uncharged()


def _uncharged() -> Iterator[Fault]:
    heard = Delivery.objects.filter(event__name="subscription.activated", delivered_at__isnull=False)
    charged = Charge.objects.filter(cause=OuterRef("event"))
    for delivery in heard.filter(~Exists(charged)).order_by("id").iterator(chunk_size=CHUNK):
        yield Fault(f"subscription {delivery.stream_id}", "its activation was delivered, but nothing was charged")
