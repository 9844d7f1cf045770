"""Telling publishers of changes: claim an operation, call, apply. The same three steps as in polling.

A call may be repeated after a crash: ending a subscription twice has one effect. A publisher that answers with an
operation of its own is asked again about that one until it is final. What has not ended after GIVE_UP_AFTER fails,
visibly.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from accounts.policy import Action, Actor, authorize
from partnerhub.clock import now
from partnerhub.outbox.recorder import record
from publishers.fulfillment.gateway import Outcome, Progress, Receipt
from publishers.fulfillment.registry import Lines
from publishers.fulfillment.saas_v2 import refuse_in_transaction
from publishers.services import circuit
from subscriptions.backoff import resend_wait, spread
from subscriptions.enums import OperationAction, OperationStatus
from subscriptions.events import OperationFailed, OperationSucceeded
from subscriptions.models import Operation
from subscriptions.models.operation import IN_FLIGHT
from subscriptions.services.locking import lock_subscription
from subscriptions.window import Bounds, DatabaseThread, roll

LEASE = timedelta(minutes=2)
# As long as the marketplace tries to reach a publisher (fulfillment-v2.md section 8).
GIVE_UP_AFTER = timedelta(hours=8)
FEWEST_ATTEMPTS = 5
DONE = frozenset({Outcome.ANSWERED, Outcome.UNKNOWN_THERE})
_CLAIMING = 0x4855424F  # pg_advisory_xact_lock: claims take turns, so that a publisher's trial is one call

_CLAIM = """
WITH due AS MATERIALIZED (
    SELECT operation.id, publisher.id AS publisher_id, publisher.circuit, operation.next_attempt_at,
           row_number() OVER (PARTITION BY publisher.id ORDER BY operation.next_attempt_at) + (
             SELECT count(*) FROM subscriptions_operation AS leased
               JOIN subscriptions_subscription AS other ON other.id = leased.subscription_id
              WHERE leased.status = ANY(%(in_flight)s) AND leased.lease_until > %(at)s
                AND other.publisher_id = publisher.id) AS place
      FROM subscriptions_operation AS operation
      JOIN subscriptions_subscription AS subscription ON subscription.id = operation.subscription_id
      JOIN publishers_publisher AS publisher ON publisher.id = subscription.publisher_id
     WHERE operation.status = ANY(%(in_flight)s) AND operation.action = %(action)s
       AND operation.next_attempt_at <= %(at)s
       AND (operation.lease_until IS NULL OR operation.lease_until <= %(at)s)
       AND (publisher.circuit = 'closed' OR publisher.circuit_retry_at <= %(at)s
            OR publisher.fulfillment_base_url = '')
), chosen AS MATERIALIZED (
    SELECT due.id, due.publisher_id
      FROM due JOIN publishers_publisher AS publisher ON publisher.id = due.publisher_id
     WHERE due.place <= CASE due.circuit WHEN 'closed' THEN publisher.max_concurrency ELSE 1 END
     ORDER BY due.place, due.next_attempt_at
     LIMIT %(limit)s
), tried AS (
    UPDATE publishers_publisher SET circuit = 'half_open'
     WHERE circuit = 'open' AND id IN (SELECT publisher_id FROM chosen)
)
UPDATE subscriptions_operation AS operation
   SET status = 'in_progress', lease_until = %(until)s
  FROM chosen JOIN publishers_publisher AS publisher ON publisher.id = chosen.publisher_id
 WHERE operation.id = chosen.id AND operation.status = ANY(%(in_flight)s)
   AND (operation.lease_until IS NULL OR operation.lease_until <= %(at)s)
RETURNING operation.id, operation.subscription_id, publisher.id, operation.lease_until, operation.created_at,
          publisher.fulfillment_base_url <> '', operation.remote_id
