from celery import shared_task

from notifications.sending import send_due
from notifications.services.channels import forget_told
from notifications.services.noticing import notice
from notifications.services.telling import tell_due
from partnerhub.clock import now


@shared_task
def notify() -> None:
    at = now()
    notice(at=at)
    tell_due(at=at)


@shared_task
def send_notifications() -> None:
    send_due(now)


@shared_task
def forget_notifications() -> None:
    forget_told(now())
