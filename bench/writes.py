"""Writing by several clients at once: in the hub's way, in the usual way, and in pgbench with one statement."""

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from bench.figures import Absolute, Ratio, conditions, say, written
from bench.lists import prepare
from bench.machine import Machine, free_port, machine, wait_for
from bench.write_limits import ADD_CARTS, STATEMENTS, WARM, WORK
from partnerhub.runtime import binaries, ports, processes
from partnerhub.runtime.programs import WEB

CONNECTIONS = 16
# Each of two workers loads the program with its first call.
HTTP_WARM = 64


@dataclass(frozen=True, slots=True)
class Measured:
    """One run: transactions a second, the 95th percentile in ms, and CPU ms for each of clients and database."""

    rate: float
    p95: float
    cpu: float


class Writes:
    """A seeded database, and clients that write to it; `each` is how many transactions of each client count."""

    def __init__(self, running: Machine, database: str, clients: int, each: int) -> None:
        self.machine, self.database, self.clients, self.each = running, database, clients, each
        self.place = os.fspath(running.database.data)

    def django(self, what: str, way: str) -> Measured:
        """The hub's own service, or the same as it is usually written."""
        self.add_work(what)
        before = self.machine.cpu(self.machine.database.pid)
        told = self._said("bench.write_ways", what, way, str(self.clients), str(self.each))
        cpu = told["cpu"] + self.machine.cpu(self.machine.database.pid) - before
        return self._measured(told["taken"], told["seconds"], cpu)

    def http(self, application: str, settings: str) -> Measured:
        """Checkouts of a program over HTTP, 16 at once, answered by the server as the hub runs it, with two workers."""
        number = self.clients * self.each
        self._run(ADD_CARTS % (number + HTTP_WARM))
        calls = self._said("bench.write_ways", "checkout", "calls", str(number + HTTP_WARM))
        with self._served(application, settings) as (port, pid):
            self._load(port, calls[:HTTP_WARM])
            pids = [pid, self.machine.database.pid]
            before = self.machine.cpu(*pids)
            told = self._load(port, calls[HTTP_WARM:])
            cpu = self.machine.cpu(*pids) - before
        return self._measured(told["seconds"]["checkout"], told["elapsed"], cpu)

    def _load(self, port: int, calls: list[dict[str, Any]]) -> Any:
        place = self.machine.folder / "calls.json"
        place.write_text(json.dumps(calls), encoding="utf-8")
        asked = ["--port", str(port), "--calls", str(place), "--times", "1", "--connections", str(CONNECTIONS)]
        return self._said("bench.load", *asked)

    @contextmanager
    def _served(self, application: str, settings: str) -> Iterator[tuple[int, int]]:
        """The server's port and process."""
        port = free_port()
        command = [str(Path(sys.executable).parent / "granian"), *WEB.split(), "--port", str(port), application]
        many = {"HUB_API_CALLS_A_MINUTE": "0", "HUB_API_OTHER_CALLS_A_MINUTE": "0", "ALLOWED_HOSTS": "localhost"}
        many["DJANGO_SETTINGS_MODULE"] = settings
        process = self.machine.spawn("web", command, DATABASE_URL=self._url(), **many)
        try:
            wait_for(lambda: not ports.is_free(port))
            yield port, process.pid
        finally:
            processes.stop(process)

    def _said(self, module: str, *given: str) -> Any:
        """What one of our programs ends with saying, read as JSON. Raises RuntimeError with what it said otherwise."""
        process = self.machine.spawn("ways", [sys.executable, "-m", module, *given], DATABASE_URL=self._url())
        log = self.machine.folder / "ways.log"
        code = process.wait()
        said = log.read_text(encoding="utf-8")
        log.unlink()
        if code:
            raise RuntimeError(said[-2000:])
        return json.loads(said.splitlines()[-1])

    def _url(self) -> str:
        return self.machine.database.url.rpartition("/")[0] + f"/{self.database}"

    def limit(self, what: str) -> Measured:
        """The same rows by pgbench, in one prepared statement each."""
        self.add_work(what)
        self._run(f"DROP TABLE IF EXISTS bench_work; CREATE TABLE bench_work AS {WORK[what]}")
        self._run(
            "DROP SEQUENCE IF EXISTS bench_place; CREATE SEQUENCE bench_place; CREATE INDEX ON bench_work (place)"
        )
        self._run("ANALYZE bench_work")
        before = self.machine.cpu(self.machine.database.pid)
        with tempfile.TemporaryDirectory() as name:
            script = Path(name) / "script.sql"
            script.write_text(" ".join(STATEMENTS[what].split()) + ";\n", encoding="utf-8")
            said = self._pgbench(script)
            taken = [int(line.split()[2]) / 1e6 for log in Path(name).glob("log*") for line in _lines(log)]
        cpu = self.machine.cpu(self.machine.database.pid) - before
        rate = next(float(line.split()[2]) for line in said.splitlines() if line.startswith("tps"))
        return self._measured(taken, len(taken) / rate, cpu)

    def _pgbench(self, script: Path) -> str:
        given: list[str] = f"-n -M prepared -c {self.clients} -j 2 -t {self.each} -l".split()
        given += ["-f", str(script), f"--log-prefix={script.parent / 'log'}", "-h", self.place, "-U", "hub"]
        environment = {"PGOPTIONS": "-c pgtrigger.ignore={}", "PATH": os.environ["PATH"]}
        command = [str(binaries.postgres_program("pgbench")), *given, self.database]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
        if done.returncode:
            raise RuntimeError(done.stderr[-2000:])
        return str(done.stdout)

    def _measured(self, taken: Sequence[float], seconds: float, cpu: float) -> Measured:
        ordered = sorted(taken)
        p95 = ordered[max(0, math.ceil(0.95 * len(ordered)) - 1)] * 1000
        return Measured(len(ordered) / seconds, p95, cpu / len(ordered) * 1000)

    def add_work(self, what: str) -> None:
        """As many open carts as one way takes; the rest finds what is there."""
        if what == "checkout":
            self._run(ADD_CARTS % (self.clients * (self.each + WARM)))
        self._run("CHECKPOINT")

    def _run(self, statements: str) -> None:
        with psycopg.connect(host=self.place, user="hub", dbname=self.database, autocommit=True) as server:
            server.execute(statements.encode())


