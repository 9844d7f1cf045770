"""How staff's pages grow, and what they cost: `python -m bench.pages --help`.

Each size is a database of its own (those of `bench.lists`); rounds are interleaved, each after an ANALYZE, and ratios
are of the slowest twentieth of the same round. `--browser` looks at the list in Chromium instead.
"""

import argparse
import json
import math
import os
import statistics
import sys
from pathlib import Path
from typing import Any

import psycopg

from bench.figures import Absolute, Ratio, conditions, say, written
from bench.lists import prepare
from bench.machine import Machine, machine

# By page what one round measured: p95 in milliseconds, CPU milliseconds, statements, bytes.
Round = dict[str, dict[str, Any]]


def measured(running: Machine, size: int, times: int) -> Round:
    """One round over one size. Raises RuntimeError with what its process said."""
    place = os.fspath(running.database.data)
    with psycopg.connect(host=place, user="hub", dbname=f"size{size}", autocommit=True) as server:
        server.execute("ANALYZE")
    told = json.loads(_said(running, size, str(times)))
    return {name: _in_short(page) for name, page in told.items()}


def _in_short(page: dict[str, Any]) -> dict[str, Any]:
    seconds = sorted(page["seconds"])
    slowest = seconds[max(0, math.ceil(0.95 * len(seconds)) - 1)]
    return {
        "p95": slowest * 1000,
        "cpu": page["cpu"] * 1000,
        "statements": page["statements"],
        "kB": page["bytes"] / 1000,
    }


def grown(rounds: list[dict[int, Round]], sizes: list[int]) -> list[Ratio]:
    """B7: each page at the most beside the same at the least, in time and in CPU seconds."""
    least, most = min(sizes), max(sizes)
    told = f"{most:,} ÷ {least:,}"
    found = []
    for page in rounds[0][least]:
        times = [one[most][page]["p95"] / one[least][page]["p95"] for one in rounds]
        found.append(Ratio("B7", f"{page}, {told}", times, 1.5, 1.2, "lower"))
    for page in rounds[0][least]:
        cpu = [one[most][page]["cpu"] / max(0.1, one[least][page]["cpu"]) for one in rounds]
        found.append(Ratio("", f"CPU of {page}, {told}", cpu, better="lower"))
    return found


def figures(rounds: list[dict[int, Round]], sizes: list[int]) -> list[Absolute]:
    """What each page takes at each size."""
    units = {"p95": "ms", "cpu": "ms", "statements": "", "kB": "kB"}
    return [
        Absolute(f"{page}: {what}", unit, [one[size][page][what] for one in rounds], size, "subscriptions")
        for page in rounds[0][sizes[0]]
        for what, unit in units.items()
        for size in sizes
    ]


def plans(running: Machine, sizes: list[int]) -> list[Absolute]:
    """How many rows the statements of each page read at each size."""
    told = {size: json.loads(_said(running, size, "plans")) for size in sizes}
    for size, pages in told.items():
        for name, page in pages.items():
            whole = ", ".join(f"{table} {rows:,}" for table, rows in page["whole"].items() if rows > 1000)
            say(f"{size:>9,}  {name:<24}{page['read']:>9,} rows {page['ms']:>8.1f} ms   {whole}")
    return [
        Absolute(f"{name}: rows read", "rows", [told[size][name]["read"]], size, "subscriptions")
        for name in told[sizes[0]]
        for size in sizes
    ]


def database(running: Machine, size: int) -> str:
    """The address of a size's database."""
    return running.database.url.rpartition("/")[0] + f"/size{size}"


def _said(running: Machine, size: int, what: str) -> str:
    given = {"DATABASE_URL": database(running, size), "ALLOWED_HOSTS": "testserver"}
    process = running.spawn("page-ways", [sys.executable, "-m", "bench.page_ways", what], **given)
    log = running.folder / "page-ways.log"
    failed, told = process.wait(), log.read_text(encoding="utf-8")
    log.unlink()
    if failed:
        raise RuntimeError(told[-2000:])
    return told.splitlines()[-1]


def main() -> None:
    given = _arguments()
    with machine(given.data) as running:
        prepare(running, given.sizes)
        if given.browser:
            from bench.page_browser import looked_at  # noqa: PLC0415 - needs the browser of the tests

            size = max(given.sizes)
            looked_at(running, database(running, size), given.rounds, given.json, size)
            return
        rounds: list[dict[int, Round]] = []
        for number in range(given.rounds):
            rounds.append({size: measured(running, size, given.times) for size in given.sizes})
            usual = {size: statistics.median(page["p95"] for page in one.values()) for size, one in rounds[-1].items()}
            summary = ", ".join(f"{ms:.0f} ms of {size:,}" for size, ms in usual.items())
            say(f"{number + 1}/{given.rounds}  the median page: {summary}")
        read = plans(running, given.sizes)
    sizes = [min(given.sizes), max(given.sizes)]
    told = figures(rounds, given.sizes) + read
    written(given.json, "pages", conditions=conditions(sizes=given.sizes), ratios=grown(rounds, sizes), absolute=told)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure staff's pages at several sizes, or in Chromium.")
    parser.add_argument("--browser", action="store_true", help="load the list in Chromium, at the largest size")
    parser.add_argument("--sizes", type=int, nargs="*", default=[10_000, 100_000], help="subscriptions")
    parser.add_argument("--rounds", type=int, default=3, help="each after an ANALYZE of its own")
    parser.add_argument("--times", type=int, default=20, help="how often each page is asked for in a round")
    parser.add_argument("--data", type=Path, help="where the databases of bench.lists are kept")
    parser.add_argument("--json", type=Path, help="where to write everything")
    return parser.parse_args()


if __name__ == "__main__":
    main()
