"""One HTTP call to a publisher: who may be called, how long it may take, how much is read, what a failure means."""

import asyncio
import json
import re
from collections.abc import Mapping
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp
from django.db import transaction

from partnerhub.clock import now
from partnerhub.guard import AddressNotPublic
from partnerhub.tracing import span
from publishers.fulfillment.exchanging import Exchanger, NotHttp, Reply, Site, TooLarge
from publishers.fulfillment.gateway import Outcome
from publishers.fulfillment.reading import excerpt, read_reason

LARGEST_BODY = 256 * 1024
NOT_CALLABLE = "The publisher's address is not one that can be called."


class CallFailed(Exception):
    """A call that brought no usable answer; becomes an outcome, never leaves the gateway."""

    def __init__(self, outcome: Outcome, detail: str, retry_after: timedelta | None = None) -> None:
        super().__init__(detail)
        self.outcome, self.detail, self.retry_after = outcome, detail, retry_after


class Caller:
    """Calls to publishers over kept-alive connections. Make it inside a running event loop."""

    def __init__(
        self, *, allow_private: bool, connections: int = 100, seconds: float = 10, connect_seconds: float = 5
    ) -> None:
        self._exchanger = Exchanger(
            allow_private=allow_private,
            connections=connections,
            seconds=seconds,
            connect_seconds=connect_seconds,
            largest_body=LARGEST_BODY,
        )

    async def close(self) -> None:
        await self._exchanger.close()

    async def send(
        self,
        method: str,
        url: str,
        token: str,
        ids: Mapping[str, str],
        *,
        rest: str = "",
        body: Any = None,
        etag: str = "",
    ) -> Reply:
        """Send JSON or nothing to the address, followed by `rest` as it is, and read the answer; redirects are not
        followed. Raises CallFailed, and RuntimeError inside a database transaction.
        """
        refuse_in_transaction()
        headers = {
            "authorization": f"Bearer {token}",
            "x-ms-requestid": ids["request_id"],
            "x-ms-correlationid": ids["correlation_id"],
        }
        if etag:
            headers["if-none-match"] = etag
        site = self._site(url)
        facts = {"method": method, "host": site.host, "request_id": ids["request_id"]}
        sent = None if body is None else json.dumps(body).encode()
        with span("call publisher", ids["correlation_id"], facts) as tell:
            try:
                reply = await self._exchanger.exchange(method, site, rest, headers, sent)
            except (aiohttp.ClientError, NotHttp, TooLarge, OSError, ValueError) as error:
                raise _as_failure(error) from None
            tell({"status": reply.status})
            return reply

    def _site(self, url: str) -> Site:
        try:
            return self._exchanger.site(url)
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
        case TooLarge():
            return CallFailed(Outcome.UNREADABLE, f"The answer is larger than {LARGEST_BODY // 1024} kB.")
        case NotHttp():
            return CallFailed(Outcome.UNREADABLE, f"The answer is not HTTP: {excerpt(str(error))}")
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
