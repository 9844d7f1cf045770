"""Beginning a change: it becomes an operation, held for a moment in which it can be undone, or due at once."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from accounts.policy import Actor, Role
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
    source: OperationSource = OperationSource.MARKETPLACE,
) -> Operation:
    """Put a change on its way, held or due now. The subscription is locked and no other change is in flight; what only
    tells, and the publisher has not heard yet, is given up for it.
    """
    for waiting in subscription.operations.select_for_update().filter(status__in=IN_FLIGHT):
        if waiting.only_tells:
            _give_up(actor, waiting, at)
    operation = Operation.objects.create(
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
        next_attempt_at=held_until or at,
    )
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


def ask_publisher(actor: Actor, operation: Operation, *, at: datetime) -> None:
    """From now on the publisher is asked for the change; it has `change_waits` (8 h) to answer."""
    subscription = operation.subscription
    operation.due_at = at + policy_duration("change_waits", subscription.plan, at, subscription.plan_term.term)
    operation.held_until, operation.next_attempt_at = None, at
    operation.save(update_fields=["due_at", "held_until", "next_attempt_at"])
    data = {**_facts_of(operation), "due_at": operation.due_at.isoformat()}
    record(ChangeRequestedOfPublisher(subscription.pk, data, operation.reason), actor=actor, at=at)


def begin_for_publisher(actor: Actor, subscription: Subscription, wanted: Wanted, *, at: datetime) -> Operation:
    """Put on its way what the publisher began itself: its webhook is told of it, and after `answer_within` (10 s) it
    takes effect at the latest.
    """
    source = OperationSource.PUBLISHER
    operation = begin(actor, subscription, wanted, held_until=None, at=at, source=source)
    operation.due_at = at + policy_duration("answer_within", subscription.plan, at, subscription.plan_term.term)
    operation.save(update_fields=["due_at"])
    record(ChangeBegunByPublisher(subscription.pk, _facts_of(operation)), actor=actor, at=at)
    return operation


def _facts_of(operation: Operation) -> Values:
    return {"operation": str(operation.pk), "action": operation.action, **operation.payload}
