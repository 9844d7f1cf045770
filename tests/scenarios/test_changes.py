"""Another quantity, asked of every kind of publisher through real HTTP and the hub's own worker."""

from decimal import Decimal

import pytest

from partnerhub.drills.waiting import eventually
from partnerhub.drills.wire import call
from tests.scenarios.client import Agent, Line, Program, Purchase, Visitor
from tests.scenarios.hub import Hub

NORTHWIND, CONTOSO = "northwind-sign", "contoso-desk"
LINES = {
    "polled": (Line("esign-express--prompt", 7), 10),
    "polled late": (Line("scan--late-changes", 7), 9),
    "polled refuses": (Line("forms--refuses-changes", 7), 5),
    "push": (Line("helpdesk-lite--prompt", 3), 5),
    "push silent": (Line("voice--silent-changes", 3), 5),
    "push refuses": (Line("survey--refuses-changes", 7), 5),
    "push refuses later": (Line("routing--refuses-later", 7), 5),
}
DECIDED = 45.0
# status, by whom accepted, why not
Outcome = tuple[str, str, str]


@pytest.fixture(scope="module")
def changing(program: Program, hub: Hub) -> dict[str, Purchase]:
    """Everything is bought, active, and asked to change at the same time, so that the waits pass together."""
    purchases = dict(zip(LINES, program.buy(*(line for line, _ in LINES.values())), strict=True))
    for purchase in purchases.values():
        Visitor(hub, program.link(purchase))
    for purchase in purchases.values():
        program.wait_for_billing(purchase)
    for name, purchase in purchases.items():
        program.ask("PATCH", program.path(purchase), {"quantity": LINES[name][1]}, expect=200)
    return purchases


def outcome_of(purchase: Purchase, hub: Hub) -> Outcome:
    """How the only change of a purchase has ended."""
    statement = """SELECT status, accepted_by, last_error FROM subscriptions_operation
                    WHERE subscription_id = %s AND completed_at IS NOT NULL"""
    (row,) = eventually(lambda: hub.rows(statement, purchase.subscription_id), within=DECIDED, what="The decision")
    return row[0], row[1], row[2]


def quantity_of(purchase: Purchase, program: Program) -> int:
    return int(program.ask("GET", program.path(purchase))["quantity"])


def told(purchase: Purchase, hub: Hub, slug: str, method: str) -> int:
    calls = call("GET", f"{hub.publisher_url}/{slug}/requests").json
    return sum(entry["method"] == method and purchase.subscription_id in entry["path"] for entry in calls)


def amounts(purchase: Purchase, program: Program) -> list[tuple[int, Decimal]]:
    return [(charge.quantity, charge.amount) for charge in program.charges(purchase)]


def test_a_polled_publisher_agrees_once_the_value_is_seen(
    program: Program, hub: Hub, changing: dict[str, Purchase]
) -> None:
    purchase = changing["polled"]

    assert outcome_of(purchase, hub) == ("succeeded", "publisher", "")
    assert quantity_of(purchase, program) == 10
    assert told(purchase, hub, NORTHWIND, "PATCH") == 1
    assert program.facts(purchase).count("subscription.quantity_changed") == 1


def test_a_success_that_is_not_seen_yet_is_waited_for(
    program: Program, hub: Hub, changing: dict[str, Purchase]
) -> None:
    purchase = changing["polled late"]

    assert outcome_of(purchase, hub) == ("succeeded", "publisher", "")
    assert quantity_of(purchase, program) == 9
    assert told(purchase, hub, NORTHWIND, "PATCH") == 1


def test_a_push_publisher_agrees_before_it_has_answered_the_notice(
    program: Program, hub: Hub, changing: dict[str, Purchase]
) -> None:
    purchase = changing["push"]

    assert outcome_of(purchase, hub) == ("succeeded", "publisher", "")
    assert quantity_of(purchase, program) == 5
    assert told(purchase, hub, CONTOSO, "PATCH") == 0


def test_silence_is_told_apart_from_agreement(program: Program, hub: Hub, changing: dict[str, Purchase]) -> None:
    purchase = changing["push silent"]

    assert outcome_of(purchase, hub) == ("succeeded", "silence", "")
    assert quantity_of(purchase, program) == 5
    waited = (
        "SELECT completed_at - notified_at >= interval '10 s' FROM subscriptions_operation WHERE subscription_id = %s"
    )
    assert hub.rows(waited, purchase.subscription_id) == [(True,)]


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("polled refuses", "The publisher's operation ended as Failed: Not below the seats in use: 7."),
        ("push refuses", "The publisher answered 400: Not below the seats in use: 7."),
        ("push refuses later", "The publisher refused: Not below the seats in use: 7."),
    ],
)
def test_a_refusal_says_why_and_leaves_everything(
    program: Program, hub: Hub, changing: dict[str, Purchase], name: str, why: str
) -> None:
    purchase = changing[name]

    assert outcome_of(purchase, hub) == ("failed", "", why)
    assert quantity_of(purchase, program) == 7
    assert len(amounts(purchase, program)) == 1
    assert program.facts(purchase)[-1] == "operation.refused"


def test_a_person_at_the_publisher_refuses(program: Program, hub: Hub) -> None:
    (purchase,) = program.buy(Line("esign", 4))
    person = Visitor(hub, program.link(purchase))
    person.fill_in()
    person.assign_everything()
    person.confirm()
    program.wait_for_billing(purchase)
    program.ask("PATCH", program.path(purchase), {"quantity": 6}, expect=200)
    eventually(lambda: told(purchase, hub, NORTHWIND, "PATCH"), within=20, what="The change at the publisher")

    person.decide("refuse", reason="Sold out.")

    assert outcome_of(purchase, hub) == ("failed", "", "The publisher's operation ended as Failed: Sold out.")
    assert quantity_of(purchase, program) == 4


def test_what_a_person_undoes_never_reaches_the_publisher(program: Program, hub: Hub) -> None:
    (purchase,) = program.buy(Line("esign-express--prompt", 7))
    Visitor(hub, program.link(purchase))
    program.wait_for_billing(purchase)
    person = Agent(hub, "admin@partnerhub.example", "partnerhub-demo")
    page = f"/subscriptions/{purchase.subscription_id}/"
    version = hub.rows("SELECT version FROM subscriptions_subscription WHERE id = %s", purchase.subscription_id)[0][0]

    person.two_steps(f"{page}change/quantity/", page, {"version": version, "quantity": 4})
    held = "SELECT id FROM subscriptions_operation WHERE subscription_id = %s AND held_until IS NOT NULL"
    (row,) = hub.rows(held, purchase.subscription_id)
    person.post(f"{page}operations/{row[0]}/undo/", page, {})

    ended = "SELECT status FROM subscriptions_operation WHERE id = %s"
    assert hub.rows(ended, row[0]) == [("withdrawn",)]
    # Another change goes all the way meanwhile: the worker has looked at what is due.
    program.ask("PATCH", program.path(purchase), {"quantity": 8}, expect=200)
    statement = "SELECT 1 FROM subscriptions_operation WHERE subscription_id = %s AND status = 'succeeded'"
    eventually(lambda: hub.rows(statement, purchase.subscription_id), within=DECIDED, what="The other change")
    assert told(purchase, hub, NORTHWIND, "PATCH") == 1
    assert quantity_of(purchase, program) == 8
