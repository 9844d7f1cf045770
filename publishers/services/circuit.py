"""The circuit of a publisher: after failures in a row nobody asks it for a while, then one question tries again.

It lives on the publisher's row, so all workers share it. The statement of each report decides by itself.
"""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from accounts.policy import Action, Actor, authorize
from partnerhub.outbox.recorder import record
from publishers.events import CircuitClosed, CircuitOpened
from publishers.fulfillment.gateway import Outcome
from publishers.models import Circuit, Publisher

FAILURES_TO_OPEN = 5
FIRST_PAUSE = timedelta(seconds=15)
LONGEST_PAUSE = timedelta(minutes=5)
# A healthy publisher's row is written this often at most, however many answers it gives.
NOTED_EVERY = timedelta(seconds=5)

# What says that the publisher is down as a whole; the rest is about one subscription, or about our own access.
FAILURES = frozenset({Outcome.FAILING, Outcome.SILENT})
WELL = frozenset({Outcome.ANSWERED, Outcome.UNKNOWN_THERE})

_FAILED = """
WITH before AS (SELECT id, circuit, consecutive_failures + 1 AS failures FROM publishers_publisher
                 WHERE id = %(id)s FOR UPDATE)
UPDATE publishers_publisher AS publisher SET
    -- Questions that were under way when it opened come back failed too, and prove nothing new.
    consecutive_failures = CASE before.circuit WHEN 'open' THEN publisher.consecutive_failures ELSE failures END,
    circuit = CASE WHEN before.circuit = 'half_open' OR failures >= %(limit)s THEN 'open' ELSE before.circuit END,
    circuit_retry_at = CASE
        WHEN before.circuit = 'half_open' OR (before.circuit = 'closed' AND failures >= %(limit)s)
        THEN %(at)s + %(spread)s * least(%(longest)s, %(first)s * power(2, least(greatest(failures - %(limit)s, 0), 9)))
        ELSE publisher.circuit_retry_at END,
    last_failure_at = %(at)s,
    last_failure = %(detail)s
FROM before WHERE publisher.id = before.id
RETURNING before.circuit, publisher.circuit, publisher.consecutive_failures, publisher.circuit_retry_at
"""
_ANSWERED = """
WITH before AS (SELECT id, circuit FROM publishers_publisher
                 WHERE id = %(id)s AND (circuit <> 'closed' OR consecutive_failures > 0
                    OR coalesce(CASE WHEN %(well)s THEN last_success_at ELSE last_failure_at END, '-infinity')
                       < %(stale)s)
                   FOR UPDATE)
UPDATE publishers_publisher AS publisher SET
    consecutive_failures = 0,
    circuit = 'closed',
    circuit_retry_at = NULL,
    last_success_at = CASE WHEN %(well)s THEN %(at)s ELSE last_success_at END,
    last_failure_at = CASE WHEN %(well)s THEN last_failure_at ELSE %(at)s END,
    last_failure = CASE WHEN %(well)s THEN last_failure ELSE %(detail)s END
FROM before WHERE publisher.id = before.id
RETURNING before.circuit, publisher.circuit, publisher.consecutive_failures, publisher.circuit_retry_at
"""


@transaction.atomic
def report(
    actor: Actor, publisher_id: UUID, outcome: Outcome, *, detail: str, spread: float = 1.0, at: datetime
) -> Circuit | None:
    """Take in what came of one call. FAILURES_TO_OPEN failures in a row open the circuit for FIRST_PAUSE; a failed
    trial doubles the pause, up to LONGEST_PAUSE; any answer closes it. `spread` multiplies the pause (jitter).

    Returns the circuit when this call has changed it. Raises NotPermitted.
    """
    authorize(actor, Action.SUBSCRIPTION_CONFIRM)
    values = {"id": publisher_id, "at": at, "detail": detail[:300]}
    if outcome in FAILURES:
        values |= {"limit": FAILURES_TO_OPEN, "first": FIRST_PAUSE, "longest": LONGEST_PAUSE, "spread": spread}
        # A statement that had to wait for another worker's would mix the row of before with the one of after.
        Publisher.objects.select_for_update().filter(pk=publisher_id).values_list("pk").first()
        row = _changed_by(_FAILED, values)
    else:
        row = _changed_by(_ANSWERED, values | {"well": outcome in WELL, "stale": at - NOTED_EVERY})
    if row is None:
        return None
    before, after, failures, retry_at = row
    return _tell(actor, publisher_id, Circuit(before), Circuit(after), failures, retry_at, detail, at)


def _changed_by(statement: str, values: dict[str, Any]) -> tuple[str, str, int, datetime | None] | None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        row: tuple[str, str, int, datetime | None] | None = cursor.fetchone()
    return row


def _tell(
    actor: Actor,
    publisher_id: UUID,
    before: Circuit,
    after: Circuit,
    failures: int,
    retry_at: datetime | None,
    detail: str,
    at: datetime,
) -> Circuit | None:
    if before == after:
        return None
    if after == Circuit.CLOSED:
        record(CircuitClosed(publisher_id), actor=actor, at=at)
    elif before == Circuit.CLOSED:
        data = {"failures": failures, "retry_at": retry_at.isoformat() if retry_at else None, "detail": detail[:300]}
        record(CircuitOpened(publisher_id, data), actor=actor, at=at)
    return after
