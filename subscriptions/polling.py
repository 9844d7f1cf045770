"""Asking publishers about pending purchases: claim, ask, apply.

A claim is a lease on a due row, taken in one short transaction; the publisher is asked with no transaction open;
answers that are in are applied together, in a transaction that no question waits for, provided that the leases are
still ours. A worker that dies anywhere in between leaves leases that run out, and the rows are claimed again.
"""

import asyncio
import hashlib
import random
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import structlog
from django.db import connection, transaction
from django.db.models import Exists, OuterRef
from psycopg.types.datetime import TimestamptzLoader

from accounts.policy import Action, Actor, authorize
from partnerhub.bulk import array
from partnerhub.clock import now
from publishers.fulfillment.calling import refuse_in_transaction
from publishers.fulfillment.gateway import Answer
from publishers.fulfillment.registry import Lines
from publishers.models import Adapter, CallKind, Publisher
from publishers.services import circuit
from publishers.services.tallies import Call
from publishers.services.tallies import tally as count_calls
from subscriptions.backoff import BURST_SECONDS, LONGEST_WAIT, TROUBLE, before_deadline, next_wait, spread
from subscriptions.enums import Status
from subscriptions.models import PollSchedule
from subscriptions.services.confirmation import Heard, apply_answers
from subscriptions.services.judging import Judged
from subscriptions.window import Bounds, DatabaseThread, Writing, roll

LEASE = timedelta(minutes=2)
POLLED = [Adapter.POLL, Adapter.BOTH]
LARGEST_BATCH = 250
# This part of the places is kept for publishers that nobody is asking.
RESERVED_PART = 10
# A publisher whose ETag stays while its answer changes is found out.
IN_FULL_EVERY = 10
# What stands in place of an ETag where the publisher gives none.
_MARK = "said:"
_CLAIMING = 0x48554250  # pg_advisory_xact_lock: claims take turns, so that no limit is passed together
_POLLING = 0x4855424C  # pg_try_advisory_lock, with the node's name

log = structlog.get_logger(__name__)

