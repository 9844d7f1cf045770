"""Delivering: each due handler runs in its own transaction, together with its delivered mark."""

import random
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from django.db import transaction
from django.db.models import Exists, OuterRef

from partnerhub.logs import redact
from partnerhub.outbox.models import Delivery
from partnerhub.outbox.recorder import handler_of
from partnerhub.tracing import span

log = structlog.get_logger(__name__)

FIRST_RETRY = timedelta(seconds=2)
LONGEST_RETRY = timedelta(minutes=15)


def deliver_due(at: datetime, *, limit: int = 500) -> int:
    """Run up to `limit` due deliveries, oldest first; returns how many succeeded. Failures are kept and retried."""
    delivered = 0
    for _ in range(limit):
        outcome = _deliver_one(at)
        if outcome is None:
            break
        delivered += outcome
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


def _next_due(at: datetime) -> Delivery | None:
    earlier = Delivery.objects.filter(
        stream_id=OuterRef("stream_id"),
        handler=OuterRef("handler"),
        sequence__lt=OuterRef("sequence"),
        delivered_at=None,
    )
    due = Delivery.objects.filter(~Exists(earlier), delivered_at=None, next_attempt_at__lte=at)
    return (
        due.select_for_update(skip_locked=True, of=("self",))
        .select_related("event")
        .order_by("next_attempt_at", "id")
        .first()
    )


@transaction.atomic
def _deliver_one(at: datetime) -> bool | None:
    delivery = _next_due(at)
    if delivery is None:
        return None
    try:
        with transaction.atomic():
            _hand_over(delivery, at)
    except Exception as error:  # any failure of a handler is kept on its row, shown and tried again
        _put_back(delivery, error, at)
        return False
    delivery.delivered_at = at
    delivery.attempts += 1
    delivery.save(update_fields=["delivered_at", "attempts"])
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
