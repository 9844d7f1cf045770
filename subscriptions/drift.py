"""The drift radar: asking publishers whether they still show what we hold. Claim, ask, compare, as in polling.

One process of the hub looks at a time, half of its time: first polls and changes come first everywhere.
"""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from django.db import connection, transaction
from django.db.models import Exists, OuterRef

from accounts.policy import Action, Actor, authorize
from partnerhub.clock import now
from publishers.fulfillment.calling import refuse_in_transaction
from publishers.fulfillment.gateway import Answer
from publishers.fulfillment.registry import Lines
from publishers.models import Adapter, CallKind, Pricing, Publisher
from publishers.services import circuit
from publishers.services.tallies import Call, tally
from subscriptions.backoff import BURST_SECONDS, LONGEST_RETRY_AFTER, TROUBLE, spread
from subscriptions.divergences import Held, compare, compare_billed
from subscriptions.enums import Status
from subscriptions.ledger import ledger
from subscriptions.marketplace import STATUSES
from subscriptions.models import DriftCheck, Subscription
from subscriptions.models.operation import IN_FLIGHT
from subscriptions.services.divergences import note_divergences
from subscriptions.services.locking import lock_subscription
from subscriptions.services.watching import WATCHED_AFTER_END, check_every
from subscriptions.window import Bounds, DatabaseThread, roll

LEASE = timedelta(minutes=2)
PLACES = 30
# Of every ten: the process is needed for deliveries and operations, too.
SECONDS = 5.0
PLACES_OF_ONE = 4
# When what is held moves while we look, and when the publisher gave no usable answer; never later than as usual.
SOON = timedelta(minutes=1)
AFTER_TROUBLE = timedelta(hours=1)
POLLED = [Adapter.POLL, Adapter.BOTH]
_LOOKING = 0x48554244  # pg_try_advisory_lock: one process at a time, so that the places are those of the whole hub

log = structlog.get_logger(__name__)

# What has a change in flight is put off without a question. `busy` names the publishers of questions under way.
_CLAIM = """
WITH ready AS MATERIALIZED (
    SELECT publisher.id, greatest(0, least(%(share)s,
             CASE WHEN publisher.max_per_second IS NOT NULL
                  THEN greatest(1, floor(%(burst)s * publisher.max_per_second)) END,
             CASE publisher.circuit WHEN 'closed' THEN publisher.max_concurrency ELSE 1 END
             - (SELECT count(*) FROM subscriptions_pollschedule AS polled
                 WHERE polled.publisher_id = publisher.id AND polled.lease IS NOT NULL AND polled.lease_until > %(at)s))
           - (SELECT count(*) FROM unnest(%(busy)s::uuid[]) AS mine (publisher_id)
               WHERE mine.publisher_id = publisher.id)) AS free
      FROM publishers_publisher AS publisher
     WHERE publisher.adapter = ANY(%(polled)s)
       AND (publisher.circuit = 'closed' OR publisher.circuit_retry_at <= %(at)s)
       AND (publisher.paced_until IS NULL OR publisher.paced_until <= %(at)s)
), due AS MATERIALIZED (
    SELECT row.subscription_id, row.next_check_at, ready.id AS publisher_id,
           row_number() OVER (PARTITION BY ready.id ORDER BY row.next_check_at) AS turn
      FROM ready CROSS JOIN LATERAL (
        SELECT found.subscription_id, found.next_check_at
          FROM subscriptions_driftcheck AS found
         WHERE found.publisher_id = ready.id AND found.next_check_at <= %(at)s
           AND (found.lease_until IS NULL OR found.lease_until <= %(at)s)
         ORDER BY found.next_check_at
         LIMIT least(ready.free, %(limit)s)
           FOR UPDATE OF found SKIP LOCKED
      ) AS row
), chosen AS MATERIALIZED (
    SELECT due.subscription_id, due.publisher_id, subscription.version,
           EXISTS (SELECT FROM subscriptions_operation AS operation
                    WHERE operation.subscription_id = due.subscription_id AND operation.status = ANY(%(in_flight)s))
           AS moves
      FROM due JOIN subscriptions_subscription AS subscription ON subscription.id = due.subscription_id
     ORDER BY due.turn, due.next_check_at LIMIT %(limit)s
), taken AS MATERIALIZED (
    SELECT publisher.id, asked.questions
      FROM publishers_publisher AS publisher
      JOIN (SELECT publisher_id, count(*) AS questions FROM chosen WHERE NOT moves GROUP BY publisher_id) AS asked
        ON asked.publisher_id = publisher.id
     WHERE publisher.circuit = 'open' OR publisher.max_per_second IS NOT NULL
     ORDER BY publisher.id
       FOR NO KEY UPDATE OF publisher
), tried AS (
    UPDATE publishers_publisher AS publisher
       SET circuit = CASE publisher.circuit WHEN 'open' THEN 'half_open' ELSE publisher.circuit END,
           paced_until = CASE WHEN publisher.max_per_second IS NULL THEN publisher.paced_until
                              ELSE greatest(publisher.paced_until, %(at)s)
                                   + taken.questions * interval '1 second' / publisher.max_per_second END
      FROM taken
     WHERE publisher.id = taken.id
)
UPDATE subscriptions_driftcheck AS row
   SET lease = CASE WHEN chosen.moves THEN NULL ELSE gen_random_uuid() END,
       lease_until = CASE WHEN chosen.moves THEN NULL ELSE %(until)s::timestamptz END,
       next_check_at = CASE WHEN chosen.moves THEN %(soon)s ELSE row.next_check_at END
  FROM chosen
 WHERE row.subscription_id = chosen.subscription_id
RETURNING row.subscription_id, row.publisher_id, row.lease, chosen.version
"""