# Each publisher gets as many rows as it has places free: its limit while it is well, one row to try it again after
# a pause, what its rate leaves. Rows go out in turns over all publishers, so that a long queue never keeps a short one
# waiting; what is in reserve is for publishers that nobody is asking at the moment, one row each. Each part reads no
# more than it may give out, however much is due. Publishers are locked in the order of their ids, as wherever many are.
# Chosen rows are looked up by their keys, one by one, and `coalesce` keeps the index of what is due out of that:
# statistics do not know what has just become due, and thousands that were taken for one were compared each to each.
_CLAIM = """
WITH ready AS MATERIALIZED (
    SELECT publisher.id, under_way.leases = 0 AS is_idle, least(
             CASE publisher.circuit WHEN 'closed' THEN publisher.max_concurrency ELSE 1 END - under_way.leases,
             CASE WHEN publisher.max_per_second IS NULL THEN %(limit)s
                  WHEN coalesce(publisher.paced_until, %(at)s) <= %(at)s
                  THEN greatest(1, floor(%(burst)s * publisher.max_per_second))
                  ELSE floor((%(burst)s - extract(epoch FROM publisher.paced_until - %(at)s))
                             * publisher.max_per_second) END) AS free
      FROM publishers_publisher AS publisher
     CROSS JOIN LATERAL (SELECT count(*) AS leases FROM subscriptions_pollschedule AS leased
                          WHERE leased.publisher_id = publisher.id AND leased.lease IS NOT NULL
                            AND leased.lease_until > %(at)s) AS under_way
     WHERE publisher.adapter = ANY(%(polled)s)
       AND (publisher.circuit = 'closed' OR publisher.circuit_retry_at <= %(at)s)
       AND (publisher.paced_until IS NULL OR publisher.paced_until <= %(at)s OR publisher.max_per_second IS NOT NULL)
), due AS MATERIALIZED (
    SELECT row.subscription_id, row.next_poll_at, row.activate_by, ready.id AS publisher_id, ready.is_idle,
           row_number() OVER (PARTITION BY ready.id ORDER BY row.next_poll_at) AS turn
      FROM ready CROSS JOIN LATERAL (
        SELECT schedule.subscription_id, schedule.next_poll_at, subscription.activate_by
          FROM subscriptions_pollschedule AS schedule
          JOIN subscriptions_subscription AS subscription ON subscription.id = schedule.subscription_id
         WHERE schedule.publisher_id = ready.id AND schedule.next_poll_at <= %(due_by)s
           AND (schedule.lease_until IS NULL OR schedule.lease_until <= %(at)s)
           AND subscription.status = %(pending)s
         ORDER BY schedule.next_poll_at
         LIMIT greatest(0, least(ready.free, greatest(%(limit)s - %(reserve)s, ready.is_idle::integer)))
      ) AS row
), chosen AS MATERIALIZED (
    SELECT subscription_id, publisher_id, activate_by, is_idle AND turn = 1 AS is_first
      FROM due ORDER BY turn, next_poll_at LIMIT %(limit)s
), ours AS MATERIALIZED (
    SELECT chosen.*
      FROM chosen CROSS JOIN LATERAL (
        SELECT FROM subscriptions_pollschedule AS schedule
         WHERE schedule.subscription_id = chosen.subscription_id
           AND coalesce(schedule.next_poll_at, 'infinity') <= %(due_by)s
           AND (schedule.lease_until IS NULL OR schedule.lease_until <= %(at)s)
           FOR UPDATE SKIP LOCKED
      ) AS locked
), taken AS MATERIALIZED (
    SELECT publisher.id, mine.questions
      FROM publishers_publisher AS publisher
      JOIN (SELECT publisher_id, count(*) AS questions FROM ours GROUP BY publisher_id) AS mine
        ON mine.publisher_id = publisher.id
     WHERE publisher.circuit = 'open' OR publisher.max_per_second IS NOT NULL
     ORDER BY publisher.id
       FOR NO KEY UPDATE OF publisher
), asked AS (
    UPDATE publishers_publisher AS publisher
       SET circuit = CASE publisher.circuit WHEN 'open' THEN 'half_open' ELSE publisher.circuit END,
           paced_until = CASE WHEN publisher.max_per_second IS NULL THEN publisher.paced_until
                              ELSE greatest(publisher.paced_until, %(at)s)
                                   + taken.questions * interval '1 second' / publisher.max_per_second END
      FROM taken
     WHERE publisher.id = taken.id
)
UPDATE subscriptions_pollschedule AS schedule
   SET lease = gen_random_uuid(), lease_until = %(until)s
  FROM ours
 WHERE schedule.subscription_id = ours.subscription_id
RETURNING schedule.subscription_id, schedule.publisher_id, schedule.lease, schedule.next_poll_at,
          schedule.last_polled_at, schedule.last_outcome, schedule.fresh_since,
          ours.activate_by, CASE schedule.attempts %% %(in_full)s WHEN 0 THEN '' ELSE schedule.etag END, ours.is_first,
          CASE schedule.next_poll_at WHEN schedule.fresh_since THEN coalesce((
            SELECT event.correlation_id FROM outbox_event AS event
             WHERE event.stream_id = schedule.subscription_id AND event.at = schedule.fresh_since
               AND event.correlation_id <> ''
             ORDER BY event.sequence DESC LIMIT 1), '') ELSE '' END
"""

