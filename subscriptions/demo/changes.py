"""Replaying what became of the demo's purchases later on: other quantities, made, refused, awaited or asked for."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from accounts.policy import SYSTEM, Actor
from partnerhub.outbox.delivery import deliver_due
from subscriptions.changes import Change
from subscriptions.demo.purchases import Later, Turn
from subscriptions.enums import Acceptance
from subscriptions.models import Subscription
from subscriptions.selectors import operation_in_flight
from subscriptions.services.quantity import change_quantity
from subscriptions.services.requests import ask, decline
from subscriptions.services.scheduling import schedule_renewal
from subscriptions.services.settling import accept, refuse

# customer's number, offer
Bought = Mapping[tuple[int, str], Subscription]
ANSWERED_AFTER = timedelta(seconds=10)
DECIDED_AFTER = timedelta(hours=4)
REFUSAL = "All seats of your contract are in use. Write to our sales team for more."
DECLINED_BECAUSE = "The customer's budget is frozen until the new year."


def go_on(later: Sequence[Later], bought: Bought, *, sales: Actor, admin: Actor, at: datetime) -> None:
    """Let it happen in its order; `at` is the present."""
    for each in later:
        _tell(each, bought[each.customer, each.offer], sales, admin, at - each.ago)


def _tell(later: Later, subscription: Subscription, sales: Actor, admin: Actor, at: datetime) -> None:
    given: dict[str, Any] = {"reason": later.reason, "at": at}
    match later.turn:
        case Turn.SCHEDULED:
            schedule_renewal(admin, subscription.pk, quantity=later.quantity, version=None, **given)
        case Turn.ASKED:
            ask(sales, subscription.pk, Change(quantity=later.quantity), **given)
        case Turn.DECLINED:
            asked = ask(sales, subscription.pk, Change(quantity=later.quantity), **given)
            at += DECIDED_AFTER
            decline(admin, asked.pk, reason=DECLINED_BECAUSE, at=at)
        case _:
            change_quantity(admin, subscription.pk, quantity=later.quantity, version=None, hold=False, **given)
            at += ANSWERED_AFTER
            _answer(later.turn, subscription, at)
    deliver_due(at)


def _answer(turn: Turn, subscription: Subscription, at: datetime) -> None:
    operation = operation_in_flight(subscription)
    if operation is None or turn == Turn.WAITING:
        return
    if turn == Turn.DENIED:
        refuse(SYSTEM, operation.pk, why=REFUSAL, at=at)
    else:
        how = Acceptance.SILENCE if turn == Turn.SILENCE else Acceptance.PUBLISHER
        accept(SYSTEM, operation.pk, how=how, at=at)
