"""One order with every vendor that does harm, side by side: each is told as it is, and none is billed before its time.

Logs and ledger of this hub are judged at the end of the session.
"""

import json
import sqlite3
from contextlib import closing
from dataclasses import dataclass

import pytest

from partnerhub.drills.waiting import eventually
from tests.scenarios.client import CONFIRMATIONS, Line, Program, Purchase, Visitor
from tests.scenarios.hub import Hub

BOUGHT = 7
STUCK = {
    "gauge--drips": "publisher_silent",
    "clock--too-late": "publisher_silent",
    "relay--redirects": "publisher_unreadable",
    "babel--wrong-words": "publisher_unreadable",
    "mask--forges": "awaiting_confirmation",
}
# To what its quantity is changed: fewer are refused by who refuses.
CHANGED = {
    "replay--reorders": 9,
    "echo--duplicates": 9,
    "shuffle--reorders": 9,
    "argot--wrong-words": 9,
    "detour--redirects": 9,
    "brink--refuses-at-the-last-moment": 3,
    "tardy--too-late": 3,
}
LATER = "surge--throttles"
HONEST = "esign-express--prompt"
DECIDED = 60.0
STARTED = "SELECT subscription_id FROM subscriptions_billingstart WHERE subscription_id = ANY(%s::uuid[])"
CHARGED = """SELECT subscription_id FROM billing_charge
              WHERE charge_type = 'new' AND subscription_id = ANY(%s::uuid[])"""
LEFT_BEHIND = """SELECT subscription_id FROM subscriptions_pollschedule
                  WHERE lease_until < now() - interval '5 s' AND subscription_id = ANY(%s::uuid[])
                  UNION ALL
                 SELECT subscription_id FROM subscriptions_operation
                  WHERE lease_until < now() - interval '5 s' AND subscription_id = ANY(%s::uuid[])"""


@dataclass(frozen=True)
class Change:
    status: str
    accepted_by: str
    why: str


@pytest.fixture(scope="module")
def bought(program: Program) -> dict[str, Purchase]:
    """Everything in one cart, opened, and changed as soon as it is active, so that the waits pass together."""
    offers = [*STUCK, *CHANGED, LATER, HONEST]
    purchases = dict(zip(offers, program.buy(*(Line(offer, BOUGHT) for offer in offers)), strict=True))
    for purchase in purchases.values():
        Visitor(program.hub, program.link(purchase))
    for offer, quantity in CHANGED.items():
        program.wait_for_billing(purchases[offer])
        program.ask("PATCH", program.path(purchases[offer]), {"quantity": quantity}, expect=200)
    return purchases


def change_of(purchase: Purchase, hub: Hub) -> Change:
    """How the only change of a purchase has ended."""
    statement = """SELECT status, accepted_by, last_error FROM subscriptions_operation
                    WHERE subscription_id = %s AND action = 'change_quantity' AND completed_at IS NOT NULL"""
    (row,) = eventually(lambda: hub.rows(statement, purchase.subscription_id), within=DECIDED, what="The decision")
    return Change(*row)


def tranches(purchase: Purchase, hub: Hub) -> int:
    statement = "SELECT sum(quantity) FROM subscriptions_seattranche WHERE subscription_id = %s"
    return int(hub.rows(statement, purchase.subscription_id)[0][0])


def test_an_honest_vendor_is_stopped_by_none_of_them(program: Program, bought: dict[str, Purchase]) -> None:
    program.wait_for_billing(bought[HONEST])


@pytest.mark.parametrize(("offer", "reason"), STUCK.items())
def test_what_cannot_be_believed_is_told_and_not_billed(
    program: Program, bought: dict[str, Purchase], offer: str, reason: str
) -> None:
    gates = program.wait_for_reason(bought[offer], reason, within=DECIDED)

    assert [gates[name]["state"] for name in CONFIRMATIONS] == ["pending", "pending"]
    assert program.charges(bought[offer]) == []


