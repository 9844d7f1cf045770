"""How fast carts are checked out, beside one statement in pgbench and the usual way: `python -m bench.checkout --help`.

In the database by clients with a connection each, and over HTTP beside a DRF view that has the same server, settings,
middleware and authentication. A cart has one line; every way writes the same rows.
"""

from bench.figures import Ratio, together
from bench.writes import Rounds, Way, compare

WAYS: dict[str, Way] = {
    "limit": lambda writes: writes.limit("checkout"),
    "hub": lambda writes: writes.django("checkout", "hub"),
    "naive": lambda writes: writes.django("checkout", "naive"),
    # A program and its settings.
    "http hub": lambda writes: writes.http("partnerhub.wsgi:application", "partnerhub.settings"),
    "http naive": lambda writes: writes.http("bench.naive_writes:application", "bench.naive_settings"),
}


def compared(rounds: Rounds) -> list[Ratio]:
    """D1 and D2."""
    return [
        Ratio("D1", "checkout, 8 connections ÷ pgbench, one statement", together(rounds, "hub", "limit"), 0.12, 0.35),
        Ratio("", "checkout ÷ naive ORM", together(rounds, "hub", "naive")),
        Ratio("D2", "checkout over HTTP ÷ DRF and naive ORM", together(rounds, "http hub", "http naive"), 1.5, 4.0),
    ]


if __name__ == "__main__":
    compare("checkout", __doc__, WAYS, compared)
