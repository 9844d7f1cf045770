from celery import shared_task

from partnerhub.api.idempotency import forget_old
from partnerhub.clock import now


@shared_task
def forget_requests() -> None:
    forget_old(now())