@dataclass(frozen=True, slots=True)
class Claim:
    """A due row under our lease; `version` is the subscription's when the publisher was about to be asked."""

    subscription_id: UUID
    publisher_id: UUID
    lease: UUID
    version: int


class LeaseLost(Exception):
    """The lease has run out and the row was claimed again, or it is no longer there: the answer is dropped."""


@transaction.atomic
def claim(at: datetime, limit: int, *, busy: Iterable[UUID] = (), chance: float = 0.5) -> list[Claim]:
    """Lease up to `limit` due rows for two minutes from `at`; `busy` names the publisher of each question under way."""
    values: dict[str, Any] = {
        "at": at,
        "until": at + LEASE,
        "soon": at + SOON * spread(chance),
        "limit": limit,
        "share": PLACES_OF_ONE,
        "burst": BURST_SECONDS,
        "busy": list(busy),
        "polled": [adapter.value for adapter in POLLED],
        "in_flight": [status.value for status in IN_FLIGHT],
    }
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, values)
        return [Claim(*row) for row in cursor.fetchall() if row[2] is not None]


@transaction.atomic
def apply(actor: Actor, claimed: Claim, answer: Answer, *, at: datetime, chance: float) -> bool:
    """Compare an answer with what we hold and set when the publisher is asked next (`chance` in [0, 1): its jitter).

    False, and nothing is compared, where what we hold has moved since the question. Raises LeaseLost, NotPermitted;
    then nothing has changed.
    """
    authorize(actor, Action.SUBSCRIPTION_CONFIRM)
    subscription = lock_subscription(claimed.subscription_id, actor)
    moved = subscription.version != claimed.version or subscription.operations.filter(status__in=IN_FLIGHT).exists()
    if not moved:
        _compare(actor, subscription, claimed, answer, at)
    every = check_every(subscription, at)
    wait = min(every, SOON) if moved else _wait(every, answer)
    _reschedule(subscription, claimed, answer, at + wait * spread(chance), at)
    return not moved


def _compare(actor: Actor, subscription: Subscription, claimed: Claim, answer: Answer, at: datetime) -> None:
    plan = subscription.plan
    per_seat = plan.pricing == Pricing.PER_USER
    held = Held(STATUSES[Status(subscription.status)], plan.plan_id, subscription.quantity, per_seat)
    said = asdict(answer.said) if answer.said else {}
    evidence = {"source": "drift", "id": str(claimed.lease), "at": at.isoformat(), "said": said, **answer.evidence}
    note_divergences(actor, subscription, compare(held, answer), evidence, at=at)
    billed = ledger().billed_quantity([subscription.pk]).get(subscription.pk)
    if billed is not None:
        of_ledger = {"source": "billing", "id": str(claimed.lease), "at": at.isoformat(), "said": {"quantity": billed}}
        note_divergences(actor, subscription, compare_billed(held, billed), of_ledger, at=at)


def _wait(every: timedelta, answer: Answer) -> timedelta:
    if answer.outcome not in TROUBLE:
        return every
    return max(min(every, AFTER_TROUBLE), min(answer.retry_after or timedelta(), LONGEST_RETRY_AFTER))


def _reschedule(
    subscription: Subscription, claimed: Claim, answer: Answer, next_check_at: datetime, at: datetime
) -> None:
    over = subscription.ended_at is not None and next_check_at > subscription.ended_at + WATCHED_AFTER_END
    updated = DriftCheck.objects.filter(pk=claimed.subscription_id, lease=claimed.lease).update(
        lease=None,
        lease_until=None,
        last_checked_at=at,
        last_outcome=answer.outcome.value,
        next_check_at=None if over else next_check_at,
    )
    if not updated:
        raise LeaseLost


