"""How publishers keep their word: from purchase to activation, and what becomes of changes. Only with enough orders."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection

LOOKS_BACK = timedelta(days=180)
STUCK_AFTER = timedelta(days=7)
FEWEST_ORDERS = 10

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
    SELECT coalesce(offer_id, publisher_id) AS scope, count(*) AS orders,
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
SELECT scope, coalesce(orders, 0), median, ninth, coalesce(stuck, 0),
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


def scoreboard(publisher_ids: Collection[UUID], at: datetime) -> dict[UUID, Score]:
    """The scores of the last LOOKS_BACK before `at`, by the id of the publisher or of the offer, in one query."""
    values: dict[str, Any] = {
        "publishers": list(publisher_ids),
        "at": at,
        "since": at - LOOKS_BACK,
        "stuck": STUCK_AFTER,
    }
    with connection.cursor() as cursor:
        cursor.execute(_BOARD, values)
        rows = cursor.fetchall()
    return {
        scope: Score(orders, _duration(median), _duration(ninth), *counts)
        for scope, orders, median, ninth, *counts in rows
    }


def _duration(seconds: float | None) -> timedelta | None:
    return None if seconds is None or seconds == float("inf") else timedelta(seconds=seconds)
