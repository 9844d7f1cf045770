"""Ending a purchase at a publisher that takes the end up as an operation of its own."""

from partnerhub.drills.waiting import eventually
from partnerhub.drills.wire import call
from tests.scenarios.client import Line, Program, Purchase, Visitor
from tests.scenarios.hub import Hub

SLUG = "northwind-sign"


def told_and_asked(purchase: Purchase, hub: Hub) -> tuple[int, int]:
    """How often the hub told the publisher of the end, and asked about the operation that came of it."""
    calls = call("GET", f"{hub.publisher_url}/{SLUG}/requests").json
    about = [entry for entry in calls if purchase.subscription_id in entry["path"]]
    told = sum(entry["method"] == "DELETE" for entry in about)
    return told, sum(f"{purchase.subscription_id}/operations/" in entry["path"] for entry in about)


def test_an_end_has_succeeded_when_the_publishers_operation_has(program: Program, hub: Hub) -> None:
    (purchase,) = program.buy(Line("archive--slow"))
    Visitor(hub, program.link(purchase))
    program.wait_for_reason(purchase, "awaiting_confirmation")

    program.ask("PATCH", program.path(purchase), {"status": "deleted"})

    eventually(lambda: "operation.succeeded" in program.facts(purchase), within=60, what="The end at the publisher")
    told, asked = told_and_asked(purchase, hub)
    assert told == 1
    assert asked >= 1
    assert program.facts(purchase).count("operation.succeeded") == 1
    assert program.charges(purchase) == []
