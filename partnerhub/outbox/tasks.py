from celery import shared_task

from partnerhub.clock import now
from partnerhub.outbox.delivery import deliver_due
from partnerhub.outbox.models import Heartbeat


@shared_task
def beat() -> None:
    """Tell that scheduler and worker are alive: readiness and the system page look at its age."""
    Heartbeat.objects.update_or_create(name="scheduler", defaults={"at": now()})


@shared_task
def deliver() -> None:
    deliver_due(now())
