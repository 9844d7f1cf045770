"""What the indexes of lists and searches cost whoever changes states: `python -m bench.index_tax --help`.

The same changes, in batches as the poller writes them, over the same rows: with all indexes, and without those that
only lists and searches need, and without the note of what is to be ranked again.
"""

import argparse
import os
import time
from dataclasses import dataclass
from pathlib import Path

import psycopg

from bench.figures import Absolute, Ratio, conditions, say, together, written
from bench.lists import prepare
from bench.machine import Machine, machine

BATCH = 500
LISTS = (
    "subscription_of_customer", "subscription_of_publisher", "subscription_newest_first", "subscription_by_status",
    "subscription_by_quantity", "subscription_by_since", "subscription_by_end", "subscription_by_end_desc",
    "subscription_not_renewed",
    "nickname_parts", "nickname_in_order",
)  # fmt: skip
_SUSPEND = """
UPDATE subscriptions_subscription SET status = 'suspended', suspended_at = now(), version = version + 1
 WHERE id = ANY(%s)
"""


@dataclass
class Measured:
    """One run: changes a second, and how long it took."""

    rate: float
    seconds: float


def suspended(running: Machine, template: str, changes: int, *, indexed: bool) -> Measured:
    """So many active subscriptions of a fresh copy suspended, a transaction a batch; `indexed` or without LISTS."""
    place = os.fspath(running.database.data)
    with psycopg.connect(host=place, user="hub", dbname="postgres", autocommit=True) as server:
        server.execute("DROP DATABASE IF EXISTS taxed WITH (FORCE)")
        server.execute(f"CREATE DATABASE taxed TEMPLATE {template}".encode())
    with psycopg.connect(host=place, user="hub", dbname="taxed", autocommit=True) as database:
        if not indexed:
            database.execute(f"DROP INDEX {', '.join(LISTS)}".encode())
            database.execute("DROP FUNCTION subscriptions_touch CASCADE")
        database.execute("CHECKPOINT")
        found = database.execute(
            "SELECT id FROM subscriptions_subscription WHERE status = 'subscribed' ORDER BY id LIMIT %s", [changes]
        ).fetchall()
        ids = [row[0] for row in found]
        began = time.perf_counter()
        for start in range(0, len(ids), BATCH):
            database.execute(_SUSPEND, [ids[start : start + BATCH]])
        seconds = time.perf_counter() - began
    return Measured(len(ids) / seconds, seconds)


def main() -> None:
    given = _arguments()
    rounds: list[dict[str, Measured]] = []
    with machine() as running:
        prepare(running, [given.subscriptions])
        for number in range(given.rounds):
            rounds.append({})
            for name, indexed in (("indexed", True), ("bare", False)):
                one = suspended(running, f"size{given.subscriptions}", given.changes, indexed=indexed)
                rounds[-1][name] = one
                say(f"{number + 1}/{given.rounds}  {name:<10}{one.rate:>9.0f} changes/s")
    seen = together(rounds, "indexed", "bare")
    tax = Ratio("D4", "changes of state, with the indexes of lists ÷ without", seen, 0.6, 0.7)
    rates = [Absolute(name, "changes/s", [one[name].rate for one in rounds]) for name in rounds[0]]
    about = conditions(subscriptions=given.subscriptions, changes=given.changes)
    written(given.json, "index_tax", conditions=about, ratios=[tax], absolute=rates)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure what the indexes of lists cost changes of state.")
    parser.add_argument("--subscriptions", type=int, default=100_000)
    parser.add_argument("--changes", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path, help="where to write everything")
    return parser.parse_args()


if __name__ == "__main__":
    main()
