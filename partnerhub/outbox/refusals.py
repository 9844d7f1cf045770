"""Refused attempts: the doors keep what somebody tried and was not allowed, after the refused act was rolled back."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from math import isfinite
from typing import Any
from uuid import UUID

import structlog
from django.db import transaction
from django.http import HttpRequest

from partnerhub.errors import HubError, InvalidInput, RequestInProgress, RequestReused
from partnerhub.logs import redact
from partnerhub.outbox.models import Refusal
from partnerhub.outbox.recorder import Author

log = structlog.get_logger(__name__)

READS = ("GET", "HEAD", "OPTIONS")
# What is not even read as an act: a value of the wrong shape, a request that is being repeated.
NO_ATTEMPTS = (InvalidInput, RequestInProgress, RequestReused)
STREAMS = ("subscription", "cart", "customer")
LONGEST_TEXT, MOST_MEMBERS, DEEPEST, LARGEST_ASKED = 500, 30, 3, 8_000

Stream = tuple[str, UUID]


@dataclass(frozen=True, slots=True)
class Attempt:
    """What was tried: at which door (page, api, publisher), which act, at which address, with which values."""

    door: str
    tried: str
    path: str
    asked: dict[str, Any]
    stream: Stream | None


def attempt_of(request: HttpRequest, door: str, asked: Mapping[str, Any], stream: Stream | None = None) -> Attempt:
    """What a request tries, named by the fixed parts of its address and the `kind` in it; its stream is told by the
    ids there unless it is given.
    """
    match = request.resolver_match
    named = redact(None, "", {_text(name): _plain(value) for name, value in list(asked.items())[:MOST_MEMBERS]})
    route = match.route.replace("<str:kind>", str(match.kwargs.get("kind"))) if match else ""
    static = [part for part in route.split("/") if part and "<" not in part]
    return Attempt(
        door=door,
        tried=f"{request.method} {'/'.join(static)}"[:100],
        path=request.path[:300],
        asked=dict(named) if len(json.dumps(named)) <= LARGEST_ASKED else {},
        stream=stream or _stream_in(match.kwargs if match else {}),
    )


def keep_refusal(error: HubError, attempt: Attempt, *, actor: Author | None, at: datetime) -> None:
    """Put a refused attempt on record, in a transaction of its own. Call it when the refused one is rolled back.

    A request that is sent again is one attempt. Never raises: a door answers whether or not this could be written.
    """
    if actor is None or type(error) in NO_ATTEMPTS:
        return
    try:
        with transaction.atomic():
            Refusal.objects.bulk_create([_row(error, attempt, actor, at)], ignore_conflicts=True)
    except Exception:
        log.exception("refusal_not_kept", code=error.code, tried=attempt.tried)


def is_read(request: HttpRequest) -> bool:
    """Whether a request only looks: what it may not see is no attempt."""
    return request.method in READS


def _row(error: HubError, attempt: Attempt, actor: Author, at: datetime) -> Refusal:
    context = structlog.contextvars.get_contextvars()
    stream_type, stream_id = attempt.stream or ("", None)
    return Refusal(
        door=attempt.door,
        tried=attempt.tried,
        path=attempt.path,
        asked=attempt.asked,
        stream_type=stream_type,
        stream_id=stream_id,
        code=error.code,
        values={name: _plain(value) for name, value in error.values.items()},
        sentence=_plain(str(error)),
        actor_kind=actor.kind,
        actor_id=actor.id,
        actor_label=actor.label,
        actor_role=str(actor.role),
        request_id=str(context.get("request_id", ""))[:64],
        correlation_id=str(context.get("correlation_id", ""))[:64],
        at=at,
    )


def _stream_in(parts: Mapping[str, Any]) -> Stream | None:
    named = ((stream, parts.get(f"{stream}_id", parts.get(stream))) for stream in STREAMS)
    return next(((stream, found) for stream, value in named if (found := _as_id(value)) is not None), None)


def _as_id(value: Any) -> UUID | None:
    try:
        return UUID(str(value))
    except ValueError:
        return None


def _plain(value: Any, depth: int = 0) -> Any:
    """A value as JSON that PostgreSQL can hold, cut to a size that nobody can fill the disk with."""
    match value:
        case float() if not isfinite(value):
            return str(value)
        case None | bool() | int() | float():
            return value
        case dict() if depth < DEEPEST:
            members = list(value.items())[:MOST_MEMBERS]
            return {_text(name): _plain(member, depth + 1) for name, member in members}
        case list() | tuple() if depth < DEEPEST:
            return [_plain(member, depth + 1) for member in value[:MOST_MEMBERS]]
    return _text(value)


def _text(value: Any) -> str:
    return str(value).encode(errors="replace").decode().replace("\0", "\ufffd")[:LONGEST_TEXT]
