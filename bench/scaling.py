"""Where the hub's first wall stands, from what was measured here: `python -m bench.scaling --help`.

Two models. The first is a closed queueing network of one machine: fitted to the fewest and the most workers, it
predicts those between. The second reckons a hub of any size: what each thing asks for a second, what the hub lets
itself do (its own limits, read from its code) and what one core does (measured), so at how many subscriptions each is
used up.
"""

import argparse
import json
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bench.figures import say
from bench.queueing import Box, fitted, largest_share, waits

MARKS = ("<!-- model -->\n", "<!-- /model -->")
SIZES = (1_000_000, 10_000_000, 100_000_000)
DAY, YEAR = 86_400.0, 86_400.0 * 365
# No more of a limit is used than that: above, queues grow faster than they are worked off.
USABLE = 0.8


@dataclass(frozen=True, slots=True)
class World:
    """What is assumed of a hub with so many subscriptions. Rates are of one subscription in a year; seconds."""

    subscriptions: int
    publishers: int = 10_000
    latency: float = 0.2
    customer_holds: int = 20
    polled: float = 0.8
    purchases: float = 0.3
    questions_a_purchase: float = 450.0  # two days until it is confirmed: docs/polling.md, "When a question is asked"
    changes: float = 1.0
    charges: float = 6.5  # half are paid by the month, half by the year
    events: float = 12.0
    # A busy hour or day beside the mean of a year; in how many seconds a month must be billed.
    peak: float = 3.0
    billing_window: float = 12 * 3600.0
    opened_a_day: float = 0.005  # pages of the hub, by people
    radar_every: float = DAY
    scraped_every: float = 30.0

    def a_second(self, yearly: float) -> float:
        return self.subscriptions * yearly / YEAR * self.peak


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU milliseconds of one thing: in the hub's process and in PostgreSQL; where the figures are from."""

    hub: float
    database: float
    source: str


# What is taken where a measurement has left no file: of the quiet machine of docs/performance.md, or assumed.
COSTS = {
    "confirmation": Cost(0.94, 0.53, "docs/performance.md"),
    "question without news": Cost(0.6, 0.08, "assumed"),
    "radar's question": Cost(5.0, 1.5, "assumed"),
    "delivery of an event": Cost(5.0, 2.0, "assumed"),
    "change of a subscription": Cost(25.0, 6.0, "assumed"),
    "charge": Cost(0.6, 0.4, "docs/performance.md"),
    "line of an invoice": Cost(0.01, 0.06, "docs/performance.md"),
    "page": Cost(123.0, 10.0, "docs/performance.md"),
}
# Kilobytes on disk of one subscription, with its indexes: at first (as seeded), and a year more (assumed).
KILOBYTES, KILOBYTES_A_YEAR = 3.5, 14.0
# Milliseconds of CPU that a scrape takes for a thousand subscriptions (PostgreSQL) and for a publisher (web), and a
# claim for a publisher, under a lock that all workers take in turns.
SCRAPE_A_THOUSAND, SCRAPE_A_PUBLISHER, CLAIM_A_PUBLISHER = 2.4, 0.18, 0.0035
SCRAPE_WITHIN = 10.0  # seconds: what Prometheus waits
# How many rows a claim brings when workers are busy.
CLAIMED = 100
# Where a measurement says what hub and PostgreSQL take together: the bench, and what it calls that.
MEASURED = {
    "confirmation": ("polling", r"hub x 1: CPU of 1000"),
    "question without news": ("polling", r"ordinary: CPU of 1000"),
    "change of a subscription": ("quantity", r"quantity hub"),
    "line of an invoice": ("billing", r"hub: CPU of 1000( lines)?"),
}
# What these figures are in milliseconds.
IN_MILLISECONDS = {"s", "CPU s/1000", "CPU ms/tx", "ms"}


@dataclass(frozen=True, slots=True)
class Wall:
    """One thing that is used up: what is asked of it and what it gives a second, and what moves it."""

    what: str
    asked: float
    gives: float
    moved_by: str

    def stands_at(self, subscriptions: int) -> float:
        """The number of subscriptions at which USABLE of it is used: what is asked grows with them."""
        return subscriptions * USABLE * self.gives / self.asked


