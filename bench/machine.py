"""The processes of a measurement, what they cost, and the servers under them."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

from partnerhub.runtime import embedded, ports, processes
from partnerhub.runtime.bootstrap import ROOT

_TICKS = os.sysconf("SC_CLK_TCK")
# Below the ephemeral ports, where a client could connect to itself; elsewhere for each of several measurements.
_PORTS = iter(range(22100 + os.getpid() % 80 * 10, 23000))
LONGEST_WAIT = 300.0


class Machine:
    """A folder of its own with PostgreSQL (durable, as in production) and Valkey, and what was started in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.database = embedded.Postgres(folder, log=folder / "postgres.log")
        self.broker = embedded.Valkey(folder / "valkey", log=folder / "valkey.log")
        self.environment: dict[str, str] = {}
        self._started: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        self.database.start()
        self.broker.start()
        self.environment = {
            **os.environ,
            "HUB_ENV": "demo",
            "SECRET_KEY": "bench-" * 10,
            "DATABASE_URL": self.database.url,
            "REDIS_URL": self.broker.url,
            "HUB_DATA": str(self.folder),
            "HUB_ALLOW_PRIVATE_PUBLISHERS": "true",
            "HUB_LOG_LEVEL": "WARNING",
            "DJANGO_SETTINGS_MODULE": "partnerhub.settings",
            "PYTHONPATH": str(ROOT),
        }

    def spawn(self, name: str, command: list[str], **environment: str) -> subprocess.Popen[bytes]:
        """Start a program of ours; it ends with us."""
        log, env = self.folder / f"{name}.log", self.environment | environment | {"HUB_PROCESS": name}
        process = processes.spawn(command, log=log, env=env, cwd=ROOT, death_signal=signal.SIGKILL)
        self._started.append(process)
        return process

    def stop(self) -> None:
        for process in self._started:
            processes.kill_session(process)
        self.broker.stop()
        self.database.stop()

    @contextmanager
    def workers(
        self, *names: str, app: str = "partnerhub", options: str = "-c 1 -Q polling", **environment: str
    ) -> Iterator[list[subprocess.Popen[bytes]]]:
        """Celery workers, ready to work."""
        quiet = "-l INFO --without-mingle --without-gossip --without-heartbeat"
        running = []
        for name in names:
            (self.folder / f"{name}.log").unlink(missing_ok=True)
            command = f"-A {app} worker {options} {quiet} -n {name}@bench".split()
            environment["HUB_LOG_LEVEL"] = "INFO"
            running.append(self.spawn(name, [str(Path(sys.executable).parent / "celery"), *command], **environment))
        try:
            wait_for(lambda: all(self._is_ready(name, process) for name, process in zip(names, running, strict=True)))
            yield running
        finally:
            for process in running:
                processes.stop(process)

    def _is_ready(self, name: str, process: subprocess.Popen[bytes]) -> bool:
        log = (self.folder / f"{name}.log").read_text(encoding="utf-8")
        if process.poll() is not None:
            raise RuntimeError(f"{name} has ended: {log[-2000:]}")
        return " ready." in log

    def cpu(self, *roots: int | None) -> float:
        """The CPU seconds that these processes and all below them have used, those that have ended included."""
        below: dict[int, list[int]] = {}
        seconds: dict[int, float] = {}
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and (fields := _stat(entry)):
                below.setdefault(int(fields[1]), []).append(int(entry.name))
                seconds[int(entry.name)] = sum(map(int, fields[11:15])) / _TICKS
        found, left = 0.0, [root for root in roots if root]
        while left:
            pid = left.pop()
            found += seconds.get(pid, 0.0)
            left += below.get(pid, [])
        return found


class Stub:
    """The stub publisher's process."""

    def __init__(self, machine: Machine) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        machine.spawn("stub", [sys.executable, "-m", "bench.stub", "--port", str(self.port)])
        wait_for(lambda: not ports.is_free(self.port))

    def behave(self, *, seconds: float = 0.05, slow: int = 0, errors: int = 0, status: str = "Subscribed") -> None:
        """Answer with that status after `seconds`; so many of a thousand subscriptions slowly, or an error first."""
        manners = f"seconds={seconds}&slow={slow}&errors={errors}&status={status}"
        with urlopen(f"{self.url}/manners?{manners}") as response:  # noqa: S310
            response.read()


@contextmanager
def machine(kept: Path | None = None) -> Iterator[Machine]:
    """The servers, in a folder that is `kept` for further measurements, or in one that ends with this one."""
    with tempfile.TemporaryDirectory(prefix="partner-hub-bench-") as name:
        folder = kept.resolve() if kept else Path(name)
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o711)  # PostgreSQL may run as another user
        # Whoever is asked to end ends what it has started, too.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
        made = Machine(folder)
        try:
            made.start()
            yield made
        finally:
            made.stop()


def free_port() -> int:
    """A port that nobody listens at, none that was given before."""
    return next(port for port in _PORTS if ports.is_free(port))


def wait_for(holds: Callable[[], bool], *, every: float = 0.05) -> None:
    """Return once it holds. Raises TimeoutError after LONGEST_WAIT seconds."""
    ends_at = time.monotonic() + LONGEST_WAIT
    while not holds():
        if time.monotonic() > ends_at:
            raise TimeoutError("the measurement does not come to its end")
        time.sleep(every)


def _stat(entry: Path) -> list[str]:
    """State, parent and so on of a process; empty for one that has just gone."""
    try:
        return (entry / "stat").read_text().rpartition(") ")[2].split()
    except OSError:
        return []
