"""Sending: claim deliveries under a lease, post them with no transaction open, keep what came of each.

Some at once, but few to one program, so that one that is slow keeps nobody else waiting. A crash between post and
mark posts again, with the same MS-RequestId.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import aiohttp
import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import Q

from partnerhub.guard import socket_factory, why_no_answer
from partnerhub.hooks.models import Attempt, Delivery, Registration
from partnerhub.hooks.services import park_waiting
from partnerhub.hooks.signing import headers_of
from partnerhub.tracing import span

log = structlog.get_logger(__name__)

LEASE = timedelta(minutes=1)
AT_ONCE_TO_ONE = 10
MOST_PROGRAMS = 50
SECONDS, CONNECT_SECONDS = 10.0, 5.0
LARGEST_READ, LONGEST_DETAIL = 4096, 300
# Before the second attempt, the third and so on; the tenth is the last.
WAITS = tuple(timedelta(seconds=seconds) for seconds in (5, 15, 60, 300, 900, 1800, 3600, 7200, 14400))

Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back of one post: a status with the beginning of the text, or why nothing did."""

    status: int | None
    detail: str
    milliseconds: int

    @property
    def is_received(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


def send_due(clock: Clock, *, lasting: timedelta = timedelta(seconds=20)) -> int:
    """Post what is due, and take more of it for about as long as `lasting`; returns how many were received.

    Raises RuntimeError inside a transaction.
    """
    if transaction.get_connection().in_atomic_block:
        raise RuntimeError("a program must not be called inside a database transaction")
    until, claimed = clock() + lasting, _claim(clock())
    if not claimed:
        return 0
    with asyncio.Runner() as runner:
        session = runner.run(_session())
        try:
            return _rolled(runner, session, claimed, clock, until)
        finally:
            runner.run(session.close())


def _rolled(
    runner: asyncio.Runner, session: "aiohttp.ClientSession", claimed: list[Delivery], clock: Clock, until: datetime
) -> int:
    """Keep posting: the loop runs only while it waits for an answer, so that rows are written outside of it."""
    received, under_way = 0, dict[asyncio.Task[Answer], Delivery]()
    while claimed or under_way:
        for delivery in claimed:
            under_way[runner.get_loop().create_task(_post(session, delivery, headers_of(delivery, clock())))] = delivery
        done, _pending = runner.run(_some_end(under_way))
        for task in done:
            received += _settle(under_way.pop(task), task.result(), clock())
        claimed = _claim(clock()) if clock() < until else []
    return received


async def _some_end(tasks: dict[asyncio.Task[Answer], Delivery]) -> tuple[set[asyncio.Task[Answer]], object]:
    return await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)


async def _session() -> "aiohttp.ClientSession":
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(
            limit=AT_ONCE_TO_ONE * MOST_PROGRAMS,
            socket_factory=socket_factory(allow_private=settings.HUB_ALLOW_PRIVATE_PUBLISHERS),
        ),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=SECONDS, sock_connect=CONNECT_SECONDS),
        headers={"User-Agent": "PartnerHub", "Accept-Encoding": "identity"},
    )


@transaction.atomic
def _claim(at: datetime) -> list[Delivery]:
    """Lease what is due longest, of each program as many as it may have under way."""
    due = Delivery.objects.filter(Q(lease_until=None) | Q(lease_until__lte=at), next_attempt_at__lte=at)
    rows = Registration.objects.select_for_update(skip_locked=True, no_key=True, of=("self",)).select_related("client")
    claimed: list[Delivery] = []
    for registration in rows.filter(pk__in=due.values("registration"))[:MOST_PROGRAMS]:
        if registration.ended_at is not None or not registration.client.is_active:
            park_waiting(registration, at)
            continue
        free = AT_ONCE_TO_ONE - registration.deliveries.filter(lease_until__gt=at).count()
        mine = due.filter(registration=registration).order_by("next_attempt_at", "id")[: max(0, free)]
        for delivery in mine:
            delivery.registration, delivery.lease_until = registration, at + LEASE
            claimed.append(delivery)
    Delivery.objects.bulk_update(claimed, ["lease_until"])
    return claimed


async def _post(session: "aiohttp.ClientSession", delivery: Delivery, headers: dict[str, str]) -> Answer:
    began = time.monotonic()

    def answer(status: int | None, detail: str) -> Answer:
        return Answer(status, detail[:LONGEST_DETAIL], int((time.monotonic() - began) * 1000))

    url, body = delivery.registration.url, delivery.body.encode()
    try:
        facts = {"event": delivery.event_name, "delivery_id": str(delivery.pk)}
        with span("call program", delivery.correlation_id, facts) as tell:
            async with session.post(url, data=body, headers=headers, allow_redirects=False) as response:
                tell({"status": response.status})
                return answer(response.status, _printable(await response.content.read(LARGEST_READ)))
    except (aiohttp.ClientError, OSError, ValueError) as error:
        return answer(None, why_no_answer(error))


def _printable(raw: bytes) -> str:
    text = "".join(character if character.isprintable() else " " for character in raw.decode("utf-8", "replace"))
    return " ".join(text.split())


@transaction.atomic
def _settle(delivery: Delivery, answer: Answer, at: datetime) -> bool:
    """Keep what came of a post; what it means for the delivery only while the lease is ours."""
    rows = Delivery.objects.select_for_update().filter(pk=delivery.pk)
    mine = rows.filter(lease_until=delivery.lease_until).first()
    Attempt.objects.create(
        delivery=delivery, at=at, http_status=answer.status, detail=answer.detail, milliseconds=answer.milliseconds
    )
    if mine is None:
        return answer.is_received
    mine.attempts += 1
    mine.lease_until = mine.next_attempt_at = None
    if answer.is_received:
        mine.delivered_at = at
    elif mine.attempts > len(WAITS):
        mine.parked_at = at
        log.warning("hook_parked", delivery_id=str(mine.pk), status=answer.status)
    else:
        mine.next_attempt_at = at + WAITS[mine.attempts - 1]
    mine.save(update_fields=["attempts", "lease_until", "next_attempt_at", "delivered_at", "parked_at"])
    return answer.is_received
