"""One purchase from every kind of publisher, through real HTTP and the hub's own worker.

Whoever reads the gates here also checks, every time, that exactly one blocker is named while billing has not started,
and that it starts at the later of both confirmations.
"""

from decimal import Decimal

import pytest

from partnerhub.drills.waiting import eventually
from publishers.demo.personalities import QUESTION, REASON
from tests.scenarios.client import Line, Program, Purchase, Visitor, questions_about
from tests.scenarios.hub import Hub

# Sold by one vendor, whose circuit opens when it fails five times in a row: the failing ones come last in this file.
CHAOS = "fabrikam-chaos"
LINES = {
    "slow": Line("archive--slow"),
    "plain": Line("esign", 7),
    "prompt": Line("esign-express--prompt", 7),
    "trial": Line("esign-express--prompt", 3, "trial"),
    "partial": Line("contracts--partial", 7),
    "asks": Line("seal--asks"),
    "push": Line("helpdesk", 3),
    "both": Line("backup", 6),
    "both in a hurry": Line("mailguard--prompt", 5),
    "refuses": Line("vault--refuses", 2),
    "garbage": Line("chat--garbage", 2),
    "silent": Line("radar--silent", 2),
    "error500": Line("meter--error500"),
}
OPENED_AT_ONCE = ("slow", "prompt", "trial", "partial", "asks", "refuses", "garbage")


@pytest.fixture(scope="module")
def bought(program: Program, hub: Hub) -> dict[str, Purchase]:
    """Everything in one cart. What needs no person afterwards is opened at once, so that the waits pass together."""
    purchases = dict(zip(LINES, program.buy(*LINES.values()), strict=True))
    for name in OPENED_AT_ONCE:
        visit(program, purchases[name])
    return purchases


def visit(program: Program, purchase: Purchase) -> Visitor:
    return Visitor(program.hub, program.link(purchase))


def test_a_person_assigns_the_licences_one_after_the_other_and_confirms(
    program: Program, bought: dict[str, Purchase]
) -> None:
    purchase = bought["plain"]
    unopened = program.wait_for_reason(purchase, "awaiting_customer_setup")
    assert (unopened.blocker, unopened["licenses_assigned"]["owner"]) == ("licenses_assigned", "customer")

    person = visit(program, purchase)
    person.fill_in()
    person.assign(3)
    begun = program.wait_for_reason(purchase, "partial_assignment")
    assert begun.blocker == "licenses_assigned"
    assert begun.said("licenses_assigned")["assigned_quantity"] == 3

    person.assign_everything()
    assigned = program.wait_for_blocker(purchase, "configuration_confirmed")
    assert program.charges(purchase) == []

    person.confirm()
    billed = program.wait_for_billing(purchase)
    assert billed.billing_started_at == billed.confirmed_at("configuration_confirmed")
    assert billed.confirmed_at("licenses_assigned") == assigned.confirmed_at("licenses_assigned")
    assert billed.confirmed_at("configuration_confirmed") > assigned.confirmed_at("licenses_assigned")


def test_a_prompt_publisher_is_billed_as_soon_as_a_poll_has_seen_it(
    program: Program, bought: dict[str, Purchase]
) -> None:
    billed = program.wait_for_billing(bought["prompt"])

    assert [billed.source(name) for name in ("licenses_assigned", "configuration_confirmed")] == ["poll", "poll"]
    assert billed.said("licenses_assigned")["assigned_quantity"] == 7
    (charge,) = program.charges(bought["prompt"])
    assert (charge.amount, charge.currency) == (Decimal("41.3"), "EUR")


def test_a_trial_starts_with_a_charge_of_nothing(program: Program, bought: dict[str, Purchase]) -> None:
    program.wait_for_billing(bought["trial"])

    assert [charge.amount for charge in program.charges(bought["trial"])] == [0]


def test_subscribed_with_four_of_seven_licences_is_not_billed_and_with_seven_it_is(
    program: Program, hub: Hub, bought: dict[str, Purchase]
) -> None:
    purchase = bought["partial"]
    program.wait_for_reason(purchase, "partial_assignment")
    program.poll_now(purchase)
    asked = questions_about(purchase, hub, "northwind-sign")
    # The second of these questions was asked after the first had been answered and applied.
    eventually(lambda: questions_about(purchase, hub, "northwind-sign") >= asked + 2, within=20, what="Two more polls")

    seen = program.gates(purchase)
    said = seen.said("licenses_assigned")
    assert (said["status"], said["quantity"], said["assigned_quantity"]) == ("Subscribed", 7, 4)
    assert seen["configuration_confirmed"]["state"] == "satisfied"
    assert (seen.billing_started_at, seen.blocker) == (None, "licenses_assigned")
    assert program.charges(purchase) == []
    assert "effectiveStartDate" not in program.ask("GET", program.path(purchase))

    visit(program, purchase).assign_everything()
    billed = program.wait_for_billing(purchase)
    assert billed.said("licenses_assigned")["assigned_quantity"] == 7
    assert billed.billing_started_at == billed.confirmed_at("licenses_assigned")
    assert billed.confirmed_at("licenses_assigned") > billed.confirmed_at("configuration_confirmed")
    assert billed.confirmed_at("configuration_confirmed") == seen.confirmed_at("configuration_confirmed")


