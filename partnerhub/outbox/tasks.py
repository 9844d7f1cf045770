from datetime import timedelta
from time import monotonic
from typing import Any

from celery import Task, shared_task
from celery.signals import task_postrun

from partnerhub.clock import now
from partnerhub.outbox.delivery import deliver_due
from partnerhub.outbox.models import SCHEDULER, WORKER, Heartbeat

LONGEST_NAME = 32
NOTED_EVERY = 5.0  # seconds
# A worker that was replaced is listed no more after this.
FORGOTTEN_AFTER = timedelta(hours=1)

_noted_at = float("-inf")


@shared_task
def beat() -> None:
    """Tell that scheduler and worker are alive: readiness and the system page look at its age."""
    at = now()
    Heartbeat.objects.update_or_create(name=SCHEDULER, defaults={"at": at})
    Heartbeat.objects.filter(name__startswith=WORKER, at__lt=at - FORGOTTEN_AFTER).delete()


@task_postrun.connect
def note_worker(task: "Task[Any, Any]", **_: Any) -> None:
    """Connected so that each worker is seen by itself; each of its processes says so this often at most."""
    global _noted_at
    if monotonic() - _noted_at < NOTED_EVERY:
        return
    _noted_at = monotonic()
    name = f"{WORKER} {task.request.hostname or ''}".strip()
    Heartbeat.objects.update_or_create(name=name[:LONGEST_NAME], defaults={"at": now()})


@shared_task
def deliver() -> None:
    deliver_due(now())
