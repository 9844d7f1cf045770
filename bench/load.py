"""A client that asks as fast as it is answered, over connections it keeps: a process of its own.

`python -m bench.load --port 22100 --calls calls.json` asks each call so many `--times` over one connection, one after
the other; with `--seconds` it asks the first of them over all `--connections` until that time is over. It prints as
JSON the seconds that each answer took, by the call's name, and how long all of it took.
"""

import argparse
import asyncio
import json
import re
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_END = b"\r\n\r\n"
Told = Callable[[str, float], None]
Asked = tuple[str, bytes]


class _Connection(asyncio.Protocol):
    """Asks one thing after the other; `over` is done once there is no more, or fails with what was answered."""

    def __init__(self, asked: Iterator[Asked], tell: Told) -> None:
        self.asked, self.tell = asked, tell
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.answer, self.size, self.name, self.began = b"", 0, "", 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self._ask()

    def _ask(self) -> None:
        name, request = next(self.asked, ("", b""))
        if not request:
            self.over.set_result(None)
            return
        self.name, self.answer, self.size = name, b"", 0
        self.began = time.perf_counter()
        self.transport.write(request)  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        self.answer += data
        if not self.size and _END in self.answer:
            head = self.answer.index(_END)
            length = _LENGTH.search(self.answer, 0, head)
            self.size = head + len(_END) + int(length[1] if length else 0)
        if not self.size or len(self.answer) < self.size:
            return
        self.tell(self.name, time.perf_counter() - self.began)
        if self.answer[9:12] not in (b"200", b"201"):
            self.over.set_exception(RuntimeError(f"{self.name} is answered {self.answer[:400]!r}"))
            return
        self._ask()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.over.done():
            self.over.set_exception(exc or ConnectionError("the connection was closed"))


async def _run(port: int, asked: Iterator[Asked], connections: int) -> dict[str, Any]:
    seen: dict[str, list[float]] = {}
    loop, began = asyncio.get_running_loop(), time.perf_counter()

    def tell(name: str, seconds: float) -> None:
        seen.setdefault(name, []).append(seconds)

    opened = [
        await loop.create_connection(lambda: _Connection(asked, tell), "127.0.0.1", port) for _ in range(connections)
    ]
    await asyncio.gather(*(connection.over for _, connection in opened))
    for transport, _ in opened:
        transport.close()
    return {"seconds": seen, "elapsed": time.perf_counter() - began}


def _request(call: dict[str, Any]) -> bytes:
    headers = {"Host": "localhost", "Accept": "application/json", **call.get("headers", {})}
    lines = [
        f"{call.get('method', 'GET')} {call['path']} HTTP/1.1",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def _until(ends_at: float, asked: Asked) -> Iterator[Asked]:
    while time.perf_counter() < ends_at:
        yield asked


def main() -> None:
    parser = argparse.ArgumentParser(description="Ask as fast as it is answered.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument(
        "--calls", type=Path, required=True, help="JSON: a list of name, path, maybe method and headers"
    )
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=0.0)
    parser.add_argument("--connections", type=int, default=1)
    given = parser.parse_args()
    calls = [(call["name"], _request(call)) for call in json.loads(given.calls.read_text(encoding="utf-8"))]
    asked = iter([call for call in calls for _ in range(given.times)])
    if given.seconds:
        asked = _until(time.perf_counter() + given.seconds, calls[0])
    sys.stdout.write(json.dumps(asyncio.run(_run(given.port, asked, given.connections))))


if __name__ == "__main__":
    main()