"""


@dataclass(frozen=True, slots=True)
class Sending:
    """An operation under our lease; its `lease_until` names the lease.

    A push-only publisher has no address of its own to call: it reads the new state from us. `remote_id` names the
    publisher's operation that it is working on; empty: the publisher is still to be told.
    """

    operation_id: UUID
    subscription_id: UUID
    publisher_id: UUID
    lease_until: datetime
    created_at: datetime
    has_address: bool
    remote_id: str


@transaction.atomic
def claim(at: datetime, limit: int) -> list[Sending]:
    """Lease up to `limit` operations that are due, for two minutes from `at`."""
    values: dict[str, Any] = {
        "at": at,
        "until": at + LEASE,
        "limit": limit,
        "action": OperationAction.UNSUBSCRIBE.value,
        "in_flight": [status.value for status in IN_FLIGHT],
    }
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_CLAIMING])
        cursor.execute(_CLAIM, values)
        return [Sending(*row) for row in cursor.fetchall()]


@transaction.atomic
def apply(actor: Actor, sending: Sending, receipt: Receipt, *, at: datetime, chance: float) -> OperationStatus | None:
    """Take in what the publisher answered: succeeded, to be asked again (`chance` in [0, 1) is the wait's jitter), or
    failed for good. Returns None, and changes nothing, when the lease is not ours any more. Raises NotPermitted.
    """
    authorize(actor, Action.SUBSCRIPTION_CONFIRM)
    lock_subscription(sending.subscription_id)
    mine = Operation.objects.filter(pk=sending.operation_id, lease_until=sending.lease_until, status__in=IN_FLIGHT)
    operation = mine.select_for_update().first()
    if operation is None:
        return None
    operation.attempts += 1
    operation.lease_until = None
    if receipt.outcome in DONE and receipt.progress == Progress.DONE:
        _succeed(actor, operation, sending, receipt, at)
    elif receipt.progress == Progress.REFUSED or _is_given_up(operation, at):
        _fail(actor, operation, receipt, at)
    else:
        _put_back(operation, receipt, at, chance)
    operation.save()
    return OperationStatus(operation.status)


def _is_given_up(operation: Operation, at: datetime) -> bool:
    """Eight hours are over, and not only because the hub itself was down for most of them."""
    return operation.attempts >= FEWEST_ATTEMPTS and at - operation.created_at >= GIVE_UP_AFTER


def release(sendings: Iterable[Sending]) -> None:
    """Give back claims that were never applied: the operations are due again as they were."""
    for one in sendings:
        Operation.objects.filter(pk=one.operation_id, lease_until=one.lease_until).update(lease_until=None)


def _succeed(actor: Actor, operation: Operation, sending: Sending, receipt: Receipt, at: datetime) -> None:
    operation.status, operation.completed_at = OperationStatus.SUCCEEDED, at
    operation.remote_id, operation.last_error = receipt.remote_id, ""
    data: dict[str, Any] = {"operation": str(operation.pk), "action": operation.action, "remote_id": receipt.remote_id}
    # A publisher that only calls us was told nothing: it reads the new state at its next call.
    data["told"] = sending.has_address
    record(OperationSucceeded(operation.subscription_id, data), actor=actor, at=at)


def _fail(actor: Actor, operation: Operation, receipt: Receipt, at: datetime) -> None:
    operation.status, operation.completed_at = OperationStatus.FAILED, at
    operation.last_error = receipt.detail[:300]
    data = {"operation": str(operation.pk), "action": operation.action, "attempts": operation.attempts}
    record(OperationFailed(operation.subscription_id, data | {"detail": receipt.detail}), actor=actor, at=at)


def _put_back(operation: Operation, receipt: Receipt, at: datetime, chance: float) -> None:
    wait = resend_wait(attempts=operation.attempts, retry_after=receipt.retry_after, chance=chance)
    operation.next_attempt_at = at + wait
    if receipt.progress == Progress.UNDER_WAY:
        operation.remote_id, operation.last_error = receipt.remote_id, ""
    else:
        operation.last_error = receipt.detail[:300]


def anything_due(at: datetime) -> bool:
    """Whether any operation's time has come; it may still be leased, or its publisher's circuit open."""
    due = Operation.objects.filter(status__in=IN_FLIGHT, next_attempt_at__lte=at)
    return due.filter(action=OperationAction.UNSUBSCRIBE).exists()


@dataclass(slots=True)
class Sender:
    """Sends what is due, with up to `bounds.places` calls under way at once."""

    actor: Actor
    bounds: Bounds = field(default_factory=lambda: Bounds(places=20, idle_seconds=0))
    clock: Callable[[], datetime] = now
    chance: Callable[[], float] = random.random
    make_lines: Callable[..., Lines] = Lines
    tally: Counter[str] = field(default_factory=Counter, init=False)
    _open: dict[UUID, Sending] = field(default_factory=dict, init=False)
    _lines: Lines = field(init=False)
    _database: DatabaseThread = field(init=False)

    def run(self) -> Counter[str]:
        """Send until nothing is due; how many operations got which status. Raises RuntimeError in a transaction."""
        refuse_in_transaction()
        if anything_due(self.clock()):
            asyncio.run(self._run())
        return self.tally

    async def _run(self) -> None:
        self._lines, self._database = self.make_lines(connections=self.bounds.places), DatabaseThread()
        try:
            await roll(self._take, self._send, self.bounds)
        finally:
            await self._lines.close()
            self._database.close(lambda: release(self._open.values()))

    async def _take(self, limit: int) -> list[Sending]:
        taken = await self._database.run(self._claim, limit)
        self._open.update((one.operation_id, one) for one in taken)
        return taken

    def _claim(self, limit: int) -> list[Sending]:
        at = self.clock()
        taken = claim(at, limit)
        self._lines.look_up({one.publisher_id for one in taken if one.has_address}, at)
        return taken

    async def _send(self, sending: Sending) -> None:
        receipt = await self._call(sending) if sending.has_address else Receipt(Outcome.ANSWERED)
        await self._database.run(self._apply, sending, receipt)

    async def _call(self, sending: Sending) -> Receipt:
        gateway, address = self._lines.line_to(sending.publisher_id)
        if sending.remote_id:
            return await gateway.follow_unsubscription(address, sending.subscription_id, sending.remote_id)
        return await gateway.unsubscribe(address, sending.subscription_id)

    def _apply(self, sending: Sending, receipt: Receipt) -> None:
        at = self.clock()
        status = apply(self.actor, sending, receipt, at=at, chance=self.chance())
        self.tally[status.value if status else "dropped"] += 1
        del self._open[sending.operation_id]
        if sending.has_address:
            jitter = spread(self.chance())
            circuit.report(
                self.actor, sending.publisher_id, receipt.outcome, detail=receipt.detail, spread=jitter, at=at
            )
