"""The Celery application: workers over Redis; what is due next is always a row in PostgreSQL, never an ETA."""

import gc
import os
from typing import Any

from celery import Celery
from celery.signals import setup_logging, task_prerun, worker_process_init
from django.db import close_old_connections

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "partnerhub.settings")

app = Celery("partnerhub")


@setup_logging.connect
def _keep_our_logging(**_: Any) -> None:
    """Connected so that Celery leaves the hub's JSON logging alone."""


@task_prerun.connect
def _drop_dead_connections(**_: Any) -> None:
    """Connected so that a task never begins on a connection that a restart of the database has cut."""
    close_old_connections()


@worker_process_init.connect
def _keep_what_is_loaded(**_: Any) -> None:
    """Connected so that the garbage collector does not look through all that is loaded, over and over."""
    gc.freeze()


def _configure() -> None:
    from django.conf import settings  # noqa: PLC0415 - only once the settings module is named

    app.conf.update(settings.CELERY)
    # Celery's Django fixup closes the connection around every task otherwise (celery#4116).
    app.conf["CELERY_DB_REUSE_MAX"] = 1000


_configure()
app.autodiscover_tasks(
    [
        "accounts",
        "partnerhub.outbox",
        "partnerhub.api",
        "partnerhub.hooks",
        "partnerhub.jobs",
        "partnerhub.mail",
        "publishers",
        "subscriptions",
        "billing",
        "partnerhub.notifications",
    ]
)