# Written only under our lease. Somebody may have asked for a question while ours was under way: theirs stays due.
_RESCHEDULE = """
UPDATE subscriptions_pollschedule AS schedule
   SET lease = NULL, lease_until = NULL, attempts = schedule.attempts + 1, last_polled_at = %(at)s,
       last_outcome = new.outcome, last_detail = new.detail, etag = coalesce(new.etag, schedule.etag),
       next_poll_at = CASE WHEN new.next_poll_at IS NULL OR schedule.next_poll_at = new.due_at
                           THEN new.next_poll_at ELSE schedule.next_poll_at END
  FROM unnest(%(subscription_id)s::uuid[], %(lease)s::uuid[], %(due_at)s::timestamptz[],
              %(next_poll_at)s::timestamptz[], %(outcome)s::text[], %(detail)s::text[], %(etag)s::text[])
       AS new (subscription_id, lease, due_at, next_poll_at, outcome, detail, etag)
 WHERE schedule.subscription_id = new.subscription_id AND schedule.lease = new.lease
"""


class Claim(NamedTuple):
    """A due row under our lease until it is applied or the lease runs out; `lease` names this one question.

    `etag` is what the publisher called its last answer, or our mark of one that it gave no name; "" when whatever is
    answered is to be judged. `is_first`: the publisher was asked nothing else when this was claimed. `correlation_id`
    is that of whoever made the question due, "" for one of our own schedule.
    """

    subscription_id: UUID
    publisher_id: UUID
    lease: UUID
    due_at: datetime
    last_polled_at: datetime | None
    last_outcome: str
    fresh_since: datetime
    activate_by: datetime
    etag: str
    is_first: bool
    correlation_id: str


@dataclass(frozen=True, slots=True)
class Reply:
    """What a claim's question brought, after how many seconds. `chance` in [0, 1) is the next question's jitter."""

    claimed: Claim
    answer: Answer
    chance: float
    seconds: float = 0.0

    @property
    def repeats(self) -> bool:
        """Whether it is the same as last time, without a statement: nothing that is not shown already."""
        return self.answer.said is None and self.answer.outcome.value == self.claimed.last_outcome


class LeaseLost(Exception):
    """Another worker holds the row by now: its answer counts, ours is dropped."""


@dataclass(slots=True)
class Tally:
    """What came of a round of questions: how many of each outcome, confirmations, and answers dropped as too late."""

    asked: int = 0
    activated: int = 0
    dropped: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)

    def add(self, other: "Tally") -> None:
        self.asked += other.asked
        self.activated += other.activated
        self.dropped += other.dropped
        self.outcomes += other.outcomes


@transaction.atomic
def claim(at: datetime, limit: int, *, due_by: datetime | None = None, reserve: int = 0) -> list[Claim]:
    """Lease up to `limit` rows that are due by `due_by` (inclusive; default `at`), for two minutes from `at`.

    The last `reserve` of them are only for publishers that nobody is asking, one row each.
    """
    values: dict[str, Any] = {
        "at": at,
        "due_by": due_by or at,
        "until": at + LEASE,
        "limit": limit,
        "reserve": reserve,
        "burst": BURST_SECONDS,
        "in_full": IN_FULL_EVERY,
        "pending": Status.PENDING.value,
        "polled": [adapter.value for adapter in POLLED],
    }
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_CLAIMING])
        # Four moments a row: Django would read each by a pattern, in Python.
        cursor.adapters.register_loader("timestamptz", TimestamptzLoader)
        cursor.execute(_CLAIM, values)
        return [Claim._make(row) for row in cursor.fetchall()]


def apply(actor: Actor, claimed: Claim, answer: Answer, *, at: datetime, chance: float) -> Status:
    """Take in one answer, as `apply_all` does many."""
    [status] = apply_all(actor, [Reply(claimed, answer, chance)], at=at)
    return status


