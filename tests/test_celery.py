"""The workers: a restart of the database costs a task at most, never a worker."""

from contextlib import closing

import pytest
from django.db import OperationalError, connection

from partnerhub.celery import app
from subscriptions.polling import anything_due
from subscriptions.tasks import poll_due
from tests.factories.subscriptions import NOON


@pytest.mark.django_db(transaction=True)
def test_a_task_after_a_restart_of_the_database_begins_on_a_connection_of_its_own():
    assert poll_due.name in app.tasks
    anything_due(NOON)
    with closing(connection.copy()) as another, another.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)", [connection.connection.info.backend_pid])
    with pytest.raises(OperationalError):
        anything_due(NOON)

    outcome = poll_due.apply()

    assert outcome.successful()


def test_workers_know_every_task_that_beat_ticks():
    app.loader.import_default_modules()
    ticked = {entry["task"] for entry in app.conf.beat_schedule.values()}
    assert ticked - set(app.tasks) == set()
