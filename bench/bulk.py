"""How fast a bulk job changes many subscriptions, beside the same services one by one: `python -m bench.bulk --help`.

A job also keeps a plan and a result for each row, survives its worker, and can be paused: that is what the ratio costs.
"""

import argparse
from pathlib import Path

from bench.figures import Absolute, Ratio, conditions, say, written
from bench.machine import machine
from bench.memory import Told, done, prepare

JOB, SERVICES = "bulk", "one by one"


def main() -> None:
    given = _arguments()
    rounds: list[dict[str, Told]] = []
    size = given.rows * given.rounds * 3
    with machine() as running:
        prepare(running, [size])
        for number in range(given.rounds):
            rounds.append({way: done(running, size, way, given.rows) for way in (JOB, SERVICES)})
            for way, one in rounds[-1].items():
                told = f"{one['rows']} rows, {one['seconds']:.1f} s, {one['cpu']:.1f} CPU s"
                say(f"{number + 1}/{given.rounds}  {way:<12}{told}")
    slower = [one[SERVICES]["seconds"] / one[JOB]["seconds"] for one in rounds]
    written(
        given.json,
        "bulk",
        conditions=conditions(rows=given.rows),
        ratios=[Ratio("", "bulk job ÷ the services one by one, rows/s", slower)],
        absolute=[
            Absolute(f"{way}, planned and done", "rows/s", [one[way]["rows"] / one[way]["seconds"] for one in rounds])
            for way in (JOB, SERVICES)
        ],
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure a bulk job.")
    parser.add_argument("--rows", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path, help="where to write everything")
    return parser.parse_args()


if __name__ == "__main__":
    main()
