"""How fast carts are checked out, beside one statement in pgbench and the usual way: `python -m bench.checkout --help`.

In the database by clients with a connection each, and over HTTP beside a DRF view that has the same server, settings,
middleware and authentication. A cart has one line; every way writes the same rows.
"""

from bench.figures import Ratio, conditions, together, written
from bench.lists import prepare
from bench.machine import machine
from bench.quantity import Rounds, absolute, arguments, told
from bench.writes import CONNECTIONS, Measured, Writes

WAYS = ("limit", "hub", "naive")
# A program and its settings.
SERVERS = {
    "http hub": ("partnerhub.wsgi:application", "partnerhub.settings"),
    "http naive": ("bench.naive_writes:application", "bench.naive_settings"),
}


def compared(rounds: Rounds) -> list[Ratio]:
    """D1 and D2."""
    return [
        Ratio("D1", "checkout, 8 connections ÷ pgbench, one statement", together(rounds, "hub", "limit"), 0.12, 0.35),
        Ratio("", "checkout ÷ naive ORM", together(rounds, "hub", "naive")),
        Ratio("D2", "checkout over HTTP ÷ DRF and naive ORM", together(rounds, "http hub", "http naive"), 1.5, 4.0),
    ]


def measured(writes: Writes, way: str) -> Measured:
    if way in SERVERS:
        return writes.http(*SERVERS[way])
    return writes.limit("checkout") if way == "limit" else writes.django("checkout", way)


def main() -> None:
    given = arguments(__doc__)
    rounds: Rounds = []
    with machine() as running:
        prepare(running, [given.subscriptions])
        writes = Writes(running, f"size{given.subscriptions}", given.clients, given.each)
        for number in range(given.rounds):
            rounds.append({})
            for way in (*WAYS, *SERVERS):
                rounds[-1][way] = one = measured(writes, way)
                told(number, way, one)
    about = conditions(
        subscriptions=given.subscriptions, clients=given.clients, each=given.each, connections=CONNECTIONS
    )
    written(given.json, "checkout", conditions=about, ratios=compared(rounds), absolute=absolute(rounds))


if __name__ == "__main__":
    main()
