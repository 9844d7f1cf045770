"""Whether the hub lives and is ready, for whoever runs it: `/health/live`, `/health/ready` and `/health/web`."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import psycopg
import structlog
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache

from partnerhub.broker import ask_broker
from partnerhub.clock import now
from partnerhub.outbox.models import Heartbeat

OK, NOT_ASKED = "ok", "not asked: the database does not answer"

log = structlog.get_logger(__name__)

NEEDED_BY_WEB = ("database", "migrations")
SCHEDULER_SILENCE = timedelta(seconds=60)
# Database and broker are asked side by side. One that hangs keeps its thread, and no more than these.
LONGEST_LOOK = 1.2  # seconds
_looks = ThreadPoolExecutor(max_workers=8, thread_name_prefix="health")


class NotReady(Exception):
    """A check failed; the message is for operators and free of secrets."""


@never_cache
def live(request: HttpRequest) -> HttpResponse:
    """The process answers: nothing else is asked."""
    return JsonResponse({"status": "live"})


@never_cache
def ready(request: HttpRequest) -> HttpResponse:
    """200 when every check holds, else 503; tells of each check whether it holds, and if not, why. Within 2 seconds."""
    found = _look()
    return _told(found, holds=all(outcome == OK for outcome in found.values()))


@never_cache
def web(request: HttpRequest) -> HttpResponse:
    """200 when this process can answer pages and programs; tells the same as `ready`.

    For proxies: pages work without a broker and a scheduler, so whoever obeyed `ready` would turn everybody away.
    """
    found = _look()
    return _told(found, holds=all(found[name] == OK for name in NEEDED_BY_WEB))


def _told(found: dict[str, str], *, holds: bool) -> HttpResponse:
    return JsonResponse({"status": "ready" if holds else "not ready", "checks": found}, status=200 if holds else 503)


def _look() -> dict[str, str]:
    database = _looks.submit(_ask_database, connection.get_connection_params())
    broker = _looks.submit(ask_broker)
    found = {
        "database": _outcome("database", lambda: _answer(database)),
        "broker": _outcome("broker", lambda: _answer(broker)),
    }
    for name, check in CHECKS.items():
        found[name] = _outcome(name, check) if found["database"] == OK else NOT_ASKED
    return found


def _outcome(name: str, check: Callable[[], None]) -> str:
    try:
        check()
    except NotReady as reason:
        return str(reason)
    except Exception as error:  # a probe must answer whatever is broken; the traceback goes to the log
        log.warning("not_ready", check=name, error=type(error).__name__, exc_info=error)
        return f"{type(error).__name__}, see the log"
    return OK


def _answer(asked: "Future[None]") -> None:
    try:
        asked.result(timeout=LONGEST_LOOK)
    except TimeoutError:
        raise NotReady("it does not answer in time") from None


def _ask_database(params: dict[str, Any]) -> None:
    """By a connection of its own: a thread's would wait for the server for longer than a probe may."""
    with psycopg.connect(**params) as own:
        own.execute("SELECT 1")


def _migrations() -> None:
    executor = MigrationExecutor(connection)
    missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if missing:
        raise NotReady(f"{len(missing)} migrations are not applied")


def _scheduler() -> None:
    beat = Heartbeat.objects.filter(name="scheduler").first()
    if beat is None:
        raise NotReady("the scheduler has not been seen yet")
    silence = now() - beat.at
    if silence >= SCHEDULER_SILENCE:
        raise NotReady(f"the scheduler was last seen {silence // timedelta(seconds=1)} s ago")


CHECKS = {"migrations": _migrations, "scheduler": _scheduler}
