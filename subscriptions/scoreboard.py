"""How publishers keep their word: from purchase to activation, and what becomes of changes. Only with enough orders."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import redis
from django.core.cache import cache
from django.db import connection

LOOKS_BACK = timedelta(days=180)
STUCK_AFTER = timedelta(days=7)
FEWEST_ORDERS = 10
# Months of orders are read for it, and one more hardly moves it.
KEPT_FOR = timedelta(minutes=10)

# An order counts once it is activated, void, or old enough to be stuck; the rest has not had its chance yet. What is
# never activated took for ever, so a median cannot look good because the slow ones are left out.
_BOARD = """
WITH counted AS (
    SELECT publisher_id, offer_id,
           CASE WHEN activated_at IS NULL THEN 'Infinity'::float8
                ELSE extract(epoch FROM activated_at - purchased_at)::float8 END AS seconds
      FROM subscriptions_subscription
     WHERE publisher_id = ANY(%(publishers)s) AND purchased_at > %(since)s AND purchased_at <= %(at)s
       AND (activated_at IS NOT NULL OR end_reason = 'voided'
            OR coalesce(ended_at, %(at)s) - purchased_at > %(stuck)s)
), ready AS (
    SELECT publisher_id, coalesce(offer_id, publisher_id) AS scope, count(*) AS orders,
           percentile_disc(0.5) WITHIN GROUP (ORDER BY seconds) AS median,
           percentile_disc(0.9) WITHIN GROUP (ORDER BY seconds) AS ninth,
           count(*) FILTER (WHERE seconds > extract(epoch FROM %(stuck)s)) AS stuck
      FROM counted GROUP BY GROUPING SETS ((publisher_id), (publisher_id, offer_id))
), changed AS (
    SELECT subscription.publisher_id AS scope, count(*) AS changes,
           count(*) FILTER (WHERE operation.status = 'failed') AS failed,
           count(*) FILTER (WHERE operation.accepted_by = 'silence') AS silent
      FROM subscriptions_operation AS operation
      JOIN subscriptions_subscription AS subscription ON subscription.id = operation.subscription_id
     WHERE subscription.publisher_id = ANY(%(publishers)s)
       AND operation.created_at > %(since)s AND operation.created_at <= %(at)s
       AND operation.action IN ('change_plan', 'change_quantity') AND operation.status IN ('succeeded', 'failed')
     GROUP BY subscription.publisher_id
)
SELECT coalesce(publisher_id, scope), scope, coalesce(orders, 0), median, ninth, coalesce(stuck, 0),
       coalesce(changes, 0), coalesce(failed, 0), coalesce(silent, 0)
  FROM ready FULL JOIN changed USING (scope)
"""


@dataclass(frozen=True, slots=True)
class Score:
    """What is known of a publisher, or of one offer (then without changes). Durations are None when never activated.

    `stuck` orders took longer than STUCK_AFTER or were never activated. Of `changes` that are over, `failed` were
    refused or not carried out, `silent` accepted because nobody objected.
    """

    orders: int = 0
    median: timedelta | None = None
    ninth_of_ten: timedelta | None = None
    stuck: int = 0
    changes: int = 0
    failed: int = 0
    silent: int = 0

    @property
    def is_telling(self) -> bool:
        """Whether there are enough orders to say anything."""
        return self.orders >= FEWEST_ORDERS


def recent_scores(publisher_ids: Collection[UUID], at: datetime) -> dict[UUID, Score]:
    """As `scoreboard`, as it was within the last KEPT_FOR; without a cache it is reckoned each time."""
    keys = {publisher_id: f"scores:1:{publisher_id}" for publisher_id in publisher_ids}
    try:
        kept: dict[str, dict[UUID, Score]] = cache.get_many(keys.values())
        missing = [publisher_id for publisher_id, key in keys.items() if key not in kept]
        if missing:
            reckoned = _by_publisher(missing, at)
            fresh = {keys[publisher_id]: scores for publisher_id, scores in reckoned.items()}
            cache.set_many(fresh, KEPT_FOR.total_seconds())
            kept |= fresh
    except redis.RedisError:
        return scoreboard(publisher_ids, at)
    return _merged(kept.values())


def scoreboard(publisher_ids: Collection[UUID], at: datetime) -> dict[UUID, Score]:
    """The scores of the last LOOKS_BACK before `at`, by the id of the publisher or of the offer, in one query."""
    return _merged(_by_publisher(publisher_ids, at).values())


def _merged(parts: Iterable[dict[UUID, Score]]) -> dict[UUID, Score]:
    return {scope: score for part in parts for scope, score in part.items()}


def _by_publisher(publisher_ids: Collection[UUID], at: datetime) -> dict[UUID, dict[UUID, Score]]:
    values: dict[str, Any] = {"publishers": list(publisher_ids), "at": at}
    values |= {"since": at - LOOKS_BACK, "stuck": STUCK_AFTER}
    found: dict[UUID, dict[UUID, Score]] = {publisher_id: {} for publisher_id in publisher_ids}
    with connection.cursor() as cursor:
        cursor.execute(_BOARD, values)
        for publisher_id, scope, orders, median, ninth, *counts in cursor.fetchall():
            found[publisher_id][scope] = Score(orders, _duration(median), _duration(ninth), *counts)
    return found


def _duration(seconds: float | None) -> timedelta | None:
    return None if seconds is None or seconds == float("inf") else timedelta(seconds=seconds)
