"""The web application of the demo publishers, put together."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from publishers.demo import pages
from publishers.demo.api import Api
from publishers.demo.config import Directory
from publishers.demo.desk import Desk
from publishers.demo.guard import Guard
from publishers.demo.hub import Hub
from publishers.demo.site import Site, page
from publishers.demo.store import Store

log = logging.getLogger("demo_publisher")
LARGEST_BODY = 4 * 1024 * 1024


@dataclass(frozen=True)
class Options:
    """`slow_seconds` is the slow vendor's step, `patience_seconds` how long a person may think about a change;
    `verify_hub` None verifies the hub once it publishes keys.
    """

    hub: str
    data: Path
    config: Path
    slow_seconds: float = 8
    patience_seconds: float = 15
    verify_hub: bool | None = None


async def build(options: Options) -> web.Application:
    app = web.Application(middlewares=[friendly_errors], client_max_size=LARGEST_BODY)
    hub, store, stopping = Hub(options.hub), Store(options.data), asyncio.Event()
    desk = Desk(Directory(options.config), store, hub, options.slow_seconds, options.patience_seconds)
    app.add_routes([*Site(desk).routes(), *Api(desk, Guard(hub, options.verify_hub), stopping).routes()])

    async def work(app: web.Application) -> AsyncIterator[None]:
        worker = asyncio.create_task(desk.keep_going())
        yield
        worker.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await worker
        await hub.close()
        store.close()

    async def stop(app: web.Application) -> None:
        stopping.set()

    app.cleanup_ctx.append(work)
    app.on_shutdown.append(stop)
    return app


@web.middleware
async def friendly_errors(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """A readable page for every failure; the log names the kind of error and the route, never the address itself."""
    try:
        return await handler(request)
    except web.HTTPException as error:
        heading = "There is no such page" if error.status == 404 else "That did not work"
        return page(pages.notice("Demo vendors", heading, [f"{error.status} {error.reason}"]), error.status)
    except Exception as error:
        resource = request.match_info.route.resource
        route = resource.canonical if resource else "?"
        log.error("%s %s failed: %s", request.method, route, type(error).__name__, exc_info=traced())
        return page(pages.notice("Demo vendors", "Something went wrong on our side", ["Please try again."]), 500)


def traced() -> bool:
    """Tracebacks can quote a purchase token, so they are shown only where somebody asked for them."""
    return log.isEnabledFor(logging.DEBUG)
