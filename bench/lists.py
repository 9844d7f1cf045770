"""How lists and searches grow, beside what is usual and what the database needs: `python -m bench.lists --help`.

Each size is a database of its own. Programs' lists are asked over HTTP, of the hub, of a naive view over a copy of the
table, and of a bare application that forwards what PostgreSQL writes; agents' pages in a process of their own. Rounds
are interleaved, each begins with an ANALYZE, and ratios are of what was measured in the same round.
"""

import argparse
import json
import math
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from bench.figures import Absolute, Ratio, conditions, say, written
from bench.list_servers import BASIC, TABLE
from bench.machine import Machine, free_port, machine, wait_for
from partnerhub.runtime import ports, processes
from partnerhub.runtime.programs import WEB

PUBLISHERS = 20
CLIENTS = 16
# A naive list of a million takes a second, and need not be asked for as often.
NAIVE_TIMES = 8
WARM_UP = 2
OPENING_SECONDS = 1.0
# PostgreSQL plans a prepared statement for its values five times in each session before it may keep one plan for all.
PLANNED_TIMES = 8
# A program may ask so often here.
UNLIMITED = {"HUB_API_CALLS_A_MINUTE": "1000000000", "HUB_API_OTHER_CALLS_A_MINUTE": "1000000000"}
SERVERS = {
    "ours": "partnerhub.wsgi:application",
    "naive": "bench.list_servers:naive",
    "limit": "bench.list_servers:limit",
}
Call = dict[str, Any]
Times = Mapping[str, Sequence[float]]


@dataclass
class Round:
    """What one round gave over one size: p95 in milliseconds by name, requests a second, statements by name."""

    lists: dict[str, float] = field(default_factory=dict)
    searches: dict[str, float] = field(default_factory=dict)
    pages: dict[str, float] = field(default_factory=dict)
    p50: dict[str, float] = field(default_factory=dict)
    rate: dict[str, float] = field(default_factory=dict)
    statements: dict[str, int] = field(default_factory=dict)


def prepare(running: Machine, sizes: list[int]) -> None:
    """A database for each size, its name is `size` and the number; those that are there and whole stay."""
    for size in sizes:
        if not _is_whole(running, size):
            _statement(running, "postgres", f"DROP DATABASE IF EXISTS size{size}")
            _statement(running, "postgres", f"CREATE DATABASE size{size}")
            _fill(running, size)
        _hub(running, size, "migrate", "--verbosity", "0")
    _hub(running, sizes[0], "collectstatic", "--noinput", "--verbosity", "0")


