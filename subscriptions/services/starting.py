"""Beginning a change: it becomes an operation, held for a moment in which it can be undone, or due at once."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from accounts.policy import Actor, Role
from partnerhub import bulk, prepared
from partnerhub.outbox.recorder import record
from publishers.selectors import policy_duration
from subscriptions.enums import Acceptance, OperationAction, OperationSource, OperationStatus
from subscriptions.events import (
    ChangeBegunByPublisher,
    ChangeHeld,
    ChangeRequestedOfPublisher,
    OperationFailed,
    OperationSucceeded,
)
from subscriptions.models import Operation, Subscription
from subscriptions.models.operation import IN_FLIGHT, OURS_ALONE
from subscriptions.services.settling import complete

Values = dict[str, Any]
_IN_FLIGHT = prepared.Selection(
    """
SELECT {operation} FROM subscriptions_operation AS operation WHERE subscription_id = %s AND status = ANY(%s) FOR UPDATE
""",
    operation=Operation,
)
FOLLOWED = "Another change followed before the publisher had heard of this."


@dataclass(frozen=True, slots=True)
class Wanted:
    """One change of a subscription: the values it replaces, those it sets, and why."""

    action: OperationAction
    before: Values
    after: Values
    reason: str = ""


def hold_until(
    actor: Actor, subscription: Subscription, *, closes_at: datetime | None, at: datetime
) -> datetime | None:
    """Until when a person's change can be undone (policy `undo_within`); None: it takes effect at once.

    Programs are not held up, and neither is anybody whose window would close meanwhile (`closes_at`, exclusive).
    """
    if actor.kind != "user":
        return None
    until = at + policy_duration("undo_within", subscription.plan, at, subscription.plan_term.term)
    if until <= at or (closes_at is not None and until >= closes_at):
        return None
    return until


def begin(
    actor: Actor,
    subscription: Subscription,
    wanted: Wanted,
    *,
    held_until: datetime | None,
    at: datetime,
    due_at: datetime | None = None,
    source: OperationSource = OperationSource.MARKETPLACE,
) -> Operation:
    """Put a change on its way, held or due now; `due_at` is when a publisher that is asked must have answered.

    The subscription is locked and no other change is in flight; what only tells, and the publisher has not heard yet,
    is given up for it.
    """
    for (waiting,) in _IN_FLIGHT(subscription.pk, bulk.array(IN_FLIGHT)):
        waiting.subscription = subscription
        if waiting.only_tells:
            _give_up(actor, waiting, at)
    operation = Operation(
        subscription=subscription,
        action=wanted.action,
        source=source,
        payload={"before": wanted.before, "after": wanted.after},
        reason=wanted.reason,
        requested_by=actor.label,
        actor_kind=actor.kind,
        actor_id=actor.id,
        actor_role=actor.role.value,
        created_at=at,
        held_until=held_until,
        due_at=due_at,
        next_attempt_at=held_until or at,
    )
    prepared.insert(operation)
    if held_until is not None:
        data = {**_facts_of(operation), "until": held_until.isoformat()}
        record(ChangeHeld(subscription.pk, data, wanted.reason), actor=actor, at=at)
    return operation


def _give_up(actor: Actor, notice: Operation, at: datetime) -> None:
    if notice.notified_at is not None:
        # It was heard: the publisher only has not used its time to refuse it.
        notice.accepted_by = Acceptance.PUBLISHER
        complete(notice, OperationStatus.SUCCEEDED, at)
        heard = {"operation": str(notice.pk), "action": notice.action, "remote_id": "", "told": True}
        record(OperationSucceeded(notice.subscription_id, heard), actor=actor, at=at)
        return
    notice.last_error = FOLLOWED
    complete(notice, OperationStatus.FAILED, at)
    data = {"operation": str(notice.pk), "action": notice.action, "attempts": notice.attempts, "detail": FOLLOWED}
    record(OperationFailed(notice.subscription_id, data), actor=actor, at=at)


def tell_again(over: Operation, at: datetime) -> None:
    """Begin the notice once more that was given up for a change which is over and of which no publisher has heard. The
    subscription is locked and nothing is in flight.
    """
    subscription = over.subscription
    heard_of = subscription.operations.exclude(pk=over.pk).exclude(action__in=OURS_ALONE)
    last = heard_of.exclude(status=OperationStatus.WITHDRAWN).order_by("-created_at", "-completed_at").first()
    if last is not None and last.last_error == FOLLOWED:
        wanted = Wanted(OperationAction(last.action), last.payload["before"], last.payload["after"], last.reason)
        begin(author_of(last), subscription, wanted, held_until=None, at=at)


def author_of(operation: Operation) -> Actor:
    """Who asked for an operation, in the role in which it was asked."""
    role = Role(operation.actor_role)
    return Actor(operation.actor_kind, operation.actor_id, operation.requested_by, role, (role,))


def begin_asking(actor: Actor, subscription: Subscription, wanted: Wanted, *, at: datetime) -> Operation:
    """Put a change on its way for which the publisher is asked from now on; it has `change_waits` (8 h) to answer."""
    due_at = _answered_by(subscription, "change_waits", at)
    operation = begin(actor, subscription, wanted, held_until=None, due_at=due_at, at=at)
    _record_asked(actor, operation, due_at, at)
    return operation


def ask_publisher(actor: Actor, operation: Operation, *, at: datetime) -> None:
    """From now on the publisher is asked for a change that was begun before; it has `change_waits` (8 h) to answer."""
    operation.due_at = due_at = _answered_by(operation.subscription, "change_waits", at)
    operation.held_until, operation.next_attempt_at = None, at
    operation.save(update_fields=["due_at", "held_until", "next_attempt_at"])
    _record_asked(actor, operation, due_at, at)


def _record_asked(actor: Actor, operation: Operation, due_at: datetime, at: datetime) -> None:
    data = {**_facts_of(operation), "due_at": due_at.isoformat()}
    record(ChangeRequestedOfPublisher(operation.subscription_id, data, operation.reason), actor=actor, at=at)


def _answered_by(subscription: Subscription, policy: str, at: datetime) -> datetime:
    return at + policy_duration(policy, subscription.plan, at, subscription.plan_term.term)


def begin_for_publisher(actor: Actor, subscription: Subscription, wanted: Wanted, *, at: datetime) -> Operation:
    """Put on its way what the publisher began itself: its webhook is told of it, and after `answer_within` (10 s) it
    takes effect at the latest.
    """
    source, due_at = OperationSource.PUBLISHER, _answered_by(subscription, "answer_within", at)
    operation = begin(actor, subscription, wanted, held_until=None, due_at=due_at, at=at, source=source)
    record(ChangeBegunByPublisher(subscription.pk, _facts_of(operation)), actor=actor, at=at)
    return operation


def _facts_of(operation: Operation) -> Values:
    return {"operation": str(operation.pk), "action": operation.action, **operation.payload}
