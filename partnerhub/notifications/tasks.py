from celery import shared_task

from partnerhub.clock import now
from partnerhub.notifications.sending import send_due
from partnerhub.notifications.services.channels import forget_told
from partnerhub.notifications.services.noticing import notice
from partnerhub.notifications.services.telling import tell_due


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
