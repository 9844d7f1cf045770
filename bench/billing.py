"""How fast a month is billed, beside what the database can do and what is usual: `python -m bench.billing --help`.

Every figure is a ratio of two rates of the same round; rounds are interleaved, so that a noisy machine hits all alike.
Each way begins with its own copy of the same database, and every full one must come to the same sums.
"""

import argparse
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from bench.figures import Absolute, Ratio, conditions, say, together, written
from bench.machine import Machine, machine, wait_for

ROUND = "round"
HUB, ONE, TWICE, AGAIN = "hub", "one statement", "hub x 2", "hub, again"
_SUMS = """
SELECT (SELECT count(*) FROM billing_invoiceline), (SELECT sum(net) FROM billing_invoiceline),
       (SELECT sum(tax) FROM billing_invoiceline), (SELECT sum(gross) FROM billing_invoice)
"""


@dataclass
class Measured:
    """One run: lines a second, and the CPU seconds of its processes and the database's for 1 000 lines; peak MB."""

    rate: float
    cpu: float
    peak: float
    seconds: float


class Bench:
    """A database with a month to bill, and the ways to bill it."""

    def __init__(self, running: Machine, slice_: int) -> None:
        self.machine, self.slice = running, slice_
        self.sums: tuple[Any, ...] | None = None
        self._socket = str(running.database.data)

    def full(self, way: str, processes: int = 1) -> Measured:
        """The whole month, by so many processes at once. Raises AssertionError for other sums than the ways before."""
        self._copy()
        measured = self._run([way] * processes)
        self._check(way)
        return measured

    def part(self, way: str) -> Measured:
        """A slice of the month: the whole would take too long."""
        self._copy()
        return self._run([way], str(self.slice))

    def again(self) -> Measured:
        """The month once more, when everybody was billed: as if as many lines had been written."""
        lines = self._sum()[0]
        told = self._run([HUB])
        self._check("a second run")
        return Measured(lines / told.seconds, told.cpu / lines, told.peak, told.seconds)

    def killed(self) -> Measured:
        """Killed in the middle, and begun anew: nothing is lost or doubled. The time of the second run is measured."""
        self._copy()
        process = self._spawn(0, HUB)
        half = self.sums[0] / 2 if self.sums else 1
        wait_for(lambda: process.poll() is not None or self._sum()[0] > half)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        measured = self._run([HUB])
        self._check("a run after one that was killed")
        return measured

    def _run(self, ways: list[str], *more: str) -> Measured:
        there, before = self._sum()[0], self.machine.cpu(self.machine.database.pid)
        running = [self._spawn(number, way, *more) for number, way in enumerate(ways)]
        codes = [process.wait() for process in running]
        if any(codes):
            raise RuntimeError((self.machine.folder / "way0.log").read_text(encoding="utf-8")[-2000:])
        logs = [self.machine.folder / f"way{number}.log" for number in range(len(ways))]
        told = [json.loads(log.read_text(encoding="utf-8").splitlines()[-1]) for log in logs]
        seconds = max(one["begun"] + one["seconds"] for one in told) - min(one["begun"] for one in told)
        cpu = sum(one["cpu"] for one in told) + self.machine.cpu(self.machine.database.pid) - before
        # Of the database, not of the processes: each would count what the other has written as well.
        lines = max(1, self._sum()[0] - there)
        return Measured(lines / seconds, cpu / lines * 1000, max(one["peak"] for one in told), seconds)

    def _spawn(self, number: int, way: str, *more: str) -> Any:
        (self.machine.folder / f"way{number}.log").unlink(missing_ok=True)
        url = self.machine.database.url.rpartition("/")[0] + f"/{ROUND}"
        command = [sys.executable, "-m", "bench.billing_ways", way, *more]
        return self.machine.spawn(f"way{number}", command, DATABASE_URL=url)

    def _copy(self) -> None:
        with psycopg.connect(host=self._socket, user="hub", dbname="postgres", autocommit=True) as server:
            server.execute(f"DROP DATABASE IF EXISTS {ROUND} WITH (FORCE)")
            server.execute(f"CREATE DATABASE {ROUND} TEMPLATE hub")
            server.execute("CHECKPOINT")

    def _sum(self) -> tuple[Any, ...]:
        with psycopg.connect(host=self._socket, user="hub", dbname=ROUND) as database:
            found = database.execute(_SUMS).fetchone()
        if found is None:
            raise LookupError("no sums")
        return found

    def _check(self, what: str) -> None:
        found = self._sum()
        self.sums = self.sums or found
        if found != self.sums or found[1] + found[2] != found[3]:
            raise AssertionError(f"{what} comes to {found}, the first was {self.sums}")


