"""The HTTP client of publishers that expose the SaaS Fulfillment v2 shapes (fulfillment-v2.md, contract "Polled")."""

import asyncio
import re
from dataclasses import dataclass
from datetime import timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import aiohttp
from django.db import transaction
from multidict import CIMultiDictProxy

from partnerhub.clock import now
from publishers.fulfillment.gateway import Address, Answer, Outcome, Progress, Receipt
from publishers.fulfillment.guard import AddressNotPublic, socket_factory
from publishers.fulfillment.reading import (
    UNCHANGED,
    UNFINISHED,
    OperationSaid,
    Unreadable,
    excerpt,
    printable,
    read_operation,
    read_said,
)

API_VERSION = "2018-08-31"
LARGEST_BODY = 256 * 1024
KEEP_ALIVE_SECONDS = 30


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


class SaasV2Gateway:
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

    async def ask(self, address: Address, subscription_id: UUID) -> Answer:
        """What the publisher says of the subscription now. Raises RuntimeError inside a database transaction only."""
        refuse_in_transaction()
        evidence = {"request_id": str(uuid4()), "correlation_id": str(uuid4())}
        try:
            reply = await self._call("GET", address, subscription_id, evidence)
            evidence |= _traced(reply)
            _check_status(reply, expected=(200,))
            return Answer(Outcome.ANSWERED, said=read_said(reply.body, subscription_id), evidence=evidence)
        except CallFailed as failure:
            return Answer(failure.outcome, None, failure.detail, failure.retry_after, evidence)
        except Unreadable as problem:
            return Answer(Outcome.UNREADABLE, detail=str(problem), evidence=evidence)

    async def unsubscribe(self, address: Address, subscription_id: UUID) -> Receipt:
        """Tell that the subscription has ended. Safe to repeat: a refusal counts as done when it has ended there."""
        refuse_in_transaction()
        evidence = {"request_id": str(uuid4()), "correlation_id": str(uuid4())}
        try:
            reply = await self._call("DELETE", address, subscription_id, evidence)
            if reply.status == 410:
                return Receipt(Outcome.UNKNOWN_THERE)
            if reply.status in (400, 409):
                return await self._receipt_of_refusal(address, subscription_id, reply)
            _check_status(reply, expected=(200, 202, 204))
            return _receipt_of_change(reply)
        except CallFailed as failure:
            return Receipt(failure.outcome, detail=failure.detail, retry_after=failure.retry_after)

    async def follow_unsubscription(self, address: Address, subscription_id: UUID, remote_id: str) -> Receipt:
        """How far the publisher is. An operation that it has lost is done when the subscription has ended there."""
        refuse_in_transaction()
        evidence = {"request_id": str(uuid4()), "correlation_id": str(uuid4())}
        try:
            reply = await self._call("GET", address, subscription_id, evidence, f"/operations/{remote_id}")
            # Some publishers answer 400 for an id that they do not know (fulfillment-v2.md section 4).
            if reply.status in (400, 404, 410):
                return await self._receipt_without_operation(address, subscription_id, remote_id)
            _check_status(reply, expected=(200,))
            said = read_operation(reply.body, remote_id)
            if said.status == UNCHANGED and await self._has_ended(address, subscription_id):
                return Receipt(Outcome.ANSWERED, remote_id)
            return _receipt_of_operation(said, remote_id, _retry_after(reply))
        except CallFailed as failure:
            return Receipt(failure.outcome, remote_id, failure.detail, failure.retry_after)
        except Unreadable as problem:
            return Receipt(Outcome.UNREADABLE, remote_id, str(problem))

    async def _receipt_of_refusal(self, address: Address, subscription_id: UUID, reply: Reply) -> Receipt:
        """After a lost answer our first call may have been heard: then it is over, or still being worked on."""
        if await self._has_ended(address, subscription_id):
            return Receipt(Outcome.ANSWERED)
        outcome = Outcome.THROTTLED if reply.status == 409 else Outcome.UNREADABLE
        return Receipt(outcome, detail=_said_status(reply), retry_after=_retry_after(reply))

    async def _receipt_without_operation(self, address: Address, subscription_id: UUID, remote_id: str) -> Receipt:
        if await self._has_ended(address, subscription_id):
            return Receipt(Outcome.ANSWERED, remote_id)
        return Receipt(Outcome.UNREADABLE, remote_id, "The publisher does not know its own operation any more.")

    async def _has_ended(self, address: Address, subscription_id: UUID) -> bool:
        answer = await self.ask(address, subscription_id)
        return answer.outcome == Outcome.UNKNOWN_THERE or bool(answer.said and answer.said.status == "Unsubscribed")

    async def _call(
        self, method: str, address: Address, subscription_id: UUID, ids: dict[str, str], rest: str = ""
    ) -> Reply:
        # Built from the registered address alone: the token goes nowhere that an answer's headers name.
        url = f"{address.base_url.rstrip('/')}/api/saas/subscriptions/{subscription_id}{rest}"
        headers = {
            "authorization": f"Bearer {address.token}",
            "x-ms-requestid": ids["request_id"],
            "x-ms-correlationid": ids["correlation_id"],
        }
        try:
            async with self._session.request(
                method, url, params={"api-version": API_VERSION}, headers=headers, allow_redirects=False
            ) as response:
                return Reply(response.status, response.headers, await _limited_body(response))
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise _as_failure(error) from None


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


