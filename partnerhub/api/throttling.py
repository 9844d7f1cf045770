"""How often somebody may call: counted in the cache in one round trip, by the cache's own clock.

A count begins with the first call and ends a while later; without a cache nothing is counted and nobody is kept out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Any

import redis
import structlog
from django.conf import settings
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

MINUTE = timedelta(minutes=1)
# Of a program's calls, those to these resources are counted apart.
OWN_COUNT = ("subscriptions", "orders", "customers")
OTHER = "other"
CACHE_SECONDS = 1

log = structlog.get_logger(__name__)

_COUNT = """
local told = {}
for i, key in ipairs(KEYS) do
  local calls = tonumber(redis.call('INCRBY', key, ARGV[1]))
  if redis.call('PTTL', key) < 0 then redis.call('PEXPIRE', key, ARGV[2]) end
  told[2 * i - 1], told[2 * i] = calls, redis.call('PTTL', key)
end
return told
"""


@dataclass(frozen=True, slots=True)
class Count:
    """How many calls there were, and in how many whole seconds (rounded up) they are forgotten."""

    calls: int = 0
    seconds: int = 0


def counted(keys: Sequence[str], window: timedelta, *, more: int = 1) -> list[Count]:
    """The counts under some keys after adding `more` to each; 0 only reads them. All zero when the cache is away."""
    names = [f"count:{key}" for key in keys]
    try:
        told = _cache(settings.REDIS_URL).eval(_COUNT, len(names), *names, more, int(window.total_seconds() * 1000))
    except redis.RedisError:
        log.warning("calls_not_counted")
        return [Count() for _ in keys]
    return [Count(calls, -(-left // 1000)) for calls, left in zip(told[::2], told[1::2], strict=True)]


@cache
def _cache(url: str) -> Any:
    return redis.Redis.from_url(url, socket_timeout=CACHE_SECONDS, socket_connect_timeout=CACHE_SECONDS)


def resource_of(path: str) -> str:
    """The kind of resource behind a path of /v1, as calls are counted: OWN_COUNT, or OTHER."""
    parts = path.strip("/").split("/")
    if parts[1:2] != ["customers"]:
        return OTHER
    name = parts[3] if len(parts) > 3 else "customers"
    return name if name in OWN_COUNT else OTHER


class PerClient(BaseThrottle):
    """So many calls a minute for each client and kind of resource (HUB_API_CALLS_A_MINUTE and its sibling; 0: any)."""

    seconds = 0

    def allow_request(self, request: Request, view: Any) -> bool:
        kind = resource_of(request.path)
        limit: int = settings.HUB_API_OTHER_CALLS_A_MINUTE if kind == OTHER else settings.HUB_API_CALLS_A_MINUTE
        if not limit or request.user is None:
            return True
        (count,) = counted([f"{request.user.id}:{kind}"], MINUTE)
        self.seconds = count.seconds
        return count.calls <= limit

    def wait(self) -> float:
        return self.seconds