Rounds = list[dict[str, Measured]]
Way = Callable[[Writes], Measured]


def compare(bench: str, about: str | None, ways: Mapping[str, Way], compared: Callable[[Rounds], list[Ratio]]) -> None:
    """What a command does: each round measures every way, in turns; then all is said, and kept as JSON if asked."""
    given = _arguments(about)
    rounds: Rounds = []
    with machine() as running:
        prepare(running, [given.subscriptions])
        writes = Writes(running, f"size{given.subscriptions}", given.clients, given.each)
        for number in range(given.rounds):
            rounds.append({})
            for name, way in ways.items():
                rounds[-1][name] = one = way(writes)
                say(f"{number + 1}  {name:<18}{one.rate:>9.0f}/s  p95 {one.p95:>7.1f} ms  {one.cpu:>6.2f} CPU ms")
    size = {"subscriptions": given.subscriptions, "clients": given.clients, "each": given.each}
    told = conditions(**size, connections=CONNECTIONS)
    written(given.json, bench, conditions=told, ratios=compared(rounds), absolute=_absolute(rounds))


def _absolute(rounds: Rounds) -> list[Absolute]:
    """What each way does in a second and costs, all on this machine."""
    rates = [Absolute(name, "tx/s", [one[name].rate for one in rounds]) for name in rounds[0]]
    return rates + [Absolute(name, "CPU ms/tx", [one[name].cpu for one in rounds]) for name in rounds[0]]


def _arguments(about: str | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(about or "").splitlines()[0])
    parser.add_argument("--subscriptions", type=int, default=20_000)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--each", type=int, default=100, help="transactions of each client in a round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path, help="where to write everything")
    return parser.parse_args()


def _lines(log: Path) -> list[str]:
    return log.read_text(encoding="utf-8").splitlines()
