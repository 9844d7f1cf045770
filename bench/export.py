"""How fast a list is sent as a file, beside COPY and a list of objects: `python -m bench.export --help`.

Each way is a process of its own over the same database; rounds are interleaved.
"""

import argparse
from pathlib import Path
from typing import Any

from bench.figures import Absolute, Ratio, conditions, say, written
from bench.machine import machine
from bench.memory import done, prepare

OURS, BOOK, LIMIT, NAIVE = "subscriptions.csv", "subscriptions.xlsx", "COPY", "list of objects"
Round = dict[str, dict[str, Any]]


def ratios(rounds: list[Round]) -> list[Ratio]:
    """Rows a second beside the limit and the naive way; the first byte and the memory beside the naive way's."""

    def beside(way: str, other: str, what: str) -> list[float]:
        return [one[way][what] / one[other][what] for one in rounds]

    return [
        Ratio("", "export: rows/s, CSV ÷ COPY", beside(LIMIT, OURS, "seconds")),
        Ratio("", "export: rows/s, CSV ÷ list of objects", beside(NAIVE, OURS, "seconds")),
        Ratio("", "export: first byte, CSV ÷ list of objects", beside(OURS, NAIVE, "first"), better="lower"),
        Ratio("", "export: memory, CSV ÷ list of objects", beside(OURS, NAIVE, "peak"), better="lower"),
    ]


def figures(rounds: list[Round], size: int) -> list[Absolute]:
    """What each way came to by itself."""
    found = [Absolute(f"export, {way}", "rows/s", [size / one[way]["seconds"] for one in rounds]) for way in rounds[0]]
    first = [one[OURS]["first"] * 1000 for one in rounds]
    return [*found, Absolute("export, first byte of the CSV", "ms", first)]


def main() -> None:
    given = _arguments()
    rounds: list[Round] = []
    with machine() as running:
        prepare(running, [given.subscriptions])
        for number in range(given.rounds):
            rounds.append({})
            for way in (OURS, LIMIT, NAIVE, BOOK):
                rounds[-1][way] = one = done(running, given.subscriptions, way)
                say(
                    f"{number + 1}/{given.rounds}  {way:<20}{one['seconds']:>7.2f} s, first byte {one['first']:.2f} s,"
                    f" {one['cpu']:.2f} CPU s, {one['peak']:.0f} MB"
                )
    told = conditions(subscriptions=given.subscriptions)
    found = figures(rounds, given.subscriptions)
    written(given.json, "export", conditions=told, ratios=ratios(rounds), absolute=found)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure files of lists.")
    parser.add_argument("--subscriptions", type=int, default=30_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path, help="where to write everything")
    return parser.parse_args()


if __name__ == "__main__":
    main()