def _prepare(running: Machine, subscriptions: int) -> None:
    process = running.spawn("fill", [sys.executable, "-m", "bench.charges", str(subscriptions)])
    if process.wait():
        raise RuntimeError((running.folder / "fill.log").read_text(encoding="utf-8")[-2000:])


def _variants(bench: Bench) -> dict[str, Callable[[], Measured]]:
    return {
        ONE: lambda: bench.full(ONE),
        HUB: lambda: bench.full(HUB),
        AGAIN: bench.again,
        TWICE: lambda: bench.full(HUB, 2),
        "hub, after a kill": bench.killed,
        "bulk_create": lambda: bench.full("bulk_create"),
        "one by one": lambda: bench.part("one by one"),
    }


def ratios_of(rounds: list[dict[str, Measured]]) -> list[Ratio]:
    """C1, C2 and C4 of what was measured together, and the CPU of C1, which other work on the machine distorts less."""
    found = [
        Ratio("C1", "billing run ÷ one statement", together(rounds, HUB, ONE), 0.65),
        Ratio("C1", "billing run, two processes ÷ one statement", together(rounds, TWICE, ONE), 1.2, 1.4),
        Ratio("", "CPU of the billing run ÷ one statement's", together(rounds, HUB, ONE, "cpu"), better="lower"),
        Ratio("C2", "billing run ÷ bulk_create", together(rounds, HUB, "bulk_create"), 2.3, 3.3),
        Ratio("C2", "billing run ÷ one by one", together(rounds, HUB, "one by one"), 140, 200),
        Ratio("C4", "run of a finished month ÷ the first, time", together(rounds, AGAIN, HUB, "seconds"), 0.30, 0.10,
              better="lower"),
    ]  # fmt: skip
    return [one for one in found if one.rounds]


def figures_of(rounds: list[dict[str, Measured]]) -> list[Absolute]:
    """What each way came to by itself."""
    ways = {
        way: [one[way] for one in rounds if way in one] for way in dict.fromkeys(key for one in rounds for key in one)
    }
    rates = [Absolute(way, "lines/s", [one.rate for one in seen]) for way, seen in ways.items()]
    return rates + [Absolute(f"memory, {way}", "MB", [one.peak for one in seen]) for way, seen in ways.items()]


def main() -> None:
    given = _arguments()
    rounds: list[dict[str, Measured]] = []
    with machine() as running:
        _prepare(running, given.subscriptions)
        variants = _variants(Bench(running, given.slice))
        for number in range(given.rounds):
            rounds.append({})
            for name in given.only or variants:
                rounds[-1][name] = one = variants[name]()
                say(
                    f"{number + 1}/{given.rounds}  {name:<20}{one.rate:>9.0f} lines/s{one.cpu:>8.3f} CPU s/1000"
                    f"{one.peak:>6.0f} MB"
                )
                time.sleep(given.rest)
    told = conditions(subscriptions=given.subscriptions, slice=given.slice)
    written(given.json, "billing", conditions=told, ratios=ratios_of(rounds), absolute=figures_of(rounds))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure the monthly run beside one statement and usual ways.")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--subscriptions", type=int, default=100_000, help="of which 92 %% are active and are billed")
    parser.add_argument("--slice", type=int, default=1000, help="charges of the way that bills one by one")
    parser.add_argument("--only", nargs="*", help="names of what to measure; all by default")
    parser.add_argument("--rest", type=float, default=0.5, help="seconds between two runs")
    parser.add_argument("--json", type=Path, help="where to write everything")
    return parser.parse_args()


if __name__ == "__main__":
    main()