def walls(world: World) -> list[Wall]:
    """What the hub lets itself do, by its own limits; the nearest wall first."""
    from billing.invoicing import CUSTOMERS_AT_ONCE  # noqa: PLC0415 - once the settings are known
    from billing.services.charging import charge_cycles  # noqa: PLC0415
    from billing.tasks import CHUNKS_A_TICK, INVOICES_A_TICK  # noqa: PLC0415
    from partnerhub.outbox.delivery import deliver_due  # noqa: PLC0415
    from publishers.models import Publisher  # noqa: PLC0415
    from subscriptions.drift import PLACES, PLACES_OF_ONE, SECONDS  # noqa: PLC0415
    from subscriptions.services.renewal import renew_due  # noqa: PLC0415
    from subscriptions.services.renewal_notices import send_due_notices  # noqa: PLC0415

    watching = SECONDS / _every("drift")
    watched = world.subscriptions * world.polled / world.radar_every
    share = largest_share(world.publishers)
    customers = world.subscriptions / world.customer_holds / world.billing_window
    places = Publisher._meta.get_field("max_concurrency").default
    questions = world.a_second(world.purchases * world.questions_a_purchase)
    asked = [
        Wall("the radar", watched, PLACES / world.latency * watching, "`drift_check_every` longer; more places"),
        Wall("the radar at the largest publisher", watched * share, PLACES_OF_ONE / world.latency * watching,
             "its own `drift_check_every`; more places of one"),
        Wall("questions to the largest publisher", questions * share, places / world.latency,
             "its `max_concurrency`; webhooks instead of polls"),
        Wall("drafting the month's invoices", customers, CHUNKS_A_TICK * CUSTOMERS_AT_ONCE / _every("bill"),
             "more chunks a tick: several workers draft side by side"),
        Wall("finalizing the month's invoices", customers, INVOICES_A_TICK / _every("bill"), "more invoices a tick"),
        Wall("charging cycles", world.a_second(world.charges), _most(charge_cycles) / _every("cycles"),
             "more cycles a tick; several workers charge side by side"),
        Wall("renewing", world.a_second(1), _most(renew_due) / _every("renew"), "more renewals a tick"),
        Wall("telling of renewals", world.a_second(2), _most(send_due_notices) / _every("renewals"),
             "more notices a tick"),
        Wall("delivering events", world.a_second(world.events), _most(deliver_due) / _every("deliver"),
             "more deliveries a tick, in more workers"),
        Wall("one scrape of `/metrics`", _scraped(world), SCRAPE_WITHIN - SCRAPE_A_PUBLISHER * world.publishers / 1000,
             "counts kept beside the rows; scraped seldom, from a replica"),
        Wall("claims, one after another", questions, CLAIMED * 1000 / (CLAIM_A_PUBLISHER * world.publishers),
             "reading only publishers of which something is due; claims by part"),
    ]  # fmt: skip
    return sorted(asked, key=lambda one: one.stands_at(world.subscriptions))


def work(world: World) -> dict[str, float]:
    """How many of each a second, at the peak."""
    return {
        "confirmation": world.a_second(world.purchases),
        "question without news": world.a_second(world.purchases * world.questions_a_purchase),
        "radar's question": world.subscriptions * world.polled / world.radar_every,
        "delivery of an event": world.a_second(world.events),
        "change of a subscription": world.a_second(world.changes),
        "charge": world.a_second(world.charges),
        "line of an invoice": world.subscriptions * world.charges / 12 / world.billing_window,
        "page": world.subscriptions * world.opened_a_day / DAY * world.peak,
    }


def cores(world: World, costs: dict[str, Cost]) -> dict[str, float]:
    """Cores that web, workers and PostgreSQL need at the peak, each full."""
    asked = work(world)
    return {
        "web": asked["page"] * costs["page"].hub / 1000,
        "workers": sum(rate * costs[name].hub / 1000 for name, rate in asked.items() if name != "page"),
        "PostgreSQL": sum(rate * costs[name].database / 1000 for name, rate in asked.items())
        + _scraped(world) / world.scraped_every,
    }


def _scraped(world: World) -> float:
    """Seconds of PostgreSQL for one scrape's counts of subscriptions."""
    return world.subscriptions / 1000 * SCRAPE_A_THOUSAND / 1000


def costs_of(told: dict[str, dict[str, Any]]) -> dict[str, Cost]:
    """COSTS, and what measurements have said instead: `told` is what each bench has left behind, by name. They say what
    hub and PostgreSQL take together: it is shared between them as before.
    """
    found = dict(COSTS)
    for name, (bench, pattern) in MEASURED.items():
        for one in told.get(bench, {}).get("absolute", []):
            if re.fullmatch(pattern, one["what"]) and one["unit"] in IN_MILLISECONDS:
                usual = COSTS[name]
                part = one["median"] / (usual.hub + usual.database)
                found[name] = Cost(usual.hub * part, usual.database * part, f"{bench}.json, together")
    return found


def throughputs(told: dict[str, dict[str, Any]]) -> dict[str, dict[int, float]]:
    """By what was measured: questions a second by the number of workers."""
    found: dict[str, dict[int, float]] = {}
    for one in told.get("polling", {}).get("absolute", []):
        if one.get("of") == "workers" and one["unit"] == "1/s":
            found.setdefault(one["what"], {})[int(one["at"])] = one["median"]
    return {what: rates for what, rates in found.items() if len(rates) > 1}


def report(world: World, told: dict[str, dict[str, Any]], *, places: int, think: float) -> Iterator[str]:
    """The tables, line by line, in Markdown."""
    for what, rates in throughputs(told).items():
        box = fitted(rates, places=places, think=think)
        yield from _reproduced(what, box, rates)
    costs = costs_of(told)
    yield from _priced(costs)
    yield from _walls(world)
    yield from _sized(world, costs)


