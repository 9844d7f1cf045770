"""How fast the hub polls, beside what is possible and beside what is usual: `python -m bench.polling --help`.

Every figure is a ratio of two rates of the same round; rounds are interleaved, so that a noisy machine hits all alike.
Every question confirms a purchase in full: gates with evidence, billing start, term, events with their chain of hashes.
"""

import argparse
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from bench.figures import Spread, ratios, say, spread, tell
from bench.machine import Machine, Stub, machine, wait_for

PUBLISHERS = 20
LATENCY = 0.05


@dataclass
class Measured:
    """One run: how many a second, and what a thousand cost in CPU seconds (0: not measured)."""

    rate: float
    cpu: float = 0.0


class Bench:
    """The hub's database with purchases to ask about, and the ways to ask."""

    def __init__(self, running: Machine, stub: Stub, purchases: int, slice_: int) -> None:
        self.machine, self.stub, self.purchases, self.slice = running, stub, purchases, slice_

    def client(self, processes: int) -> Measured:
        """The aiohttp client alone: 500 questions at once, shared by so many processes."""
        self.stub.behave(seconds=LATENCY)
        lists = [self.machine.folder / f"urls{number}" for number in range(processes)]
        targets = [f"{self.stub.url}/p/api/saas/subscriptions/{uuid4()}" for _ in range(self.purchases)]
        for number, path in enumerate(lists):
            path.write_text("\n".join(targets[number::processes]), encoding="utf-8")
        return self._clients(lists, 500 // processes)

    def _clients(self, lists: list[Path], places: int) -> Measured:
        for number, path in enumerate(lists):
            (self.machine.folder / f"client{number}.log").unlink(missing_ok=True)
            command = [sys.executable, "-m", "bench.client", "--urls", str(path), "--places", str(places)]
            self.machine.spawn(f"client{number}", command)
        logs = [self.machine.folder / f"client{number}.log" for number in range(len(lists))]
        wait_for(lambda: all(log.exists() and log.read_text().endswith("\n") for log in logs))
        said = [[float(part) for part in log.read_text().split()] for log in logs]
        return Measured(
            self.purchases / max(seconds for seconds, _ in said), sum(cpu for _, cpu in said) / self.purchases * 1000
        )

    def hub(
        self, workers: int, *, places: int = 500, slow: int = 0, errors: int = 0, part: float = 1.0, kill: bool = False
    ) -> Measured:
        """The hub's own task in so many real workers, `places` questions at once, until `part` of all is confirmed.

        With `kill` a worker is killed when a third is done, and the others go on. Raises AssertionError unless every
        purchase has exactly one billing start and one activation.
        """
        names = [f"polling{number}" for number in range(workers)]
        with self.machine.workers(*names, HUB_POLL_PLACES=str(places // workers)) as running, _ticks():
            self.stub.behave(seconds=LATENCY)
            self._confirm(200 * workers, 1.0, [])
            self.stub.behave(seconds=LATENCY, slow=slow, errors=errors)
            return self._confirm(self.purchases, part, running, kill=kill)

    def _confirm(
        self, count: int, part: float, workers: list[subprocess.Popen[bytes]], *, kill: bool = False
    ) -> Measured:
        from bench.purchases import add_purchases  # noqa: PLC0415 - once Django is loaded
        from partnerhub.clock import now  # noqa: PLC0415

        order = uuid4()
        add_purchases(count, order_id=order, at=now())
        pids = [self.machine.database.pid, *(process.pid for process in workers)]
        before, begun = self.machine.cpu(*pids), now()
        self._let_due(order)
        if kill:
            wait_for(lambda: self._waiting() < count * 2 / 3)
            os.killpg(workers[0].pid, signal.SIGKILL)
        wait_for(lambda: self._waiting() == 0, every=0.25)
        cpu = (self.machine.cpu(*pids) - before) / count * 1000
        self._check(order, count)
        return Measured(count * part / (self._confirmed_at(order, part) - begun).total_seconds(), cpu)

    def naive(self) -> Measured:
        """A task for each question in a worker with eight processes; a slice, as the whole would take minutes."""
        from bench.naive import ask  # noqa: PLC0415 - once the broker is known
        from bench.purchases import add_purchases  # noqa: PLC0415
        from partnerhub.clock import now  # noqa: PLC0415

        self.stub.behave(seconds=LATENCY)
        with self.machine.workers("naive", app="bench.naive", options="-c 8 -Q naive"):
            rates = []
            for count in (16, self.slice):
                order = uuid4()
                added = add_purchases(count, order_id=order, at=now())
                begun = now()
                for one in added:
                    ask.delay(str(one.pk), f"{self.stub.url}/p/api/saas/subscriptions/{one.pk}")
                wait_for(lambda order=order, count=count: self._confirmed(order) == count, every=0.5)  # type: ignore[misc]
                rates.append(count / (self._confirmed_at(order, 1.0) - begun).total_seconds())
            return Measured(rates[-1])

    def _let_due(self, order: UUID) -> None:
        _execute(
            """UPDATE subscriptions_pollschedule SET next_poll_at = fresh_since WHERE subscription_id IN
                      (SELECT subscription.id FROM subscriptions_subscription AS subscription
                         JOIN subscriptions_orderline AS line ON line.id = order_line_id WHERE order_id = %s)""",
            str(order),
        )

    def _waiting(self) -> int:
        """Cheap to ask: what is measured must not be slowed down by it."""
        return _count("SELECT count(*) FROM subscriptions_pollschedule WHERE next_poll_at IS NOT NULL")

    def _confirmed_at(self, order: UUID, part: float) -> datetime:
        """When so much of an order was confirmed."""
        statement = """SELECT percentile_disc(%s::float) WITHIN GROUP (ORDER BY start.recorded_at)
                         FROM subscriptions_billingstart AS start
                         JOIN subscriptions_subscription AS subscription ON subscription.id = start.subscription_id
                         JOIN subscriptions_orderline AS line ON line.id = subscription.order_line_id
                        WHERE line.order_id = %s"""
        at: datetime = _row(statement, str(part), str(order))[0]
        return at

    def _confirmed(self, order: UUID) -> int:
        return _count(
            """SELECT count(*) FROM subscriptions_orderline AS line
                 JOIN subscriptions_subscription AS subscription ON subscription.order_line_id = line.id
                WHERE line.order_id = %s AND subscription.activated_at IS NOT NULL""",
            str(order),
        )

    def _check(self, order: UUID, count: int) -> None:
        ours = """FROM subscriptions_orderline AS line
                  JOIN subscriptions_subscription AS subscription ON subscription.order_line_id = line.id"""
        starts = f"SELECT count(*) {ours} JOIN subscriptions_billingstart AS s ON s.subscription_id = subscription.id"
        events = f"""SELECT count(*) {ours} JOIN outbox_event AS event ON event.stream_id = subscription.id
                        AND event.name = 'subscription.activated'"""
        found = [_count(f"{statement} WHERE order_id = %s", str(order)) for statement in (starts, events)]
        if found != [count, count]:
            raise AssertionError(f"{count} purchases have {found[0]} billing starts and {found[1]} activations")


@contextmanager
def _ticks() -> Iterator[None]:
    """What the scheduler does: a tick a second."""
    from partnerhub.celery import app  # noqa: PLC0415 - once Django is loaded

    over = threading.Event()

    def tick() -> None:
        while not over.is_set():
            app.send_task("subscriptions.tasks.poll_due", queue="polling", expires=2.0)
            over.wait(1.0)

    ticking = threading.Thread(target=tick, daemon=True)
    ticking.start()
    try:
        yield
    finally:
        over.set()
        ticking.join()


def _execute(statement: str, *values: str) -> None:
    from django.db import connection  # noqa: PLC0415 - once Django is loaded

    with connection.cursor() as cursor:
        cursor.execute(statement, values)


def _count(statement: str, *values: str) -> int:
    return int(_row(statement, *values)[0])


def _row(statement: str, *values: str) -> tuple[Any, ...]:
    from django.db import connection  # noqa: PLC0415 - once Django is loaded

    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        row: tuple[Any, ...] = cursor.fetchone()
    return row


def _prepare(running: Machine, stub: Stub, seeded: int) -> None:
    os.environ.update(running.environment)
    import django  # noqa: PLC0415 - once the environment says which database

    django.setup()
    from django.core.management import call_command  # noqa: PLC0415

    from partnerhub.clock import now  # noqa: PLC0415
    from subscriptions.demo.scale import seed  # noqa: PLC0415

    call_command("migrate", interactive=False, verbosity=0)
    seed(subscriptions=seeded, customers=max(1, seeded // 20), publishers=PUBLISHERS, at=now())
    # Only what a round adds is asked about, and no publisher's own limit is what is measured.
    _execute("UPDATE subscriptions_pollschedule SET next_poll_at = NULL")
    _execute("UPDATE publishers_publisher SET fulfillment_base_url = %s || '/p', max_concurrency = 2000", stub.url)
    _execute("VACUUM ANALYZE")


# By name: what is measured, and which of them a ratio is taken of.
def _variants(bench: Bench) -> dict[str, Callable[[], Measured]]:
    return {
        "client": lambda: bench.client(1),
        "hub": lambda: bench.hub(1),
        "client x 2": lambda: bench.client(2),
        "hub x 2": lambda: bench.hub(2),
        "hub, 100 at once": lambda: bench.hub(1, places=100),
        "hub, 2 % hang": lambda: bench.hub(1, slow=20, part=0.98),
        "hub, 5 % errors": lambda: bench.hub(1, errors=50),
        "naive": bench.naive,
        "hub, worker killed": lambda: bench.hub(2, errors=50, kill=True),
    }


RATIOS = {
    "A1 hub / client": ("hub", "client"),
    "A1 hub x 2 / client x 2": ("hub x 2", "client x 2"),
    "A2 hub / latency bound, 100 at once": ("hub, 100 at once", "bound"),
    "A3 hub / naive": ("hub", "naive"),
    "A3 hub x 2 / naive": ("hub x 2", "naive"),
    "A5 others while 2 % hang / hub": ("hub, 2 % hang", "hub"),
    "hub with 5 % errors / hub": ("hub, 5 % errors", "hub"),
}


def measured_ratios(rounds: list[dict[str, Measured]]) -> dict[str, Spread]:
    """Each ratio's median over the rounds, with its least and its most; and A4, of what a thousand cost."""
    found = ratios(rounds, RATIOS)
    cost = [one["hub"].cpu / one["client"].cpu for one in rounds if {"hub", "client"} <= one.keys()]
    return found | ({"A4 CPU of hub and database / of client": spread(cost)} if cost else {})


def main() -> None:
    given = _arguments()
    rounds: list[dict[str, Measured]] = []
    with machine() as running:
        stub = Stub(running)
        _prepare(running, stub, given.seed)
        variants = _variants(Bench(running, stub, given.purchases, given.slice))
        chosen = given.only or [name for name in variants if name != "hub, worker killed"]
        for number in range(given.rounds):
            rounds.append({"bound": Measured(100 / LATENCY)})
            for name in chosen:
                rounds[-1][name] = measured = variants[name]()
                say(f"{number + 1}/{given.rounds}  {name:<22}{measured.rate:>9.0f}/s{measured.cpu:>8.3f} CPU s/1000")
                time.sleep(given.rest)
    found = measured_ratios(rounds)
    tell(found, rounds, given.json)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure the poller beside a bare client and a naive one.")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--purchases", type=int, default=20_000, help="asked about in one run, 30 000 at most")
    parser.add_argument("--slice", type=int, default=400, help="questions of the naive baseline")
    parser.add_argument("--seed", type=int, default=100_000, help="subscriptions that are there already")
    parser.add_argument("--only", nargs="*", help="names of what to measure; all but the killed worker by default")
    parser.add_argument("--rest", type=float, default=0.5, help="seconds between two runs")
    parser.add_argument("--json", type=Path, help="where to write everything")
    return parser.parse_args()


if __name__ == "__main__":
    main()
