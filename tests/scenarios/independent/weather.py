"""Bad weather between two parties: what is sent is lost, comes twice, late, or after what was sent later."""

import asyncio
import random
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import aiohttp
from aiohttp import web

PATIENCE = 30
PASSED_ON = ("authorization", "content-type", "if-none-match", "x-ms-marketplace-token")
TRACED = ("x-ms-requestid", "x-ms-correlationid")
HOP_BY_HOP = ("content-length", "transfer-encoding", "connection", "date", "server")
FATES = {"well": 70, "lost": 5, "answer lost": 5, "twice": 10, "late": 10}
SOON_SECONDS, LATE_SECONDS = 0.1, 2.0


class Weather:
    """What befalls each call, drawn in turn from a seeded generator, while it is not `fair`."""

    def __init__(self, seed: int) -> None:
        self.fair = False
        self.seen: Counter[str] = Counter()
        self._random = random.Random(seed)

    def fate(self) -> tuple[str, float]:
        """What becomes of the next call, and the seconds that it is under way."""
        if self.fair:
            return "well", 0.0
        (fate,) = self._random.choices(list(FATES), list(FATES.values()))
        self.seen[fate] += 1
        return fate, self._random.uniform(0, LATE_SECONDS if fate == "late" else SOON_SECONDS)


class Line:
    """Passes calls on to `target`."""

    def __init__(self, weather: Weather, target: str, session: aiohttp.ClientSession) -> None:
        self.weather, self.target, self.session = weather, target, session

    async def pass_on(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        fate, seconds = self.weather.fate()
        await asyncio.sleep(seconds)
        if fate == "lost":
            return hung_up(request)
        try:
            calls = [self.forward(request, body) for _ in range(2 if fate == "twice" else 1)]
            *_, answer = await asyncio.gather(*calls)
        except (aiohttp.ClientError, OSError, TimeoutError):
            return hung_up(request)
        return hung_up(request) if fate == "answer lost" else answer

    async def forward(self, request: web.Request, body: bytes) -> web.Response:
        headers = {name: request.headers[name] for name in (*PASSED_ON, *TRACED) if name in request.headers}
        async with self.session.request(
            request.method, f"{self.target}{request.raw_path}", data=body, headers=headers, allow_redirects=False
        ) as answer:
            kept = [(name, value) for name, value in answer.headers.items() if name.lower() not in HOP_BY_HOP]
            response = web.Response(status=answer.status, body=await answer.read())
            response.headers.clear()
            response.headers.extend(kept)
            return response


def hung_up(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=502)


@contextmanager
def between(weather: Weather, targets: Mapping[int, str]) -> Iterator[None]:
    """Pass on what comes in at each of these ports to its target, a URL without a path."""
    loop, stop, ready = asyncio.new_event_loop(), asyncio.Event(), threading.Event()
    thread = threading.Thread(target=loop.run_until_complete, args=[_serve(weather, targets, stop, ready)])
    thread.start()
    assert ready.wait(PATIENCE)
    try:
        yield
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(PATIENCE)
        loop.close()


async def _serve(weather: Weather, targets: Mapping[int, str], stop: asyncio.Event, ready: threading.Event) -> None:
    runners = []
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=PATIENCE)) as session:
        for port, target in targets.items():
            app = web.Application()
            app.router.add_route("*", "/{path:.*}", Line(weather, target, session).pass_on)
            runners.append(web.AppRunner(app, access_log=None, shutdown_timeout=0.1))
            await runners[-1].setup()
            await web.TCPSite(runners[-1], "127.0.0.1", port).start()
        ready.set()
        await stop.wait()
        for runner in runners:
            await runner.cleanup()
