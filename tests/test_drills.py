"""What the audit of a drill finds, on rows that were made up; the drills themselves are run by `-m exhaustive`."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from partnerhub.drills.audit import Bought, Figures, change_problems, purchase_problems
from partnerhub.drills.load import Change
from partnerhub.drills.report import Outcome, document, sentence, summary

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
POLLED = {"answer": None, "confirmed_at": NOON.isoformat(), "opened_at": (NOON - timedelta(minutes=1)).isoformat()}
PUSHED = POLLED | {"answer": {"status": 200}, "confirmed_at": (NOON + timedelta(seconds=2)).isoformat()}
GOOD = Bought("s", "subscribed", 5, 5, 1, 1, 2, NOON)
HONEST, LIAR = "esign-express--prompt", "chat--garbage"
ONCE = {"s": [("succeeded", 5), ("failed", 9)]}


def found(rows, *, offer=HONEST, changed=ONCE, order=POLLED, slack=timedelta()):
    return list(purchase_problems(rows, offer, changed, {"s": order} if order else {}, slack))


@pytest.mark.parametrize("order", [POLLED, PUSHED])
def test_what_is_as_it_should_be_has_no_problem(order):
    assert found([GOOD], order=order) == []
    assert found([replace(GOOD, charged_from=NOON - timedelta(seconds=9))], slack=timedelta(seconds=10)) == []
    assert found([Bought("s", "pending_fulfillment_start", 5, 5, 0, 0, 0, None)], offer=LIAR, order=None) == []


@pytest.mark.parametrize(
    ("rows", "more", "problem"),
    [
        ([], {}, "it is there 0 times"),
        ([GOOD, GOOD], {}, "it is there 2 times"),
        ([replace(GOOD, tranches=4)], {}, "5 licences in 4 of tranches"),
        ([replace(GOOD, first_charges=2)], {}, "2 first charges"),
        ([replace(GOOD, causes=3)], {}, "3 causes of charges for 1 changes"),
        ([replace(GOOD, status="pending_fulfillment_start")], {}, "pending_fulfillment_start, 1 billing starts"),
        ([replace(GOOD, charged_from=NOON - timedelta(seconds=1))], {}, "charged from 2026-11-23 11:59:59"),
        ([GOOD], {"order": None}, "it is not in the publisher's book"),
        ([GOOD], {"offer": LIAR}, "never confirmed, and yet subscribed"),
    ],
)
def test_what_must_never_be_is_found(rows, more, problem):
    [only] = found(rows, **more)
    assert problem in only


def test_a_change_that_was_taken_must_have_happened():
    done = [("succeeded", 5), ("failed", 9)]
    held = [list(change_problems(Change("s", quantity, taken=True), done)) for quantity in (5, 9, 7)]

    assert [len(problems) for problems in held] == [0, 1, 1]
    assert list(change_problems(Change("s", 9, refused=True), done)) == []


def test_a_drill_holds_only_when_every_act_is_accounted_for():
    held = Outcome("kill", "", "7/kill", Figures(asked=3, accounted=3, purchases=2, changes=1, calls=9), 4.4)
    lost = Outcome("disk", "", "7/disk", Figures(asked=3, accounted=2), 4.4)
    broken = Outcome("clock", "", "7/clock", Figures(asked=3, accounted=3), 4.4, problems=["half an export"])

    assert sentence(held).startswith(
        "kill: held. 3 of 3 acts accounted for (2 purchases, 1 changes, 0 of them refused);"
    )
    assert sentence(broken).endswith("\n  half an export")
    assert [one.held for one in (held, lost, broken)] == [True, False, False]
    assert document([held, lost])["held"] is False
    last = ["1 of 3 drills held; operations in 9, accounted for 8.", "Failed: disk, clock."]
    assert list(summary([held, lost, broken])) == last