def _reproduced(what: str, box: Box, rates: dict[int, float]) -> Iterator[str]:
    own, shared = box.own * 1000, box.shared * 1000
    yield f"{what}: each takes {own:.2f} ms of one worker's process, and {shared:.2f} ms of the whole machine.\n"
    yield "| workers | measured, /s | model, /s | error |\n|---|---|---|---|"
    for workers, rate in sorted(rates.items()):
        reckoned = box.rate(workers)
        is_given = workers in (min(rates), max(rates))
        error = "fitted" if is_given else f"{reckoned / rate - 1:+.0%}"
        yield f"| {workers} | {rate:.0f} | {reckoned:.0f} | {error} |"
    yield ""


def _priced(costs: dict[str, Cost]) -> Iterator[str]:
    yield "| CPU, ms | hub | PostgreSQL | from |\n|---|---|---|---|"
    yield from (f"| {name} | {one.hub:.3g} | {one.database:.3g} | {one.source} |" for name, one in costs.items())
    yield ""


def _walls(world: World) -> Iterator[str]:
    yield f"| of the hub's own limits | asked at {_count(world.subscriptions)}, /s | given, /s | wall at | moved by |"
    yield "|---|---|---|---|---|"
    for one in walls(world):
        place = _count(one.stands_at(world.subscriptions))
        yield f"| {one.what} | {_short(one.asked)} | {_short(one.gives)} | {place} | {one.moved_by} |"
    yield ""


def _sized(world: World, costs: dict[str, Cost]) -> Iterator[str]:
    worlds = [replace(world, subscriptions=size) for size in SIZES]
    yield "| at the peak | " + " | ".join(_count(one.subscriptions) for one in worlds) + " |"
    yield "|---|" + "---|" * len(worlds)
    needed = [cores(one, costs) for one in worlds]
    for name in needed[0]:
        yield f"| cores of {name} | " + " | ".join(_short(one[name]) for one in needed) + " |"
    yield from _row("questions to publishers, /s", [_questions(one) for one in worlds])
    yield from _row("of them under way at once", [_questions(one) * one.latency for one in worlds])
    yield from _row("wait for a place at the largest publisher, s", [_wait(one) for one in worlds])
    yield from _row("disk at first, GB", [one.subscriptions * KILOBYTES / 1e6 for one in worlds])
    yield from _row("disk a year more, GB", [one.subscriptions * KILOBYTES_A_YEAR / 1e6 for one in worlds])


def _questions(world: World) -> float:
    asked = work(world)
    return asked["confirmation"] + asked["question without news"] + asked["radar's question"]


def _wait(world: World) -> float:
    from publishers.models import Publisher  # noqa: PLC0415

    arrivals = world.a_second(world.purchases * world.questions_a_purchase) * largest_share(world.publishers)
    return waits(arrivals, world.latency, Publisher._meta.get_field("max_concurrency").default)


def _row(name: str, seen: Iterable[float]) -> Iterator[str]:
    yield f"| {name} | " + " | ".join(map(_short, seen)) + " |"


def _short(number: float) -> str:
    if number == float("inf"):
        return "without end"
    if number < 0.001:
        return "0"
    return f"{number:,.3g}" if number < 1000 else f"{number:,.0f}"


def _every(tick: str) -> float:
    from django.conf import settings  # noqa: PLC0415

    return float(settings.CELERY["beat_schedule"][tick]["schedule"])


def _most(act: Any) -> int:
    """How many one call takes unless told otherwise."""
    return int(act.__kwdefaults__["limit"])


def _count(number: float) -> str:
    return f"{number / 1e6:,.3g} M" if number < 1e9 else f"{number / 1e9:,.3g} G"


def written(path: Path, lines: Sequence[str]) -> None:
    """Put the tables between the marks of a page. Raises ValueError when it has none."""
    before, _, rest = path.read_text(encoding="utf-8").partition(MARKS[0])
    _, mark, after = rest.partition(MARKS[1])
    if not mark:
        raise ValueError(f"{path} has no place for the tables: {MARKS}")
    path.write_text(before + MARKS[0] + "\n".join(lines) + "\n" + MARKS[1] + after, encoding="utf-8")


def main() -> None:
    given = _arguments()
    os.environ.setdefault("HUB_ENV", "demo")
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "partnerhub.settings")
    import django  # noqa: PLC0415 - once the environment says which settings

    django.setup()
    told = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(given.results.glob("*.json"))}
    world = World(given.subscriptions, publishers=given.publishers, latency=given.latency)
    lines = list(report(world, told, places=given.places, think=given.think))
    say("\n".join(lines))
    if given.write:
        written(given.write, lines)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Reckon where a large hub's walls stand.")
    parser.add_argument("--results", type=Path, default=Path(), help="a folder with what benches have left behind")
    parser.add_argument("--subscriptions", type=int, default=SIZES[-1])
    parser.add_argument("--publishers", type=int, default=10_000)
    parser.add_argument("--latency", type=float, default=0.2, help="seconds that a publisher takes for an answer")
    parser.add_argument("--places", type=int, default=500, help="questions under way in what was measured")
    parser.add_argument("--think", type=float, default=0.05, help="seconds that the publisher took in it")
    parser.add_argument("--write", type=Path, help="a page with marks for the tables: docs/scaling.md")
    return parser.parse_args()


if __name__ == "__main__":
    main()
