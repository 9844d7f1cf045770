"""How fast the hub polls, beside what is possible and beside what is usual: `python -m bench.polling --help`.

Every figure is a ratio of two rates of the same round; rounds are interleaved, so that a noisy machine hits all alike.
Every question confirms a purchase in full: gates with evidence, billing start, term, events with their chain of hashes;
only those called ordinary bring what is known already, as most do in daily work.
"""

import argparse
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from bench.figures import Absolute, Ratio, conditions, say, together, written
from bench.machine import Machine, Stub, machine, wait_for

PUBLISHERS = 20
LATENCY = 0.05
MOST = 0.98
# What is answered with an error is put back for seconds; the last of the others are left out too.
MOST_BESIDE_ERRORS = 0.94
KILLED = "worker killed"

_LET_DUE = """
UPDATE subscriptions_pollschedule SET next_poll_at = now()
 WHERE subscription_id IN (SELECT subscription.id FROM subscriptions_subscription AS subscription
                             JOIN subscriptions_orderline AS line ON line.id = order_line_id WHERE order_id = %s)
"""
# In the transaction after that which takes the answers in: cheaper than to look at what was asked.
_ASKED = "SELECT coalesce(sum(calls), 0) FROM publishers_calltally WHERE kind = 'ask'"
_LAST_ASKED = "SELECT max(last_polled_at) FROM subscriptions_pollschedule WHERE next_poll_at IS NOT NULL"
_LEASED = "SELECT min(lease_until) FROM subscriptions_pollschedule WHERE lease IS NOT NULL"
_LET_REST = "UPDATE subscriptions_pollschedule SET next_poll_at = NULL WHERE next_poll_at IS NOT NULL"


