"""The scheduler's ticks, of which no more may wait than workers can use: without a worker the broker must not fill up.

A tick says only that something may be due; what is due are rows. One that is not sent because many wait delays nothing.
"""

import time
from typing import Any

import structlog
from celery.beat import PersistentScheduler, ScheduleEntry

from partnerhub.broker import look_at_broker

LONGEST_QUEUE = 200
LOOKED_EVERY = 1.0  # seconds

log = structlog.get_logger(__name__)


class BoundedScheduler(PersistentScheduler):
    """Sends a tick unless LONGEST_QUEUE messages wait already for the workers of its queue."""

    _looked_at = float("-inf")
    _waiting: dict[str, int]

    def apply_entry(self, entry: ScheduleEntry, producer: Any = None) -> None:
        """Send one tick, or leave it out."""
        queue = self._queue_of(entry)
        if self._now_waiting().get(queue, 0) >= LONGEST_QUEUE:
            log.warning("tick_left_out", task=entry.task, queue=queue)
            return
        super().apply_entry(entry, producer=producer)

    def _queue_of(self, entry: ScheduleEntry) -> str:
        routes, usual = self.app.conf.task_routes or {}, self.app.conf.task_default_queue
        return str(routes.get(entry.task, {}).get("queue", usual))

    def _now_waiting(self) -> dict[str, int]:
        if time.monotonic() - self._looked_at >= LOOKED_EVERY:
            self._looked_at, self._waiting = time.monotonic(), look_at_broker().queues
        return self._waiting
