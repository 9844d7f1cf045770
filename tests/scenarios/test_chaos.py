"""Everything goes wrong between a hub and two publishers, and with the hub's processes; what they agree on does not.

Calls are lost, come twice, late and out of order in both directions; worker and scheduler are killed, and a second
scheduler ticks beside the first. Then the weather clears, and both sides must hold the same.
"""

import json
import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPException
from itertools import repeat
from pathlib import Path
from typing import Any

import pytest

from partnerhub.drills.waiting import eventually
from partnerhub.drills.wire import call
from tests.scenarios.client import Line, Program, Purchase
from tests.scenarios.hub import Hub, free_port
from tests.scenarios.independent.book import Account, Mind
from tests.scenarios.independent.publisher import POLL, PUSH, Publisher, open_for_business
from tests.scenarios.independent.weather import Weather, between

pytestmark = pytest.mark.exhaustive
EACH = 24
BOUGHT = 6
STORM_SECONDS = 15.0
CLEARED = 90.0
CHANGES_EACH = 2
WORDS = {
    "PendingFulfillmentStart": "pending_fulfillment_start",
    "Subscribed": "subscribed",
    "Suspended": "suspended",
    "Unsubscribed": "unsubscribed",
}
MINDS = {Mind.AGREES: 6, Mind.DECLINES: 1, Mind.REFUSES: 2, Mind.KEEPS_SILENT: 1}

FREE = """SELECT id FROM subscriptions_subscription AS s WHERE id = ANY(%s::uuid[]) AND status = 'subscribed'
             AND NOT EXISTS (SELECT FROM subscriptions_operation
                              WHERE subscription_id = s.id AND completed_at IS NULL)"""
DECIDED = """SELECT subscription_id, status, accepted_by, (payload #>> '{after,quantity}')::int
               FROM subscriptions_operation WHERE subscription_id = ANY(%s::uuid[]) ORDER BY created_at"""
COUNTS = """SELECT id, quantity, (SELECT sum(quantity) FROM subscriptions_seattranche WHERE subscription_id = s.id),
                   (SELECT count(*) FROM subscriptions_billingstart WHERE subscription_id = s.id),
                   (SELECT count(*) FROM billing_charge WHERE subscription_id = s.id AND charge_type = 'new'),
                   (SELECT count(DISTINCT cause_id) FROM billing_charge WHERE subscription_id = s.id)
              FROM subscriptions_subscription AS s WHERE id = ANY(%s::uuid[])"""
DIVERGED = "SELECT subscription_id, kind FROM subscriptions_divergence WHERE subscription_id = ANY(%s::uuid[])"
UNHEARD = "SELECT 1 FROM outbox_delivery WHERE delivered_at IS NULL AND stream_id = ANY(%s::uuid[])"


@dataclass
class Storm:
    """What was bought in it and asked for, by subscription."""

    hub: Hub
    program: Program
    publishers: list[Publisher] = field(default_factory=list)
    purchases: dict[str, Purchase] = field(default_factory=dict)
    asked: dict[str, list[int]] = field(default_factory=dict)

    @property
    def ids(self) -> list[str]:
        return list(self.purchases)

    @property
    def accounts(self) -> Mapping[str, Account]:
        return {id: account for publisher in self.publishers for id, account in publisher.accounts.items()}

    @property
    def free(self) -> list[str]:
        """What is active and has nothing under way."""
        return [str(id) for (id,) in self.hub.rows(FREE, self.ids)]

    def ask(self, draw: random.Random) -> None:
        """Ask for another change of everything that is free for one, and has not had its share."""
        for id in self.free:
            asked, account = self.asked.setdefault(id, []), self.accounts[id]
            if len(asked) < CHANGES_EACH:
                (account.mind,) = draw.choices(list(MINDS), list(MINDS.values()))
                wanted = draw.choice([number for number in range(2, 40) if number != account.quantity])
                if (
                    self.program.call("PATCH", self.program.path(self.purchases[id]), {"quantity": wanted}).status
                    == 200
                ):
                    asked.append(wanted)

    def differences(self) -> dict[str, tuple[Any, Any]]:
        """What the hub holds, and what the publisher has in its book, where that is not the same."""
        statement = "SELECT id, status, quantity FROM subscriptions_subscription WHERE id = ANY(%s::uuid[])"
        here = {str(id): (status, quantity) for id, status, quantity in self.hub.rows(statement, self.ids)}
        there = {id: (WORDS[account.status], account.quantity) for id, account in self.accounts.items()}
        return {id: (here[id], there.get(id)) for id in here if here[id] != there.get(id)}


@pytest.fixture(scope="module")
def seed() -> int:
    chosen = int(os.environ.get("CHAOS_SEED") or random.SystemRandom().randrange(10**6))
    print(f"\nCHAOS_SEED={chosen}")
    return chosen


