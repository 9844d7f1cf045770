"""Counting calls to publishers: how many brought what, and how long they took, by the hour."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.db import connection

from publishers.fulfillment.gateway import Outcome
from publishers.models import CallKind

# What a column holds at most: 2^31 - 1 ms.
LONGEST_MILLISECONDS = 2_147_483_647

_ADD = """
INSERT INTO publishers_calltally AS tally
       (publisher_id, hour, kind, outcome, calls, milliseconds, slowest_milliseconds)
SELECT publisher_id, %(hour)s, kind, outcome, calls, milliseconds, slowest
  FROM unnest(%(publishers)s::uuid[], %(kinds)s::text[], %(outcomes)s::text[],
              %(calls)s::integer[], %(milliseconds)s::bigint[], %(slowest)s::integer[])
       AS new (publisher_id, kind, outcome, calls, milliseconds, slowest)
 ORDER BY publisher_id, kind, outcome
ON CONFLICT (publisher_id, hour, kind, outcome) DO UPDATE
   SET calls = tally.calls + excluded.calls,
       milliseconds = tally.milliseconds + excluded.milliseconds,
       slowest_milliseconds = greatest(tally.slowest_milliseconds, excluded.slowest_milliseconds)
"""


@dataclass(frozen=True, slots=True)
class Call:
    """One call that is over. `seconds` is how long it took, to the end of the answer's body."""

    publisher_id: UUID
    kind: CallKind
    outcome: Outcome
    seconds: float


def tally(calls: Iterable[Call], at: datetime) -> None:
    """Count calls that ended at `at` (UTC) into their hour, in one statement.

    Its rows stay locked until the transaction ends: call it last, with whatever one transaction has to count.
    """
    groups: dict[tuple[UUID, str, str], list[int]] = defaultdict(list)
    for call in calls:
        group = groups[call.publisher_id, call.kind.value, call.outcome.value]
        group.append(min(round(call.seconds * 1000), LONGEST_MILLISECONDS))
    if not groups:
        return
    publishers, kinds, outcomes = zip(*groups, strict=True)
    values: dict[str, Any] = {
        "hour": at.astimezone(UTC).replace(minute=0, second=0, microsecond=0),
        "publishers": list(publishers),
        "kinds": list(kinds),
        "outcomes": list(outcomes),
        "calls": [len(group) for group in groups.values()],
        "milliseconds": [sum(group) for group in groups.values()],
        "slowest": [max(group) for group in groups.values()],
    }
    with connection.cursor() as cursor:
        cursor.execute(_ADD, values)
