"""Ticks of the scheduler. What is due is a row in PostgreSQL: a tick that is lost only delays."""

import mmap
from typing import Any

from celery import Task, shared_task
from celery.signals import worker_shutting_down
from django.conf import settings

from accounts.policy import SYSTEM
from partnerhub.clock import now
from subscriptions.drift import PLACES, SECONDS, Radar
from subscriptions.operations import Sender
from subscriptions.polling import Poller
from subscriptions.services.ending import void_overdue as void_all_overdue
from subscriptions.services.forgetting import forget_old
from subscriptions.services.lapsing import end_suspensions as end_all_suspensions
from subscriptions.services.lapsing import end_trials
from subscriptions.services.quoting import forget_quotes as forget_old_quotes
from subscriptions.services.ranking import keep_ranked
from subscriptions.services.reminding import remind_due
from subscriptions.services.renewal import renew_due as renew_all_due
from subscriptions.services.renewal_notices import send_due_notices
from subscriptions.services.requests import void_overdue_requests as void_all_overdue_requests
from subscriptions.services.watching import watch_missing
from subscriptions.window import Bounds

# One byte that a worker shares with the processes it forks: they are not signalled when it shuts down.
_shutting_down = mmap.mmap(-1, 1)


@worker_shutting_down.connect
def _tell_processes(**_: Any) -> None:
    _shutting_down[0] = 1


def _stopping() -> bool:
    return bool(_shutting_down[0])


@shared_task(bind=True)
def poll_due(self: "Task[Any, Any]") -> None:
    # One process of a worker polls; the others stay free for what else is due.
    node = str(self.request.hostname or "")
    places = settings.HUB_POLL_PLACES
    Poller(SYSTEM, Bounds(places=places, ahead=places, stopping=_stopping), node=node).run()


@shared_task
def send_operations() -> None:
    Sender(SYSTEM, Bounds(places=20, seconds=10, idle_seconds=0, stopping=_stopping)).run()


@shared_task
def look_for_drift() -> None:
    Radar(SYSTEM, Bounds(places=PLACES, seconds=SECONDS, idle_seconds=0, stopping=_stopping)).run()


@shared_task
def watch_for_drift() -> None:
    watch_missing(SYSTEM, at=now())


@shared_task
def void_overdue() -> None:
    void_all_overdue(SYSTEM, at=now())


@shared_task
def renew_due() -> None:
    at = now()
    end_trials(SYSTEM, at=at)
    renew_all_due(SYSTEM, at=at)


@shared_task
def end_suspensions() -> None:
    end_all_suspensions(SYSTEM, at=now())


@shared_task
def void_overdue_requests() -> None:
    void_all_overdue_requests(SYSTEM, at=now())


@shared_task
def rank_attention() -> None:
    keep_ranked(at=now())


@shared_task
def forget_quotes() -> None:
    forget_old_quotes(SYSTEM, at=now())


@shared_task
def forget_old_data() -> None:
    forget_old(at=now())


@shared_task
def remind() -> None:
    remind_due(SYSTEM, at=now())


@shared_task
def announce_renewals() -> None:
    send_due_notices(SYSTEM, at=now())
