"""How fast quantities change, and how clients share one subscription: `python -m bench.quantity --help`.

Changes of quantity are of different subscriptions. On one subscription a second change would be refused until its
publisher has answered the first, so what all clients do to it at once is give it another nickname.
"""

import argparse
from pathlib import Path

from bench.figures import Absolute, Ratio, conditions, say, together, written
from bench.lists import prepare
from bench.machine import machine
from bench.writes import Measured, Writes

ACTS = {"quantity": "change of quantity", "hot": "one subscription"}
Rounds = list[dict[str, Measured]]


def compared(rounds: Rounds) -> list[Ratio]:
    """D3, and the same of changes of quantity."""
    hot, naive = together(rounds, "hot hub", "hot limit"), together(rounds, "hot hub", "hot naive", "p95")
    changes = together(rounds, "quantity hub", "quantity limit")
    return [
        Ratio("D3", "8 clients on one subscription ÷ pgbench", hot, 0.15, 0.60),
        Ratio("D3", "p95 there ÷ naive ORM's", naive, 1.0, 0.30, "lower"),
        Ratio("", "changes of quantity ÷ pgbench, one statement", changes),
        Ratio("", "changes of quantity ÷ naive ORM", together(rounds, "quantity hub", "quantity naive")),
    ]


def measured(writes: Writes, what: str, way: str) -> Measured:
    return writes.limit(what) if way == "limit" else writes.django(what, way)


def told(number: int, name: str, one: Measured) -> None:
    say(f"{number + 1}  {name:<18}{one.rate:>9.0f}/s  p95 {one.p95:>7.1f} ms  {one.cpu:>6.2f} CPU ms")


def absolute(rounds: Rounds) -> list[Absolute]:
    """What each way does in a second and costs, all on this machine."""
    rates = [Absolute(name, "tx/s", [one[name].rate for one in rounds]) for name in rounds[0]]
    return rates + [Absolute(name, "CPU ms/tx", [one[name].cpu for one in rounds]) for name in rounds[0]]


def main() -> None:
    given = arguments(__doc__)
    rounds: Rounds = []
    with machine() as running:
        prepare(running, [given.subscriptions])
        writes = Writes(running, f"size{given.subscriptions}", given.clients, given.each)
        for number in range(given.rounds):
            rounds.append({})
            for what in ACTS:
                for way in ("limit", "hub", "naive"):
                    rounds[-1][f"{what} {way}"] = one = measured(writes, what, way)
                    told(number, f"{what} {way}", one)
    about = conditions(subscriptions=given.subscriptions, clients=given.clients, each=given.each)
    written(given.json, "quantity", conditions=about, ratios=compared(rounds), absolute=absolute(rounds))


def arguments(about: str | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(about or "").splitlines()[0])
    parser.add_argument("--subscriptions", type=int, default=20_000)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--each", type=int, default=100, help="transactions of each client in a round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path, help="where to write everything")
    return parser.parse_args()


if __name__ == "__main__":
    main()
