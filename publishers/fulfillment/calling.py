"""One HTTP call to a publisher: who may be called, how long it may take, how much is read, what a failure means."""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp
from django.db import transaction
from multidict import CIMultiDictProxy
from yarl import URL

from partnerhub.clock import now
from partnerhub.guard import AddressNotPublic, socket_factory
from partnerhub.tracing import span
from publishers.fulfillment.gateway import Outcome
from publishers.fulfillment.reading import excerpt, read_reason

LARGEST_BODY = 256 * 1024
KEEP_ALIVE_SECONDS = 30
NOT_CALLABLE = "The publisher's address is not one that can be called."
# Each is about the moment, our token or our pace, not about what was asked.
PASSING_REFUSALS = frozenset({401, 408, 425, 429})


class CallFailed(Exception):
    """A call that brought no usable answer; becomes an outcome, never leaves the gateway."""

    def __init__(self, outcome: Outcome, detail: str, retry_after: timedelta | None = None) -> None:
        super().__init__(detail)
        self.outcome, self.detail, self.retry_after = outcome, detail, retry_after


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP answer as far as we read it."""

    status: int
    headers: CIMultiDictProxy[str]
    body: bytes

    @property
    def text(self) -> str:
        return excerpt(self.body.decode("utf-8", "replace"))

    @property
    def is_refusal(self) -> bool:
        """Whether the publisher declines what was asked, for good."""
        return 400 <= self.status < 500 and self.status not in PASSING_REFUSALS


class Caller:
    """One session with kept-alive connections for all publishers. Make it inside a running event loop."""

    def __init__(
        self, *, allow_private: bool, connections: int = 100, seconds: float = 10, connect_seconds: float = 5
    ) -> None:
        connector = aiohttp.TCPConnector(
            limit=connections,
            limit_per_host=connections,
            keepalive_timeout=KEEP_ALIVE_SECONDS,
            socket_factory=socket_factory(allow_private=allow_private),
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=seconds, sock_connect=connect_seconds),
            # Plain bytes only: the size limit must not be a decompressor's problem.
            headers={"user-agent": "PartnerHub", "accept": "application/json", "accept-encoding": "identity"},
        )

    async def close(self) -> None:
        await self._session.close()

    async def send(
        self,
        method: str,
        url: str,
        token: str,
        ids: Mapping[str, str],
        *,
        body: Any = None,
        etag: str = "",
    ) -> Reply:
        """Send JSON or nothing and read the answer; redirects are not followed. Raises CallFailed, and RuntimeError
        inside a database transaction.
        """
        refuse_in_transaction()
        headers = {
            "authorization": f"Bearer {token}",
            "x-ms-requestid": ids["request_id"],
            "x-ms-correlationid": ids["correlation_id"],
        }
        if etag:
            headers["if-none-match"] = etag
        target = _target(url)
        facts = {"method": method, "host": target.raw_host or "", "request_id": ids["request_id"]}
        with span("call publisher", ids["correlation_id"], facts) as tell:
            try:
                async with self._session.request(
                    method, target, headers=headers, json=body, allow_redirects=False
                ) as response:
                    tell({"status": response.status})
                    return Reply(response.status, response.headers, await _limited_body(response))
            except (aiohttp.ClientError, OSError, ValueError) as error:
                raise _as_failure(error) from None


def _target(url: str) -> URL:
    try:
        return URL(url)
    except ValueError:
        raise CallFailed(Outcome.FORBIDDEN, NOT_CALLABLE) from None


def refuse_in_transaction() -> None:
    """Raise RuntimeError inside an atomic block: nobody may hold database locks while a stranger thinks."""
    # Under a running loop Django would show us another connection than that of the code which runs the loop.
    loop = asyncio._get_running_loop()
    asyncio._set_running_loop(None)
    try:
        in_transaction = transaction.get_connection().in_atomic_block
    finally:
        asyncio._set_running_loop(loop)
    if in_transaction:
        raise RuntimeError("a publisher must not be called inside a database transaction")


async def _limited_body(response: "aiohttp.ClientResponse") -> bytes:
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > LARGEST_BODY:
            response.close()
            raise CallFailed(Outcome.UNREADABLE, f"The answer is larger than {LARGEST_BODY // 1024} kB.")
    return bytes(body)


def _as_failure(error: Exception) -> CallFailed:
    match error:
        case asyncio.TimeoutError():
            return CallFailed(Outcome.SILENT, "The publisher did not answer in time.")
        case aiohttp.ClientConnectorError(os_error=AddressNotPublic()):
            return CallFailed(Outcome.FORBIDDEN, "The publisher's address is not public, so this hub may not call it.")
        case aiohttp.InvalidURL():
            return CallFailed(Outcome.FORBIDDEN, NOT_CALLABLE)
        case aiohttp.ClientPayloadError():
            return CallFailed(Outcome.UNREADABLE, "The answer broke off in the middle.")
        case aiohttp.ClientResponseError():
            return CallFailed(Outcome.UNREADABLE, f"The answer is not HTTP: {excerpt(error.message)}")
        case aiohttp.ClientSSLError():
            return CallFailed(Outcome.FAILING, "No secure connection to the publisher could be made.")
        case aiohttp.ClientConnectorError():
            return CallFailed(Outcome.FAILING, "No connection to the publisher could be made.")
    return CallFailed(Outcome.FAILING, "The publisher hung up without an answer.")


def check_status(reply: Reply, *, expected: tuple[int, ...]) -> None:
    """Raise CallFailed for any answer whose status was not expected."""
    if reply.status not in expected:
        raise failure_of(reply)


def failure_of(reply: Reply) -> CallFailed:
    """The outcome that the status of an unexpected answer means."""
    match reply.status:
        case 404:
            return CallFailed(Outcome.UNKNOWN_THERE, "The publisher does not know this subscription yet.")
        case 401 | 403:
            return CallFailed(Outcome.FORBIDDEN, said_status(reply))
        case 429:
            return CallFailed(Outcome.THROTTLED, "The publisher asks for fewer questions.", retry_after(reply))
        case status if status >= 500:
            return CallFailed(Outcome.FAILING, said_status(reply), retry_after(reply))
        case status if 300 <= status < 400:
            return CallFailed(Outcome.UNREADABLE, f"The publisher redirects elsewhere ({status}); we do not follow.")
    return CallFailed(Outcome.UNREADABLE, said_status(reply))


def said_status(reply: Reply) -> str:
    """The status of an answer in a sentence, with the beginning of what it says."""
    return f"The publisher answered {reply.status}" + (f": {reply.text}" if reply.text else ".")


def said_refusal(reply: Reply) -> str:
    """Why the publisher declines, in a sentence: its own message where it gives one."""
    reason = read_reason(reply.body)
    return f"The publisher answered {reply.status}" + (f": {reason}" if reason else ".")


def retry_after(reply: Reply) -> timedelta | None:
    """The wait that the publisher asked for, in seconds or until a moment of its own clock; None when unreadable."""
    asked = reply.headers.get("Retry-After", "").strip()
    if re.fullmatch(r"[0-9]{1,7}", asked):
        return timedelta(seconds=int(asked))
    try:
        until = parsedate_to_datetime(asked)
        sent = parsedate_to_datetime(reply.headers["Date"]) if "Date" in reply.headers else now()
        return max(until - sent, timedelta())
    except (ValueError, TypeError, OverflowError):
        return None
