"""Sending: claim deliveries under a lease, post them with no transaction open, keep what came of each.

A crash between post and mark posts again, with the same id.
"""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import aiohttp
import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import Q

from partnerhub.guard import socket_factory, why_no_answer
from partnerhub.notifications.contents import body_for
from partnerhub.notifications.enums import Kind
from partnerhub.notifications.models import Delivery
from partnerhub.notifications.others import send_to_other
from partnerhub.notifications.sealing import Unreadable, opened

log = structlog.get_logger(__name__)

LEASE = timedelta(minutes=2)
AT_ONCE = 20
SECONDS, CONNECT_SECONDS = 10.0, 5.0
# Before the second attempt, the third and so on; the last is given up.
WAITS = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 60, 240, 720))
RECEIVED = ""

Clock = Callable[[], datetime]


def send_due(clock: Clock, *, rounds: int = 5) -> int:
    """Post what is due, some at once; returns how many were received. Raises RuntimeError inside a transaction."""
    if transaction.get_connection().in_atomic_block:
        raise RuntimeError("a channel must not be called inside a database transaction")
    received = 0
    for _round in range(rounds):
        claimed = _claim(clock())
        if not claimed:
            break
        for delivery, problem in zip(claimed, asyncio.run(_posted(claimed)), strict=True):
            received += _settle(delivery, problem, clock())
    return received


@transaction.atomic
def _claim(at: datetime) -> list[Delivery]:
    """Lease what is due longest."""
    free = Q(lease_until=None) | Q(lease_until__lte=at)
    due = Delivery.objects.filter(free, next_attempt_at__lte=at).order_by("next_attempt_at", "id")
    claimed = list(due.select_related("channel").select_for_update(skip_locked=True, of=("self",))[:AT_ONCE])
    for delivery in claimed:
        delivery.lease_until = at + LEASE
    Delivery.objects.bulk_update(claimed, ["lease_until"])
    return claimed


async def _posted(claimed: Sequence[Delivery]) -> list[str]:
    connector = aiohttp.TCPConnector(socket_factory=socket_factory(allow_private=settings.HUB_ALLOW_PRIVATE_PUBLISHERS))
    timeout = aiohttp.ClientTimeout(total=SECONDS, sock_connect=CONNECT_SECONDS)
    async with aiohttp.ClientSession(
        connector=connector, cookie_jar=aiohttp.DummyCookieJar(), timeout=timeout, headers={"User-Agent": "PartnerHub"}
    ) as session:
        return list(await asyncio.gather(*(_post(session, delivery) for delivery in claimed)))


async def _post(session: "aiohttp.ClientSession", delivery: Delivery) -> str:
    """Post one; RECEIVED, or in words that repeat nothing of the address why not."""
    if delivery.channel is None:
        return "It has no channel."
    kind = Kind(delivery.channel.kind)
    try:
        address = opened(bytes(delivery.channel.address))
        if kind == Kind.OTHER:
            return await asyncio.to_thread(send_to_other, address, delivery.content)
        body = body_for(kind, delivery.content) | ({"id": str(delivery.pk)} if kind == Kind.WEBHOOK else {})
        async with session.post(address, json=body, allow_redirects=False) as response:
            return RECEIVED if 200 <= response.status < 300 else f"HTTP {response.status}"
    except Unreadable:
        return "The address cannot be read any more: add the channel again."
    except (aiohttp.ClientError, OSError, ValueError) as error:
        return why_no_answer(error)


@transaction.atomic
def _settle(delivery: Delivery, problem: str, at: datetime) -> bool:
    """Mark what came of a post, unless the lease has run out and somebody else has taken over."""
    rows = Delivery.objects.select_for_update().filter(pk=delivery.pk, lease_until=delivery.lease_until)
    mine = rows.first()
    if mine is None:
        return problem == RECEIVED
    mine.attempts += 1
    mine.lease_until = mine.next_attempt_at = None
    mine.last_error = problem
    if problem == RECEIVED:
        mine.delivered_at = at
    elif mine.is_test or mine.attempts > len(WAITS):
        mine.failed_at = at
        log.warning("notification_given_up", delivery_id=str(mine.pk), error=problem)
    else:
        mine.next_attempt_at = at + WAITS[mine.attempts - 1]
    mine.save(update_fields=["attempts", "lease_until", "next_attempt_at", "last_error", "delivered_at", "failed_at"])
    return problem == RECEIVED
