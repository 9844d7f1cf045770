"""How long an invoice takes as PDF, beside typst alone with the same document: `python -m bench.pdf --help`."""

import argparse
import json
from pathlib import Path

from bench.figures import Absolute, Ratio, conditions, written
from bench.machine import machine
from bench.memory import prepare, ran

# Enough customers for an invoice of some twenty lines.
SUBSCRIPTIONS = 400


def main() -> None:
    given = _arguments()
    with machine() as running:
        prepare(running, [SUBSCRIPTIONS])
        told = json.loads(ran(running, SUBSCRIPTIONS, "bench.pdf_ways", str(given.rounds), str(given.times)))
    ours, bare = zip(*told["pairs"], strict=True)
    slower = [one / other for one, other in told["pairs"]]
    written(
        given.json,
        "pdf",
        conditions=conditions(lines=told["lines"], bytes=told["bytes"], documents=given.times),
        ratios=[Ratio("", "invoice as PDF ÷ typst alone, time", slower, better="lower")],
        absolute=[
            Absolute("invoice as PDF", "ms", [one * 1000 for one in ours]),
            Absolute("typst alone", "ms", [one * 1000 for one in bare]),
        ],
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure invoices as PDF.")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--times", type=int, default=10, help="documents of each way in a round")
    parser.add_argument("--json", type=Path, help="where to write everything")
    return parser.parse_args()


if __name__ == "__main__":
    main()
