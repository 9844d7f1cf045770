"""What the drift radar hears: a consumer of its own, beside `handlers`, with its own order and its own failures."""

from datetime import datetime

from accounts.policy import SYSTEM
from partnerhub.outbox.models import Event
from partnerhub.outbox.recorder import handles
from subscriptions.enums import Acceptance, OperationAction
from subscriptions.services.divergences import end_with_subscription, note_word
from subscriptions.services.watching import watch


@handles("subscription.activated")
def begin(event: Event, at: datetime) -> None:
    watch(SYSTEM, event.stream_id, at=at)


@handles("subscription.cancelled", "subscription.expired", "subscription.voided")
def see_the_end(event: Event, at: datetime) -> None:
    watch(SYSTEM, event.stream_id, at=at)
    end_with_subscription(SYSTEM, event.stream_id, at=at)


@handles("subscription.quantity_changed", "subscription.plan_changed")
def hear_word(event: Event, at: datetime) -> None:
    by = event.data.get("accepted_by")
    if by not in (Acceptance.SILENCE, Acceptance.PUBLISHER):
        return
    is_plan = event.name == "subscription.plan_changed"
    note_word(
        SYSTEM,
        event.stream_id,
        action=OperationAction.CHANGE_PLAN if is_plan else OperationAction.CHANGE_QUANTITY,
        value=str(event.data["after"]["plan_id"] if is_plan else event.data["after"]),
        silent=by == Acceptance.SILENCE,
        operation_id=str(event.data.get("operation", "")),
        at=at,
    )
