"""A publisher's API on a thread of the test: real HTTP, and it answers as the test tells it to."""

import asyncio
import random
import threading
from collections.abc import Awaitable, Callable
from uuid import UUID

from aiohttp import web

Behaviour = Callable[[web.Request], Awaitable[web.StreamResponse]]
START_SECONDS = 10


def says(status: str = "Subscribed", *, code: int = 200, headers=None, **members) -> Behaviour:
    """Answer with a Subscription document; `members` are added to it as they are."""

    async def answer(request: web.Request) -> web.Response:
        document = {"id": request.match_info["id"], "saasSubscriptionStatus": status, "planId": "plan"} | members
        return web.json_response(document, status=code, headers=headers)

    return answer


def answers(code: int = 200, *, text: str = "", headers=None) -> Behaviour:
    """Answer with this status and text."""

    async def answer(_request: web.Request) -> web.Response:
        return web.Response(status=code, text=text, headers=headers)

    return answer


class PublisherSite:
    """Serves one publisher per path; `behave` sets what it answers about a subscription, the default being 404."""

    def __init__(self) -> None:
        self.behaviours: dict[str, Behaviour] = {}
        self.requests: list[web.Request] = []
        self.order: list[str] = []
        self.most_at_once: dict[str, int] = {}
        self._now: dict[str, int] = {}
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self.port = 0

    def behave(self, key: UUID | str, behaviour: Behaviour) -> None:
        """Set the behaviour about a subscription, or of a publisher by its path."""
        self.behaviours[str(key)] = behaviour

    def url(self, slug: str = "publisher") -> str:
        return f"http://127.0.0.1:{self.port}/{slug}"

    def asked(self, subscription_id: UUID) -> int:
        return self.order.count(str(subscription_id))

    def __enter__(self) -> "PublisherSite":
        self._thread.start()
        assert self._ready.wait(START_SECONDS)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(START_SECONDS)

    def _serve(self) -> None:
        try:
            self._loop.run_until_complete(self._run())
        finally:
            self._loop.close()

    async def _run(self) -> None:
        app = web.Application()
        subscription = "/{slug}/api/saas/subscriptions/{id}"
        app.router.add_route("*", subscription, self._handle)
        app.router.add_route("GET", subscription + "/operations", self._handle)
        app.router.add_route("GET", subscription + "/operations/{operation}", self._handle)
        app.router.add_route("POST", "/{slug}/webhook", self._hear)
        runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)
        await runner.setup()
        await self._listen(runner)
        self._ready.set()
        await self._stop.wait()
        await runner.cleanup()

    async def _listen(self, runner: web.AppRunner) -> None:
        # Below the ephemeral ports, where a client could connect to itself.
        for port in random.sample(range(21000, 31000), 50):
            try:
                await web.TCPSite(runner, "127.0.0.1", port).start()
            except OSError:
                continue
            self.port = port
            return

    async def _hear(self, request: web.Request) -> web.StreamResponse:
        """A notice is answered like a question about the subscription that it is about."""
        told = await request.json()
        return await self._answer(request, request.match_info["slug"], str(told.get("subscriptionId", "")))

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        return await self._answer(request, request.match_info["slug"], request.match_info["id"])

    async def _answer(self, request: web.Request, slug: str, subscription_id: str) -> web.StreamResponse:
        self.requests.append(request)
        self.order.append(subscription_id)
        self._now[slug] = self._now.get(slug, 0) + 1
        self.most_at_once[slug] = max(self.most_at_once.get(slug, 0), self._now[slug])
        try:
            behaviour = self.behaviours.get(subscription_id) or self.behaviours.get(slug) or answers(404)
            return await behaviour(request)
        finally:
            self._now[slug] -= 1