@dataclass
class Measured:
    """One run: how many a second in all, and until most were done; CPU seconds of a thousand (0: not measured)."""

    rate: float
    cpu: float = 0.0
    most: float = 0.0


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

    def hub(self, workers: int, *, places: int = 500, slow: int = 0, errors: int = 0, kill: bool = False) -> Measured:
        """The hub's own task in so many real workers, `places` questions at once, until all is confirmed.

        With `kill` a worker is killed when a third is done, and the others go on. Raises AssertionError unless every
        purchase has exactly one billing start and one activation.
        """
        with self._polling(workers, places) as running:
            self.stub.behave(seconds=LATENCY, slow=slow, errors=errors)
            return self._confirm(self.purchases, running, kill=kill, most=MOST_BESIDE_ERRORS if errors else MOST)

    def ordinary(self) -> Measured:
        """One worker that asks about what is pending and stays so, as it was said before."""
        with self._polling(1, 500) as running:
            self.stub.behave(seconds=LATENCY, status="PendingFulfillmentStart")
            order = self._add(self.purchases, bought_before=timedelta(days=2))
            self._ask_all(order)
            pids = [self.machine.database.pid, *(process.pid for process in running)]
            before = self.machine.cpu(*pids)
            seconds = self._ask_all(order)
            cpu = (self.machine.cpu(*pids) - before) / self.purchases * 1000
            _execute(_LET_REST)
        return Measured(self.purchases / seconds, cpu)

    @contextmanager
    def _polling(self, workers: int, places: int) -> Iterator[list[subprocess.Popen[bytes]]]:
        names = [f"polling{number}" for number in range(workers)]
        with self.machine.workers(*names, HUB_POLL_PLACES=str(places // workers)) as running, _ticks():
            self.stub.behave(seconds=LATENCY)
            self._confirm(200 * workers, [])
            yield running

    def _confirm(
        self, count: int, workers: list[subprocess.Popen[bytes]], *, kill: bool = False, most: float = MOST
    ) -> Measured:
        order = self._add(count)
        pids = [self.machine.database.pid, *(process.pid for process in workers)]
        before = self.machine.cpu(*pids)
        begun = self._let_due(order)
        if kill:
            wait_for(lambda: self._waiting() < count * 2 / 3)
            os.killpg(workers[0].pid, signal.SIGKILL)
        wait_for(lambda: self._waiting() == 0, every=0.25)
        cpu = (self.machine.cpu(*pids) - before) / count * 1000
        self._check(order, count)
        until = {part: (self._confirmed_at(order, part) - begun).total_seconds() for part in (most, 1.0)}
        return Measured(count / until[1.0], cpu, count * most / until[most])

    def _add(self, count: int, bought_before: timedelta = timedelta()) -> UUID:
        from bench.purchases import add_purchases  # noqa: PLC0415 - once Django is loaded
        from partnerhub.clock import now  # noqa: PLC0415

        order = uuid4()
        add_purchases(count, order_id=order, at=now() - bought_before)
        return order

    def limit(self) -> Measured:
        """No poller: the rows of so many confirmations, written by hand."""
        from bench.confirmations import write  # noqa: PLC0415 - once Django is loaded

        order = self._add(self.purchases)
        pids = [self.machine.database.pid, os.getpid()]
        before, begun = self.machine.cpu(*pids), time.monotonic()
        write(order)
        seconds = time.monotonic() - begun
        self._check(order, self.purchases)
        return Measured(self.purchases / seconds, (self.machine.cpu(*pids) - before) / self.purchases * 1000)

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

    def _let_due(self, order: UUID) -> datetime:
        """When the first of them was claimed: whoever idles looks again within a second, and that is not measured."""
        from subscriptions.polling import LEASE  # noqa: PLC0415 - once Django is loaded

        _execute(_LET_DUE, str(order))
        wait_for(lambda: _row(_LEASED)[0] is not None, every=0.005)
        first: datetime = _row(_LEASED)[0]
        return first - LEASE

    def _ask_all(self, order: UUID) -> float:
        """The seconds until all were asked once more."""
        asked = _count(_ASKED) + self.purchases
        begun = self._let_due(order)
        wait_for(lambda: _count(_ASKED) >= asked, every=0.25)
        return float((_row(_LAST_ASKED)[0] - begun).total_seconds())

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


def _variants(bench: Bench, workers: Sequence[int]) -> dict[str, Callable[[], Measured]]:
    """What is measured, by name, in the order of a round."""
    several = {
        f"{name} x {number}": partial(way, number)
        for number in workers
        for name, way in (("client", bench.client), ("hub", bench.hub))
    }
    return several | {
        "ordinary": bench.ordinary,
        "limit": bench.limit,
        "100 at once": partial(bench.hub, 1, places=100),
        "2 % hang": partial(bench.hub, 1, slow=20),
        "5 % errors": partial(bench.hub, 1, errors=50),
        "naive": bench.naive,
        KILLED: partial(bench.hub, 2, errors=50, kill=True),
    }


# Goal, what, one way over another, by what of a run; floor and stretch.
_HIGHER = (
    ("A1", "ordinary questions ÷ client", "ordinary", "client x 1", "rate", None, None),
    ("A3", "hub ÷ naive", "hub x 1", "naive", "rate", 35, 60),
    ("A5", "the others while 2 % hang ÷ healthy", "2 % hang", "hub x 1", "most", 0.80, 0.95),
    ("", "hub ÷ its rows written by hand", "hub x 1", "limit", "rate", None, None),
    ("", "what is not put back with 5 % errors ÷ without", "5 % errors", "hub x 1", "most", None, None),
)
_LOWER = (
    ("A4", "CPU of hub and database ÷ of client", "hub x 1", "client x 1", "cpu", 2.0, 1.5),
    ("A4", "ordinary questions, likewise", "ordinary", "client x 1", "cpu", None, None),
    ("", "CPU of hub and database ÷ of its rows by hand", "hub x 1", "limit", "cpu", None, None),
)


def measured_ratios(rounds: list[dict[str, Measured]], workers: Sequence[int]) -> list[Ratio]:
    """Each ratio, of every round that has both of what it is taken of."""
    ratios = []
    for number in workers:
        seen = together(rounds, f"hub x {number}", f"client x {number}")
        ratios.append(Ratio("A1", f"hub ÷ client, {number} and {number} at once", seen, 0.60, 0.80))
    of_bound = [one["100 at once"].rate / (100 / LATENCY) for one in rounds if "100 at once" in one]
    ratios.append(Ratio("A2", "100 at once ÷ what the latency allows", of_bound, 0.85, 0.93))
    for goals, better in ((_HIGHER, "higher"), (_LOWER, "lower")):
        for goal, what, over, under, of, floor, stretch in goals:
            ratios.append(Ratio(goal, what, together(rounds, over, under, of), floor, stretch, better))  # type: ignore[arg-type]
    # Every run is checked, and ends all where one is lost or doubled.
    exact = [0.0 for one in rounds for name in (KILLED, "5 % errors") if name in one]
    ratios.append(Ratio("A6", "billing starts lost or doubled", exact, 0, 0, "lower"))
    return [one for one in ratios if one.rounds]


def measured_rates(rounds: list[dict[str, Measured]], names: Iterable[str]) -> Iterator[Absolute]:
    """What each way did a second, and cost: true of this machine alone."""
    for name in names:
        seen = [one[name] for one in rounds if name in one]
        what, _, number = name.partition(" x ")
        if seen:
            at = float(number) if number else None
            yield Absolute(f"{what}: questions", "1/s", [one.rate for one in seen], at, "workers" if number else "")
        if seen and seen[0].cpu:
            yield Absolute(f"{name}: CPU of 1000", "s", [one.cpu for one in seen])


def main() -> None:
    given = _arguments()
    rounds: list[dict[str, Measured]] = []
    with machine() as running:
        stub = Stub(running)
        _prepare(running, stub, given.seed)
        variants = _variants(Bench(running, stub, given.purchases, given.slice), given.workers)
        chosen = given.only or list(variants)
        for number in range(1, given.rounds + 1):
            rounds.append({})
            # Its leases run out after two minutes, and what is judged is no rate: once is enough.
            for name in chosen if number == given.rounds else [one for one in chosen if one != KILLED]:
                rounds[-1][name] = measured = variants[name]()
                say(f"{number}/{given.rounds}  {name:<22}{measured.rate:>9.0f}/s{measured.cpu:>8.3f} CPU s/1000")
                time.sleep(given.rest)
    size = {"purchases": given.purchases, "slice": given.slice, "subscriptions": given.seed, "rounds": given.rounds}
    ratios = measured_ratios(rounds, given.workers)
    absolute = list(measured_rates(rounds, variants))
    written(given.json, "polling", conditions=conditions(**size), ratios=ratios, absolute=absolute)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure the poller beside a bare client and a naive one.")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--purchases", type=int, default=3_000, help="asked about in one run, 30 000 at most")
    parser.add_argument("--slice", type=int, default=100, help="questions of the naive baseline")
    parser.add_argument("--seed", type=int, default=20_000, help="subscriptions that are there already")
    parser.add_argument("--workers", type=int, nargs="+", default=[1], help="how many workers (and clients) at once")
    parser.add_argument("--only", nargs="*", help="names of what to measure; all by default")
    parser.add_argument("--rest", type=float, default=0.5, help="seconds between two runs")
    parser.add_argument("--json", type=Path, help="where to write everything")
    return parser.parse_args()


if __name__ == "__main__":
    main()
