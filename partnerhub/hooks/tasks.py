from celery import shared_task

from partnerhub.clock import now
from partnerhub.hooks.sending import send_due
from partnerhub.hooks.services import forget_deliveries


@shared_task
def send_hooks() -> None:
    send_due(now)


@shared_task
def forget_hooks() -> None:
    forget_deliveries(now())
