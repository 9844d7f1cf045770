"""What the broker tells of itself: ticks that wait, and how many answers of the hub were errors of its own."""

from dataclasses import dataclass, field

import redis
import structlog
from django.conf import settings

QUEUES = ("celery", "polling")
SECONDS = 1.0
_ERRORS = "hub:server-errors"

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Broker:
    """One look; empty where the broker did not answer within a second.

    `server_errors` counts answers of 500 and more of all web processes, since the broker last lost its data.
    """

    answers: bool = False
    version: str = ""
    queues: dict[str, int] = field(default_factory=dict)
    server_errors: int | None = None


def ask_broker() -> None:
    """Return when the broker answers. Raises redis.RedisError or OSError within about a second where it does not."""
    with _client() as client:
        client.ping()


def look_at_broker() -> Broker:
    """Never raises: a broker that is down is told as one that does not answer."""
    try:
        with _client() as client, client.pipeline(transaction=False) as pipe:
            for queue in QUEUES:
                pipe.llen(queue)
            pipe.get(_ERRORS)
            pipe.info("server")
            *lengths, errors, server = pipe.execute()
    except (redis.RedisError, OSError) as error:
        log.warning("broker_silent", error=type(error).__name__)
        return Broker()
    version = str(server.get("valkey_version") or server.get("redis_version", ""))
    return Broker(True, version, dict(zip(QUEUES, lengths, strict=True)), int(errors or 0))


def count_server_error() -> None:
    """Never raises: an answer does not wait for its count longer than a second."""
    try:
        with _client() as client:
            client.incr(_ERRORS)
    except (redis.RedisError, OSError) as error:
        log.warning("server_error_not_counted", error=type(error).__name__)


def _client() -> "redis.Redis":
    """Tries once: the library's own retries would keep whoever asks waiting for seconds."""
    timeouts = {"socket_timeout": SECONDS, "socket_connect_timeout": SECONDS}
    return redis.Redis.from_url(settings.REDIS_URL, retry=redis.retry.Retry(redis.backoff.NoBackoff(), 0), **timeouts)
