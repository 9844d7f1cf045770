"""A rolling window over due work: so many pieces under way at once, each place refilled as it gets free, no barrier."""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Generic, ParamSpec, TypeVar

import structlog
from django.db import DatabaseError, connections

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")

log = structlog.get_logger(__name__)

# Work is taken together, once this part of what is under way has ended, or after LOOK_AGAIN_SECONDS.
REFILL_PART = 8
LOOK_AGAIN_SECONDS = 0.2
LAST_ANSWERS_SECONDS = 10.0
LAST_ANSWERS_WHEN_STOPPING_SECONDS = 2.0
# While one batch waits for the database the next is judged; a third would only wait for the interpreter.
WRITERS = 2


@dataclass(frozen=True, slots=True)
class Bounds:
    """How long a window rolls: `seconds` of taking new work, less when nothing was due for `idle_seconds`.

    `places` is how much may be under way at once, `ahead` how much more may be taken, to be begun as places get free.
    """

    places: int = 100
    ahead: int = 0
    seconds: float = 20.0
    idle_seconds: float = 1.0
    stopping: Callable[[], bool] = lambda: False


class DatabaseThread:
    """One thread with one database connection, for work that an event loop must not block on."""

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="database")

    async def run(self, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        return await asyncio.get_running_loop().run_in_executor(self._executor, lambda: work(*args, **kwargs))

    def close(self, last: Callable[[], None] = lambda: None) -> None:
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


class Writing(Generic[T, R]):
    """Takes in pieces, in batches of up to `largest` of what has come meanwhile: nobody waits for one to fill.

    The busier, the larger. A second thread writes beside the first once a whole batch waits. What `write` returns is
    given to `written`, with its batch, in the event loop. When `write` raises, what waits is dropped.
    """

    def __init__(self, write: Callable[[list[T]], R], written: Callable[[list[T], R], None], *, largest: int) -> None:
        self._write, self._written, self._largest = write, written, largest
        self._waiting: deque[T] = deque()
        self._threads = [DatabaseThread() for _ in range(WRITERS)]
        self._free = list(self._threads)
        self._under_way: set[asyncio.Task[Any] | None] = set()
        self._ended = asyncio.Event()

    @property
    def waiting(self) -> int:
        """How many pieces are in no batch yet."""
        return len(self._waiting)

    @property
    def is_idle(self) -> bool:
        return not self._under_way

    def put(self, piece: T) -> None:
        """Let a piece be taken in, with whatever comes before a thread is free."""
        self._waiting.append(piece)
        if self._free and self._is_enough(len(self._under_way)):
            self._under_way.add(asyncio.create_task(self._work(self._free.pop())))

    def expect(self) -> None:
        """Begin to look out for the next batch that ends: `ended` returns then."""
        self._ended.clear()

    async def ended(self) -> None:
        """Return when a batch has ended since `expect`, or none is under way."""
        if self._under_way:
            await self._ended.wait()

    async def finish(self) -> None:
        """Return when all that was put has been taken in."""
        while self._under_way:
            self.expect()
            await self.ended()

    def close(self) -> None:
        """Finish the batches that were begun, and give back the connections."""
        for thread in self._threads:
            thread.close()

    def _is_enough(self, writing: int) -> bool:
        return len(self._waiting) >= (self._largest if writing else 1)

    async def _work(self, thread: DatabaseThread) -> None:
        try:
            while self._is_enough(len(self._under_way) - 1):
                batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), self._largest))]
                self._written(batch, await thread.run(self._write, batch))
                self._ended.set()
        except Exception as error:
            log.error("answers_not_taken_in", error=type(error).__name__, exc_info=error)
            self._waiting.clear()
        finally:
            self._free.append(thread)
            self._under_way -= {asyncio.current_task()}
            self._ended.set()


async def _nobody_waits() -> None:
    """Nothing to hand over."""


def _waits_its_turn(_piece: object) -> bool:
    return False


