"""When each secret was last used to sign in: an aid for people, kept in the cache, so nothing may rest on it."""

from collections.abc import Iterable
from datetime import datetime, timedelta

import structlog
from django.core.cache import cache
from redis.exceptions import RedisError

REMEMBERED = timedelta(days=90)

log = structlog.get_logger(__name__)


def note_sign_in(secret_id: int, at: datetime) -> None:
    """Remember that a secret was used; without a cache it is not remembered, and signing in works all the same."""
    try:
        cache.set(_key(secret_id), at, REMEMBERED.total_seconds())
    except RedisError:
        log.warning("sign_in_not_remembered")


def last_sign_ins(secret_ids: Iterable[int]) -> dict[int, datetime]:
    """When each of these secrets was last used, for those of which it is known."""
    keys = {_key(secret_id): secret_id for secret_id in secret_ids}
    try:
        found = cache.get_many(keys)
    except RedisError:
        return {}
    return {keys[key]: moment for key, moment in found.items()}


def _key(secret_id: int) -> str:
    return f"secret-used:{secret_id}"
