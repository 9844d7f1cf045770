from celery import shared_task

from partnerhub.clock import now
from partnerhub.mail.sending import send_due


@shared_task
def send_mail() -> None:
    send_due(now)
