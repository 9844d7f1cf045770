"""Asking publishers about pending purchases: claim, ask, apply.

A claim is a lease on a due row, taken in one short transaction; the publisher is asked with no transaction open; the
answer is applied in a transaction of its own, provided that the lease is still ours. A worker that dies anywhere in
between leaves a lease that runs out, and the row is claimed again.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from django.db import connection, transaction
from django.db.models import Case, Exists, F, OuterRef, Value, When

from accounts.policy import Action, Actor, authorize
from partnerhub.clock import now
from publishers.fulfillment.calling import refuse_in_transaction
from publishers.fulfillment.gateway import Answer
from publishers.fulfillment.registry import Lines
from publishers.models import Adapter, Publisher
from publishers.services import circuit
from subscriptions.backoff import LONGEST_WAIT, TROUBLE, before_deadline, next_wait, spread
from subscriptions.enums import Status
from subscriptions.models import PollSchedule
from subscriptions.services.confirmation import apply_answer
from subscriptions.window import Bounds, DatabaseThread, roll

LEASE = timedelta(minutes=2)
POLLED = [Adapter.POLL, Adapter.BOTH]
_CLAIMING = 0x48554250  # pg_advisory_xact_lock: claims take turns, so that no limit is passed together
_POLLING = 0x4855424C  # pg_try_advisory_lock, with the node's name

log = structlog.get_logger(__name__)

# Each publisher gets as many rows as it has places free: its limit while it is well, one row to try it again after
# a pause. Rows go out in turns over all publishers, so that a long queue never keeps a short one waiting.
_CLAIM = """
WITH ready AS MATERIALIZED (
    SELECT publisher.id, greatest(0, CASE publisher.circuit WHEN 'closed' THEN publisher.max_concurrency ELSE 1 END
           - (SELECT count(*) FROM subscriptions_pollschedule AS leased
               WHERE leased.publisher_id = publisher.id AND leased.lease IS NOT NULL
                 AND leased.lease_until > %(at)s)) AS free
      FROM publishers_publisher AS publisher
     WHERE publisher.adapter = ANY(%(polled)s)
       AND (publisher.circuit = 'closed' OR publisher.circuit_retry_at <= %(at)s)
), due AS MATERIALIZED (
    SELECT row.subscription_id, row.next_poll_at, ready.id AS publisher_id,
           row_number() OVER (PARTITION BY ready.id ORDER BY row.next_poll_at) AS turn
      FROM ready CROSS JOIN LATERAL (
        SELECT schedule.subscription_id, schedule.next_poll_at
          FROM subscriptions_pollschedule AS schedule
          JOIN subscriptions_subscription AS subscription ON subscription.id = schedule.subscription_id
         WHERE schedule.publisher_id = ready.id AND schedule.next_poll_at <= %(due_by)s
           AND (schedule.lease_until IS NULL OR schedule.lease_until <= %(at)s)
           AND subscription.status = %(pending)s
         ORDER BY schedule.next_poll_at
         LIMIT least(ready.free, %(limit)s)
           FOR UPDATE OF schedule SKIP LOCKED
      ) AS row
), chosen AS MATERIALIZED (
    SELECT subscription_id, publisher_id FROM due ORDER BY turn, next_poll_at LIMIT %(limit)s
), tried AS (
    UPDATE publishers_publisher SET circuit = 'half_open'
     WHERE circuit = 'open' AND id IN (SELECT publisher_id FROM chosen)
)
UPDATE subscriptions_pollschedule AS schedule
   SET lease = gen_random_uuid(), lease_until = %(until)s
  FROM chosen
 WHERE schedule.subscription_id = chosen.subscription_id
RETURNING schedule.subscription_id, schedule.publisher_id, schedule.lease, schedule.next_poll_at,
          schedule.last_polled_at, schedule.last_outcome, schedule.fresh_since
