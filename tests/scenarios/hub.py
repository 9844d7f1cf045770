"""A hub of our own, started and stopped as a user does it."""

import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import psycopg

from partnerhub.drills import family
from partnerhub.drills.family import Member
from partnerhub.drills.hub import NO_LIMITS, OURS_ALONE
from partnerhub.drills.waiting import eventually
from partnerhub.runtime import ports, processes, programs

ROOT = Path(__file__).parents[2]
START_SECONDS = 160
STOP_SECONDS = 40
WORKER_SECONDS = 40
# Below the ephemeral ports.
_PORTS = iter(random.sample(range(9000, 9100, 2), 50))


@dataclass(frozen=True)
class Charge:
    """A row of the ledger."""

    charge_type: str
    quantity: int
    amount: Decimal
    currency: str
    confirmed_at: datetime


class Hub:
    """`manage.py demo` in `folder`, on a pair of free ports. `secrets` collects what may never reach its logs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.base_url = f"http://127.0.0.1:{self.port}"
        self.publisher_url = f"http://127.0.0.1:{self.port + 1}"
        self.secrets: set[str] = set()
        self._output = folder.with_name(f"{folder.name}.out")
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def environment(self) -> dict[str, str]:
        """What a user would have set."""
        blank = dict.fromkeys(OURS_ALONE, "")
        own = {"HUB_PORT": str(self.port), "HUB_DATA": str(self.folder), **NO_LIMITS}
        return {**os.environ, **blank, **own}

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def said(self) -> str:
        """Everything it has told its user since the last start."""
        return self._output.read_text(encoding="utf-8")

    @property
    def demo(self) -> dict[str, Any]:
        """demo.json."""
        content: dict[str, Any] = json.loads((self.folder / "demo.json").read_text(encoding="utf-8"))
        self.secrets |= {entry["client_secret"] for entry in [content["api"], *content["publishers"]]}
        return content

    def launch(self, **environment: str) -> None:
        """Start it and do not wait."""
        self._output.unlink(missing_ok=True)
        command = [sys.executable, "manage.py", "demo"]
        self._process = processes.spawn(command, log=self._output, env=self.environment | environment, cwd=ROOT)

    def wait_until_ready(self) -> None:
        """Wait for the line that a user waits for."""

        def said_so() -> bool:
            assert self._process is not None
            assert self._process.poll() is None, self.said
            return f"Partner Hub is ready at {self.base_url}\n" in self.said

        eventually(said_so, within=START_SECONDS, what=f"The ready line of {self.folder}")

    def start(self, **environment: str) -> None:
        self.launch(**environment)
        self.wait_until_ready()

    def stop(self) -> None:
        """SIGTERM: it ends by itself with exit code 0, and nothing that it started is left."""
        assert self._process is not None
        started = family.descendants(self._process.pid)
        try:
            self._process.send_signal(signal.SIGTERM)
            assert self._process.wait(STOP_SECONDS) == 0, self.said
            assert family.survivors(started) == []
            assert family.mentioning(self.folder) == []
        finally:
            _kill(self._process, started)
            self._process = None

    def end_anyhow(self) -> None:
        """For the end of a session that may have gone wrong anywhere."""
        if self._process is not None:
            self.stop()

    def manage(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        """A command beside the running hub, its output read to the end."""
        command = [sys.executable, "manage.py", *map(str, arguments)]
        return subprocess.run(
            command,
            cwd=ROOT,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    def process(self, name: str) -> Member | None:
        """The program that its supervisor keeps under this name, while it runs."""
        marks = {"worker": " worker ", "scheduler": " beat ", "web": "granian", "publisher": "publishers.demo"}
        marks |= {"valkey": "valkey-server", "postgres": "/postgres "}
        return next((child for child in family.children(self.pid) if marks[name] in child.command), None)

    def log(self, name: str) -> str:
        return (self.folder / "logs" / f"{name}.log").read_text(encoding="utf-8", errors="replace")

    @contextmanager
    def more_workers(self, *names: str) -> Iterator[None]:
        """Workers started by hand with what hub.json tells. They must end well when they are asked to."""
        started = {name: self._launch_worker(name) for name in names}
        try:
            for name in names:
                eventually(lambda name=name: " ready." in self.log(name), within=WORKER_SECONDS)
            yield
            for process in started.values():
                process.send_signal(signal.SIGTERM)
            assert [process.wait(STOP_SECONDS) for process in started.values()] == [0] * len(names)
        finally:
            for process in started.values():
                processes.kill_session(process)

    @contextmanager
    def one_more_scheduler(self) -> Iterator[None]:
        """A second beat over the same broker, which ticks beside the first."""
        celery, log = Path(sys.executable).parent / "celery", self.folder / "logs" / "second-scheduler.log"
        schedule = self.folder / "second-beat-schedule"
        command = [celery, "-A", "partnerhub", "beat", "--pidfile=", "-s", schedule]
        process = processes.spawn(command, log=log, env=self._worker_environment("second-scheduler"), cwd=ROOT)
        try:
            yield
        finally:
            processes.kill_session(process)

    @contextmanager
    def mortal_web(self) -> Iterator[str]:
        """More web processes, their address: a call with the header `Last-Words` kills its own before the answer."""
        granian, port = Path(sys.executable).parent / "granian", free_port()
        options = [*programs.WEB.split(), "--port", str(port)]
        command = [granian, *options, "tests.scenarios.mortal:application"]
        log = self.folder / "logs" / "mortal-web.log"
        process = processes.spawn(command, log=log, env=self._worker_environment("mortal-web"), cwd=ROOT)
        try:
            eventually(lambda: not ports.is_free(port), within=WORKER_SECONDS, what="Another web process")
            yield f"http://127.0.0.1:{port}"
        finally:
            processes.kill_session(process)

    def _launch_worker(self, name: str) -> subprocess.Popen[bytes]:
        celery = Path(sys.executable).parent / "celery"
        options = ["-c", "1", "-Q", "celery,polling", "--without-mingle", "--without-gossip", "-n", f"{name}@%h"]
        command = [celery, "-A", "partnerhub", "worker", *options]
        log = self.folder / "logs" / f"{name}.log"
        return processes.spawn(command, log=log, env=self._worker_environment(name), cwd=ROOT)

    def pollers(self) -> set[str]:
        """The workers that are in a round of questions now."""
        # The place of a node's only poller is the one advisory lock with a key of two numbers.
        statement = """SELECT application_name FROM pg_locks JOIN pg_stat_activity USING (pid)
                        WHERE locktype = 'advisory' AND objsubid = 2"""
        return {name for (name,) in self.rows(statement)}

    def charges(self, subscription_id: str) -> list[Charge]:
        """The ledger about a subscription, as an auditor with access to the database reads it."""
        statement = """SELECT charge_type, quantity, amount, currency, confirmed_at FROM billing_charge
                        WHERE subscription_id = %s ORDER BY sequence"""
        return [Charge(*row) for row in self.rows(statement, subscription_id)]

    def let_leases_run_out(self) -> None:
        """As if the two minutes were over for which the dead had taken what they were at."""
        for table in ("subscriptions_pollschedule", "subscriptions_operation"):
            self._execute(f"UPDATE {table} SET lease_until = now() WHERE lease_until > now()")  # noqa: S608 - two names

    def rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """Read the hub's database behind its back."""
        return self._execute(statement, *values).fetchall()

    def _execute(self, statement: str, *values: Any) -> psycopg.Cursor[tuple[Any, ...]]:
        _, _, place = self._running["database_url"].partition("@/")
        host, _, name = place.rpartition("/")
        with psycopg.connect(host=unquote(host), user="hub", dbname=name, autocommit=True) as connection:
            return connection.execute(statement, values)

    @property
    def broker_url(self) -> str:
        """Where Celery finds its broker."""
        return self._running["redis_url"].replace("unix://", "redis+socket://", 1)

    @property
    def _running(self) -> dict[str, str]:
        found: dict[str, str] = json.loads((self.folder / "hub.json").read_text(encoding="utf-8"))
        return found

    def _worker_environment(self, name: str) -> dict[str, str]:
        return self.environment | {
            "HUB_ENV": "demo",
            "HUB_PROCESS": name,
            "DATABASE_URL": self._running["database_url"],
            "REDIS_URL": self._running["redis_url"],
            "HUB_BASE_URL": self.base_url,
            "SECRET_KEY": (self.folder / "secret_key").read_text(encoding="utf-8").strip(),
            "HUB_ALLOW_PRIVATE_PUBLISHERS": "true",
            "DJANGO_SETTINGS_MODULE": "partnerhub.settings",
        }


def free_port() -> int:
    """One that nobody was given before, with a free one above it for the demo publisher."""
    return next(port for port in _PORTS if ports.is_free(port) and ports.is_free(port + 1))


def _kill(process: subprocess.Popen[bytes], started: list[Member]) -> None:
    processes.kill_session(process)
    for member in family.survivors(started):
        os.kill(member.pid, signal.SIGKILL)
