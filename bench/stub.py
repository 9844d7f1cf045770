"""A publisher that costs next to nothing: a raw HTTP/1.1 answer after a set time. Its own process.

Every subscription is shown as bought, once the share of errors and of slow answers is taken off. Which ones those are
follows from the id alone, so that it is the same for every caller; an error is answered once, then the truth.
"""

import argparse
import asyncio
import json
import zlib
from dataclasses import dataclass, field

PLAN, QUANTITY = "plan-1", 7
SLOW_SECONDS = 5.0


@dataclass
class Manners:
    """How the stub answers: after `seconds`, and so many of a thousand slowly, or first with 503; `status` to all."""

    seconds: float = 0.05
    slow: int = 0
    errors: int = 0
    status: str = "Subscribed"
    asked: int = 0
    failed: set[str] = field(default_factory=set)

    def answer(self, subscription_id: str) -> tuple[float, bytes]:
        """The wait and the whole response to a question about this subscription."""
        self.asked += 1
        share = zlib.crc32(subscription_id.encode()) % 1000
        if share < self.errors and subscription_id not in self.failed:
            self.failed.add(subscription_id)
            return self.seconds, _response(b"503 Service Unavailable", {"message": "busy"})
        seconds = SLOW_SECONDS if share >= 1000 - self.slow else self.seconds
        return seconds, _response(b"200 OK", _document(subscription_id, self.status))


def is_slow(subscription_id: str, slow: int) -> bool:
    """Whether the stub answers about this subscription slowly when so many of a thousand are slow."""
    return zlib.crc32(subscription_id.encode()) % 1000 >= 1000 - slow


class Connection(asyncio.Protocol):
    """One kept-alive connection; requests have no body."""

    def __init__(self, manners: Manners) -> None:
        self._manners, self._transport, self._buffer = manners, asyncio.Transport(), b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - what a server is given
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            line, self._buffer = self._buffer[: self._buffer.find(b"\r\n")], self._buffer[end + 4 :]
            self._respond(line.split(b" ")[1].decode())

    def _respond(self, target: str) -> None:
        path, _, query = target.partition("?")
        if path == "/manners":
            self._set(dict(part.split("=") for part in query.split("&")))
            self._transport.write(_response(b"200 OK", {}))
            return
        seconds, response = self._manners.answer(path.rpartition("/")[2])
        asyncio.get_running_loop().call_later(seconds, self._write, response)

    def _set(self, given: dict[str, str]) -> None:
        manners = self._manners
        manners.seconds, manners.slow = float(given["seconds"]), int(given["slow"])
        manners.errors, manners.asked, manners.status = int(given["errors"]), 0, given["status"]

    def _write(self, response: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(response)


def _document(subscription_id: str, status: str) -> dict[str, object]:
    return {
        "id": subscription_id,
        "name": "Contoso",
        "publisherId": "bench",
        "offerId": "offer-1",
        "planId": PLAN,
        "quantity": QUANTITY,
        "saasSubscriptionStatus": status,
        "beneficiary": {"emailId": "it@contoso.example", "objectId": subscription_id, "tenantId": subscription_id},
        "allowedCustomerOperations": ["Read"],
        "sandboxType": "None",
    }


def _response(status: bytes, document: dict[str, object]) -> bytes:
    body = json.dumps(document).encode()
    head = b"HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % (status, len(body))
    return head + body


async def _serve(port: int) -> None:
    manners = Manners()
    server = await asyncio.get_running_loop().create_server(
        lambda: Connection(manners), "127.0.0.1", port, backlog=2048
    )
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    asyncio.run(_serve(parser.parse_args().port))
