"""Recording: the one way an event enters the log, in the transaction of the change it tells of."""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, ClassVar, NamedTuple, Protocol
from uuid import UUID

import structlog
from django.db import transaction

from partnerhub import bulk, prepared
from partnerhub.outbox.models import Delivery, Event

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


class Happening(NamedTuple):
    """A fact with its moment, and the ids of the request and of the chain of requests that it came by.

    `data` is the canonical JSON of the fact's data where it is known already (`canonical`, `members`).
    """

    fact: Fact
    at: datetime
    request_id: str = ""
    correlation_id: str = ""
    data: str = ""


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


# JSON in the one form that hashes are made of.
canonical = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str).encode


def members(**values: str) -> str:
    """The canonical JSON of an object whose members' canonical JSON is known."""
    return "{" + ",".join([f'"{name}":{values[name]}' for name in sorted(values)]) + "}"


_LAST = """
SELECT last.stream_id::text, last.sequence, last.hash
  FROM unnest(%s::uuid[]) AS stream (id)
 CROSS JOIN LATERAL (SELECT stream_id, sequence, hash FROM outbox_event
                      WHERE stream_id = stream.id ORDER BY sequence DESC LIMIT 1) AS last
"""
_EVENT = (
    "id", "stream_type", "stream_id", "sequence", "name", "data", "reason", "actor_kind", "actor_id", "actor_label",
    "actor_role", "request_id", "correlation_id", "at", "previous_hash", "hash",
)  # fmt: skip
_DELIVERY = ("event_id", "handler", "stream_id", "sequence", "attempts", "next_attempt_at", "last_error")
# A table, its columns and their values in some rows.
Table = tuple[str, Sequence[str], Sequence[Sequence[object]]]
# As many events are written faster by a prepared statement than by COPY.
FEW = 4
# An event's row: its values in the order of _EVENT, all of them text but the sequence.
Line = tuple[str, str, str, int, str, str, str, str, str, str, str, str, str, str, str, str]


def digest(payload: dict[str, Any], previous_hash: str) -> str:
    """SHA-256 over the previous hash and the canonical JSON of a record: the link of a chain."""
    return hashlib.sha256(f"{previous_hash}\n{canonical(payload)}".encode()).hexdigest()


def fingerprint(event: Event) -> dict[str, Any]:
    """What the chain protects of an event; `_lines` writes the same, put together as text."""
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
    happenings = [Happening(fact, at, request_id, correlation_id) for fact in facts]
    lines = _append(happenings, actor, _write_few)
    return [_event(line, one) for line, one in zip(lines, happenings, strict=True)]


def record_many(happenings: Sequence[Happening], *, actor: Author) -> None:
    """Append facts to their streams, each stream's in the given order, as `record` does one.

    Every stream's row must be locked by the caller. Raises TransactionManagementError outside a transaction.
    """
    _append(happenings, actor, _copy)


def _append(happenings: Sequence[Happening], actor: Author, write: Callable[[Sequence[Table]], None]) -> list[Line]:
    if not transaction.get_connection().in_atomic_block:
        raise transaction.TransactionManagementError("an event is recorded in the transaction of its change")
    if not happenings:
        return []
    streams = bulk.array({one.fact.stream_id for one in happenings})
    last = {row[0]: (row[1], row[2]) for row in prepared.rows(_LAST, [streams])}
    lines = _lines(happenings, last, actor)
    tables: list[Table] = [(Event._meta.db_table, _EVENT, lines)]
    if owed := list(_owed(lines)):
        tables.append((Delivery._meta.db_table, _DELIVERY, owed))
    write(tables)
    return lines


def _write_few(tables: Sequence[Table]) -> None:
    if len(tables[0][2]) <= FEW:
        prepared.insert_rows(*tables)
    else:
        _copy(tables)


def _copy(tables: Sequence[Table]) -> None:
    for table in tables:
        bulk.insert(*table)


def _lines(happenings: Sequence[Happening], last: dict[str, tuple[int, str]], actor: Author) -> list[Line]:
    """The rows of events. What is hashed is put together from text that the row needs anyway (see `fingerprint`)."""
    lines: list[Line] = []
    author = actor.kind, actor.id, actor.label, str(actor.role)
    told_author = canonical(author)
    # Facts of one stream and of one moment come one after the other: what they share is put into words once.
    stream, stream_id, moment, at = None, "", None, ""
    for id_, one in zip(bulk.new_ids([one.at for one in happenings]), happenings, strict=True):
        fact, request_id, correlation_id = one.fact, one.request_id[:64], one.correlation_id[:64]
        if fact.stream_id is not stream:
            stream, stream_id = fact.stream_id, str(fact.stream_id)
        if one.at is not moment:
            moment, at = one.at, one.at.astimezone(UTC).isoformat()
        sequence, previous_hash = last.get(stream_id, (0, ""))
        sequence, data = sequence + 1, one.data or canonical(fact.data)
        told = (
            f'{{"actor":{told_author},"at":"{at}","data":{data},"id":"{id_}","name":"{fact.name}",'
            f'"reason":{canonical(fact.reason)},"request":[{canonical(request_id)},{canonical(correlation_id)}],'
            f'"stream":["{fact.stream_type}","{stream_id}",{sequence}]}}'
        )
        hash_ = hashlib.sha256(f"{previous_hash}\n{told}".encode()).hexdigest()
        last[stream_id] = (sequence, hash_)
        row = id_, fact.stream_type, stream_id, sequence, fact.name, data, fact.reason
        lines.append((*row, *author, request_id, correlation_id, at, previous_hash, hash_))
    return lines


def _event(line: Line, one: Happening) -> Event:
    told = dict(zip(_EVENT, line, strict=True))
    ids = {"id": UUID(line[0]), "stream_id": one.fact.stream_id}
    return Event(**told | ids | {"data": one.fact.data, "at": one.at})


def _unwanted(names: set[str]) -> set[tuple[str, str]]:
    """The pairs of event name and consumer that are owed nothing, as each consumer says once for all names."""
    found = set()
    for consumer, wanted in _wanted.items():
        heard = {name for name in names if consumer in _handlers.get(name, {})}
        found |= {(name, consumer) for name in (heard - wanted(heard) if heard else heard)}
    return found


def _owed(lines: Sequence[Line]) -> Iterator[tuple[str, str, str, int, int, str, str]]:
    """What is owed of events: one delivery to each consumer of their names that wants it."""
    names = {line[4] for line in lines}
    unwanted = _unwanted(names)
    consumers = {name: [one for one in _handlers.get(name, {}) if (name, one) not in unwanted] for name in names}
    for id_, _type, stream_id, sequence, name, *_told, at, _previous, _hash in lines:
        for consumer in consumers[name]:
            yield id_, consumer, stream_id, sequence, 0, at, ""
