"""Keeps the hub's processes running, and ends them in order."""

import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Protocol

from partnerhub.runtime import embedded, processes
from partnerhub.runtime.bootstrap import ROOT

FIRST_WAIT = 1.0
LONGEST_WAIT = 30.0
# A service that lived this long before it ended had recovered: its next wait is short again.
SETTLED_SECONDS = 60.0
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Service(Protocol):
    """Something that runs beside us: a child process, or one of the embedded servers."""

    name: str
    log: Path

    @property
    def pid(self) -> int | None: ...

    def start(self) -> None: ...

    def alive(self) -> bool: ...

    def stop(self) -> None: ...


class Child:
    """A program of the hub with a log of its own. `kind` is what it is to the hub (web, worker), else `name`."""

    def __init__(
        self,
        name: str,
        command: Sequence[str | Path],
        *,
        env: Mapping[str, str],
        log: Path,
        stop_seconds: float = 10,
        death_signal: signal.Signals = signal.SIGTERM,
        kind: str = "",
    ) -> None:
        self.name = name
        self.log = log
        self._command = command
        self._env = {**env, "HUB_PROCESS": kind or name}
        self._stop_seconds = stop_seconds
        self._death_signal = death_signal
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    @property
    def code(self) -> int | None:
        """How it ended; None while it runs and before it was started."""
        return self._process.poll() if self._process else None

    def start(self) -> None:
        """Start the program; what a predecessor that died left behind in its session is ended first."""
        if self._process:
            processes.kill_session(self._process)
        self._process = processes.spawn(
            self._command, log=self.log, env=self._env, death_signal=self._death_signal, cwd=ROOT
        )

    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def stop(self) -> None:
        """End the program warmly, by force after its time."""
        if self._process:
            processes.stop(self._process, seconds=self._stop_seconds)
            processes.kill_session(self._process)


@dataclass
class _Fate:
    """When a service was last started, and when it may be started again."""

    started_at: float
    wait: float = FIRST_WAIT
    due_at: float | None = None


@dataclass
class Supervisor:
    """Starts services in the given order, restarts those that die, stops all in the order of `stop_order`."""

    say: Callable[[str], None]
    stop_order: Sequence[str] = ()
    monotonic: Callable[[], float] = time.monotonic
    _services: dict[str, Service] = field(default_factory=dict)
    _fates: dict[str, _Fate] = field(default_factory=dict)

    def start(self, services: Iterable[Service]) -> None:
        """Start each of them now and watch it from now on. Raises StartError of an embedded server."""
        for service in services:
            self._services[service.name] = service
            service.start()
            self._fates[service.name] = _Fate(started_at=self.monotonic())

    def watch(self) -> None:
        """Look at every service once: tell of one that has ended, start again one whose wait is over."""
        for service in self._services.values():
            if not service.alive():
                self._raise_up(service, self._fates[service.name], self.monotonic())

    def service(self, name: str) -> Service:
        """The one of this name. Raises KeyError."""
        return self._services[name]

    def release(self, name: str) -> Service:
        """Watch this one no more: whoever asks for it ends it. Raises KeyError."""
        del self._fates[name]
        return self._services.pop(name)

    def stop(self) -> None:
        """End every service, those named in `stop_order` first and in that order."""
        named = [name for name in self.stop_order if name in self._services]
        for name in [*named, *(name for name in self._services if name not in named)]:
            self._services[name].stop()
        self._services.clear()

    def _raise_up(self, service: Service, fate: _Fate, now: float) -> None:
        if fate.due_at is None:
            if now - fate.started_at > SETTLED_SECONDS:
                fate.wait = FIRST_WAIT
            fate.due_at = now + fate.wait
            self.say(f"{service.name} has ended: starting it again in {fate.wait:.0f} s (its log: {service.log}).")
            fate.wait = min(fate.wait * 2, LONGEST_WAIT)
        elif now >= fate.due_at:
            fate.due_at = None
            fate.started_at = now
            try:
                service.start()
            except embedded.StartError as error:
                self.say(f"{service.name} did not start: {error}")


class StopRequested(BaseException):
    """Ctrl-C, SIGTERM or SIGHUP arrived. No error: `except Exception` must not swallow it."""


def raise_on_signals() -> None:
    """From now on the first stop signal raises StopRequested in the main thread; later ones are ignored."""

    def request(number: int, frame: FrameType | None) -> None:
        ignore_signals()
        raise StopRequested

    for number in SIGNALS:
        signal.signal(number, request)


def ignore_signals() -> None:
    """From now on stop signals change nothing: stopping has begun."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
