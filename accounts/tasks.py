from celery import shared_task

from accounts.services.sessions import forget_sessions as forget
from partnerhub.clock import now


@shared_task
def forget_sessions() -> None:
    forget(now())