@transaction.atomic
def apply_all(actor: Actor, replies: Sequence[Reply], *, at: datetime) -> list[Status]:
    """Take in answers and set the next questions' times, or nothing at all.

    Returns each subscription's status as far as its answer tells. Raises LeaseLost when one of the leases is not ours
    any more, NotFound, NotPermitted; then nothing has changed.
    """
    news = [one for one in replies if not one.repeats]
    heard = [Heard(one.claimed.subscription_id, one.answer, one.claimed.lease) for one in news]
    judged = dict(zip((one.claimed.lease for one in news), apply_answers(actor, heard, at=at), strict=True))
    columns = zip(*(_row(one, judged.get(one.claimed.lease), at) for one in replies), strict=True)
    arrays = {name: array(column) for name, column in zip(_Row._fields, columns, strict=True)}
    with connection.cursor() as cursor:
        cursor.execute(_RESCHEDULE, arrays | {"at": str(at)})
        if cursor.rowcount != len(replies):
            raise LeaseLost
    statuses = (judged.get(one.claimed.lease) for one in replies)
    return [known.status if known else Status.PENDING for known in statuses]


class _Row(NamedTuple):
    """What is written of a question that was answered."""

    subscription_id: UUID
    lease: UUID
    due_at: datetime
    next_poll_at: datetime | None
    outcome: str
    detail: str
    etag: str | None


def _row(one: Reply, known: Judged | None, at: datetime) -> _Row:
    claimed, answer = one.claimed, one.answer
    is_over = known is not None and known.status != Status.PENDING
    next_poll_at = None if is_over else before_deadline(at + _wait(one, at), claimed.activate_by, at)
    # Kept where nothing has changed since; of no use after trouble, which the gates show instead.
    etag = None if answer.is_unchanged else answer.etag
    detail = answer.detail[:300]
    return _Row(claimed.subscription_id, claimed.lease, claimed.due_at, next_poll_at, answer.outcome, detail, etag)


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


def _wait(one: Reply, at: datetime) -> timedelta:
    claimed = one.claimed
    in_trouble = claimed.last_polled_at is not None and claimed.last_outcome in TROUBLE
    return next_wait(
        age=at - claimed.fresh_since,
        outcome=one.answer.outcome,
        last_trouble=at - claimed.last_polled_at if in_trouble and claimed.last_polled_at else None,
        retry_after=one.answer.retry_after,
        chance=one.chance,
    )


