"""How lists and searches grow, beside what is usual and what the database needs: `python -m bench.lists --help`.

Each size is a database of its own; rounds are interleaved, and ratios are of the slowest twentieth of the same round.
"""

import argparse
import json
import math
import os
import sys
from pathlib import Path
from typing import Any

import psycopg

from bench.figures import Spread, say, spread, tell
from bench.machine import Machine, machine

PUBLISHERS = 20
Times = dict[str, list[float]]


class Measured:
    """One round over one size: milliseconds by way, the median and the 95th percentile."""

    def __init__(self, times: Times, queries: int) -> None:
        self.p50 = {name: _percentile(one, 0.5) for name, one in times.items()}
        self.p95 = {name: _percentile(one, 0.95) for name, one in times.items()}
        self.queries = queries


def _percentile(times: list[float], part: float) -> float:
    return round(sorted(times)[max(0, math.ceil(part * len(times)) - 1)] * 1000, 2)


def prepare(running: Machine, sizes: list[int]) -> None:
    """A database for each size: its name is `size` and the number."""
    for size in sizes:
        _statement(running, "postgres", f"CREATE DATABASE size{size}")
        customers = str(max(1, size // 20))
        _hub(running, size, "migrate", "--verbosity", "0")
        counts = ["--subscriptions", str(size), "--customers", customers, "--publishers", str(PUBLISHERS)]
        _hub(running, size, "seed_scale", *counts, "--verbosity", "0")
        _statement(running, f"size{size}", "VACUUM ANALYZE")
    _hub(running, sizes[0], "collectstatic", "--noinput", "--verbosity", "0")


def measured(running: Machine, size: int, what: str, times: int) -> Measured:
    """One round. Raises RuntimeError with what its process said."""
    process = running.spawn(
        "ways", [sys.executable, "-m", "bench.list_ways", what, str(times)], **_database(running, size)
    )
    log = running.folder / "ways.log"
    if process.wait():
        raise RuntimeError(log.read_text(encoding="utf-8")[-2000:])
    told = json.loads(log.read_text(encoding="utf-8").splitlines()[-1])
    log.unlink()
    return Measured(told["seconds"], told["queries"])


def analyzed(running: Machine, size: int) -> None:
    """The planner's statistics drawn anew: another sample, perhaps another plan."""
    _statement(running, f"size{size}", "ANALYZE")


def lists_compared(rounds: list[dict[str, Any]], least: int, most: int) -> dict[str, Spread]:
    """B1, B3, B4 and B7: growth from the least size to the most, and at the most beside a naive view and the limit."""
    pairs = [(one[f"lists {least}"].p95, one[f"lists {most}"].p95) for one in rounds]
    ours = [name for name in pairs[0][0] if not name.startswith(("naive", "limit"))]
    found = {f"B1 growth, {name}": spread([many[name] / few[name] for few, many in pairs]) for name in ours}
    found["naive growth, page 1"] = spread([many["naive page 1"] / few["naive page 1"] for few, many in pairs])
    found["naive growth, deep"] = spread([many["naive deep"] / few["naive deep"] for few, many in pairs])
    found["B3 page 1 / naive"] = spread([many["page 1"] / many["naive page 1"] for _few, many in pairs])
    found["B3 deep / naive"] = spread([many["deep"] / many["naive deep"] for _few, many in pairs])
    found["B4 deep / page 1"] = spread([many["deep"] / many["page 1"] for _few, many in pairs])
    found["page 1 / limit"] = spread([many["page 1"] / many["limit"] for _few, many in pairs])
    return found


def searches_compared(rounds: list[dict[str, Any]], size: int) -> dict[str, Spread]:
    """B5: each search beside page 1, and the worst of all."""
    seen = [one[f"search {size}"].p95 for one in rounds]
    by_text = [{name: ms / one["page 1"] for name, ms in one.items() if name != "page 1"} for one in seen]
    found = {"B5 the worst search / page 1": spread([max(one.values()) for one in by_text])}
    return found | {f"B5 {name}": spread([one[name] for one in by_text if name in one]) for name in by_text[0]}


def main() -> None:
    given = _arguments()
    rounds: list[dict[str, Any]] = []
    with machine() as running:
        prepare(running, given.sizes)
        for number in range(given.rounds):
            rounds.append({})
            for size in given.sizes:
                analyzed(running, size)
                # Of searches only the worst one at the most matters.
                for what in [what for what in given.what if what == "lists" or size == max(given.sizes)]:
                    rounds[-1][f"{what} {size}"] = one = measured(running, size, what, given.times)
                    worst = max(one.p95, key=lambda name, one=one: one.p95[name])  # type: ignore[misc]
                    say(
                        f"{number + 1}/{given.rounds}  {what} of {size}: page 1 {one.p95['page 1']} ms, "
                        f"worst {worst} {one.p95[worst]} ms, {one.queries} statements"
                    )
    least, most = min(given.sizes), max(given.sizes)
    found = lists_compared(rounds, least, most) if "lists" in given.what else {}
    tell(found | (searches_compared(rounds, most) if "search" in given.what else {}), rounds, given.json)


def _hub(running: Machine, size: int, *command: str) -> None:
    process = running.spawn("prepare", [sys.executable, "-m", "django", *command], **_database(running, size))
    if process.wait():
        raise RuntimeError((running.folder / "prepare.log").read_text(encoding="utf-8")[-2000:])


def _database(running: Machine, size: int) -> dict[str, str]:
    return {"DATABASE_URL": running.database.url.rpartition("/")[0] + f"/size{size}", "ALLOWED_HOSTS": "testserver"}


def _statement(running: Machine, database: str, statement: str) -> None:
    place = os.fspath(running.database.data)
    with psycopg.connect(host=place, user="hub", dbname=database, autocommit=True) as server:
        server.execute(statement.encode())


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure lists and searches at several sizes.")
    parser.add_argument("--what", nargs="*", choices=["lists", "search"], default=["lists", "search"])
    parser.add_argument("--sizes", type=int, nargs="*", default=[10_000, 100_000], help="subscriptions")
    parser.add_argument("--rounds", type=int, default=4, help="each after an ANALYZE of its own")
    parser.add_argument("--times", type=int, default=20, help="how often each is asked for in a round")
    parser.add_argument("--json", type=Path, help="where to write everything")
    return parser.parse_args()


if __name__ == "__main__":
    main()
