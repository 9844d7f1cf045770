"""What judging confirmations reads and writes: pending subscriptions with their gates, many in a few statements."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID, uuid4

from django.db import connection

from accounts.policy import Actor
from partnerhub.outbox.recorder import Happening, record_many
from publishers.models import Adapter, Pricing
from subscriptions.enums import Status, Trigger
from subscriptions.events import SubscriptionActivated, SubscriptionFact
from subscriptions.gates import Confirmations
from subscriptions.lifecycle import next_status
from subscriptions.models import Gate, Subscription
from subscriptions.terms import term_end, trial_end

_SAVE_GATES = """
UPDATE subscriptions_gate AS gate
   SET state = new.state, satisfied_at = new.satisfied_at, evidence = new.evidence, reason = new.reason,
       message = new.message, action_url = new.action_url, owner = new.owner, next_action = new.next_action,
       since = coalesce(new.since, gate.since), due_at = new.due_at
  FROM jsonb_populate_recordset(NULL::subscriptions_gate, %(rows)s) AS new
 WHERE gate.id = new.id
"""
_TOUCH = "UPDATE subscriptions_subscription SET version = version + 1 WHERE id = ANY(%(ids)s)"
_START_BILLING = """
INSERT INTO subscriptions_billingstart
       (id, subscription_id, licenses_assigned_at, configuration_confirmed_at, starts_at, recorded_at)
SELECT id, subscription_id, licenses_assigned_at, configuration_confirmed_at, starts_at, recorded_at
  FROM jsonb_populate_recordset(NULL::subscriptions_billingstart, %(rows)s)
"""
_ACTIVATE = """
UPDATE subscriptions_subscription AS subscription
   SET status = new.status, activated_at = new.starts_at, term_start = new.term_start, term_anchor = new.term_start,
       term_end = new.term_end, trial_ends = new.trial_ends, on_trial = new.trial_ends IS NOT NULL,
       version = subscription.version + 1
  FROM jsonb_to_recordset(%(rows)s)
       AS new (subscription_id uuid, status text, starts_at timestamptz, term_start date, term_end date,
               trial_ends date)
 WHERE subscription.id = new.subscription_id
"""


@dataclass(slots=True)
class GateRow:
    """A gate as its row is; what is set here is written by `News.write`. `since` is only set where it changes."""

    id: int
    subscription_id: UUID
    gate: str
    state: str
    satisfied_at: datetime | None
    evidence: dict[str, Any] | None
    reason: str
    message: str
    action_url: str
    owner: str
    next_action: str
    since: datetime | None = None
    due_at: datetime | None = None


# What is read of a gate: all but the last two, which judging sets and never asks.
_READ = GateRow.__slots__[:-2]


@dataclass(slots=True)
class Judged:
    """A locked subscription as far as judging its confirmations needs it. `status` moves with the judgement."""

    id: UUID
    status: Status
    activate_by: datetime
    quantity: int
    plan_id: str
    per_seat: bool
    trial_days: int
    term: str
    adapter: Adapter
    gates: list[GateRow]


@dataclass(frozen=True, slots=True)
class _Start:
    """A row of the billing starts, with what the subscription's row gets by it."""

    id: UUID
    subscription_id: UUID
    licenses_assigned_at: datetime
    configuration_confirmed_at: datetime
    starts_at: datetime
    recorded_at: datetime
    status: Status
    term_start: date
    term_end: date
    trial_ends: date | None


def lock_judged(subscription_ids: Iterable[UUID]) -> dict[UUID, Judged]:
    """Those of these subscriptions that exist, by id, with their gates; locked in the order of their ids.

    Whoever writes a gate holds its subscription's lock.
    """
    ids = list(subscription_ids)
    gates: dict[UUID, list[GateRow]] = defaultdict(list)
    columns = ("id", "status", "activate_by", "quantity", "plan__plan_id", "plan__pricing", "plan__trial_days")
    locked = Subscription.objects.select_for_update(of=("self",)).filter(pk__in=ids).order_by("pk")
    # Read before the gates: the lock comes first.
    rows = list(locked.values_list(*columns, "plan_term__term", "publisher__adapter"))
    for row in Gate.objects.filter(subscription__in=ids).order_by("position").values_list(*_READ):
        gates[row[1]].append(GateRow(*row))
    return {
        row[0]: Judged(
            row[0],
            Status(row[1]),
            row[2],
            row[3],
            row[4],
            row[5] == Pricing.PER_USER,
            row[6],
            row[7],
            Adapter(row[8]),
            gates[row[0]],
        )
        for row in rows
    }


@dataclass(slots=True)
class News:
    """What judging has found out, not yet written."""

    gates: dict[int, GateRow] = field(default_factory=dict)
    touched: set[UUID] = field(default_factory=set)
    _starts: list[_Start] = field(default_factory=list)
    _happenings: list[Happening] = field(default_factory=list)

    def tell(self, fact: SubscriptionFact, trace: Mapping[str, Any], at: datetime) -> None:
        """Record a fact; `trace` names the request that it came by."""
        ids = (str(trace.get(name, "")) for name in ("request_id", "correlation_id"))
        self._happenings.append(Happening(fact, at, *ids))

    def start_billing(self, subject: Judged, confirmed: Confirmations, trace: Mapping[str, Any], at: datetime) -> None:
        """Let a subscription's term and its billing start with the later confirmation (rule 21)."""
        starts_at = confirmed.billing_starts_at
        subject.status = next_status(subject.status, Trigger.ACTIVATE)
        begins = starts_at.date()
        start = _Start(
            id=uuid4(),
            subscription_id=subject.id,
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
        data = {"billing_start": str(start.id), "starts_at": starts_at.isoformat(), "quantity": subject.quantity}
        data |= {"term_start": str(start.term_start), "term_end": str(start.term_end)}
        self.tell(SubscriptionActivated(subject.id, data), trace, at)

    def write(self, actor: Actor) -> None:
        """Write everything in a statement for each table. The subscriptions must still be locked."""
        with connection.cursor() as cursor:
            if self.gates:
                cursor.execute(_SAVE_GATES, {"rows": _document(self.gates.values())})
            if self.touched:
                cursor.execute(_TOUCH, {"ids": list(self.touched)})
            if self._starts:
                starts = _document(self._starts)
                cursor.execute(_START_BILLING, {"rows": starts})
                cursor.execute(_ACTIVATE, {"rows": starts})
        record_many(self._happenings, actor=actor)


def _document(rows: Iterable[Any]) -> str:
    """Rows as one parameter: thousands of them cost one message."""
    # Not `asdict`, which copies all that is inside: half of the time of a whole batch.
    return json.dumps([{name: getattr(row, name) for name in row.__slots__} for row in rows], default=str)
