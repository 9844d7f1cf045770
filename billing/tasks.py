from celery import shared_task

from accounts.policy import SYSTEM
from billing.services.charging import charge_cycles as charge_all_cycles
from partnerhub.clock import now


@shared_task
def charge_cycles() -> None:
    charge_all_cycles(SYSTEM, at=now())