@dataclass(slots=True)
class Poller:
    """Asks what is due, with up to `bounds.places` questions under way at once and a few threads: this one asks, one
    claims, two take in what is answered.

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
    _asking: int = field(default=0, init=False)
    _reserve: int = field(default=0, init=False)
    _lines: Lines = field(init=False)
    _database: DatabaseThread = field(init=False)
    _writing: Writing[Reply, Tally] = field(init=False)

    def run(self) -> Tally:
        """Ask until nothing is due or the bounds are reached. Raises NotPermitted, RuntimeError in a transaction."""
        authorize(self.actor, Action.SUBSCRIPTION_POLL)
        refuse_in_transaction()
        if anything_due(self.clock()):
            asyncio.run(self._run())
        return self.tally

    async def _run(self) -> None:
        self._reserve = max(1, self.bounds.places // RESERVED_PART)
        self._lines = self.make_lines(connections=self.bounds.places + self._reserve)
        self._database = DatabaseThread()
        self._writing = Writing(self._apply, self._applied, largest=LARGEST_BATCH)
        try:
            if not self.node or await self._database.run(_is_sole_poller, self.node):
                await roll(self._take, self._ask, self.bounds, self._hand_over, lambda one: one.is_first)
                await self._writing.finish()
        finally:
            await self._lines.close()
            self._writing.close()
            self._database.close(lambda: release(self._open))

    async def _hand_over(self) -> None:
        # A silent publisher keeps the last question for seconds: the next poller must not wait for it.
        if self.node:
            await self._database.run(_give_place_back, self.node)

    async def _take(self, limit: int) -> list[Claim]:
        # What is answered and not yet taken in keeps its place: no more is claimed than can be written.
        while True:
            self._writing.expect()
            # What ends while this looks may have made room that it does not see.
            nothing_ends = self._writing.is_idle and not self._asking
            room = limit - self._writing.waiting
            taken = await self._database.run(self._claim, room) if room > 0 else []
            if taken or self._asking or nothing_ends or self.bounds.stopping():
                break
            # Nothing is idle yet: what is being written makes room, here and at its publishers.
            await self._writing.ended()
        self._asking += len(taken)
        self._open.update((one.lease, one) for one in taken)
        return taken

    def _claim(self, limit: int) -> list[Claim]:
        at = self.clock()
        taken = claim(at, limit, due_by=self.due_by, reserve=self._reserve)
        self._lines.look_up({one.publisher_id for one in taken}, at)
        return taken

    async def _ask(self, claimed: Claim) -> None:
        gateway, address = self._lines.line_to(claimed.publisher_id)
        asked_at = time.monotonic()
        try:
            with _chained_to(claimed):
                answer = await gateway.ask(address, claimed.subscription_id, etag=_named_there(claimed.etag))
        finally:
            self._asking -= 1
        self._writing.put(Reply(claimed, _marked(answer, claimed), self.chance(), time.monotonic() - asked_at))

    def _applied(self, batch: list[Reply], tally: Tally) -> None:
        self.tally.add(tally)
        for one in batch:
            del self._open[one.claimed.lease]

    def _apply(self, batch: list[Reply]) -> Tally:
        at, tally = self.clock(), Tally(len(batch))
        # Before the places at their publishers are free again: an open circuit must be seen by the next claim.
        self._report(batch, at)
        try:
            tally.activated = apply_all(self.actor, batch, at=at).count(Status.SUBSCRIBED)
        except Exception:
            # One of them is to blame: it must not keep the others from being taken in.
            for one in batch:
                self._apply_alone(one, at, tally)
        tally.outcomes.update(one.answer.outcome.value for one in batch)
        return tally

    def _apply_alone(self, one: Reply, at: datetime, tally: Tally) -> None:
        try:
            tally.activated += apply_all(self.actor, [one], at=at).count(Status.SUBSCRIBED)
        except LeaseLost:
            tally.dropped += 1
        except Exception as error:
            log.error("answer_not_taken_in", subscription_id=str(one.claimed.subscription_id), exc_info=error)
            put_off(one.claimed, at)

    def _report(self, batch: list[Reply], at: datetime) -> None:
        reports, calls = [], []
        for one in batch:
            publisher_id, answer = one.claimed.publisher_id, one.answer
            reports.append(circuit.Report(publisher_id, answer.outcome, answer.detail, answer.retry_after))
            calls.append(Call(publisher_id, CallKind.ASK, answer.outcome, one.seconds))
        with transaction.atomic():
            changed = circuit.report_all(self.actor, reports, spread=spread(self.chance()), at=at)
            count_calls(calls, at)
        for publisher_id, state in changed.items():
            log.info("circuit_changed", publisher_id=str(publisher_id), circuit=state.value)


def _named_there(etag: str) -> str:
    """The name if it is the publisher's own: no ETag is without quotes, as our marks are."""
    return "" if etag.startswith(_MARK) else etag


def _marked(answer: Answer, claimed: Claim) -> Answer:
    """The answer, under a mark of ours where the publisher gave no ETag: the same statement is known again by it."""
    if answer.said is None or answer.etag:
        return answer
    mark = _MARK + hashlib.sha256(repr(answer.said).encode()).hexdigest()
    return replace(answer, said=None if mark == claimed.etag else answer.said, etag=mark)


def _chained_to(claimed: Claim) -> AbstractContextManager[None]:
    chain = claimed.correlation_id
    return structlog.contextvars.bound_contextvars(correlation_id=chain) if chain else nullcontext()


def _is_sole_poller(node: str) -> bool:
    """Whether this database session now holds the node's place; it is given back with the session at the latest."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, hashtext(%s))", [_POLLING, node])
        return bool(cursor.fetchone()[0])


def _give_place_back(node: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_unlock(%s, hashtext(%s))", [_POLLING, node])
