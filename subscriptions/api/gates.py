"""Our own resources of a subscription: its billing gates and its timeline."""

from typing import Any, TypedDict

from partnerhub.api.shapes import Attributes, Guid, Utc, utc, utc_or_none
from partnerhub.outbox.models import Event
from subscriptions.gates import confirmations
from subscriptions.models import Gate, Subscription
from subscriptions.selectors import blocking_gate


class GateShown(TypedDict):
    """`evidence` tells which poll or call said so, when, and what it said."""

    gate: str
    state: str
    evidence: dict[str, Any] | None
    owner: str
    since: Utc
    dueAt: Utc | None
    nextAction: str | None


class BillingGates(TypedDict):
    """What must hold before billing starts. `blocker` names the one gate that keeps it from starting."""

    subscriptionId: Guid
    billingStartedAt: Utc | None
    blocker: str | None
    items: list[GateShown]


class Author(TypedDict):
    kind: str
    id: str
    label: str
    role: str


class TimelineEntry(TypedDict):
    """One fact of the event log. `requestId` is the MS-RequestId of the call that caused it."""

    id: Guid
    sequence: int
    name: str
    at: Utc
    actor: Author
    reason: str
    data: dict[str, Any]
    requestId: str
    correlationId: str
    attributes: Attributes


def billing_gates(found: Subscription) -> BillingGates:
    blocker, confirmed = blocking_gate(found), confirmations(found.gates.all())
    # The gates are read a moment after the subscription: the last of them may have been satisfied in between.
    started_at = found.activated_at or (confirmed.billing_starts_at if confirmed else None)
    return BillingGates(
        subscriptionId=str(found.pk),
        billingStartedAt=utc_or_none(started_at),
        blocker=blocker.gate if blocker else None,
        items=[_gate(gate) for gate in found.gates.all()],
    )


def _gate(gate: Gate) -> GateShown:
    return GateShown(
        gate=gate.gate,
        state=gate.state,
        evidence=gate.evidence,
        owner=gate.owner,
        since=utc(gate.since),
        dueAt=utc_or_none(gate.due_at),
        nextAction=gate.next_action or None,
    )


def timeline_entry(event: Event) -> TimelineEntry:
    return TimelineEntry(
        id=str(event.pk),
        sequence=event.sequence,
        name=event.name,
        at=utc(event.at),
        actor=Author(kind=event.actor_kind, id=event.actor_id, label=event.actor_label, role=event.actor_role),
        reason=event.reason,
        data=event.data,
        requestId=event.request_id,
        correlationId=event.correlation_id,
        attributes=Attributes(objectType="TimelineEntry"),
    )
