"""A throw-away hub: everything a demo is made of, in a folder of its own, its supervisor in our hands."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import unquote

import psycopg

from partnerhub.drills import family
from partnerhub.drills.family import Member
from partnerhub.drills.waiting import eventually
from partnerhub.runtime import demo, embedded, ports
from partnerhub.runtime.bootstrap import ROOT
from partnerhub.runtime.configuration import Configuration
from partnerhub.runtime.folder import HubFolder
from partnerhub.runtime.programs import SCHEDULER, WEB, WORKER
from partnerhub.runtime.supervisor import Child, Supervisor

T = TypeVar("T")
# Nothing on these machines is measured by the clock on the wall: this only ends a drill that will never end.
PATIENCE = 600.0
# Empty, they also outdo a `.env` in the checkout.
OURS_ALONE = (
    "DATABASE_URL", "REDIS_URL", "SECRET_KEY", "HUB_ENV", "HUB_BASE_URL", "HUB_CLOCK_OFFSET", "HUB_PROCESS",
)  # fmt: skip
NO_LIMITS = {"HUB_API_CALLS_A_MINUTE": "0", "HUB_API_OTHER_CALLS_A_MINUTE": "0"}
FIRST_PORT, LAST_PORT = 8200, 8990
PORTS_EACH = 3
APPLICATION = "partnerhub.wsgi:application"


class Hub:
    """A hub under `folder`. `port` is its web's, the next its publisher's, the one after for another web process.

    `keep` leaves its folder behind. Call it from the main thread only: whoever starts a process must outlive it.
    """

    def __init__(self, folder: Path, port: int) -> None:
        self.configuration = Configuration(port, folder, f"http://127.0.0.1:{port}", None, None)
        self.folder = HubFolder(folder)
        self.said: list[str] = []
        self.keep = False
        self.supervisor = Supervisor(say=self.said.append, stop_order=demo.STOP_ORDER)
        self.environment: dict[str, str] = {}

    @contextmanager
    def running(self) -> Iterator[None]:
        """From an empty folder to the ready line, and to the end of every process."""
        given = {**os.environ, **dict.fromkeys(OURS_ALONE, ""), **NO_LIMITS}
        with self.folder.held():
            try:
                self.environment = demo.begin(self.supervisor, self.configuration, self.folder, given)
                yield
            finally:
                self.supervisor.stop()

    @property
    def base_url(self) -> str:
        return self.configuration.base_url

    @property
    def other_port(self) -> int:
        return self.configuration.port + 2

    def until(self, check: Callable[[], T], *, what: str, within: float = PATIENCE) -> T:
        """The first truthy answer of `check`; dead processes are raised up meanwhile. Raises NeverHappenedError."""

        def watched() -> T:
            self.supervisor.watch()
            return check()

        return eventually(watched, within=within, what=what)

    def let_pass(self, seconds: float) -> None:
        """Let the load go on for so long; dead processes are raised up meanwhile."""
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            self.supervisor.watch()
            time.sleep(0.1)

    def is_ready(self) -> bool:
        """Whether web, database, broker and scheduler are all well."""
        status, _ = ports.answer(f"{self.base_url}/health/ready")
        return status == 200

    def pid(self, name: str) -> int:
        """Of a service by its name: postgres, valkey, web, worker, scheduler, publisher. 0 where it never started."""
        return self.supervisor.service(name).pid or 0

    def members(self, name: str) -> list[Member]:
        """The processes of a service that run now, the one that was started first."""
        pid = self.pid(name)
        return [one for one in family.everybody() if one.pid == pid] + family.descendants(pid)

    def is_alive(self, name: str) -> bool:
        return self.supervisor.service(name).alive()

    def manage(
        self,
        *arguments: str | Path,
        environment: Mapping[str, str] | None = None,
        before: Callable[[], None] | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """A command beside the running hub, its output read to the end; `before` runs in its process."""
        return subprocess.run(
            [sys.executable, "-m", "django", *map(str, arguments)],
            cwd=ROOT,
            env={**self.environment, **(environment or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            preexec_fn=before,
        )

    def another(self, name: str, kind: str, command: str, environment: Mapping[str, str]) -> None:
        """One more process of the hub, started and watched: `command` is a console script with its options."""
        program, *options = command.split()
        place, log = Path(sys.executable).parent / program, self.folder.logs / f"{name}.log"
        given = {**self.environment, **environment}
        self.supervisor.start([Child(name, [place, *options], env=given, log=log, kind=kind)])

    def another_web(self, name: str, **environment: str) -> str:
        """One more web server on the other port, once it is ready: its address."""
        url = f"http://127.0.0.1:{self.other_port}"
        self.another(name, "web", f"granian {WEB} --port {self.other_port} {APPLICATION}", environment)
        self.until(lambda: ports.answer(f"{url}/health/ready")[0] == 200, what=f"{name} is ready")
        return url

    def another_worker(self, name: str, **environment: str) -> None:
        """One more worker, once it takes tasks."""
        self.another(name, "worker", f"celery {WORKER} -n {name}@%h", environment)
        self._until_says(name, " ready.")

    def another_scheduler(self, name: str, **environment: str) -> None:
        """One more scheduler, once it ticks beside the first."""
        self.another(name, "scheduler", f"celery {SCHEDULER} -s {self.folder.path / name}", environment)
        self._until_says(name, " is starting.")

    def _until_says(self, name: str, words: str) -> None:
        log = self.folder.logs / f"{name}.log"
        self.until(lambda: words in log.read_text(encoding="utf-8", errors="replace"), what=f"{name} is ready")

    def end(self, name: str) -> int | None:
        """Ask one of them to end, watch it no more, and wait however long it takes: its exit code."""
        child = self.supervisor.release(name)
        try:
            if child.pid and child.alive():
                os.kill(child.pid, signal.SIGTERM)
                self.until(lambda: not child.alive(), what=f"{name} ends")
            return child.code if isinstance(child, Child) else None
        finally:
            child.stop()

    @contextmanager
    def connection(self, database: str = embedded.DATABASE) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
        """A connection behind the hub's back."""
        _, _, place = self.environment["DATABASE_URL"].partition("@/")
        host = unquote(place.rpartition("/")[0])
        with psycopg.connect(host=host, user=embedded.USER, dbname=database, autocommit=True) as found:
            yield found

    def rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """Read the hub's database behind its back."""
        with self.connection() as connection:
            return connection.execute(statement, values).fetchall()


def free_port(first: int = FIRST_PORT) -> int:
    """The first of three free ports in a row. Raises DemoError where there is none."""
    for port in range(first, LAST_PORT, PORTS_EACH):
        if all(ports.is_free(port + more) for more in range(PORTS_EACH)):
            return port
    raise demo.DemoError(f"No three free ports in a row between {first} and {LAST_PORT}. Set HUB_PORT.")
