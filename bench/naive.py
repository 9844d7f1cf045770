"""The baseline: Celery as it is usually written, a task for each question, which blocks while the publisher thinks."""

import os
from typing import Any
from urllib.request import Request, urlopen
from uuid import UUID

from celery import Celery
from celery.signals import worker_process_init

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "partnerhub.settings")

app = Celery("naive")
app.conf.update(
    broker_url=os.environ.get("REDIS_URL", "").replace("unix://", "redis+socket://", 1),
    task_ignore_result=True,
    task_default_queue="naive",
)


@worker_process_init.connect
def _load(**_: Any) -> None:
    import django  # noqa: PLC0415 - in the processes that work alone

    django.setup()


@app.task
def ask(subscription_id: str, url: str) -> None:
    """Ask about one subscription and take in the answer, through the same service as the hub's poller."""
    from accounts.policy import SYSTEM  # noqa: PLC0415 - once Django is loaded
    from partnerhub.clock import now  # noqa: PLC0415
    from publishers.fulfillment.gateway import Answer, Outcome  # noqa: PLC0415
    from publishers.fulfillment.reading import read_said  # noqa: PLC0415
    from subscriptions.models import PollSchedule  # noqa: PLC0415
    from subscriptions.services.confirmation import apply_answer  # noqa: PLC0415

    key, at = UUID(subscription_id), now()
    with urlopen(Request(url, headers={"accept": "application/json"}), timeout=10) as response:  # noqa: S310
        answer = Answer(Outcome.ANSWERED, read_said(response.read(), key))
    apply_answer(SYSTEM, key, answer, poll_id=key, at=at)
    PollSchedule.objects.filter(pk=key).update(last_polled_at=now(), attempts=1)
