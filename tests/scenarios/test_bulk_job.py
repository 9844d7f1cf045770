"""A bulk job whose worker is killed in the middle: it goes on by itself, and each subscription is touched once."""

import os
import re
import signal
from itertools import repeat

import pytest

from partnerhub.drills import family
from partnerhub.drills.waiting import eventually
from tests.scenarios.client import Agent, Line, Program
from tests.scenarios.hub import Hub

ROWS = 200
EXPRESS = Line("esign-express--prompt", 1)
ADMIN = ("admin@partnerhub.example", "partnerhub-demo")


# Two hundred orders, and a worker's start beside them.
@pytest.mark.timeout(600)
def test_a_job_survives_the_killing_of_its_worker(neighbour: Hub, seller: Program) -> None:
    bought = [one.subscription_id for _ in range(4) for one in seller.buy(*repeat(EXPRESS, ROWS // 4))]
    admin = Agent(neighbour, *ADMIN)
    job = plan(admin, {"ids": bought, "action": "nickname", "nickname": "Killed and alive"})
    eventually(lambda: status(neighbour, job) == "planned", within=180, what="The plan")
    admin.post(f"/jobs/{job}/confirm/", f"/jobs/{job}/", {})

    eventually(lambda: 20 <= done(neighbour, job) < ROWS, within=120, what="A job in the middle", longest_pause=0.1)
    kill_worker(neighbour)
    left = ROWS - done(neighbour, job)

    assert left > 0
    eventually(lambda: status(neighbour, job) == "finished", within=180, what="The rest of the job")
    assert (done(neighbour, job), renamed(neighbour, bought)) == (ROWS, {1: ROWS})
    assert f"{ROWS} done" in admin.get(f"/jobs/{job}/").text


def plan(admin: Agent, form: dict[str, object]) -> str:
    """The id of the job that plans this."""
    reply = admin.post("/subscriptions/bulk/", "/subscriptions/bulk/", form)
    found = re.fullmatch(r"/jobs/([0-9a-f-]{36})/", reply.headers["Location"])
    assert found is not None, reply.headers["Location"]
    return found[1]


def kill_worker(hub: Hub) -> None:
    """The worker and every process of its pool, at once and without a word."""
    worker = eventually(lambda: hub.process("worker"), within=20)
    for member in [worker, *family.descendants(worker.pid)]:
        os.kill(member.pid, signal.SIGKILL)


def status(hub: Hub, job: str) -> str:
    ((found,),) = hub.rows("SELECT status FROM jobs_job WHERE id = %s", job)
    return str(found)


def done(hub: Hub, job: str) -> int:
    ((count,),) = hub.rows("SELECT count(*) FROM jobs_jobrow WHERE job_id = %s AND status = 'done'", job)
    return int(count)


def renamed(hub: Hub, subscriptions: list[str]) -> dict[int, int]:
    """How many subscriptions were renamed how often."""
    statement = """SELECT times, count(*) FROM (
                     SELECT count(*) AS times FROM outbox_event
                      WHERE name = 'subscription.renamed' AND stream_id = ANY(%s) GROUP BY stream_id) AS counted
                   GROUP BY times"""
    return dict(hub.rows(statement, subscriptions))
