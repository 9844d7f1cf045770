"""Recording: the one way an event enters the log, in the transaction of the change it tells of."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, ClassVar, Protocol
from uuid import UUID

import structlog
from django.db import transaction

from partnerhub.outbox.models import Delivery, Event

Handler = Callable[[Event, datetime], None]


class Author(Protocol):
    """Who did it: the part of an actor that the log keeps."""

    @property
    def kind(self) -> str: ...
    @property
    def id(self) -> str: ...
    @property
    def label(self) -> str: ...
    @property
    def role(self) -> str: ...


@dataclass(frozen=True)
class Fact:
    """Base of all events: subclasses name themselves (`noun.past-tense`) and their stream."""

    name: ClassVar[str]
    stream_type: ClassVar[str]
    stream_id: UUID
    data: dict[str, Any] = field(default_factory=dict)
    reason: str = ""


# By event name, then by consumer: the module whose functions hear a stream's events one after the other.
_handlers: dict[str, dict[str, Handler]] = {}


def handles(*names: str) -> Callable[[Handler], Handler]:
    """Register a function as its module's handler of the named events; it runs later, in a transaction of its own."""

    def register(handler: Handler) -> Handler:
        for name in names:
            _handlers.setdefault(name, {})[handler.__module__] = handler
        return handler

    return register


def handler_of(event_name: str, consumer: str) -> Handler:
    """A consumer's handler of an event. Raises LookupError for one that this version no longer has."""
    try:
        return _handlers[event_name][consumer]
    except KeyError:
        raise LookupError(f"{consumer} has no handler of {event_name}") from None


def digest(payload: dict[str, Any], previous_hash: str) -> str:
    """SHA-256 over the previous hash and the canonical JSON of a record: the link of a chain."""
    canonical = json.dumps(payload, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)
    return hashlib.sha256(f"{previous_hash}\n{canonical}".encode()).hexdigest()


def fingerprint(event: Event) -> dict[str, Any]:
    """What the chain protects of an event."""
    return {
        "id": str(event.id),
        "stream": [event.stream_type, str(event.stream_id), event.sequence],
        "name": event.name,
        "data": event.data,
        "reason": event.reason,
        "actor": [event.actor_kind, event.actor_id, event.actor_label, event.actor_role],
        "request": [event.request_id, event.correlation_id],
        "at": event.at.astimezone(UTC).isoformat(),
    }


def record(fact: Fact, *, actor: Author, at: datetime) -> Event:
    """Append a fact to its stream and owe it to every consumer of its name.

    Call it inside the transaction of the change, with the stream's row locked: the sequence follows the last event's.
    """
    if not transaction.get_connection().in_atomic_block:
        raise transaction.TransactionManagementError("an event is recorded in the transaction of its change")
    last = Event.objects.filter(stream_id=fact.stream_id).order_by("-sequence").first()
    context = structlog.contextvars.get_contextvars()
    event = Event(
        stream_type=fact.stream_type,
        stream_id=fact.stream_id,
        sequence=last.sequence + 1 if last else 1,
        name=fact.name,
        data=fact.data,
        reason=fact.reason,
        actor_kind=actor.kind,
        actor_id=actor.id,
        actor_label=actor.label,
        actor_role=str(actor.role),
        request_id=str(context.get("request_id", ""))[:64],
        correlation_id=str(context.get("correlation_id", ""))[:64],
        at=at,
        previous_hash=last.hash if last else "",
    )
    event.hash = digest(fingerprint(event), event.previous_hash)
    event.save(force_insert=True)
    Delivery.objects.bulk_create(
        Delivery(event=event, handler=consumer, stream_id=event.stream_id, sequence=event.sequence, next_attempt_at=at)
        for consumer in _handlers.get(fact.name, {})
    )
    return event