@pytest.fixture(scope="module")
def after(neighbour: Hub, seller: Program, folder: Path, seed: int) -> Iterator[Storm]:
    """The storm is over, and everything that was under way has come to its end."""
    weather, storm, draw = Weather(seed), Storm(neighbour, seller), random.Random(seed)
    with ExitStack() as ending:
        for adapter in (PUSH, POLL):
            storm.publishers.append(opened(ending, storm, weather, adapter, folder))
        buy_and_open(storm)
        with neighbour.one_more_scheduler(), sabotage(neighbour, draw):
            ends = time.monotonic() + STORM_SECONDS
            while time.monotonic() < ends:
                storm.ask(draw)
                time.sleep(0.5)
        weather.fair = True
        print(f"{dict(weather.seen)}, {sum(map(len, storm.asked.values()))} changes")
        eventually(
            lambda: len(storm.free) == len(storm.ids), within=CLEARED, what=f"Seed {seed}: the end of all changes"
        )
        eventually(lambda: not neighbour.rows(UNHEARD, storm.ids), within=CLEARED, what=f"Seed {seed}: an empty outbox")
        yield storm


def opened(ending: ExitStack, storm: Storm, weather: Weather, adapter: str, folder: Path) -> Publisher:
    """A publisher and a hub that reach each other through the weather only."""
    own, inward, outward = free_port(), free_port(), free_port()
    publisher = ending.enter_context(open_for_business(own, adapter, f"http://127.0.0.1:{inward}"))
    ending.enter_context(between(weather, {inward: f"http://127.0.0.1:{own}", outward: storm.hub.base_url}))
    file = folder / f"{adapter}.json"
    file.write_text(json.dumps(publisher.document(f"planner-{adapter}")), encoding="utf-8")
    done = storm.hub.manage("register_publisher", file)
    assert done.returncode == 0, done.stderr
    registration = json.loads(done.stdout)
    storm.hub.secrets.add(registration["client_secret"])
    storm.program.catalogue += registration["catalog_items"]
    publisher.sign_up(f"http://127.0.0.1:{outward}", registration)
    return publisher


def buy_and_open(storm: Storm) -> None:
    """Every link is opened until the publisher knows who came."""
    for publisher in storm.publishers:
        bought = storm.program.buy(*repeat(Line(f"planner-{publisher.adapter}", BOUGHT, "standard"), EACH))
        storm.purchases |= {purchase.subscription_id: purchase for purchase in bought}
        links = storm.program.order_links(bought[0])
        with ThreadPoolExecutor(8) as customers:
            list(customers.map(visit, [links[purchase.line_number] for purchase in bought]))


def visit(link: str) -> None:
    def came_in() -> bool:
        with suppress(OSError, HTTPException):
            return call("GET", link).status == 200
        return False

    eventually(came_in, within=60, what="The landing page")


@contextmanager
def sabotage(hub: Hub, draw: random.Random) -> Iterator[None]:
    """Kill the worker twice and the scheduler once, at random moments of the storm."""
    victims = ["worker", "scheduler", "worker"]
    pauses = [draw.uniform(2, STORM_SECONDS / len(victims)) for _ in victims]
    over = threading.Event()

    def work() -> None:
        for pause, name in zip(pauses, victims, strict=True):
            if over.wait(pause):
                return
            if member := hub.process(name):
                os.kill(member.pid, signal.SIGKILL)
                hub.let_leases_run_out()

    saboteur = threading.Thread(target=work)
    saboteur.start()
    try:
        yield
    finally:
        over.set()
        saboteur.join()


def test_both_sides_hold_the_same(after: Storm, seed: int) -> None:
    eventually(lambda: not after.differences(), within=CLEARED, what=f"Seed {seed}: agreement; {after.differences()}")

    assert sum(map(len, after.asked.values())) > EACH
    assert [publisher.turned_away for publisher in after.publishers] == [[], []]


def test_each_change_took_effect_once(after: Storm) -> None:
    here: dict[str, list[int]] = {id: [] for id in after.ids}
    outcomes: dict[str, list[int]] = {id: [] for id in after.ids}
    for id, status, _, quantity in after.hub.rows(DECIDED, after.ids):
        outcomes[str(id)].append(quantity)
        if status == "succeeded":
            here[str(id)].append(quantity)
    there = {id: [account.deeds[one].quantity for one in account.done] for id, account in after.accounts.items()}

    assert here == there
    assert {id: asked for id, asked in outcomes.items() if asked} == {
        id: asked for id, asked in after.asked.items() if asked
    }


def test_each_was_billed_from_one_start_and_once_a_change(after: Storm) -> None:
    effective = Counter(str(id) for id, status, *_ in after.hub.rows(DECIDED, after.ids) if status == "succeeded")
    for id, quantity, tranches, starts, firsts, causes in after.hub.rows(COUNTS, after.ids):
        assert (quantity, starts, firsts, causes) == (tranches, 1, 1, 1 + effective[str(id)]), id


def test_only_what_silence_decided_is_listed_and_once(after: Storm) -> None:
    decided = after.hub.rows(DECIDED, after.ids)
    by_silence = {str(id) for id, _, accepted_by, _ in decided if accepted_by == "silence"}
    listed = [(str(id), kind) for id, kind in after.hub.rows(DIVERGED, after.ids)]

    assert sorted(listed) == sorted((id, "accepted_by_silence") for id in by_silence)


def test_the_ledger_holds(after: Storm) -> None:
    verified = after.hub.manage("verify_ledger")

    assert (verified.returncode, verified.stderr) == (0, "")