async def roll(
    take: Callable[[int], Awaitable[list[T]]],
    work: Callable[[T], Awaitable[None]],
    bounds: Bounds,
    hand_over: Callable[[], Awaitable[None]] = _nobody_waits,
    at_once: Callable[[T], bool] = _waits_its_turn,
) -> None:
    """Keep up to `places` pieces of work under way until nothing is due, time is up or the process is to stop.

    What was taken then may finish; what takes too long is cancelled. When the process is to stop, nothing more is
    begun. A piece that raises is logged and left alone. What is to be done `at_once` is begun even without a free
    place. `hand_over` is called once no more is taken: another may go on meanwhile.
    """
    window = _Window(work, bounds, at_once)
    try:
        await _keep_full(window, take, bounds)
        await hand_over()
        await _last_finish(window, bounds)
    finally:
        await window.cancel()


@dataclass(slots=True)
class _Window(Generic[T]):
    """Pieces under way, and those that wait for a place. A piece that ends makes room for the next by itself."""

    work: Callable[[T], Awaitable[None]]
    bounds: Bounds
    at_once: Callable[[T], bool]
    running: set[asyncio.Task[None]] = field(default_factory=set)
    waiting: deque[T] = field(default_factory=deque)
    _awaited: int = 0
    _ended: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def room(self) -> int:
        """How many pieces may be taken."""
        return max(0, self.bounds.places + self.bounds.ahead - len(self.running) - len(self.waiting))

    @property
    def is_empty(self) -> bool:
        return not self.running and not self.waiting

    def put(self, taken: list[T]) -> None:
        """Begin what has a place, or may not wait for one; the rest waits."""
        for piece in taken:
            if self.at_once(piece):
                self._begin(piece)
            else:
                self.waiting.append(piece)
        self._fill()

    def drop(self) -> None:
        """Begin nothing more."""
        self.waiting.clear()

    async def some_end(self, pieces: int) -> None:
        """Return when so many more have ended, after LOOK_AGAIN_SECONDS at the latest."""
        self._awaited = pieces
        self._ended.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(LOOK_AGAIN_SECONDS):
                await self._ended.wait()

    async def cancel(self) -> None:
        """Leave off what is under way, and begin nothing more."""
        self.drop()
        left = list(self.running)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    def _fill(self) -> None:
        while self.waiting and len(self.running) < self.bounds.places:
            self._begin(self.waiting.popleft())

    def _begin(self, piece: T) -> None:
        task: asyncio.Task[None] = asyncio.create_task(self.work(piece))  # type: ignore[arg-type]
        self.running.add(task)
        task.add_done_callback(self._end)

    def _end(self, task: asyncio.Task[None]) -> None:
        self.running.discard(task)
        if not task.cancelled() and (error := task.exception()):
            log.error("work_failed", error=type(error).__name__, exc_info=error)
        self._fill()
        self._awaited -= 1
        if self._awaited <= 0:
            self._ended.set()


async def _keep_full(window: _Window[T], take: Callable[[int], Awaitable[list[T]]], bounds: Bounds) -> None:
    ends_at = time.monotonic() + bounds.seconds
    busy_at = time.monotonic()
    while not bounds.stopping() and time.monotonic() < ends_at:
        if window.room:
            window.put(await take(window.room))
        if not window.is_empty:
            busy_at = time.monotonic()
        elif time.monotonic() - busy_at >= bounds.idle_seconds:
            break
        await window.some_end(max(1, len(window.running) // REFILL_PART))


async def _last_finish(window: _Window[T], bounds: Bounds) -> None:
    ends_at = time.monotonic() + LAST_ANSWERS_SECONDS
    while not window.is_empty and time.monotonic() < ends_at:
        if bounds.stopping():
            window.drop()
            ends_at = min(ends_at, time.monotonic() + LAST_ANSWERS_WHEN_STOPPING_SECONDS)
        await window.some_end(len(window.running))
