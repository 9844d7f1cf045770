"""Idempotent writes: one MS-RequestId of one client has one effect and one answer (rule 89).

The answer is stored in the transaction of the write itself: a crash leaves neither. Only what succeeded is kept; a
refusal changed nothing, so the same request may be tried again. Two at once: the later one is told to wait.
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime, timedelta
from functools import wraps
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from rest_framework.request import Request
from rest_framework.response import Response

from partnerhub.api.models import IdempotencyKey
from partnerhub.api.rendering import Json
from partnerhub.clock import now
from partnerhub.errors import InvalidInput, RequestInProgress, RequestReused

Handler = Callable[..., Response]

HEADER = "MS-RequestId"
KEPT = timedelta(days=7)
_GUID = re.compile(r"\{?[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}\}?", re.IGNORECASE)
# Clients send GUIDs; one that made up a name of its own is as well protected from doing a thing twice.
_NAME = re.compile(r"[A-Za-z0-9_.:-]{1,64}")


def idempotent(handler: Handler) -> Handler:
    """Let a view's write method honour MS-RequestId; without that header every call is a new request."""
    return _once(handler, _in_transaction)


def idempotent_outside(handler: Handler) -> Handler:
    """As `idempotent`, for what asks somebody outside: in no transaction, and its answer is kept right after it.

    Who crashes between the two has asked, and asks again when the request is repeated.
    """
    return _once(handler, _outside)


def _once(handler: Handler, holding: Callable[[str, str], AbstractContextManager[None]]) -> Handler:
    @wraps(handler)
    def once(view: Any, request: Request, *args: Any, **kwargs: Any) -> Response:
        given = request.headers.get(HEADER, "")
        if not given:
            return handler(view, request, *args, **kwargs)
        request_id = _one_spelling(given)
        with holding(str(request.user.id), request_id):
            return _answered(view, request, request_id, lambda: handler(view, request, *args, **kwargs))

    once.is_idempotent = True  # type: ignore[attr-defined]
    return once


def _one_spelling(given: str) -> str:
    """A header's id as it is kept, a GUID in its one spelling. Raises InvalidInput."""
    if _GUID.fullmatch(given):
        return str(UUID(given))
    if _NAME.fullmatch(given):
        return given
    raise InvalidInput(field=HEADER, problem="a GUID is expected, or at most 64 letters, digits and _ . : -")


def _answered(view: Any, request: Request, request_id: str, work: Callable[[], Response]) -> Response:
    client_id = str(request.user.id)
    fingerprint = fingerprint_of(request)
    earlier = IdempotencyKey.objects.filter(client_id=client_id, request_id=request_id).first()
    if earlier is not None:
        return _replay(earlier, fingerprint)
    response = work()
    if response.status_code < 400:
        IdempotencyKey.objects.create(
            client_id=client_id,
            request_id=request_id,
            fingerprint=fingerprint,
            status=response.status_code,
            body=Json().render(_kept(view, response.data)).decode(),
            created_at=now(),
        )
    return response


def _kept(view: Any, data: Any) -> Any:
    """An answer as it is stored: what a view tells only once (`told_once`, names of members) is null in it."""
    told_once: tuple[str, ...] = getattr(view, "told_once", ())
    return {**data, **dict.fromkeys(told_once)} if told_once else data


@contextmanager
def _in_transaction(client_id: str, request_id: str) -> Iterator[None]:
    """A transaction that holds the request id to its end. Raises RequestInProgress when somebody else holds it."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0))", [f"{client_id}/{request_id}"])
            if not cursor.fetchone()[0]:
                raise RequestInProgress(request_id=request_id)
        yield


@contextmanager
def _outside(client_id: str, request_id: str) -> Iterator[None]:
    """The same without a transaction: held until the block ends, or the connection."""
    name = [f"{client_id}/{request_id}"]
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", name)
        if not cursor.fetchone()[0]:
            raise RequestInProgress(request_id=request_id)
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(hashtextextended(%s, 0))", name)


def _replay(earlier: IdempotencyKey, fingerprint: str) -> Response:
    if earlier.fingerprint != fingerprint:
        raise RequestReused(request_id=earlier.request_id)
    return Response(json.loads(earlier.body) if earlier.body else None, earlier.status)


def fingerprint_of(request: Request) -> str:
    """SHA-256 over method, path with query, and the body as it was sent."""
    head = f"{request.method} {request.get_full_path()}\n".encode()
    return hashlib.sha256(head + request._request.body).hexdigest()


def forget_old(at: datetime) -> int:
    """Delete the answers older than a week; returns how many. A request id used again after that is a new request."""
    deleted, _ = IdempotencyKey.objects.filter(created_at__lt=at - KEPT).delete()
    return deleted