def _fill(running: Machine, size: int) -> None:
    customers = str(max(1, size // 20))
    _hub(running, size, "migrate", "--verbosity", "0")
    counts = ["--subscriptions", str(size), "--customers", customers, "--publishers", str(PUBLISHERS)]
    _hub(running, size, "seed_scale", *counts, "--verbosity", "0")
    # Written last, in one transaction: where it is, everything is.
    _statement(running, f"size{size}", BASIC)
    _statement(running, f"size{size}", "VACUUM ANALYZE")


def _is_whole(running: Machine, size: int) -> bool:
    if not _asked(running, "postgres", f"SELECT FROM pg_database WHERE datname = 'size{size}'"):
        return False
    return _asked(running, f"size{size}", "SELECT to_regclass(%s)", TABLE) != [(None,)]


def measured(running: Machine, size: int, what: Sequence[str], times: int, seconds: float) -> Round:
    """One round over one size."""
    found = Round()
    if "pages" in what:
        found.pages = _p95(_ways(running, size, "pages", str(times)))
    if "lists" not in what and "search" not in what:
        return found
    calls = _ways(running, size, "calls")
    first = calls["lists"][0]
    with _server(running, size, "ours", first) as ours:
        if "lists" in what:
            # In a server that runs for more than a minute every session has planned each list.
            _load(running, ours, calls["lists"], "--connections", str(CLIENTS), "--times", str(CLIENTS * PLANNED_TIMES))
            found.lists = _alone(running, ours, calls["lists"], times, found)
        if "search" in what:
            found.searches = _alone(running, ours, calls["searches"], times, found)
        if seconds:
            with _server(running, size, "limit", first) as bare:
                for name, port in (("ours", ours), ("limit", bare), ("limit", bare), ("ours", ours)):
                    rate = _together(running, port, first, seconds / 2)
                    found.rate[name] = found.rate.get(name, 0.0) + rate / 2
    if "lists" in what:
        deep = calls["naive deep"]
        asked = [{"name": "naive page 1", "path": "/?page=1"}, {"name": "naive deep", "path": f"/?page={deep}"}]
        with _server(running, size, "naive", asked[0]) as naive:
            found.lists |= _alone(running, naive, asked, NAIVE_TIMES, found)
        found.statements = _ways(running, size, "statements")
    return found


def _alone(running: Machine, port: int, calls: list[Call], times: int, found: Round) -> dict[str, float]:
    """The p95 of each call by a single client; the first of each are to warm up."""
    asked = _load(running, port, calls, "--times", str(times + WARM_UP))["seconds"]
    seen = {name: one[WARM_UP:] for name, one in asked.items()}
    found.p50 |= {name: _percentile(one, 0.5) for name, one in seen.items()}
    return _p95(seen)


def _together(running: Machine, port: int, call: Call, seconds: float) -> float:
    """Answers a second to all clients at once."""
    told = _load(running, port, [call], "--connections", str(CLIENTS), "--seconds", str(seconds))
    return len(told["seconds"][call["name"]]) / float(told["elapsed"])


@contextmanager
def _server(running: Machine, size: int, name: str, first: Call) -> Iterator[int]:
    """A web server as the hub runs it, with two workers, asked a first call by all clients; its port."""
    port = free_port()
    command = [Path(sys.executable).parent / "granian", *WEB.split(), "--port", str(port), SERVERS[name]]
    # As in production: a line of log for each request, and a session of the database for each thread.
    environment = UNLIMITED | {"HUB_LOG_LEVEL": "INFO", "PYTHONPATH": running.environment["PYTHONPATH"]}
    process = running.spawn("web", [str(part) for part in command], **_database(running, size), **environment)
    try:
        wait_for(lambda: not ports.is_free(port))
        # A thread opens its session at its first request, which takes 0.1 s: met later it would be some call's p95.
        _together(running, port, first, OPENING_SECONDS)
        yield port
    finally:
        processes.stop(process)


def _load(running: Machine, port: int, calls: list[Call], *options: str) -> Any:
    place = running.folder / "calls.json"
    place.write_text(json.dumps(calls), encoding="utf-8")
    asked = ["--port", str(port), "--calls", str(place), *options]
    return _said(running, "load", [sys.executable, "-m", "bench.load", *asked])


def _ways(running: Machine, size: int, *asked: str) -> Any:
    return _said(
        running, "ways", [sys.executable, "-m", "bench.list_ways", *asked], **_database(running, size), **UNLIMITED
    )


def _said(running: Machine, name: str, command: list[str], **environment: str) -> Any:
    """What a program of ours printed last, as JSON. Raises RuntimeError with all that it said."""
    log = running.folder / f"{name}.log"
    log.unlink(missing_ok=True)
    if running.spawn(name, command, **environment).wait():
        raise RuntimeError(log.read_text(encoding="utf-8")[-2000:])
    return json.loads(log.read_text(encoding="utf-8").splitlines()[-1])


def _p95(seen: Times) -> dict[str, float]:
    return {name: _percentile(one, 0.95) for name, one in seen.items()}


def _percentile(times: Sequence[float], part: float) -> float:
    return round(sorted(times)[max(0, math.ceil(part * len(times)) - 1)] * 1000, 3)


Rounds = Sequence[Mapping[int, Round]]


def ratios(rounds: Rounds, sizes: Sequence[int]) -> list[Ratio]:
    """B1 to B7, as far as they were measured; growth is from the least size to the most."""
    least, most = min(sizes), max(sizes)
    grown = f"{most:,} ÷ {least:,}"
    found = _growth(rounds, least, most, grown)
    last = [one[most] for one in rounds]
    if last[0].lists:
        page, deep = (f"{name}, p95 ÷ the naive one's at {most:,}" for name in ("page 1", "deep"))
        found += [
            Ratio("B3", page, _over(last, "page 1", "naive page 1"), 1 / 100, 1 / 200, "lower"),
            Ratio("B3", deep, _over(last, "deep", "naive deep"), 1 / 200, 1 / 300, "lower"),
            Ratio("B4", f"deep ÷ page 1 at {most:,}", _over(last, "deep", "page 1"), 1.3, 1.15, "lower"),
        ]
        lists = [max(told for name, told in one.statements.items() if not name.startswith("search")) for one in last]
        searches = [max(one.statements.values()) for one in last]
        found.append(Ratio("B6", "statements of a list, the program's own included", lists, 3, 2, "lower"))
        found.append(Ratio("B6", "statements of a search, the program's own included", searches, 3, 2, "lower"))
    if last[0].lists and last[0].searches:
        worst = [max(one.searches.values()) / one.lists["page 1"] for one in last]
        found.append(Ratio("B5", f"the worst search ÷ page 1 at {most:,}", worst, 15, 5, "lower"))
    for size in sizes if last[0].rate else ():
        rates = [one[size].rate["ours"] / one[size].rate["limit"] for one in rounds]
        found.append(Ratio("B2", f"requests a second ÷ bare WSGI with json_agg, {size:,}", rates, 0.22, 0.40))
    return found


def _growth(rounds: Rounds, least: int, most: int, grown: str) -> list[Ratio]:
    found = []
    bounds = {"lists": ("B1", 1.5, 1.3), "searches": ("B1", 1.5, 1.3), "pages": ("B7", 1.5, 1.2)}
    for what, (goal, floor, stretch) in bounds.items() if least != most else ():
        both = [(getattr(one[least], what), getattr(one[most], what)) for one in rounds]
        # Texts hold names of their own database: the n-th is the same search at each size.
        places = {title: _places(title, list(both[0][0])) for title in map(_kind, both[0][0])}
        for kind, alike in places.items():
            rates = [max(list(many.values())[at] / list(few.values())[at] for at in alike) for few, many in both]
            title = f"{kind}, {grown}" if len(alike) == 1 else f"the worst of {len(alike)}: {kind}, {grown}"
            if what == "pages":
                title = f"agents' page, {title}"
            if kind.startswith("naive"):
                found.append(Ratio("", title, rates, better="lower"))
            else:
                found.append(Ratio(goal, title, rates, floor, stretch, "lower"))
    return found


def _kind(name: str) -> str:
    """What a list is told as: statuses, sorts and searches together, by the worst of them."""
    word = name.partition(" ")[0]
    return word if word in ("status", "sort", "search") else name


def _places(kind: str, names: list[str]) -> list[int]:
    return [at for at, name in enumerate(names) if _kind(name) == kind]


def _over(rounds: Sequence[Round], over: str, under: str) -> list[float]:
    return [one.lists[over] / one.lists[under] for one in rounds]


def absolute(rounds: Rounds, sizes: Sequence[int]) -> list[Absolute]:
    """What page 1, the page in the middle, the worst search and the rates were at each size."""
    found = []
    for size in sizes:
        told = [one[size] for one in rounds]
        at: dict[str, Any] = {"at": size, "of": "subscriptions"}
        for name in ("page 1", "deep", "naive page 1", "naive deep"):
            if name in told[0].lists:
                found.append(Absolute(f"list by program, {name}, p95", "ms", [one.lists[name] for one in told], **at))
        if told[0].searches:
            worst = [max(one.searches.values()) for one in told]
            found.append(Absolute("list by program, worst search, p95", "ms", worst, **at))
        for name in told[0].rate:
            found.append(Absolute(f"list by program, {name}", "requests/s", [one.rate[name] for one in told], **at))
        if told[0].pages:
            found.append(Absolute("list page, page 1, p95", "ms", [one.pages["page 1"] for one in told], **at))
    return found


def main() -> None:
    given = _arguments()
    rounds: list[dict[int, Round]] = []
    with machine(given.data) as running:
        prepare(running, given.sizes)
        for number in range(0 if given.prepare else given.rounds):
            rounds.append({})
            for size in given.sizes:
                _statement(running, f"size{size}", "ANALYZE")
                rounds[-1][size] = one = measured(running, size, given.what, given.times, given.seconds)
                say(f"{number + 1}/{given.rounds}  {size}: {_summary(one)}")
    if rounds:
        stood = conditions(sizes=given.sizes, rounds=given.rounds, times=given.times, publishers=PUBLISHERS)
        figures = {"ratios": ratios(rounds, given.sizes), "absolute": absolute(rounds, given.sizes)}
        written(given.json, "lists", conditions=stood, **figures)


def _summary(one: Round) -> str:
    told = {**{f"{name} p95": ms for name, ms in one.lists.items() if name in ("page 1", "deep")}, **one.rate}
    if one.searches:
        worst = max(one.searches, key=lambda name: one.searches[name])
        told[worst] = one.searches[worst]
    if one.pages:
        told["an agent's page 1 p95"] = one.pages["page 1"]
    return ", ".join(f"{name} {value:.4g}" for name, value in told.items())


def _hub(running: Machine, size: int, *command: str) -> None:
    process = running.spawn("prepare", [sys.executable, "-m", "django", *command], **_database(running, size))
    if process.wait():
        raise RuntimeError((running.folder / "prepare.log").read_text(encoding="utf-8")[-2000:])


def _database(running: Machine, size: int) -> dict[str, str]:
    url = running.database.url.rpartition("/")[0] + f"/size{size}"
    return {"DATABASE_URL": url, "ALLOWED_HOSTS": "testserver,localhost,127.0.0.1"}


def _statement(running: Machine, database: str, statement: str) -> None:
    with _connected(running, database) as server:
        server.execute(statement.encode())


def _asked(running: Machine, database: str, statement: str, *given: Any) -> list[Any]:
    with _connected(running, database) as server:
        return server.execute(statement.encode(), given).fetchall()


def _connected(running: Machine, database: str) -> psycopg.Connection[Any]:
    place = os.fspath(running.database.data)
    return psycopg.connect(host=place, user="hub", dbname=database, autocommit=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure lists and searches at several sizes.")
    parser.add_argument("--what", nargs="*", choices=["lists", "search", "pages"], default=["lists", "search", "pages"])
    parser.add_argument("--sizes", type=int, nargs="*", default=[10_000, 100_000], help="subscriptions")
    parser.add_argument("--rounds", type=int, default=4, help="each after an ANALYZE of its own")
    parser.add_argument("--times", type=int, default=20, help="how often each is asked for in a round")
    parser.add_argument("--seconds", type=float, default=6.0, help="of 16 clients at once, in a round; 0: none")
    parser.add_argument("--data", type=Path, help="a folder to keep, or to find, the databases in")
    parser.add_argument("--prepare", action="store_true", help="only fill the databases")
    parser.add_argument("--json", type=Path, help="where to write everything")
    return parser.parse_args()


if __name__ == "__main__":
    main()