"""


@dataclass(frozen=True, slots=True)
class Claim:
    """A due row under our lease until it is applied or the lease runs out; `lease` names this one question."""

    subscription_id: UUID
    publisher_id: UUID
    lease: UUID
    due_at: datetime
    last_polled_at: datetime | None
    last_outcome: str
    fresh_since: datetime


class LeaseLost(Exception):
    """Another worker holds the row by now: its answer counts, ours is dropped."""


@dataclass(slots=True)
class Tally:
    """What came of a round of questions: how many of each outcome, confirmations, and answers dropped as too late."""

    asked: int = 0
    activated: int = 0
    dropped: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)


@transaction.atomic
def claim(at: datetime, limit: int, *, due_by: datetime | None = None) -> list[Claim]:
    """Lease up to `limit` rows that are due by `due_by` (inclusive; default `at`), for two minutes from `at`."""
    values: dict[str, Any] = {
        "at": at,
        "due_by": due_by or at,
        "until": at + LEASE,
        "limit": limit,
        "pending": Status.PENDING.value,
        "polled": [adapter.value for adapter in POLLED],
    }
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_CLAIMING])
        cursor.execute(_CLAIM, values)
        return [Claim(*row) for row in cursor.fetchall()]


def apply(actor: Actor, claimed: Claim, answer: Answer, *, at: datetime, chance: float) -> Status:
    """Take in an answer and set the next question's time (`chance` in [0, 1) is its jitter), or nothing at all.

    Returns the subscription's status as far as this answer tells. Raises LeaseLost, NotFound, NotPermitted; then
    nothing has changed.
    """
    next_poll_at = at + _wait(claimed, answer, at, chance)
    if answer.said is None and answer.outcome.value == claimed.last_outcome:
        # The same as last time, without a statement: nothing that `apply_answer` does not show already.
        _reschedule(claimed, answer, next_poll_at, at)
        return Status.PENDING
    context = {key: answer.evidence[key] for key in ("request_id", "correlation_id") if key in answer.evidence}
    with structlog.contextvars.bound_contextvars(**context), transaction.atomic():
        subscription = apply_answer(actor, claimed.subscription_id, answer, poll_id=claimed.lease, at=at)
        next_poll_at = before_deadline(next_poll_at, subscription.activate_by, at)
        _reschedule(claimed, answer, next_poll_at if subscription.status == Status.PENDING else None, at)
    return Status(subscription.status)


def put_off(claimed: Claim, at: datetime) -> None:
    """Free a row whose answer could not be taken in, and ask again after LONGEST_WAIT: the others come first."""
    rows = PollSchedule.objects.filter(pk=claimed.subscription_id, lease=claimed.lease, next_poll_at__isnull=False)
    rows.update(lease=None, lease_until=None, next_poll_at=at + LONGEST_WAIT)


def release(leases: Iterable[UUID]) -> None:
    """Give back claims that were never applied: the rows are due again as they were."""
    PollSchedule.objects.filter(lease__in=list(leases)).update(lease=None, lease_until=None)


def anything_due(at: datetime) -> bool:
    """Whether any row's time has come; it may still be leased, or its publisher's circuit open."""
    rows = PollSchedule.objects.filter(publisher=OuterRef("pk"), next_poll_at__lte=at)
    return Publisher.objects.filter(Exists(rows), adapter__in=POLLED).exists()


def _reschedule(claimed: Claim, answer: Answer, next_poll_at: datetime | None, at: datetime) -> None:
    # Somebody may have asked for a question while ours was under way: theirs stays due.
    when = Case(When(next_poll_at=claimed.due_at, then=Value(next_poll_at)), default=F("next_poll_at"))
    updated = PollSchedule.objects.filter(pk=claimed.subscription_id, lease=claimed.lease).update(
        lease=None,
        lease_until=None,
        attempts=F("attempts") + 1,
        last_polled_at=at,
        last_outcome=answer.outcome.value,
        last_detail=answer.detail[:300],
        next_poll_at=when if next_poll_at else None,
    )
    if not updated:
        raise LeaseLost


def _wait(claimed: Claim, answer: Answer, at: datetime, chance: float) -> timedelta:
    in_trouble = claimed.last_polled_at is not None and claimed.last_outcome in TROUBLE
    return next_wait(
        age=at - claimed.fresh_since,
        outcome=answer.outcome,
        last_trouble=at - claimed.last_polled_at if in_trouble and claimed.last_polled_at else None,
        retry_after=answer.retry_after,
        chance=chance,
    )


@dataclass(slots=True)
class Poller:
    """Asks what is due, with up to `bounds.places` questions under way at once and as few threads as two.

    With `due_by` only what was due by then (inclusive) is asked, so each row once. `node` names the machine's worker:
    one poller per node, so that its other processes stay free for other tasks.
    """

    actor: Actor
    bounds: Bounds = field(default_factory=Bounds)
    due_by: datetime | None = None
    node: str = ""
    clock: Callable[[], datetime] = now
    chance: Callable[[], float] = random.random
    make_lines: Callable[..., Lines] = Lines
    tally: Tally = field(default_factory=Tally, init=False)
    _open: dict[UUID, Claim] = field(default_factory=dict, init=False)
    _lines: Lines = field(init=False)
    _database: DatabaseThread = field(init=False)

    def run(self) -> Tally:
        """Ask until nothing is due or the bounds are reached. Raises NotPermitted, RuntimeError in a transaction."""
        authorize(self.actor, Action.SUBSCRIPTION_POLL)
        refuse_in_transaction()
        if anything_due(self.clock()):
            asyncio.run(self._run())
        return self.tally

    async def _run(self) -> None:
        self._lines, self._database = self.make_lines(connections=self.bounds.places), DatabaseThread()
        try:
            if not self.node or await self._database.run(_is_sole_poller, self.node):
                await roll(self._take, self._ask, self.bounds, self._hand_over)
        finally:
            await self._lines.close()
            self._database.close(lambda: release(self._open))

    async def _hand_over(self) -> None:
        # A silent publisher keeps the last question for seconds: the next poller must not wait for it.
        if self.node:
            await self._database.run(_give_place_back, self.node)

    async def _take(self, limit: int) -> list[Claim]:
        taken = await self._database.run(self._claim, limit)
        self._open.update((one.lease, one) for one in taken)
        return taken

    def _claim(self, limit: int) -> list[Claim]:
        at = self.clock()
        taken = claim(at, limit, due_by=self.due_by)
        self._lines.look_up({one.publisher_id for one in taken}, at)
        return taken

    async def _ask(self, claimed: Claim) -> None:
        gateway, address = self._lines.line_to(claimed.publisher_id)
        answer = await gateway.ask(address, claimed.subscription_id)
        await self._database.run(self._apply, claimed, answer)

    def _apply(self, claimed: Claim, answer: Answer) -> None:
        at = self.clock()
        self.tally.asked += 1
        self.tally.outcomes[answer.outcome.value] += 1
        try:
            status = apply(self.actor, claimed, answer, at=at, chance=self.chance())
            self.tally.activated += status == Status.SUBSCRIBED
        except LeaseLost:
            self.tally.dropped += 1
        except Exception:
            put_off(claimed, at)
            log.error("answer_not_taken_in", subscription_id=str(claimed.subscription_id))
            raise
        del self._open[claimed.lease]
        self._report(claimed.publisher_id, answer, at)

    def _report(self, publisher_id: UUID, answer: Answer, at: datetime) -> None:
        changed = circuit.report(
            self.actor, publisher_id, answer.outcome, detail=answer.detail, spread=spread(self.chance()), at=at
        )
        if changed:
            log.info("circuit_changed", publisher_id=str(publisher_id), circuit=changed.value)


def _is_sole_poller(node: str) -> bool:
    """Whether this database session now holds the node's place; it is given back with the session at the latest."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, hashtext(%s))", [_POLLING, node])
        return bool(cursor.fetchone()[0])


def _give_place_back(node: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_unlock(%s, hashtext(%s))", [_POLLING, node])
