import socket
import time
from datetime import timedelta

import pytest
from django.db import connection

from partnerhub.clock import now
from partnerhub.outbox.models import Heartbeat

pytestmark = pytest.mark.django_db


@pytest.fixture
def broker(monkeypatch):
    """A broker that answers; the real one's absence is tested by its own address."""
    monkeypatch.setattr("redis.Redis.ping", lambda self: True)


def beat(seconds_ago: int) -> None:
    Heartbeat.objects.create(name="scheduler", at=now() - timedelta(seconds=seconds_ago))


def test_live_asks_nothing(client, django_assert_num_queries):
    with django_assert_num_queries(0):
        assert client.get("/health/live").json() == {"status": "live"}


def test_ready_when_every_check_holds(client, broker):
    beat(59)
    response = client.get("/health/ready")
    assert response.status_code == 200
    assert response.json() == {
        "status": "ready",
        "checks": {"database": "ok", "broker": "ok", "migrations": "ok", "scheduler": "ok"},
    }


def test_not_ready_when_the_scheduler_is_silent(client, broker):
    beat(60)
    response = client.get("/health/ready")
    assert (response.status_code, response.json()["checks"]["scheduler"]) == (
        503,
        "the scheduler was last seen 60 s ago",
    )


def test_not_ready_before_the_scheduler_was_seen(client, broker):
    assert client.get("/health/ready").json()["checks"]["scheduler"] == "the scheduler has not been seen yet"


def test_not_ready_without_a_broker_and_the_password_stays_secret(client, settings):
    settings.REDIS_URL = "redis://:hidden@127.0.0.1:1/0"
    beat(1)
    response = client.get("/health/ready")
    assert (response.status_code, response.json()["checks"]["broker"]) == (503, "ConnectionError, see the log")
    assert "hidden" not in response.content.decode()


def test_web_is_ready_without_broker_and_scheduler_and_tells_that_they_are_missing(client, settings):
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    response = client.get("/health/web")
    assert (response.status_code, response.json()) == (
        200,
        {
            "status": "ready",
            "checks": {
                "database": "ok",
                "broker": "ConnectionError, see the log",
                "migrations": "ok",
                "scheduler": "the scheduler has not been seen yet",
            },
        },
    )


def test_not_ready_while_migrations_are_missing(client, broker, monkeypatch):
    beat(1)
    monkeypatch.setattr("partnerhub.health.MigrationExecutor.migration_plan", lambda self, targets: [1, 2])
    whole, web = client.get("/health/ready"), client.get("/health/web")
    assert (whole.status_code, web.status_code) == (503, 503)
    assert whole.json() == web.json()
    assert web.json()["checks"]["migrations"] == "2 migrations are not applied"


def test_a_database_that_hangs_or_is_gone_is_told_within_two_seconds(client, broker, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as mute:
        port = mute.getsockname()[1]
        hanging = connection.get_connection_params() | {"host": "127.0.0.1", "port": port}
        monkeypatch.setattr(connection, "get_connection_params", lambda: hanging)
        began = time.monotonic()
        hung = client.get("/health/ready")
        took = time.monotonic() - began
    gone = client.get("/health/web")

    assert (hung.status_code, gone.status_code) == (503, 503)
    assert hung.json()["checks"] == {
        "database": "it does not answer in time",
        "broker": "ok",
        "migrations": "not asked: the database does not answer",
        "scheduler": "not asked: the database does not answer",
    }
    assert gone.json()["checks"]["database"] == "OperationalError, see the log"
    assert took < 2