async def _limited_body(response: aiohttp.ClientResponse) -> bytes:
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
            return CallFailed(Outcome.FORBIDDEN, "The publisher's address is not one that can be called.")
        case aiohttp.ClientPayloadError():
            return CallFailed(Outcome.UNREADABLE, "The answer broke off in the middle.")
        case aiohttp.ClientResponseError():
            return CallFailed(Outcome.UNREADABLE, f"The answer is not HTTP: {excerpt(error.message)}")
        case aiohttp.ClientSSLError():
            return CallFailed(Outcome.FAILING, "No secure connection to the publisher could be made.")
        case aiohttp.ClientConnectorError():
            return CallFailed(Outcome.FAILING, "No connection to the publisher could be made.")
    return CallFailed(Outcome.FAILING, "The publisher hung up without an answer.")


def _check_status(reply: Reply, *, expected: tuple[int, ...]) -> None:
    if reply.status in expected:
        return
    match reply.status:
        case 404:
            raise CallFailed(Outcome.UNKNOWN_THERE, "The publisher does not know this subscription yet.")
        case 401 | 403:
            raise CallFailed(Outcome.FORBIDDEN, _said_status(reply))
        case 429:
            raise CallFailed(Outcome.THROTTLED, "The publisher asks for fewer questions.", _retry_after(reply))
        case status if status >= 500:
            raise CallFailed(Outcome.FAILING, _said_status(reply), _retry_after(reply))
        case status if 300 <= status < 400:
            raise CallFailed(Outcome.UNREADABLE, f"The publisher redirects elsewhere ({status}); we do not follow.")
    raise CallFailed(Outcome.UNREADABLE, _said_status(reply))


def _said_status(reply: Reply) -> str:
    return f"The publisher answered {reply.status}" + (f": {reply.text}" if reply.text else ".")


def _retry_after(reply: Reply) -> timedelta | None:
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


def _traced(reply: Reply) -> dict[str, str]:
    """What is kept of the answer's head as evidence."""
    traced = {"http_status": str(reply.status)}
    theirs = printable(reply.headers.get("x-ms-requestid", ""))[:64]
    return traced | ({"publisher_request_id": theirs} if theirs else {})


def _receipt_of_change(reply: Reply) -> Receipt:
    """202 with an Operation-Location is under way; without one there is nothing to ask, and it counts as done."""
    remote_id = _operation_id(reply)
    if reply.status != 202 or not remote_id or "Operation-Location" not in reply.headers:
        return Receipt(Outcome.ANSWERED, remote_id)
    return _under_way(remote_id, _retry_after(reply))


def _receipt_of_operation(said: OperationSaid, remote_id: str, retry_after: timedelta | None) -> Receipt:
    if said.status in UNFINISHED:
        return _under_way(remote_id, retry_after)
    if said.status == "Succeeded":
        return Receipt(Outcome.ANSWERED, remote_id)
    detail = f"The publisher's operation ended as {said.status}" + (f": {said.reason}" if said.reason else ".")
    return Receipt(Outcome.ANSWERED, remote_id, detail, progress=Progress.REFUSED)


def _under_way(remote_id: str, retry_after: timedelta | None) -> Receipt:
    detail = "The publisher has not finished its operation."
    return Receipt(Outcome.ANSWERED, remote_id, detail, retry_after, Progress.UNDER_WAY)


def _operation_id(reply: Reply) -> str:
    """The id in Operation-Location's path, or Operation-Id; empty when the publisher names no operation."""
    try:
        located = urlsplit(reply.headers.get("Operation-Location", "")).path.rpartition("/")[2]
    except ValueError:
        located = ""
    candidate = located or reply.headers.get("Operation-Id", "")
    # No leading dot: `..` would lead out of the operations.
    return candidate if re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,199}", candidate) else ""
