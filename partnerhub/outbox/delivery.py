"""Delivering: each due handler runs in its own transaction, together with its delivered mark.

What is about to be heard is marked before, in a transaction that is committed: an event of which a process dies leaves
its name behind. It is heard alone from then on, and parked with growing waits once processes died of it alone, too.
"""

import random
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from partnerhub.logs import redact
from partnerhub.outbox.models import Delivery
from partnerhub.outbox.recorder import handler_of
from partnerhub.tracing import span

log = structlog.get_logger(__name__)

FIRST_RETRY = timedelta(seconds=2)
LONGEST_RETRY = timedelta(minutes=15)
# What a process has begun to hear is nobody else's for so long; then that process is taken for dead.
LEASE = timedelta(seconds=30)
BATCH = 20
# Once with others in a batch, twice alone.
FATAL = 3
FIRST_PARKING, LONGEST_PARKING = timedelta(minutes=15), timedelta(days=1)
LOST = "The process that was hearing this has ended in the middle of it."
PARKED = "Parked: one process after another has ended in the middle of hearing this."


def deliver_due(at: datetime, *, limit: int = 500) -> int:
    """Run up to `limit` due deliveries, oldest first; returns how many succeeded. Failures are kept and retried."""
    delivered, left = 0, limit
    while left > 0 and (begun := _begin(at, min(BATCH, left))) is not None:
        delivered += sum(_deliver_one(one, at) for one in begun)
        left -= max(1, len(begun))
    return delivered


def deliver_stream(stream_id: UUID, at: datetime) -> None:
    """Let every consumer hear now what it has not heard of a stream, in order, in the caller's transaction.

    For a look ahead in a savepoint: marks nothing as delivered and waits for no delivery under way, so that it cannot
    block one. Hold the lock of the stream's row, and roll back what it did. Errors of handlers propagate.
    """
    heard: set[int] = set()
    while waiting := _unheard(stream_id, heard):
        for delivery in waiting:
            handler_of(delivery.event.name, delivery.handler)(delivery.event, at)
            heard.add(delivery.pk)


def _unheard(stream_id: UUID, heard: set[int]) -> list[Delivery]:
    waiting = Delivery.objects.filter(stream_id=stream_id, delivered_at=None).exclude(pk__in=heard)
    return list(waiting.select_related("event").order_by("sequence", "id"))


def _due(at: datetime) -> QuerySet[Delivery]:
    earlier = Delivery.objects.filter(
        stream_id=OuterRef("stream_id"),
        handler=OuterRef("handler"),
        sequence__lt=OuterRef("sequence"),
        delivered_at=None,
    )
    due = Delivery.objects.filter(~Exists(earlier), delivered_at=None, next_attempt_at__lte=at)
    return due.select_for_update(skip_locked=True, of=("self",)).order_by("next_attempt_at", "id")


@transaction.atomic
def _begin(at: datetime, limit: int) -> list[Delivery] | None:
    """Mark what is to be heard now: one that had trouble before, or several that had none; None when nothing is due."""
    due = list(_due(at)[:limit])
    if not due:
        return None
    if due[0].last_error == LOST and _is_parked(due[0], at):
        return []
    begun = due[:1] if due[0].last_error else [one for one in due if not one.last_error]
    ids = [one.pk for one in begun]
    Delivery.objects.filter(pk__in=ids).update(last_error=LOST, next_attempt_at=at + LEASE)
    return begun


def _is_parked(delivery: Delivery, at: datetime) -> bool:
    """Count the process that was lost over it; whether that was one too many, so that it is put off."""
    delivery.attempts += 1
    is_fatal = delivery.attempts >= FATAL
    if is_fatal:
        wait = min(FIRST_PARKING * 2 ** min(delivery.attempts - FATAL, 10), LONGEST_PARKING)
        delivery.next_attempt_at, delivery.last_error = at + wait, PARKED
        log.error("delivery_parked", handler=delivery.handler, event_id=str(delivery.event_id))
    delivery.save(update_fields=["attempts", "next_attempt_at", "last_error"])
    return is_fatal


@transaction.atomic
def _deliver_one(begun: Delivery, at: datetime) -> bool:
    rows = Delivery.objects.select_for_update(skip_locked=True, of=("self",)).select_related("event")
    delivery = rows.filter(pk=begun.pk, delivered_at=None).first()
    if delivery is None:  # we took longer than our lease, and somebody else was faster
        return False
    try:
        with transaction.atomic():
            _hand_over(delivery, at)
    except Exception as error:  # any failure of a handler is kept on its row, shown and tried again
        _put_back(delivery, error, at)
        return False
    delivery.delivered_at = at
    delivery.attempts += 1
    delivery.last_error = begun.last_error
    delivery.save(update_fields=["delivered_at", "attempts", "last_error"])
    return True


def _hand_over(delivery: Delivery, at: datetime) -> None:
    event = delivery.event
    facts = {"event": event.name, "event_id": str(event.pk), "consumer": delivery.handler}
    with span("deliver", event.correlation_id, facts):
        handler_of(event.name, delivery.handler)(event, at)


def _put_back(delivery: Delivery, error: Exception, at: datetime) -> None:
    delivery.attempts += 1
    wait = min(FIRST_RETRY * 2 ** min(delivery.attempts, 10), LONGEST_RETRY)
    delivery.next_attempt_at = at + wait * random.uniform(0.8, 1.2)  # noqa: S311 - jitter, not a secret
    # The system page shows it, and an error's text may repeat what it was about.
    delivery.last_error = redact(None, "", {"error": f"{type(error).__name__}: {error}"})["error"][:1000]
    delivery.save(update_fields=["attempts", "next_attempt_at", "last_error"])
    log.warning(
        "delivery_failed", handler=delivery.handler, event_id=str(delivery.event_id), error=type(error).__name__
    )
