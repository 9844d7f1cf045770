"""The ladder of reminders of a purchase that waits: who is reminded when. Pure."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from subscriptions.enums import Rung

# The policy that says at which age of the purchase a rung is due.
AGES: dict[Rung, str] = {
    Rung.CUSTOMER: "remind_customer_after",
    Rung.AGENT: "remind_agent_after",
    Rung.PUBLISHER: "remind_publisher_after",
    Rung.ADMIN: "remind_admin_after",
    Rung.CANCEL_OFFER: "offer_cancel_after",
}


@dataclass(frozen=True, slots=True)
class Step:
    """One rung and when it is due."""

    rung: Rung
    due_at: datetime


@dataclass(frozen=True, slots=True)
class Climb:
    """What is to be done now: `rungs` are reminded; those `overslept` were due earlier and are left out."""

    rungs: tuple[Rung, ...]
    overslept: tuple[Rung, ...]


def ladder(purchased_at: datetime, activate_by: datetime, ages: Mapping[Rung, timedelta]) -> list[Step]:
    """The rungs in the order in which they are due; none at or after `activate_by`, when the order is void."""
    steps = (Step(rung, purchased_at + ages[rung]) for rung in Rung)
    return sorted((step for step in steps if step.due_at < activate_by), key=lambda step: step.due_at)


def climb(steps: Sequence[Step], climbed: Collection[str], at: datetime) -> Climb | None:
    """What is due at a moment and was not climbed yet; None when nothing is.

    After a time in which nobody climbed only the newest counts: a customer is not sent a week of reminders at once.
    """
    due = [step for step in steps if step.due_at <= at and step.rung not in climbed]
    if not due:
        return None
    newest = due[-1].due_at
    return Climb(
        tuple(step.rung for step in due if step.due_at == newest),
        tuple(step.rung for step in due if step.due_at < newest),
    )


def next_step(steps: Sequence[Step], climbed: Collection[str], at: datetime) -> Step | None:
    """The rung that is due next after a moment; None at the top."""
    return next((step for step in steps if step.due_at > at and step.rung not in climbed), None)
