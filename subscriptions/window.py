"""A rolling window over due work: so many pieces under way at once, each place refilled as it gets free, no barrier."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import ParamSpec, TypeVar

import structlog
from django.db import DatabaseError, connections

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")

log = structlog.get_logger(__name__)

# Places are refilled together, once this part of what is under way has finished, or after LOOK_AGAIN_SECONDS.
REFILL_PART = 8
LOOK_AGAIN_SECONDS = 0.2
LAST_ANSWERS_SECONDS = 10.0
LAST_ANSWERS_WHEN_STOPPING_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Bounds:
    """How long a window rolls: `seconds` of taking new work, less when nothing was due for `idle_seconds`."""

    places: int = 100
    seconds: float = 20.0
    idle_seconds: float = 1.0
    stopping: Callable[[], bool] = lambda: False


class DatabaseThread:
    """One thread with one database connection, for work that an event loop must not block on."""

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="database")

    async def run(self, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        return await asyncio.get_running_loop().run_in_executor(self._executor, lambda: work(*args, **kwargs))

    def close(self, last: Callable[[], None]) -> None:
        """Finish what was begun, then `last`, and give back the connection. Failures of `last` are logged."""
        self._executor.submit(self._end, last)
        self._executor.shutdown(wait=True)

    @staticmethod
    def _end(last: Callable[[], None]) -> None:
        try:
            last()
        except DatabaseError as error:
            log.warning("not_tidied", error=type(error).__name__)
        finally:
            connections.close_all()


async def _nobody_waits() -> None:
    """Nothing to hand over."""


async def roll(
    take: Callable[[int], Awaitable[list[T]]],
    work: Callable[[T], Awaitable[None]],
    bounds: Bounds,
    hand_over: Callable[[], Awaitable[None]] = _nobody_waits,
) -> None:
    """Keep up to `places` pieces of work under way until nothing is due, time is up or the process is to stop.

    What is under way then may finish; what takes too long is cancelled. A piece that raises is logged and left alone.
    `hand_over` is called once no more is taken: another may go on meanwhile.
    """
    running: set[asyncio.Task[None]] = set()
    ends_at = time.monotonic() + bounds.seconds
    busy_at = time.monotonic()
    try:
        while not bounds.stopping() and time.monotonic() < ends_at:
            taken = await take(bounds.places - len(running)) if len(running) < bounds.places else []
            running |= {asyncio.create_task(work(piece)) for piece in taken}  # type: ignore[arg-type]
            if running:
                busy_at = time.monotonic()
            elif time.monotonic() - busy_at >= bounds.idle_seconds:
                break
            running = await _part_finishes(running)
        await hand_over()
        await _last_finish(running, bounds)
    finally:
        await _cancel(running)


async def _part_finishes(running: set[asyncio.Task[None]]) -> set[asyncio.Task[None]]:
    look_again_at = time.monotonic() + LOOK_AGAIN_SECONDS
    enough = len(running) - max(1, len(running) // REFILL_PART)
    while (seconds := look_again_at - time.monotonic()) > 0:
        running = await _some_finish(running, seconds)
        if len(running) <= enough:
            break
    return running


async def _some_finish(running: set[asyncio.Task[None]], seconds: float) -> set[asyncio.Task[None]]:
    if not running:
        await asyncio.sleep(seconds)
        return running
    done, left = await asyncio.wait(running, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    for task in done:
        if not task.cancelled() and (error := task.exception()):
            log.error("work_failed", error=type(error).__name__, exc_info=error)
    return left


async def _last_finish(running: set[asyncio.Task[None]], bounds: Bounds) -> None:
    ends_at = time.monotonic() + LAST_ANSWERS_SECONDS
    while running and time.monotonic() < ends_at:
        running = await _some_finish(running, LOOK_AGAIN_SECONDS)
        if bounds.stopping():
            ends_at = min(ends_at, time.monotonic() + LAST_ANSWERS_WHEN_STOPPING_SECONDS)


async def _cancel(running: set[asyncio.Task[None]]) -> None:
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)