def put_off(claimed: Claim, at: datetime) -> None:
    """Free a row whose answer could not be taken in, and ask again after AFTER_TROUBLE."""
    rows = DriftCheck.objects.filter(pk=claimed.subscription_id, lease=claimed.lease)
    rows.update(lease=None, lease_until=None, next_check_at=at + AFTER_TROUBLE)


def release(leases: Iterable[UUID]) -> None:
    """Give back claims that were never applied: the rows are due again as they were."""
    DriftCheck.objects.filter(lease__in=list(leases)).update(lease=None, lease_until=None)


def anything_due(at: datetime) -> bool:
    """Whether any row's time has come; it may still be leased, or its publisher's circuit open."""
    rows = DriftCheck.objects.filter(publisher=OuterRef("pk"), next_check_at__lte=at)
    return Publisher.objects.filter(Exists(rows), adapter__in=POLLED).exists()


@dataclass(slots=True)
class Radar:
    """Asks what is due, with up to `bounds.places` questions under way at once, unless another process does."""

    actor: Actor
    bounds: Bounds = field(default_factory=lambda: Bounds(places=PLACES, seconds=SECONDS, idle_seconds=0))
    clock: Callable[[], datetime] = now
    chance: Callable[[], float] = random.random
    make_lines: Callable[..., Lines] = Lines
    tally: Counter[str] = field(default_factory=Counter, init=False)
    _open: dict[UUID, Claim] = field(default_factory=dict, init=False)
    _lines: Lines = field(init=False)
    _database: DatabaseThread = field(init=False)

    def run(self) -> Counter[str]:
        """Ask until nothing is due or the bounds are reached; how many answers came of each outcome, and how many were
        not compared (`moved`, `dropped`). Raises NotPermitted, RuntimeError in a transaction.
        """
        authorize(self.actor, Action.SUBSCRIPTION_POLL)
        refuse_in_transaction()
        if anything_due(self.clock()):
            asyncio.run(self._run())
        return self.tally

    async def _run(self) -> None:
        self._lines, self._database = self.make_lines(connections=self.bounds.places), DatabaseThread()
        try:
            if await self._database.run(_is_sole):
                await roll(self._take, self._ask, self.bounds)
        finally:
            await self._lines.close()
            # The lock goes with the session, which ends here.
            self._database.close(lambda: release(self._open))

    async def _take(self, limit: int) -> list[Claim]:
        taken = await self._database.run(self._claim, limit)
        self._open.update((one.lease, one) for one in taken)
        return taken

    def _claim(self, limit: int) -> list[Claim]:
        at = self.clock()
        taken = claim(at, limit, busy=[one.publisher_id for one in self._open.values()], chance=self.chance())
        self._lines.look_up({one.publisher_id for one in taken}, at)
        return taken

    async def _ask(self, claimed: Claim) -> None:
        gateway, address = self._lines.line_to(claimed.publisher_id)
        asked_at = time.monotonic()
        answer = await gateway.ask(address, claimed.subscription_id)
        await self._database.run(self._apply, claimed, answer, time.monotonic() - asked_at)

    def _apply(self, claimed: Claim, answer: Answer, seconds: float) -> None:
        at = self.clock()
        ids = {key: answer.evidence[key] for key in ("request_id", "correlation_id") if key in answer.evidence}
        self.tally[answer.outcome.value] += 1
        try:
            with structlog.contextvars.bound_contextvars(**ids):
                self.tally["moved"] += not apply(self.actor, claimed, answer, at=at, chance=self.chance())
        except LeaseLost:
            self.tally["dropped"] += 1
        except Exception:
            put_off(claimed, at)
            log.error("answer_not_compared", subscription_id=str(claimed.subscription_id))
            raise
        finally:
            del self._open[claimed.lease]
        self._report(claimed.publisher_id, answer, seconds, at)

    def _report(self, publisher_id: UUID, answer: Answer, seconds: float, at: datetime) -> None:
        jitter = spread(self.chance())
        report = circuit.Report(publisher_id, answer.outcome, answer.detail, answer.retry_after)
        circuit.report_all(self.actor, [report], spread=jitter, at=at)
        tally([Call(publisher_id, CallKind.ASK, answer.outcome, seconds)], at)


def _is_sole() -> bool:
    """Whether this database session now is the only one that looks; it stays so until the session ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [_LOOKING])
        return bool(cursor.fetchone()[0])
