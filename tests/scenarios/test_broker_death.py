"""The broker dies while a worker holds a task for later: the worker outlives it, and nothing is lost but time.

The release of Celery that is excluded in pyproject.toml ends its worker here with an AttributeError.
"""

import os
import signal
from uuid import uuid4

import redis
from celery import Celery

from partnerhub.drills.waiting import eventually
from tests.scenarios.client import Line, Program, Visitor
from tests.scenarios.hub import Hub

EXPRESS = Line("esign-express--prompt", 2)


def test_the_worker_outlives_its_broker_with_a_task_for_later_in_hand(neighbour: Hub, seller: Program) -> None:
    worker = eventually(lambda: neighbour.process("worker"), within=20)
    reserve_task(neighbour)
    broker = neighbour.process("valkey")
    assert broker is not None
    (purchase,) = seller.buy(EXPRESS)
    os.kill(broker.pid, signal.SIGKILL)

    Visitor(neighbour, seller.link(purchase))
    seller.wait_for_billing(purchase, within=120)

    successor = neighbour.process("valkey")
    assert successor is not None
    assert successor.pid != broker.pid
    assert neighbour.process("worker") == worker


def reserve_task(hub: Hub) -> None:
    """Let the worker take a task that is due in an hour."""
    name = str(uuid4())
    Celery(broker=hub.broker_url).send_task("partnerhub.outbox.tasks.beat", countdown=3600, task_id=name)
    with redis.Redis.from_url(hub.broker_url.replace("redis+socket", "unix")) as broker:

        def is_reserved() -> bool:
            return any(name in message.decode() for message in broker.hvals("unacked"))

        eventually(is_reserved, within=40, what="A task that a worker holds")
