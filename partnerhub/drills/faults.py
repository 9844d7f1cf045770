"""How to break a hub: its processes, its database, its broker, its publishers, its disk and its clock."""

import os
import random
import resource
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress

import psycopg

from partnerhub.drills.family import Member
from partnerhub.drills.hub import Hub


def kill(members: list[Member]) -> None:
    """At once and without a word."""
    for member in members:
        with suppress(ProcessLookupError):
            os.kill(member.pid, signal.SIGKILL)


def kill_one_child(hub: Hub, name: str, draw: random.Random) -> None:
    """One process of a service's pool; its parent lives on."""
    children = hub.members(name)[1:]
    if children:
        kill([draw.choice(children)])


@contextmanager
def paused(hub: Hub, name: str) -> Iterator[None]:
    """Every process of a service stands still: it takes connections and answers nothing."""
    members = hub.members(name)
    for member in members:
        os.kill(member.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for member in members:
            with suppress(ProcessLookupError):
                os.kill(member.pid, signal.SIGCONT)


@contextmanager
def no_connection_free(hub: Hub) -> Iterator[int]:
    """Somebody else has taken every connection that the database has left; how many."""
    with ExitStack() as held:
        taken = 0
        with suppress(psycopg.OperationalError):
            while True:
                held.enter_context(hub.connection())
                taken += 1
        yield taken


@contextmanager
def full_disk(hub: Hub, *names: str, bytes_left: int = 0) -> Iterator[None]:
    """No process of these services can write a file beyond so many bytes: as when the disk is full."""
    members = [member for name in names for member in hub.members(name)]
    _limit_files(members, bytes_left)
    try:
        yield
    finally:
        _limit_files(members, resource.RLIM_INFINITY)


def small_disk(bytes_left: int) -> Callable[[], None]:
    """What a command runs first, to find the disk full after so many bytes of a file."""
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (bytes_left, resource.RLIM_INFINITY))


def forget_everything(hub: Hub) -> None:
    """Let the broker lose all that it holds, while it runs."""
    import redis  # noqa: PLC0415 - the other drills go without

    with redis.Redis.from_url(hub.environment["REDIS_URL"]) as broker:
        broker.flushall()


def lose_broker(hub: Hub, *, with_its_data: bool) -> None:
    """The broker is killed; with its data it comes back as it was a second before, else empty."""
    kill(hub.members("valkey"))
    if not with_its_data:
        for file in (hub.configuration.folder / "valkey").rglob("*.aof*"):
            file.unlink()


@contextmanager
def clock_of(hub: Hub, name: str, start: Callable[[str], None], seconds: int) -> Iterator[None]:
    """One more process under a clock that is so far ahead (behind, if negative)."""
    sign = "-" if seconds < 0 else ""
    start(f"{sign}PT{abs(seconds)}S")
    try:
        yield
    finally:
        hub.end(name)


def at_random_moments(hub: Hub, draw: random.Random, deeds: Sequence[Callable[[], None]], *, between: float) -> None:
    """Do these one after another; up to `between` seconds pass before each."""
    for deed in deeds:
        hub.let_pass(draw.uniform(0.5, between))
        deed()


def stopwatch() -> Callable[[], float]:
    """Seconds since this call."""
    started = time.monotonic()
    return lambda: time.monotonic() - started


def _limit_files(members: list[Member], most: int) -> None:
    for member in members:
        with suppress(ProcessLookupError):
            resource.prlimit(member.pid, resource.RLIMIT_FSIZE, (most, resource.RLIM_INFINITY))
