"""How fast quantities change, and how clients share one subscription: `python -m bench.quantity --help`.

Changes of quantity are of different subscriptions. On one subscription a second change would be refused until its
publisher has answered the first, so what all clients do to it at once is give it another nickname.
"""

from functools import partial

from bench.figures import Ratio, together
from bench.writes import Measured, Rounds, Way, Writes, compare

ACTS = ("quantity", "hot")


def measured(what: str, way: str, writes: Writes) -> Measured:
    return writes.limit(what) if way == "limit" else writes.django(what, way)


WAYS: dict[str, Way] = {
    f"{what} {way}": partial(measured, what, way) for what in ACTS for way in ("limit", "hub", "naive")
}


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


if __name__ == "__main__":
    compare("quantity", __doc__, WAYS, compared)
