"""Telling publishers of changes: claim an operation, call, apply. The same three steps as in polling.

A call may be repeated after a crash: each has one effect. What a publisher takes up as an operation of its own is
followed until the change is seen there. A publisher that is notified by webhook, or reads our operations, has until
`answer_within` to say its word; what its silence means is a policy. What is not over after `change_waits` has failed,
visibly. What a publisher began itself is not asked of it: its webhook is told, and it takes effect, heard or not.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from time import monotonic
from typing import Any
from uuid import UUID

import structlog
from django.db import connection, transaction
from django.db.models import Q

from accounts.policy import Action, Actor, authorize
from partnerhub.clock import now
from partnerhub.outbox.models import Event
from partnerhub.outbox.recorder import record
from publishers.fulfillment.calling import refuse_in_transaction
from publishers.fulfillment.gateway import Address, Expected, FulfillmentGateway, Outcome, Progress, Receipt
from publishers.fulfillment.registry import Lines
from publishers.models import CallKind
from publishers.selectors import PolicyBook, policy_book, policy_duration, policy_word
from publishers.services import circuit, tallies
from subscriptions.backoff import BURST_SECONDS, LONGEST_RESEND, follow_wait, resend_wait, spread
from subscriptions.enums import Acceptance, OperationAction, OperationSource, OperationStatus
from subscriptions.events import OperationFailed
from subscriptions.models import Operation
from subscriptions.models.operation import IN_FLIGHT, OURS_ALONE
from subscriptions.notices import expected_of, notice_of
from subscriptions.services.attempts import keep_attempt
from subscriptions.services.holding import release_due
from subscriptions.services.locking import lock_subscription
from subscriptions.services.settling import accept, complete, refuse
from subscriptions.services.suspension import refuse_asked
from subscriptions.window import Bounds, DatabaseThread, roll

LEASE = timedelta(minutes=2)
FEWEST_ATTEMPTS = 5
DONE = frozenset({Outcome.ANSWERED, Outcome.UNKNOWN_THERE})
# The publisher may agree or refuse; it is told of everything else.
ASKED = frozenset({OperationAction.CHANGE_PLAN, OperationAction.CHANGE_QUANTITY})
# It has a moment to refuse this after it has heard of it; a word of agreement is not needed.
REFUSABLE = frozenset({OperationAction.REINSTATE})
SENT = tuple(action for action in OperationAction if action not in OURS_ALONE)
NO_WORD = "The publisher did not answer in time, which its policy counts as a refusal."
STILL_NO_WORD = "The publisher has said nothing until its time was over."
TOO_SLOW = "The publisher answered so slowly that the exchange was not over in time."
# An exchange is a few calls of up to ten seconds. What lasts longer is given up by itself: it must count as an attempt.
LONGEST_EXCHANGE = 18.0
_CLAIMING = 0x4855424F  # pg_advisory_xact_lock: claims take turns, so that a publisher's trial is one call

log = structlog.get_logger(__name__)


class Channel(StrEnum):
    """How a publisher learns of an operation: we call its API, we post to its webhook, or it reads our operations."""

    CALL = "call"
    WEBHOOK = "webhook"
    READS = "reads"


_CLAIM = """
WITH waiting AS MATERIALIZED (
    SELECT operation.id, publisher.id AS publisher_id, publisher.circuit, publisher.circuit_retry_at,
           publisher.paced_until, operation.next_attempt_at, operation.notified_at,
           operation.source = 'publisher' AND operation.due_at <= %(at)s AS holds_anyway,
           CASE WHEN publisher.adapter <> 'saas_v2_push' AND operation.source <> 'publisher'
                 AND (operation.action = ANY(%(by_call)s)
                     OR operation.action = 'renew' AND (
                        operation.payload #>> '{before,quantity}' <> operation.payload #>> '{after,quantity}'
                        OR operation.payload #>> '{before,plan_id}' <> operation.payload #>> '{after,plan_id}'))
                THEN 'call'
                WHEN publisher.webhook_url <> '' THEN 'webhook' ELSE 'reads' END AS channel
      FROM subscriptions_operation AS operation
      JOIN subscriptions_subscription AS subscription ON subscription.id = operation.subscription_id
      JOIN publishers_publisher AS publisher ON publisher.id = subscription.publisher_id
     WHERE operation.status = ANY(%(in_flight)s) AND operation.action = ANY(%(sent)s)
       AND operation.held_until IS NULL AND (operation.next_attempt_at <= %(at)s OR operation.id = %(only)s)
       AND (operation.lease_until IS NULL OR operation.lease_until <= %(at)s)
       AND (%(only)s::uuid IS NULL OR operation.id = %(only)s)
), due AS MATERIALIZED (
    SELECT waiting.*, channel <> 'reads' AND notified_at IS NULL AND holds_anyway IS NOT TRUE AS calls FROM waiting
), leased AS MATERIALIZED (
    SELECT subscription.publisher_id, count(*) AS leases
      FROM subscriptions_operation AS operation
      JOIN subscriptions_subscription AS subscription ON subscription.id = operation.subscription_id
     WHERE operation.status = ANY(%(in_flight)s) AND operation.lease_until > %(at)s
     GROUP BY subscription.publisher_id
), placed AS MATERIALIZED (
    SELECT due.*, row_number() OVER one_after_another AS turn,
           row_number() OVER one_after_another + coalesce(leased.leases, 0) AS place
      FROM due LEFT JOIN leased USING (publisher_id)
     WHERE NOT due.calls OR due.id = %(only)s
        OR (due.circuit = 'closed' OR due.circuit_retry_at <= %(at)s)
           AND (due.paced_until IS NULL OR due.paced_until <= %(paced_by)s)
    WINDOW one_after_another AS (PARTITION BY due.publisher_id, due.calls ORDER BY due.next_attempt_at)
), chosen AS MATERIALIZED (
    SELECT placed.id, placed.publisher_id, placed.channel, placed.calls
      FROM placed JOIN publishers_publisher AS publisher ON publisher.id = placed.publisher_id
     WHERE placed.id = %(only)s
        OR placed.place <= CASE WHEN placed.circuit = 'closed' OR NOT placed.calls
                                THEN publisher.max_concurrency ELSE 1 END
           AND (NOT placed.calls OR publisher.max_per_second IS NULL
                OR placed.turn <= greatest(1, floor(%(burst)s * publisher.max_per_second)))
     ORDER BY placed.place, placed.next_attempt_at
     LIMIT %(limit)s
), taken AS MATERIALIZED (
    SELECT publisher.id, called.calls
      FROM publishers_publisher AS publisher
      JOIN (SELECT publisher_id, count(*) AS calls FROM chosen WHERE calls GROUP BY publisher_id) AS called
        ON called.publisher_id = publisher.id
     WHERE publisher.circuit = 'open' OR publisher.max_per_second IS NOT NULL
     ORDER BY publisher.id
       FOR NO KEY UPDATE OF publisher
), tried AS (
    UPDATE publishers_publisher AS publisher
       SET circuit = CASE publisher.circuit WHEN 'open' THEN 'half_open' ELSE publisher.circuit END,
           paced_until = CASE WHEN publisher.max_per_second IS NULL THEN publisher.paced_until
                              ELSE greatest(publisher.paced_until, %(at)s)
                                   + taken.calls * interval '1 second' / publisher.max_per_second END
      FROM taken
     WHERE publisher.id = taken.id
)
UPDATE subscriptions_operation AS operation
   SET status = 'in_progress', lease_until = %(until)s
  FROM chosen
 WHERE operation.id = chosen.id AND operation.status = ANY(%(in_flight)s) AND operation.held_until IS NULL
   AND (operation.lease_until IS NULL OR operation.lease_until <= %(at)s)
RETURNING operation.id, chosen.publisher_id, chosen.channel, chosen.calls
"""


@dataclass(frozen=True, slots=True)
class Sending:
    """An operation under our lease; its `lease_until` names the lease.

    Only when `calls` is the publisher to be called: else its time to answer is over, or it reads the news from us.
    `remote_id` names the publisher's operation that it is working on; empty: the publisher is still to be told.
    `notice` is what its webhook is told, `correlation_id` the chain of requests that the operation came by.
    """

    operation_id: UUID
    subscription_id: UUID
    publisher_id: UUID
    lease_until: datetime
    action: OperationAction
    channel: Channel
    calls: bool
    remote_id: str
    expected: Expected
    notice: dict[str, Any]
    correlation_id: str = ""


@transaction.atomic
def claim(at: datetime, limit: int, *, only: UUID | None = None) -> list[Sending]:
    """Lease up to `limit` operations that are due and not held, for two minutes from `at`; or `only` one, due or not,
    even if its publisher's circuit is open.
    """
    values: dict[str, Any] = {
        "at": at,
        "only": only,
        "until": at + LEASE,
        "paced_by": at + timedelta(seconds=BURST_SECONDS),
        "burst": BURST_SECONDS,
        "limit": limit,
        "sent": [action.value for action in SENT],
        "by_call": [OperationAction.UNSUBSCRIBE.value, *(action.value for action in ASKED)],
        "in_flight": [status.value for status in IN_FLIGHT],
    }
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_CLAIMING])
        cursor.execute(_CLAIM, values)
        chosen: dict[UUID, tuple[UUID, str, bool]] = {row[0]: (row[1], row[2], row[3]) for row in cursor.fetchall()}
    related = ("subscription__customer", "subscription__offer", "subscription__plan", "subscription__plan_term")
    claimed = list(
        Operation.objects.select_related(*related).filter(pk__in=chosen).order_by("next_attempt_at") if chosen else []
    )
    chains = _chains(claimed)
    tells = any(calls and channel == Channel.WEBHOOK for _publisher, channel, calls in chosen.values())
    book = policy_book("publisher_changes") if tells else None
    return [_sending(one, *chosen[one.pk], book, chains.get(one.pk, ""), at) for one in claimed]


def _chains(operations: list[Operation]) -> dict[UUID, str]:
    """The correlation id that each came by: that of its subscription's event of the moment when it was begun."""
    begun = {(one.subscription_id, one.created_at): one.pk for one in operations}
    if not begun:
        return {}
    moments = {"stream_id__in": {stream for stream, _at in begun}, "at__in": {at for _stream, at in begun}}
    events = Event.objects.filter(**moments).exclude(correlation_id="")
    found = events.order_by("-sequence").values_list("stream_id", "at", "correlation_id")
    return {begun[stream, at]: chain for stream, at, chain in found if (stream, at) in begun}


def _sending(
    operation: Operation,
    publisher_id: UUID,
    channel: str,
    calls: bool,
    book: PolicyBook | None,
    chain: str,
    at: datetime,
) -> Sending:
    return Sending(
        operation.pk,
        operation.subscription_id,
        publisher_id,
        at + LEASE,
        OperationAction(operation.action),
        Channel(channel),
        calls,
        operation.remote_id,
        expected_of(operation),
        notice_of(operation, at, book) if calls and channel == Channel.WEBHOOK else {},
        chain,
    )


@transaction.atomic
def apply(
    actor: Actor, sending: Sending, receipt: Receipt, *, at: datetime, chance: float, sent_by: Actor | None = None
) -> OperationStatus | None:
    """Take in what the publisher answered: accepted, refused, to be asked again (`chance` in [0, 1) is the wait's
    jitter), or failed for good. Returns None, and changes nothing, when the lease is not ours any more or the
    publisher has settled it by a call of its own meanwhile. A notice that was posted is kept in any case, in the name
    of `sent_by` when somebody had it sent. Raises NotPermitted.
    """
    authorize(actor, Action.SUBSCRIPTION_CONFIRM)
    subscription = lock_subscription(sending.subscription_id, actor)
    if receipt.posted is not None:
        keep_attempt(sent_by or actor, sending.publisher_id, sending.operation_id, sending.notice, receipt, at=at)
    mine = Operation.objects.filter(pk=sending.operation_id, lease_until=sending.lease_until, status__in=IN_FLIGHT)
    operation = mine.select_for_update().first()
    if operation is None:
        return None
    operation.subscription = subscription
    operation.attempts += sending.calls
    operation.lease_until = None
    operation.save(update_fields=["attempts", "lease_until"])
    _take_in(actor, operation, sending, receipt, at, chance)
    operation.refresh_from_db(fields=["status"])
    return OperationStatus(operation.status)


def _take_in(
    actor: Actor, operation: Operation, sending: Sending, receipt: Receipt, at: datetime, chance: float
) -> None:
    heard = receipt.outcome in DONE and receipt.progress == Progress.DONE
    if operation.source == OperationSource.PUBLISHER and operation.action in ASKED:
        _be_signalled(actor, operation, receipt, heard, at, chance)
    elif receipt.progress == Progress.REFUSED:
        _be_refused(actor, operation, receipt.detail, at)
    elif heard:
        _be_heard(actor, operation, sending, receipt, at)
    elif operation.attempts >= FEWEST_ATTEMPTS and at >= _gives_up_at(operation):
        # Not only because the hub itself was down for most of the time.
        _fail(actor, operation, receipt.detail, at)
    else:
        _put_back(operation, receipt, at, chance)


def _be_signalled(
    actor: Actor, operation: Operation, receipt: Receipt, heard: bool, at: datetime, chance: float
) -> None:
    """The publisher's own wish needs no agreement: it holds when its webhook has heard, or its time to hear is over."""
    if heard:
        accept(actor, operation.pk, how=Acceptance.PUBLISHER, at=at)
    else:
        _put_back(operation, receipt, at, chance)


def _be_refused(actor: Actor, operation: Operation, why: str, at: datetime) -> None:
    if operation.action in ASKED | REFUSABLE:
        refuse_asked(actor, operation.pk, why=why, at=at)
    else:
        _fail(actor, operation, why, at)


def _be_heard(actor: Actor, operation: Operation, sending: Sending, receipt: Receipt, at: datetime) -> None:
    """The publisher has done it, has received it, or its time to say a word is over."""
    in_two_steps = operation.action in ASKED or (operation.action in REFUSABLE and sending.channel == Channel.WEBHOOK)
    if sending.channel == Channel.CALL or (sending.calls and not in_two_steps):
        accept(actor, operation.pk, how=Acceptance.PUBLISHER, at=at, remote_id=receipt.remote_id)
    elif not in_two_steps:
        # It reads the new state at its next call.
        accept(actor, operation.pk, how=Acceptance.SILENCE, at=at, told=False)
    elif operation.notified_at is None:
        _wait_for_word(operation, at)
    elif operation.action in REFUSABLE:
        accept(actor, operation.pk, how=Acceptance.PUBLISHER, at=at)
    else:
        _judge_silence(actor, operation, at)


def _wait_for_word(operation: Operation, at: datetime) -> None:
    operation.notified_at, operation.last_error = at, ""
    operation.due_at = operation.next_attempt_at = at + _policy_duration("answer_within", operation)
    operation.save(update_fields=["notified_at", "due_at", "next_attempt_at", "last_error"])


def _judge_silence(actor: Actor, operation: Operation, at: datetime) -> None:
    subscription = operation.subscription
    term = subscription.plan_term.term
    match policy_word("silence_means", subscription.plan, operation.created_at, term):
        case "accept":
            accept(actor, operation.pk, how=Acceptance.SILENCE, at=at)
        case "refuse":
            refuse(actor, operation.pk, why=NO_WORD, at=at)
        case _ if at >= _gives_up_at(operation):
            _fail(actor, operation, STILL_NO_WORD, at)
        case _:
            operation.due_at = operation.next_attempt_at = _gives_up_at(operation)
            operation.save(update_fields=["due_at", "next_attempt_at"])


def _gives_up_at(operation: Operation) -> datetime:
    return operation.created_at + _policy_duration("change_waits", operation)


def _policy_duration(name: str, operation: Operation) -> timedelta:
    subscription = operation.subscription
    return policy_duration(name, subscription.plan, operation.created_at, subscription.plan_term.term)


def _fail(actor: Actor, operation: Operation, why: str, at: datetime) -> None:
    operation.last_error = why[:300]
    complete(operation, OperationStatus.FAILED, at)
    data = {"operation": str(operation.pk), "action": operation.action, "attempts": operation.attempts}
    record(OperationFailed(operation.subscription_id, data | {"detail": why}), actor=actor, at=at)


def _put_back(operation: Operation, receipt: Receipt, at: datetime, chance: float) -> None:
    if receipt.progress == Progress.UNDER_WAY:
        wait = follow_wait(age=at - operation.created_at, retry_after=receipt.retry_after, chance=chance)
        operation.remote_id, operation.last_error = receipt.remote_id, ""
    else:
        wait = resend_wait(attempts=operation.attempts, retry_after=receipt.retry_after, chance=chance)
        operation.last_error = receipt.detail[:300]
    operation.next_attempt_at = at + wait
    if operation.source == OperationSource.PUBLISHER and operation.action in ASKED and operation.due_at:
        operation.next_attempt_at = min(operation.next_attempt_at, operation.due_at)
    operation.save(update_fields=["remote_id", "last_error", "next_attempt_at"])


def put_off(sending: Sending, at: datetime) -> None:
    """Free an operation whose receipt could not be taken in, and try again after LONGEST_RESEND: the others first."""
    mine = Operation.objects.filter(pk=sending.operation_id, lease_until=sending.lease_until, status__in=IN_FLIGHT)
    mine.update(lease_until=None, next_attempt_at=at + LONGEST_RESEND)


def release(sendings: Iterable[Sending]) -> None:
    """Give back claims that were never applied: the operations are due again as they were."""
    for one in sendings:
        Operation.objects.filter(pk=one.operation_id, lease_until=one.lease_until).update(lease_until=None)


def anything_due(at: datetime) -> bool:
    """Whether any operation's time has come; it may still be leased, or its publisher's circuit open."""
    sent = Q(held_until=None, next_attempt_at__lte=at, action__in=SENT)
    return Operation.objects.filter(sent | Q(held_until__lte=at), status__in=IN_FLIGHT).exists()


@dataclass(slots=True)
class Sender:
    """Sends what is due, with up to `bounds.places` calls under way at once. What was held long enough goes first."""

    actor: Actor
    bounds: Bounds = field(default_factory=lambda: Bounds(places=20, idle_seconds=0))
    clock: Callable[[], datetime] = now
    chance: Callable[[], float] = random.random
    make_lines: Callable[..., Lines] = Lines
    longest: float = LONGEST_EXCHANGE
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
        release_due(self.actor, at=at)
        taken = claim(at, limit)
        self._lines.look_up({one.publisher_id for one in taken if one.calls}, at)
        return taken

    async def _send(self, sending: Sending) -> None:
        started = monotonic()
        receipt = await self._exchange(sending) if sending.calls else Receipt(Outcome.ANSWERED)
        await self._database.run(self._apply, sending, receipt, monotonic() - started)

    async def _exchange(self, sending: Sending) -> Receipt:
        try:
            with _chained(sending):
                async with asyncio.timeout(self.longest):
                    return await self._call(sending)
        except TimeoutError:
            return Receipt(Outcome.SILENT, sending.remote_id, TOO_SLOW)

    async def _call(self, sending: Sending) -> Receipt:
        gateway, address = self._lines.line_to(sending.publisher_id)
        if sending.channel == Channel.WEBHOOK:
            return await gateway.notify(address, sending.notice)
        if sending.action == OperationAction.RENEW:
            return await _bring_into_line(gateway, address, sending)
        subscription_id, expected = sending.subscription_id, sending.expected
        if sending.remote_id:
            return await gateway.follow(address, subscription_id, sending.remote_id, expected)
        if sending.action == OperationAction.UNSUBSCRIBE:
            return await gateway.unsubscribe(address, subscription_id)
        return await gateway.change(address, subscription_id, plan_id=expected.plan_id, quantity=expected.quantity)

    def _apply(self, sending: Sending, receipt: Receipt, seconds: float) -> None:
        at = self.clock()
        try:
            with _chained(sending):
                status = apply(self.actor, sending, receipt, at=at, chance=self.chance())
        except Exception:
            log.error("receipt_not_taken_in", operation_id=str(sending.operation_id))
            put_off(sending, at)
            raise
        finally:
            del self._open[sending.operation_id]
        self.tally[status.value if status else "dropped"] += 1
        if sending.calls:
            report(self.actor, sending, receipt, seconds, spread(self.chance()), at)


def _chained(sending: Sending) -> AbstractContextManager[None]:
    """What is called and recorded in this context belongs to the chain of requests of the operation."""
    if not sending.correlation_id:
        return nullcontext()
    return structlog.contextvars.bound_contextvars(correlation_id=sending.correlation_id)


@transaction.atomic
def report(actor: Actor, sending: Sending, receipt: Receipt, seconds: float, jitter: float, at: datetime) -> None:
    """Let a call that took `seconds` count for the publisher's circuit and its tallies."""
    publisher_id, outcome = sending.publisher_id, receipt.outcome
    circuit.report(
        actor,
        publisher_id,
        outcome,
        detail=receipt.detail,
        retry_after=receipt.retry_after,
        spread=jitter,
        at=at,
    )
    kind = CallKind.NOTICE if sending.channel == Channel.WEBHOOK else CallKind.CHANGE
    tallies.tally([tallies.Call(publisher_id, kind, outcome, seconds)], at)


async def _bring_into_line(gateway: FulfillmentGateway, address: Address, sending: Sending) -> Receipt:
    """A renewal may bring another plan and another quantity: one is asked for at a time until both are shown."""
    expected, subscription_id = sending.expected, sending.subscription_id
    answer = await gateway.ask(address, subscription_id)
    if answer.said is None:
        outcome = Outcome.UNREADABLE if answer.outcome == Outcome.UNKNOWN_THERE else answer.outcome
        return Receipt(outcome, detail=answer.detail, retry_after=answer.retry_after)
    if answer.said.plan_id != expected.plan_id:
        receipt = await gateway.change(address, subscription_id, plan_id=expected.plan_id)
    elif expected.quantity not in (None, answer.said.quantity):
        receipt = await gateway.change(address, subscription_id, quantity=expected.quantity)
    else:
        return Receipt(Outcome.ANSWERED)
    if receipt.outcome == Outcome.ANSWERED and receipt.progress == Progress.DONE:
        return Receipt(Outcome.ANSWERED, progress=Progress.UNDER_WAY)
    return receipt
