"""The scheduler leaves ticks out where nobody takes them, and sends them again once somebody does."""

import redis
from celery.beat import ScheduleEntry
from django.conf import settings

from partnerhub.celery import app
from partnerhub.ticking import LONGEST_QUEUE, BoundedScheduler

TICK = "subscriptions.tasks.poll_due"


def test_no_more_ticks_wait_than_a_bound(tmp_path):
    scheduler = BoundedScheduler(app, schedule_filename=str(tmp_path / "schedule"), lazy=True)
    scheduler.should_sync = lambda: False
    entry = ScheduleEntry(name="poll", task=TICK, schedule=1.0, options={"expires": 2.0}, app=app)
    with redis.Redis.from_url(settings.REDIS_URL) as broker:
        broker.delete("polling")
        broker.rpush("polling", *["{}"] * (LONGEST_QUEUE - 1))
        try:
            waiting = []
            for _ in range(3):
                scheduler._looked_at = float("-inf")
                scheduler.apply_entry(entry)
                waiting.append(broker.llen("polling"))
            broker.delete("polling")
            scheduler._looked_at = float("-inf")
            scheduler.apply_entry(entry)
            assert (waiting, broker.llen("polling")) == ([LONGEST_QUEUE] * 3, 1)
        finally:
            broker.delete("polling")
