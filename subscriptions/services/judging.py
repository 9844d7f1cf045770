"""What judging confirmations reads and writes: pending subscriptions with their gates, many in a few statements."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from operator import attrgetter
from typing import Any, NamedTuple
from uuid import UUID

import structlog
from django.db import connection

from accounts.policy import Actor
from partnerhub import bulk
from partnerhub.outbox.recorder import Happening, record_many
from publishers.models import Adapter, Pricing
from subscriptions.enums import Status, Trigger
from subscriptions.events import SubscriptionActivated, SubscriptionFact
from subscriptions.gates import Confirmations
from subscriptions.lifecycle import next_status
from subscriptions.models import BillingStart
from subscriptions.terms import term_end, trial_end

_LOCK = """
SELECT subscription.id, subscription.id::text, subscription.status, subscription.activate_by::text,
       subscription.quantity, plan.plan_id, plan.pricing, plan.trial_days, plan_term.term, publisher.adapter
  FROM subscriptions_subscription AS subscription
  JOIN publishers_plan AS plan ON plan.id = subscription.plan_id
  JOIN publishers_planterm AS plan_term ON plan_term.id = subscription.plan_term_id
  JOIN publishers_publisher AS publisher ON publisher.id = subscription.publisher_id
 WHERE subscription.id = ANY(%(ids)s::uuid[])
 ORDER BY subscription.id
   FOR UPDATE OF subscription
"""
_READ_GATES = """
SELECT subscription_id::text, id, gate, state, satisfied_at::text, evidence, reason, message, action_url, owner,
       next_action
  FROM subscriptions_gate WHERE subscription_id = ANY(%(ids)s::uuid[]) ORDER BY position
"""
_SAVE_GATES = """
UPDATE subscriptions_gate AS gate
   SET state = new.state, satisfied_at = new.satisfied_at, evidence = new.evidence, reason = new.reason,
       message = new.message, action_url = new.action_url, owner = new.owner, next_action = new.next_action,
       since = coalesce(new.since, gate.since), due_at = new.due_at
  FROM unnest(%(id)s::bigint[], %(state)s::text[], %(satisfied_at)s::timestamptz[], %(evidence)s::jsonb[],
              %(reason)s::text[], %(message)s::text[], %(action_url)s::text[], %(owner)s::text[],
              %(next_action)s::text[], %(since)s::timestamptz[], %(due_at)s::timestamptz[])
       AS new (id, state, satisfied_at, evidence, reason, message, action_url, owner, next_action, since, due_at)
 WHERE gate.id = new.id
"""
_TOUCH = "UPDATE subscriptions_subscription SET version = version + 1 WHERE id = ANY(%(ids)s::uuid[])"
_ACTIVATE = """
UPDATE subscriptions_subscription AS subscription
   SET status = new.status, activated_at = new.starts_at, term_start = new.term_start, term_anchor = new.term_start,
       term_end = new.term_end, trial_ends = new.trial_ends, on_trial = new.trial_ends IS NOT NULL,
       version = subscription.version + 1
  FROM unnest(%(subscription_id)s::uuid[], %(status)s::text[], %(starts_at)s::timestamptz[], %(term_start)s::date[],
              %(term_end)s::date[], %(trial_ends)s::date[])
       AS new (subscription_id, status, starts_at, term_start, term_end, trial_ends)
 WHERE subscription.id = new.subscription_id
"""


@dataclass(slots=True)
class GateRow:
    """A gate as its row is; what is set here is written by `News.write`. `since` is only set where it changes.

    `evidence` is JSON as text: most of it is never read.
    """

    id: int
    gate: str
    state: str
    satisfied_at: datetime | None
    evidence: str | None
    reason: str
    message: str
    action_url: str
    owner: str
    next_action: str
    since: datetime | None = None
    due_at: datetime | None = None


# What is written of a gate.
_WRITTEN = [name for name in GateRow.__slots__ if name != "gate"]


@dataclass(slots=True)
class Judged:
    """A locked subscription as far as judging its confirmations needs it. `status` moves with the judgement; `key` is
    the id as text.
    """

    id: UUID
    key: str
    status: Status
    activate_by: datetime
    quantity: int
    plan_id: str
    per_seat: bool
    trial_days: int
    term: str
    adapter: Adapter
    gates: list[GateRow]


class _Start(NamedTuple):
    """A row of the billing starts, with what the subscription's row gets by it."""

    id: str
    subscription_id: str
    licenses_assigned_at: datetime
    configuration_confirmed_at: datetime
    starts_at: datetime
    recorded_at: datetime
    status: Status
    term_start: date
    term_end: date
    trial_ends: date | None


