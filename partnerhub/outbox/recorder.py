"""Recording: the one way an event enters the log, in the transaction of the change it tells of."""

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from os import urandom
from typing import Any, ClassVar, Protocol
from uuid import UUID

import structlog
from django.db import connection, transaction

from partnerhub.outbox.models import Event

Handler = Callable[[Event, datetime], None]
# Which of the named events anybody waits for behind a consumer.
Wanted = Callable[[set[str]], set[str]]


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


@dataclass(frozen=True, slots=True)
class Happening:
    """A fact with its moment, and the ids of the request and of the chain of requests that it came by."""

    fact: Fact
    at: datetime
    request_id: str = ""
    correlation_id: str = ""


# By event name, then by consumer: the module whose functions hear a stream's events one after the other.
_handlers: dict[str, dict[str, Handler]] = {}
_wanted: dict[str, Wanted] = {}


def handles(*names: str, wanted: Wanted | None = None) -> Callable[[Handler], Handler]:
    """Register a function as its module's handler of the named events; it runs later, in a transaction of its own.

    With `wanted` its module is owed only the events that this names at the moment they are recorded.
    """

    def register(handler: Handler) -> Handler:
        for name in names:
            _handlers.setdefault(name, {})[handler.__module__] = handler
        if wanted is not None:
            _wanted[handler.__module__] = wanted
        return handler

    return register


def consumers() -> set[str]:
    """All consumers of events that this version has."""
    return {consumer for of_name in _handlers.values() for consumer in of_name}


def handler_of(event_name: str, consumer: str) -> Handler:
    """A consumer's handler of an event. Raises LookupError for one that this version no longer has."""
    try:
        return _handlers[event_name][consumer]
    except KeyError:
        raise LookupError(f"{consumer} has no handler of {event_name}") from None


_canonical = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str).encode

_LAST = """
SELECT last.stream_id, last.sequence, last.hash
  FROM unnest(%(streams)s::uuid[]) AS stream (id)
 CROSS JOIN LATERAL (SELECT stream_id, sequence, hash FROM outbox_event
                      WHERE stream_id = stream.id ORDER BY sequence DESC LIMIT 1) AS last
"""
# One document instead of a parameter for each value: thousands of rows cost one message.
_APPEND = """
INSERT INTO outbox_event
       (id, stream_type, stream_id, sequence, name, data, reason, actor_kind, actor_id, actor_label, actor_role,
        request_id, correlation_id, at, previous_hash, hash)
SELECT id, stream_type, stream_id, sequence, name, data, reason, actor_kind, actor_id, actor_label, actor_role,
       request_id, correlation_id, at, previous_hash, hash
  FROM jsonb_populate_recordset(NULL::outbox_event, %(events)s)
"""
_OWE = """
INSERT INTO outbox_delivery (event_id, handler, stream_id, sequence, attempts, next_attempt_at, last_error)
SELECT event_id, handler, stream_id, sequence, 0, next_attempt_at, ''
  FROM jsonb_populate_recordset(NULL::outbox_delivery, %(deliveries)s)
"""


def digest(payload: dict[str, Any], previous_hash: str) -> str:
    """SHA-256 over the previous hash and the canonical JSON of a record: the link of a chain."""
    return hashlib.sha256(f"{previous_hash}\n{_canonical(payload)}".encode()).hexdigest()


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
    [event] = record_all([fact], actor=actor, at=at)
    return event


def record_all(facts: Iterable[Fact], *, actor: Author, at: datetime) -> list[Event]:
    """Append what one act brought about, as `record` does each of it, in as many statements as for one."""
    context = structlog.contextvars.get_contextvars()
    request_id, correlation_id = str(context.get("request_id", "")), str(context.get("correlation_id", ""))
    return record_many([Happening(fact, at, request_id, correlation_id) for fact in facts], actor=actor)


def record_many(happenings: Sequence[Happening], *, actor: Author) -> list[Event]:
    """Append facts to their streams, each stream's in the given order, as `record` does one.

    Every stream's row must be locked by the caller. Raises TransactionManagementError outside a transaction.
    """
    if not transaction.get_connection().in_atomic_block:
        raise transaction.TransactionManagementError("an event is recorded in the transaction of its change")
    if not happenings:
        return []
    with connection.cursor() as cursor:
        cursor.execute(_LAST, {"streams": list({one.fact.stream_id for one in happenings})})
        events = _chained(happenings, {row[0]: (row[1], row[2]) for row in cursor.fetchall()}, actor)
        cursor.execute(_APPEND, {"events": _document(map(_columns, events))})
        unwanted = _unwanted({event.name for event in events})
        if owed := [duty for event in events for duty in _duties(event, unwanted)]:
            cursor.execute(_OWE, {"deliveries": _document(owed)})
    return events


def _chained(happenings: Sequence[Happening], last: dict[UUID, tuple[int, str]], actor: Author) -> list[Event]:
    events = []
    # Drawn together: each draw lets other threads take the interpreter.
    random = urandom(16 * len(happenings))
    for number, one in enumerate(happenings):
        sequence, previous_hash = last.get(one.fact.stream_id, (0, ""))
        event = Event(
            id=UUID(bytes=random[16 * number : 16 * number + 16], version=4),
            stream_type=one.fact.stream_type,
            stream_id=one.fact.stream_id,
            sequence=sequence + 1,
            name=one.fact.name,
            data=one.fact.data,
            reason=one.fact.reason,
            actor_kind=actor.kind,
            actor_id=actor.id,
            actor_label=actor.label,
            actor_role=str(actor.role),
            request_id=one.request_id[:64],
            correlation_id=one.correlation_id[:64],
            at=one.at,
            previous_hash=previous_hash,
        )
        event.hash = digest(fingerprint(event), previous_hash)
        last[event.stream_id] = (event.sequence, event.hash)
        events.append(event)
    return events


def _columns(event: Event) -> dict[str, Any]:
    return {name: value for name, value in vars(event).items() if name != "_state"}


def _unwanted(names: set[str]) -> set[tuple[str, str]]:
    """The pairs of event name and consumer that are owed nothing, as each consumer says once for all names."""
    found = set()
    for consumer, wanted in _wanted.items():
        heard = {name for name in names if consumer in _handlers.get(name, {})}
        found |= {(name, consumer) for name in (heard - wanted(heard) if heard else heard)}
    return found


def _duties(event: Event, unwanted: set[tuple[str, str]]) -> Iterable[dict[str, Any]]:
    """What is owed of an event: one delivery to each consumer of its name that wants it."""
    for consumer in _handlers.get(event.name, {}):
        if (event.name, consumer) in unwanted:
            continue
        yield {
            "event_id": event.id,
            "handler": consumer,
            "stream_id": event.stream_id,
            "sequence": event.sequence,
            "next_attempt_at": event.at,
        }


def _document(rows: Iterable[dict[str, Any]]) -> str:
    return json.dumps(list(rows), default=str)
