"""What a publisher shows against what we hold, kind by kind. Pure.

A comparison names the kinds that it can judge, each with both values where they differ and None where they agree.
What it cannot judge it leaves out: an answer that says nothing about licences proves nothing about them.
"""

from dataclasses import dataclass
from typing import NamedTuple

from publishers.fulfillment.gateway import Answer, Outcome, Said
from subscriptions.enums import DivergenceKind

SUBSCRIBED = "Subscribed"
ENDED = "Unsubscribed"
# While a publisher shows one of these, its plan and its licences are those of a running subscription.
RUNNING = frozenset({SUBSCRIBED, "Suspended"})
# What is still of interest once the subscription has ended.
AFTER_END = frozenset({DivergenceKind.SERVES_AFTER_END, DivergenceKind.BILLED_DIFFERS})


class Values(NamedTuple):
    ours: str
    theirs: str


Judged = dict[DivergenceKind, Values | None]


@dataclass(frozen=True, slots=True)
class Held:
    """What we hold of a subscription; `status` in the marketplace's words. `per_seat` is false for flat rates."""

    status: str
    plan_id: str
    quantity: int
    per_seat: bool

    @property
    def runs(self) -> bool:
        return self.status != ENDED


def compare(held: Held, answer: Answer) -> Judged:
    """Everything that a publisher's answer tells about what we hold; nothing when it brought no statement."""
    if answer.outcome == Outcome.UNKNOWN_THERE:
        judged = _agreed(set(DivergenceKind) - {DivergenceKind.BILLED_DIFFERS, DivergenceKind.ACCEPTED_BY_SILENCE})
        return judged | {DivergenceKind.UNKNOWN_THERE: Values(held.status, "") if held.runs else None}
    return _compare_said(held, answer.said) if answer.said is not None else {}


def compare_billed(held: Held, billed: int) -> Judged:
    """Whether billing charges what we hold now: `billed` licences, 0 when it charges nothing."""
    return {DivergenceKind.BILLED_DIFFERS: _differing(held.quantity if held.runs else 0, billed)}


def _compare_said(held: Held, said: Said) -> Judged:
    judged = _agreed({DivergenceKind.UNKNOWN_THERE}) | _compare_status(held, said)
    if not held.runs or said.status not in RUNNING:
        # One item for one thing: what does not run on both sides differs by its status alone.
        over = {DivergenceKind.PLAN_DIFFERS, DivergenceKind.QUANTITY_DIFFERS, DivergenceKind.ASSIGNED_DIFFERS}
        return judged | _agreed(over if held.runs else over | {DivergenceKind.ACCEPTED_BY_SILENCE})
    return judged | _compare_bought(held, said)


def _compare_status(held: Held, said: Said) -> Judged:
    differing = _differing(held.status, said.status)
    serves = differing if not held.runs and said.status == SUBSCRIBED else None
    return {
        DivergenceKind.STATUS_DIFFERS: differing if held.runs else None,
        DivergenceKind.SERVES_AFTER_END: serves,
    }


def _compare_bought(held: Held, said: Said) -> Judged:
    judged: Judged = {DivergenceKind.PLAN_DIFFERS: _differing(held.plan_id, said.plan_id)}
    if held.per_seat and said.quantity is not None:
        judged[DivergenceKind.QUANTITY_DIFFERS] = _differing(held.quantity, said.quantity)
    if held.per_seat and said.assigned_quantity is not None:
        judged[DivergenceKind.ASSIGNED_DIFFERS] = _compare_assigned(
            held.quantity, said.quantity, said.assigned_quantity
        )
    if said.plan_id == held.plan_id and (not held.per_seat or said.quantity == held.quantity):
        judged[DivergenceKind.ACCEPTED_BY_SILENCE] = None
    return judged


def _compare_assigned(bought: int, shown: int | None, assigned: int) -> Values | None:
    # Between what was bought and what is shown it follows from the other quantity, which is an item of its own.
    either = (bought, bought if shown is None else shown)
    return None if min(either) <= assigned <= max(either) else _differing(bought, assigned)


def _differing(ours: object, theirs: object) -> Values | None:
    # As long as a divergence holds them.
    return None if ours == theirs else Values(str(ours)[:100], str(theirs)[:100])


def _agreed(kinds: set[DivergenceKind]) -> Judged:
    return dict.fromkeys(kinds, None)
