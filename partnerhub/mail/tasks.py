from celery import shared_task

from partnerhub.clock import now
from partnerhub.mail.sending import forget_given_up, send_due


@shared_task
def send_mail() -> None:
    send_due(now)


@shared_task
def forget_mail() -> None:
    forget_given_up(now())