@pytest.mark.parametrize(
    ("offer", "change"),
    [
        ("replay--reorders", Change("succeeded", "publisher", "")),
        ("shuffle--reorders", Change("succeeded", "publisher", "")),
        ("echo--duplicates", Change("succeeded", "publisher", "")),
        ("argot--wrong-words", Change("succeeded", "silence", "")),
        ("tardy--too-late", Change("succeeded", "silence", "")),
    ],
)
def test_a_change_takes_effect_once(
    program: Program, hub: Hub, bought: dict[str, Purchase], offer: str, change: Change
) -> None:
    purchase, quantity = bought[offer], CHANGED[offer]

    assert change_of(purchase, hub) == change
    assert (tranches(purchase, hub), program.facts(purchase).count("subscription.quantity_changed")) == (quantity, 1)
    eventually(lambda: billed_for(hub, purchase) == quantity, within=DECIDED, what="The bill")


def test_a_refusal_at_the_last_moment_is_kept_on_both_sides(hub: Hub, bought: dict[str, Purchase]) -> None:
    purchase = bought["brink--refuses-at-the-last-moment"]
    change = change_of(purchase, hub)
    why = "The publisher refused: Not below the seats in use: 7."

    # On a machine that is out of breath its word comes too late: then it is overruled, there as here.
    assert change in (Change("failed", "", why), Change("succeeded", "silence", ""))
    kept = BOUGHT if change.status == "failed" else CHANGED[purchase.item["offer"]]
    assert tranches(purchase, hub) == kept
    eventually(lambda: billed_for(hub, purchase) == kept, within=DECIDED, what="The bill")
    eventually(lambda: quantity_there(hub, purchase) == kept, within=DECIDED, what="The vendor's own book")


def test_a_webhook_that_sends_us_elsewhere_is_told_again_and_decides_nothing(
    hub: Hub, bought: dict[str, Purchase]
) -> None:
    purchase = bought["detour--redirects"]
    statement = """SELECT status, last_error FROM subscriptions_operation
                    WHERE subscription_id = %s AND action = 'change_quantity' AND attempts >= 2"""
    rows = eventually(lambda: hub.rows(statement, purchase.subscription_id), within=DECIDED, what="A second notice")

    assert rows == [("in_progress", "The publisher redirects elsewhere (302); we do not follow.")]
    assert (tranches(purchase, hub), billed_for(hub, purchase)) == (BOUGHT, BOUGHT)


def test_a_storm_of_429_delays_its_vendor_and_nothing_else(program: Program, bought: dict[str, Purchase]) -> None:
    program.wait_for_billing(bought[LATER], within=DECIDED)


def test_each_was_billed_once_and_nothing_hangs(program: Program, hub: Hub, bought: dict[str, Purchase]) -> None:
    active = sorted(purchase.subscription_id for offer, purchase in bought.items() if offer not in STUCK)
    ours = [purchase.subscription_id for purchase in bought.values()]

    for statement in (STARTED, CHARGED):
        assert sorted(str(subscription) for (subscription,) in hub.rows(statement, ours)) == active
    eventually(lambda: not hub.rows(LEFT_BEHIND, ours, ours), within=DECIDED, what="The end of every lease")


def billed_for(hub: Hub, purchase: Purchase) -> int:
    """The licences that billing charges for now."""
    statement = "SELECT quantity FROM billing_account WHERE subscription_id = %s"
    return int(hub.rows(statement, purchase.subscription_id)[0][0])


def quantity_there(hub: Hub, purchase: Purchase) -> int:
    """The licences in the vendor's own book."""
    with closing(sqlite3.connect(hub.folder / "publisher" / "orders.sqlite3")) as book:
        (body,) = book.execute("SELECT body FROM orders WHERE id = ?", [purchase.subscription_id]).fetchone()
    return len(json.loads(body)["seats"])
