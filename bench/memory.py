"""What memory each job takes over few rows and over ten times as many: `python -m bench.memory --help`.

Each job works in a process of its own, over one database for each size. Goal C3 is the billing run's.
"""

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

import psycopg

from bench.figures import Absolute, Ratio, conditions, say, written
from bench.machine import Machine, machine

# In this order: invoices are drafted before they are numbered, and files are larger once they are.
JOBS = (
    "subscriptions.csv", "subscriptions.xlsx", "billing run", "numbers of invoices", "reconciliation.csv",
    "reconciliation.xlsx", "forecast.csv", "statement", "cycles", "bulk", "renewals",
)  # fmt: skip
# A bulk job of each fortieth subscription; an agent may select 10 000.
BULK_PART = 40
Told = dict[str, Any]


def prepare(running: Machine, sizes: list[int]) -> None:
    """A database for each size: its name is `size` and the number."""
    for size in sizes:
        place = os.fspath(running.database.data)
        with psycopg.connect(host=place, user="hub", dbname="postgres", autocommit=True) as server:
            server.execute(f"CREATE DATABASE size{size}".encode())
        ran(running, size, "bench.charges", str(size))


def done(running: Machine, size: int, job: str, rows: int = 0) -> Told:
    """One job over the database of a size, as `bench.job_ways` tells it. Raises RuntimeError with what it said."""
    return json.loads(ran(running, size, "bench.job_ways", job, *([str(rows)] if rows else [])))  # type: ignore[no-any-return]


def ran(running: Machine, size: int, *command: str) -> str:
    """The last line that a module of ours says over the database of a size. Raises RuntimeError with what it said."""
    url = running.database.url.rpartition("/")[0] + f"/size{size}"
    given = {"DATABASE_URL": url, "ALLOWED_HOSTS": "testserver"}
    process = running.spawn("job", [sys.executable, "-m", *command], **given)
    log = running.folder / "job.log"
    code, said = process.wait(), log.read_text(encoding="utf-8")
    log.unlink()
    if code:
        raise RuntimeError(said[-2000:])
    return said.splitlines()[-1] if said else ""


def main() -> None:
    given = _arguments()
    few, many = min(given.sizes), max(given.sizes)
    told: dict[str, list[Told]] = {}
    with machine() as running:
        prepare(running, [few, many])
        for job in given.jobs:
            rows = {size: size // BULK_PART if job == "bulk" else 0 for size in (few, many)}
            told[job] = [done(running, size, job, rows[size]) for size in (few, many)]
            say(
                job
                + "  ".join(
                    f"{one['rows']:>10,} rows{one['seconds']:>7.1f} s{one['peak']:>6.0f} MB" for one in told[job]
                )
            )
    written(
        given.json,
        "memory",
        conditions=conditions(subscriptions=[few, many]),
        ratios=[_growth(job, *pair) for job, pair in told.items()],
        absolute=[
            Absolute(f"peak memory, {job}", "MB", [one["peak"]], size, "subscriptions")
            for job, pair in told.items()
            for size, one in zip((few, many), pair, strict=True)
        ],
    )


def _growth(job: str, few: Told, many: Told) -> Ratio:
    goal = ("C3", 1.2, 1.1) if job == "billing run" else ("", 1.2, 1.1)
    what = f"memory of {job}, {many['rows']:,} rows ÷ {few['rows']:,}"
    return Ratio(goal[0], what, [many["peak"] / few["peak"]], *goal[1:], better="lower")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure the memory of jobs over two sizes.")
    parser.add_argument("--sizes", type=int, nargs=2, default=[3000, 30_000], help="subscriptions")
    parser.add_argument("--jobs", nargs="*", choices=JOBS, default=JOBS)
    parser.add_argument("--json", type=Path, help="where to write everything")
    return parser.parse_args()


if __name__ == "__main__":
    main()