# The first six are the billing start's own.
_START = _Start._fields[:6]
# Read as text: a fraction of what the driver takes to make a datetime.
_moment = datetime.fromisoformat
_ACTIVATED = ("subscription_id", "status", "starts_at", "term_start", "term_end", "trial_ends")


def lock_judged(subscription_ids: Iterable[UUID]) -> dict[UUID, Judged]:
    """Those of these subscriptions that exist, by id, with their gates; locked in the order of their ids.

    Whoever writes a gate holds its subscription's lock.
    """
    ids = {"ids": bulk.array(subscription_ids)}
    gates: dict[str, list[GateRow]] = defaultdict(list)
    with connection.cursor() as cursor:
        cursor.execute(_LOCK, ids)
        rows = cursor.fetchall()
        # Read afterwards: the lock comes first.
        cursor.execute(_READ_GATES, ids)
        for key, id_, gate, state, satisfied_at, *told in cursor.fetchall():
            gates[key].append(GateRow(id_, gate, state, satisfied_at and _moment(satisfied_at), *told))
    return {
        row[0]: Judged(
            row[0],
            row[1],
            Status(row[2]),
            _moment(row[3]),
            row[4],
            row[5],
            row[6] == Pricing.PER_USER,
            row[7],
            row[8],
            Adapter(row[9]),
            gates[row[1]],
        )
        for row in rows
    }


@dataclass(slots=True)
class News:
    """What judging has found out, not yet written. `ids` are those of billing starts to come, one for each subject."""

    ids: Iterator[str]
    gates: dict[int, GateRow] = field(default_factory=dict)
    touched: set[UUID] = field(default_factory=set)
    _starts: list[_Start] = field(default_factory=list)
    _happenings: list[Happening] = field(default_factory=list)
    _context: Mapping[str, Any] = field(default_factory=structlog.contextvars.get_contextvars)

    def tell(self, fact: SubscriptionFact, evidence: Mapping[str, Any], at: datetime, data: str = "") -> None:
        """Record a fact; the evidence, or else the present context, names the request that it came by.

        `data` is the canonical JSON of its data where that is known already.
        """
        request_id = evidence.get("request_id", self._context.get("request_id", ""))
        correlation_id = evidence.get("correlation_id", self._context.get("correlation_id", ""))
        self._happenings.append(Happening(fact, at, str(request_id), str(correlation_id), data))

    def start_billing(
        self, subject: Judged, confirmed: Confirmations, evidence: Mapping[str, Any], at: datetime
    ) -> None:
        """Let a subscription's term and its billing start with the later confirmation (rule 21)."""
        starts_at = confirmed.billing_starts_at
        subject.status = next_status(subject.status, Trigger.ACTIVATE)
        begins = starts_at.date()
        start = _Start(
            id=next(self.ids),
            subscription_id=subject.key,
            licenses_assigned_at=confirmed.licenses_assigned_at,
            configuration_confirmed_at=confirmed.configuration_confirmed_at,
            starts_at=starts_at,
            recorded_at=at,
            status=subject.status,
            term_start=begins,
            term_end=term_end(begins, subject.term),
            trial_ends=trial_end(subject.trial_days, starts_at),
        )
        self._starts.append(start)
        data = {"billing_start": start.id, "starts_at": starts_at.isoformat(), "quantity": subject.quantity}
        data |= {"term_start": str(start.term_start), "term_end": str(start.term_end)}
        self.tell(SubscriptionActivated(subject.id, data), evidence, at)

    def write(self, actor: Actor) -> None:
        """Write everything in a statement for each table. The subscriptions must still be locked."""
        with connection.cursor() as cursor:
            if self.gates:
                cursor.execute(_SAVE_GATES, _arrays(self.gates.values(), _WRITTEN))
            if self.touched:
                cursor.execute(_TOUCH, {"ids": bulk.array(self.touched)})
            if self._starts:
                bulk.insert(BillingStart._meta.db_table, _START, [start[: len(_START)] for start in self._starts])
                cursor.execute(_ACTIVATE, _arrays(self._starts, _ACTIVATED))
        record_many(self._happenings, actor=actor)


def _arrays(rows: Iterable[object], names: Sequence[str]) -> dict[str, str]:
    """A parameter for each named column of the rows."""
    columns = zip(*map(attrgetter(*names), rows), strict=True)
    return {name: bulk.array(column) for name, column in zip(names, columns, strict=True)}
