"""The client of publishers that expose the SaaS Fulfillment v2 shapes (fulfillment-v2.md, contract "Polled")."""

import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from os import urandom
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import structlog

from publishers.fulfillment import webhooks
from publishers.fulfillment.calling import (
    Caller,
    CallFailed,
    check_status,
    retry_after,
    said_refusal,
    said_status,
)
from publishers.fulfillment.exchanging import Reply
from publishers.fulfillment.gateway import Address, Answer, Expected, Outcome, Progress, Receipt
from publishers.fulfillment.reading import (
    UNCHANGED,
    UNFINISHED,
    OperationSaid,
    Unreadable,
    printable,
    read_operation,
    read_pending,
    read_said,
)

API_VERSION = "2018-08-31"
LONGEST_ETAG = 200
IDS_DRAWN = 256
ENDED = Expected(ended=True)
STILL_OLD = "The publisher says that it is done, but does not show it yet."
UNFINISHED_THERE = "The publisher has not finished its operation."
BUSY_THERE = "The publisher is still at another change of this subscription."


class SaasV2Gateway:
    """Make it inside a running event loop; see `Caller` for its bounds."""

    def __init__(
        self, *, allow_private: bool, connections: int = 100, seconds: float = 10, connect_seconds: float = 5
    ) -> None:
        self._caller = Caller(
            allow_private=allow_private, connections=connections, seconds=seconds, connect_seconds=connect_seconds
        )
        self._ids = _drawn_ids()

    async def close(self) -> None:
        await self._caller.close()

    async def ask(self, address: Address, subscription_id: UUID, *, etag: str = "") -> Answer:
        """What the publisher says of the subscription now, or that it is still what it called `etag`.

        Raises RuntimeError inside a database transaction only.
        """
        evidence = self._new_ids()
        try:
            reply = await self._call("GET", address, subscription_id, evidence, etag=etag)
            evidence |= _traced(reply)
            if etag and reply.status == 304:
                return Answer(Outcome.ANSWERED, evidence=evidence, etag=etag)
            check_status(reply, expected=(200,))
            said = read_said(reply.body, subscription_id)
            return Answer(Outcome.ANSWERED, said=said, evidence=evidence, etag=_etag(reply))
        except CallFailed as failure:
            return Answer(failure.outcome, None, failure.detail, failure.retry_after, evidence)
        except Unreadable as problem:
            return Answer(Outcome.UNREADABLE, detail=str(problem), evidence=evidence)

    async def unsubscribe(self, address: Address, subscription_id: UUID) -> Receipt:
        """Tell that the subscription has ended. Safe to repeat: a refusal counts as done when it has ended there."""
        try:
            reply = await self._call("DELETE", address, subscription_id, self._new_ids())
            if reply.status == 410:
                return Receipt(Outcome.UNKNOWN_THERE)
            if reply.status in (400, 409):
                return await self._receipt_of_refused_end(address, subscription_id, reply)
            check_status(reply, expected=(200, 202, 204))
            return _receipt_of_end(reply)
        except CallFailed as failure:
            return Receipt(failure.outcome, detail=failure.detail, retry_after=failure.retry_after)

    async def change(
        self, address: Address, subscription_id: UUID, *, plan_id: str | None = None, quantity: int | None = None
    ) -> Receipt:
        """Ask for another plan or another quantity. Safe to repeat: what is shown already is done, and what the
        publisher took up the last time is followed.
        """
        expected = Expected(plan_id, quantity)
        body = {"quantity": quantity} if plan_id is None else {"planId": plan_id}
        try:
            reply = await self._call("PATCH", address, subscription_id, self._new_ids(), body=body)
            if reply.is_refusal:
                return await self._receipt_of_refused_change(address, subscription_id, expected, reply)
            check_status(reply, expected=(200, 202, 204))
            remote_id = _operation_id(reply)
            if reply.status == 202 and remote_id:
                return _under_way(remote_id, retry_after(reply))
            return await self._receipt_when_shown(address, subscription_id, remote_id, expected)
        except CallFailed as failure:
            return Receipt(failure.outcome, detail=failure.detail, retry_after=failure.retry_after)

    async def follow(self, address: Address, subscription_id: UUID, remote_id: str, expected: Expected) -> Receipt:
        """How far the publisher is. A change is done when the subscription shows it, whatever the operation says."""
        try:
            reply = await self._call("GET", address, subscription_id, self._new_ids(), f"/operations/{remote_id}")
            # Some publishers answer 400 for an id that they do not know (fulfillment-v2.md section 4).
            if reply.status in (400, 404, 410):
                return await self._receipt_without_operation(address, subscription_id, remote_id, expected)
            check_status(reply, expected=(200,))
            said = read_operation(reply.body, remote_id)
            return await self._receipt_of_operation(address, subscription_id, remote_id, expected, said, reply)
        except CallFailed as failure:
            return Receipt(failure.outcome, remote_id, failure.detail, failure.retry_after)
        except Unreadable as problem:
            return Receipt(Outcome.UNREADABLE, remote_id, str(problem))

    async def notify(self, address: Address, notice: Mapping[str, Any]) -> Receipt:
        """Post a notice to the publisher's webhook; done means that it was received, refused that it declines."""
        return await webhooks.deliver(self._caller, address, notice, self._new_ids())

    async def _receipt_of_refused_end(self, address: Address, subscription_id: UUID, reply: Reply) -> Receipt:
        """After a lost answer our first call may have been heard: then it is over, or still being worked on."""
        if ENDED.is_shown_by(await self.ask(address, subscription_id)):
            return Receipt(Outcome.ANSWERED)
        outcome = Outcome.THROTTLED if reply.status == 409 else Outcome.UNREADABLE
        return Receipt(outcome, detail=said_status(reply), retry_after=retry_after(reply))

    async def _receipt_of_refused_change(
        self, address: Address, subscription_id: UUID, expected: Expected, reply: Reply
    ) -> Receipt:
        """After a lost answer our first call may have been heard: the change is shown already, or an operation."""
        if expected.is_shown_by(await self.ask(address, subscription_id)):
            return Receipt(Outcome.ANSWERED)
        pending = await self._pending(address, subscription_id)
        ours = next((one for one in pending if _asks_for(one, expected)), None)
        if ours is not None and _is_operation_id(ours.id):
            return _under_way(ours.id, retry_after(reply))
        if pending or reply.status == 409:
            return Receipt(Outcome.THROTTLED, detail=BUSY_THERE, retry_after=retry_after(reply))
        return Receipt(Outcome.ANSWERED, detail=said_refusal(reply), progress=Progress.REFUSED)

    async def _pending(self, address: Address, subscription_id: UUID) -> list[OperationSaid]:
        """The operations that the publisher lists as unfinished; none when it does not say."""
        try:
            reply = await self._call("GET", address, subscription_id, self._new_ids(), "/operations")
            return read_pending(reply.body) if reply.status == 200 else []
        except (CallFailed, Unreadable):
            return []

    async def _receipt_of_operation(
        self,
        address: Address,
        subscription_id: UUID,
        remote_id: str,
        expected: Expected,
        said: OperationSaid,
        reply: Reply,
    ) -> Receipt:
        if said.status in UNFINISHED:
            return _under_way(remote_id, retry_after(reply))
        if said.status == "Succeeded":
            if expected.ended:
                return Receipt(Outcome.ANSWERED, remote_id)
            return await self._receipt_when_shown(address, subscription_id, remote_id, expected)
        if said.status == UNCHANGED and expected.is_shown_by(await self.ask(address, subscription_id)):
            return Receipt(Outcome.ANSWERED, remote_id)
        detail = f"The publisher's operation ended as {said.status}" + (f": {said.reason}" if said.reason else ".")
        return Receipt(Outcome.ANSWERED, remote_id, detail, progress=Progress.REFUSED)

    async def _receipt_without_operation(
        self, address: Address, subscription_id: UUID, remote_id: str, expected: Expected
    ) -> Receipt:
        if expected.is_shown_by(await self.ask(address, subscription_id)):
            return Receipt(Outcome.ANSWERED, remote_id)
        return Receipt(Outcome.UNREADABLE, remote_id, "The publisher does not know its own operation any more.")

    async def _receipt_when_shown(
        self, address: Address, subscription_id: UUID, remote_id: str, expected: Expected
    ) -> Receipt:
        """A success shown with old data is not yet one: done once the subscription shows the new value."""
        answer = await self.ask(address, subscription_id)
        if expected.is_shown_by(answer):
            return Receipt(Outcome.ANSWERED, remote_id)
        if answer.said is not None:
            return Receipt(Outcome.ANSWERED, remote_id, STILL_OLD, progress=Progress.UNDER_WAY)
        return Receipt(answer.outcome, remote_id, answer.detail, answer.retry_after, Progress.UNDER_WAY)

    def _new_ids(self) -> dict[str, str]:
        """A call's own id, and that of the chain of requests which it belongs to, as far as it belongs to one."""
        chain = str(structlog.contextvars.get_contextvars().get("correlation_id", ""))
        return {"request_id": next(self._ids), "correlation_id": chain or next(self._ids)}

    async def _call(
        self,
        method: str,
        address: Address,
        subscription_id: UUID,
        ids: Mapping[str, str],
        rest: str = "",
        body: Any = None,
        etag: str = "",
    ) -> Reply:
        # Built from the registered address alone: the token goes nowhere that an answer's headers name.
        root = f"{address.base_url.rstrip('/')}/api/saas/subscriptions/"
        asked = f"{subscription_id}{rest}?api-version={API_VERSION}"
        return await self._caller.send(method, root, address.token, ids, rest=asked, body=body, etag=etag)