def test_what_the_publisher_asks_for_is_shown_with_the_way_to_answer(
    program: Program, hub: Hub, bought: dict[str, Purchase]
) -> None:
    purchase = bought["asks"]
    asking = program.wait_for_reason(purchase, "publisher_asks")
    gate = asking[asking.blocker or ""]
    said = asking.said("licenses_assigned")
    assert (gate["owner"], gate["nextAction"], said["message"]) == ("customer", "answer_publisher", QUESTION)
    waiting = [item for item in program.items("/attention") if item["subscriptionId"] == purchase.subscription_id]
    assert [(item["reason"], item["owner"]) for item in waiting] == [("publisher_asks", "customer")]

    Visitor.at(hub, said["action_url"]).fill_in(vat_number="DE123456789")
    program.wait_for_billing(purchase)


def test_a_refusal_fails_the_gate_and_is_never_billed(program: Program, bought: dict[str, Purchase]) -> None:
    purchase = bought["refuses"]
    refused = program.wait_for_reason(purchase, "publisher_refused")
    gate = refused["licenses_assigned"]

    assert (gate["state"], gate["owner"], gate["nextAction"]) == ("failed", "partner", "cancel")
    assert refused.said("licenses_assigned")["message"] == REASON
    assert refused["configuration_confirmed"]["state"] == "failed"
    assert program.charges(purchase) == []


def test_licences_that_are_promised_by_call_need_no_poll(
    program: Program, hub: Hub, bought: dict[str, Purchase]
) -> None:
    purchase = bought["push"]
    person = visit(program, purchase)
    person.fill_in()
    person.assign_everything()
    assert program.gates(purchase).billing_started_at is None

    person.confirm()
    billed = program.wait_for_billing(purchase)
    assert [billed.source(name) for name in ("licenses_assigned", "configuration_confirmed")] == ["call", "call"]
    assert billed.said("licenses_assigned") == {"plan_id": "professional", "quantity": 3}
    assert questions_about(purchase, hub, "contoso-desk") == 0


def test_licences_are_polled_and_the_configuration_confirmed_by_call(
    program: Program, bought: dict[str, Purchase]
) -> None:
    purchase = bought["both"]
    person = visit(program, purchase)
    person.fill_in()
    person.assign_everything()
    assigned = program.wait_for_blocker(purchase, "configuration_confirmed")
    assert assigned.source("licenses_assigned") == "poll"

    person.confirm()
    billed = program.wait_for_billing(purchase)
    assert billed.source("configuration_confirmed") == "call"
    assert billed.billing_started_at == billed.confirmed_at("configuration_confirmed")


def test_a_call_that_comes_first_waits_for_the_poll(program: Program, bought: dict[str, Purchase]) -> None:
    purchase = bought["both in a hurry"]
    visit(program, purchase)
    called = program.gates(purchase)
    assert called["configuration_confirmed"]["state"] == "satisfied"

    billed = program.wait_for_billing(purchase)
    assert [billed.source(name) for name in ("licenses_assigned", "configuration_confirmed")] == ["poll", "call"]
    assert billed.billing_started_at == billed.confirmed_at("licenses_assigned")
    assert billed.confirmed_at("licenses_assigned") > billed.confirmed_at("configuration_confirmed")


def test_garbage_is_a_visible_reason(program: Program, bought: dict[str, Purchase]) -> None:
    purchase = bought["garbage"]
    unreadable = program.wait_for_reason(purchase, "publisher_unreadable")

    assert unreadable["licenses_assigned"]["owner"] == "publisher"
    assert program.charges(purchase) == []


def test_a_silent_publisher_is_a_visible_reason_and_stops_nobody(
    program: Program, hub: Hub, bought: dict[str, Purchase]
) -> None:
    purchase = bought["silent"]
    asked = questions_about(purchase, hub, CHAOS)
    visit(program, purchase)
    eventually(lambda: questions_about(purchase, hub, CHAOS) > asked, within=20, what="A question to the silent one")
    (prompt,) = program.buy(LINES["prompt"])
    visit(program, prompt)

    program.wait_for_billing(prompt)
    silent = program.wait_for_reason(purchase, "publisher_silent")
    assert silent["licenses_assigned"]["owner"] == "publisher"
    assert program.charges(purchase) == []


def test_an_error_is_a_visible_reason(program: Program, bought: dict[str, Purchase]) -> None:
    purchase = bought["error500"]
    visit(program, purchase)
    failing = program.wait_for_reason(purchase, "publisher_failing", within=60)

    assert failing["licenses_assigned"]["nextAction"] == "wait_for_publisher"
    assert program.charges(purchase) == []


def test_a_slow_publisher_is_billed_when_it_has_finished(program: Program, bought: dict[str, Purchase]) -> None:
    billed = program.wait_for_billing(bought["slow"], within=60)

    assert billed.billing_started_at == billed.confirmed_at("configuration_confirmed")
