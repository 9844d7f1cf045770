"""Ticks of the scheduler. A tick works for less than the time until the next: the other processes stay free."""

from celery import shared_task

from partnerhub.clock import now
from partnerhub.jobs.services import forget_plans as forget_old_plans
from partnerhub.jobs.working import Worker

SECONDS = 0.9


@shared_task
def work() -> None:
    Worker(SECONDS).run()


@shared_task
def forget_plans() -> None:
    forget_old_plans(at=now())
