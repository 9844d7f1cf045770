"""What dies and comes back: a worker in the middle of a question, and the whole hub."""

import os
import signal
from typing import Any

import pytest

from partnerhub.drills.family import Member
from partnerhub.drills.waiting import eventually
from tests.scenarios.client import Line, Program, Purchase
from tests.scenarios.harbour import Harbour
from tests.scenarios.hub import Hub

MOORINGS = Line("moorings", 2)
# Longer than a killed worker's lease.
LATER = "PT3M"


@pytest.fixture(scope="module")
def killed(neighbour: Hub) -> Member:
    """The worker that will be killed."""
    return eventually(lambda: neighbour.process("worker"), within=20)


@pytest.fixture(scope="module")
def cut_off(killed: Member, seller: Program, harbour: Harbour) -> tuple[Purchase, Purchase]:
    """Two purchases. The worker was killed while it waited for an answer about the first; the second was at rest."""
    asked, at_rest = seller.buy(MOORINGS, MOORINGS)
    harbour.held.add(asked.subscription_id)
    harbour.busy.add(at_rest.subscription_id)
    for purchase in (asked, at_rest):
        harbour.finish(harbour.welcome(seller.link(purchase)))
    eventually(lambda: asked.subscription_id in harbour.under_way, within=20, what="A question that is under way")
    eventually(lambda: is_at_rest(seller.hub, at_rest), within=20, what="A question that was put off")
    os.kill(killed.pid, signal.SIGKILL)
    harbour.busy.clear()
    return asked, at_rest


def is_at_rest(hub: Hub, purchase: Purchase) -> bool:
    """Whether nobody will ask about it for a few seconds."""
    statement = """SELECT FROM subscriptions_pollschedule
                    WHERE subscription_id = %s AND lease IS NULL AND next_poll_at > now() + interval '4 seconds'"""
    return len(hub.rows(statement, purchase.subscription_id)) == 1


def test_the_worker_is_started_again_and_goes_on(
    neighbour: Hub, seller: Program, killed: Member, cut_off: tuple[Purchase, Purchase]
) -> None:
    asked, at_rest = cut_off
    seller.wait_for_billing(at_rest, within=60)

    successor = neighbour.process("worker")
    assert successor is not None
    assert successor.pid != killed.pid
    assert "worker has ended: starting it again in 1 s" in neighbour.said
    # Its lease is not over: perhaps somebody still waits for that answer.
    assert seller.gates(asked).billing_started_at is None
    assert seller.charges(asked) == []


def test_a_restart_keeps_what_was_there_and_finishes_what_was_cut_off(
    neighbour: Hub, seller: Program, harbour: Harbour, cut_off: tuple[Purchase, Purchase]
) -> None:
    asked, _ = cut_off
    before = everything(neighbour, seller, but=asked)
    neighbour.stop()
    harbour.held.clear()
    harbour.release.set()

    neighbour.start(HUB_CLOCK_OFFSET=LATER)

    assert everything(neighbour, seller, but=asked) == before
    seller.wait_for_billing(asked)
    assert len(harbour.asked_about(asked.subscription_id)) >= 2


def everything(hub: Hub, program: Program, *, but: Purchase) -> dict[str, Any]:
    """What a hub has to remember, without one subscription that goes on changing."""
    ledger = "SELECT id, hash FROM billing_charge WHERE subscription_id <> %s ORDER BY id"
    subscriptions = program.items(f"/customers/{program.customer_id}/subscriptions")
    return {
        "demo.json": hub.demo,
        "customers": program.items("/customers"),
        "publishers": [(row["id"], row["name"]) for row in program.items("/publishers")],
        "subscriptions": [row for row in subscriptions if row["id"] != but.subscription_id],
        "ledger": hub.rows(ledger, but.subscription_id),
    }