def _drawn_ids() -> Iterator[str]:
    """Random UUIDs, many drawn at once: each draw lets other threads take the interpreter."""
    while True:
        random = urandom(16 * IDS_DRAWN)
        for start in range(0, len(random), 16):
            yield str(UUID(bytes=random[start : start + 16], version=4))


def _traced(reply: Reply) -> dict[str, str]:
    """What is kept of the answer's head as evidence."""
    traced = {"http_status": str(reply.status)}
    theirs = printable(reply.headers.get("x-ms-requestid", ""))[:64]
    return traced | ({"publisher_request_id": theirs} if theirs else {})


def _etag(reply: Reply) -> str:
    """What the publisher calls its answer; empty when it does not, or in a way that we would not send back."""
    given = reply.headers.get("ETag", "")
    return given if len(given) <= LONGEST_ETAG and re.fullmatch(r'(W/)?"[!#-~]*"', given) else ""


def _receipt_of_end(reply: Reply) -> Receipt:
    """202 with an Operation-Location is under way; without one there is nothing to ask, and it counts as done."""
    remote_id = _operation_id(reply)
    if reply.status != 202 or not remote_id or "Operation-Location" not in reply.headers:
        return Receipt(Outcome.ANSWERED, remote_id)
    return _under_way(remote_id, retry_after(reply))


def _under_way(remote_id: str, wait: timedelta | None) -> Receipt:
    return Receipt(Outcome.ANSWERED, remote_id, UNFINISHED_THERE, wait, Progress.UNDER_WAY)


def _asks_for(pending: OperationSaid, expected: Expected) -> bool:
    if expected.plan_id is not None:
        return (pending.action, pending.plan_id) == ("ChangePlan", expected.plan_id)
    return (pending.action, pending.quantity) == ("ChangeQuantity", expected.quantity)


def _operation_id(reply: Reply) -> str:
    """The id in Operation-Location's path, or Operation-Id; empty when the publisher names no operation."""
    try:
        located = urlsplit(reply.headers.get("Operation-Location", "")).path.rpartition("/")[2]
    except ValueError:
        located = ""
    candidate = located or reply.headers.get("Operation-Id", "")
    return candidate if _is_operation_id(candidate) else ""


def _is_operation_id(text: str) -> bool:
    # No leading dot: `..` would lead out of the operations.
    return re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,199}", text) is not None
