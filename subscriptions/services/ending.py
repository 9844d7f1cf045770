"""Ending a subscription: cancelled by an agent, or voided because nobody activated it in time."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from django.db import DatabaseError, transaction

from accounts.policy import Action, Actor, authorize
from partnerhub.errors import (
    AgreementMissing,
    CancellationWindowClosed,
    CancelStepsOpen,
    MultiYearLocked,
)
from partnerhub.outbox.recorder import Fact, record
from publishers.selectors import PolicyBook, Scope, policies_of
from subscriptions.cancellation import (
    MULTI_YEAR,
    CancelTerms,
    Facts,
    How,
    Refund,
    Rules,
    verdict,
    window_in_words,
)
from subscriptions.enums import (
    EndReason,
    GateName,
    GateState,
    OperationAction,
    OperationStatus,
    Owner,
    Reason,
    Status,
    Trigger,
)
from subscriptions.events import ChangeUndone, SubscriptionCancelled, SubscriptionVoided
from subscriptions.lifecycle import next_status
from subscriptions.models import Gate, Operation, PollSchedule, Subscription
from subscriptions.services.checks import check_nothing_in_flight
from subscriptions.services.locking import lock_for_change, lock_subscription, save_changed
from subscriptions.services.scheduling import forget_schedule
from subscriptions.services.starting import Wanted, begin, hold_until
from subscriptions.terms import trial_end

log = structlog.get_logger(__name__)

_REASONS = {
    EndReason.VOIDED: Reason.VOIDED,
    EndReason.CANCELLED: Reason.CANCELLED,
    EndReason.EXPIRED: Reason.EXPIRED,
}
CANCEL_POLICIES = ("cancel_within", "cancel_after_window", "multi_year_locked", "cancel_steps")


@transaction.atomic
def cancel(
    actor: Actor,
    subscription_id: UUID,
    *,
    reason: str,
    version: int | None,
    at: datetime,
    steps_done: bool = False,
    agreement: str = "",
    agreed_refund: Refund = Refund.NONE,
    hold: bool = True,
) -> Subscription:
    """End a subscription at once (rule 56): free and unbilled before activation, without a charge in the trial, fully
    refunded inside the window, and later by the publisher's agreement where its policy says so.

    `steps_done` says that the publisher's steps are done (rule 27); `agreement` is the reference of its agreement and
    `agreed_refund` what it agreed to. A person's cancellation is held first, unless `hold` is False. Raises
    NotPermitted, StaleVersion, SubscriptionEnded (rule 53), OperationPending (rule 42), CancelStepsOpen, and after the
    window CancellationWindowClosed (rules 45, 51), MultiYearLocked (rule 48) or AgreementMissing (rule 46).
    """
    authorize(actor, Action.SUBSCRIPTION_CANCEL)
    subscription = lock_for_change(subscription_id, actor, version)
    check_nothing_in_flight(subscription)
    terms = cancel_terms(subscription, at)
    check_terms(subscription, terms, steps_done=steps_done, agreement=agreement)
    data: dict[str, Any] = {"refund": terms.refund.value}
    if terms.how == How.BY_AGREEMENT:
        data = {"refund": agreed_refund.value, "agreement": agreement}
    if terms.steps:
        data["steps"] = list(terms.steps)
    held_until = hold_until(actor, subscription, closes_at=terms.until, at=at) if hold else None
    before, after = {"status": subscription.status}, {"status": Status.UNSUBSCRIBED.value, **data}
    wanted = Wanted(OperationAction.UNSUBSCRIBE, before, after, reason)
    operation = begin(actor, subscription, wanted, held_until=held_until, at=at)
    if held_until is None:
        carry_out(actor, subscription, operation, at)
    return subscription


def end_as_held(author: Actor, subscription: Subscription, operation: Operation, at: datetime) -> None:
    """End a subscription whose cancellation was held until now, on the terms of the moment when it was asked."""
    operation.held_until, operation.next_attempt_at = None, at
    operation.save(update_fields=["held_until", "next_attempt_at"])
    carry_out(author, subscription, operation, at)


def carry_out(author: Actor, subscription: Subscription, operation: Operation, at: datetime) -> None:
    """End a locked subscription on the terms that its operation names."""
    terms = {name: value for name, value in operation.payload["after"].items() if name != "status"}
    if terms["refund"] == Refund.NOTHING_CHARGED and subscription.activated_at is not None:
        # It was activated, and charged, while the cancellation was held.
        terms["refund"] = Refund.FULL.value
    terms |= {"operation": str(operation.pk), "requested_at": operation.created_at.isoformat()}
    fact = SubscriptionCancelled(subscription.pk, terms, operation.reason)
    _close(author, subscription, Trigger.CANCEL, EndReason.CANCELLED, fact, at)


@transaction.atomic
def void(actor: Actor, subscription_id: UUID, *, at: datetime) -> Subscription:
    """End an order that nobody activated in time: never billed (rule 24). Leaves alone what is not overdue any more."""
    authorize(actor, Action.SUBSCRIPTION_VOID)
    subscription = lock_subscription(subscription_id, actor)
    if subscription.status == Status.PENDING and subscription.activate_by <= at:
        data = {"activate_by": subscription.activate_by.isoformat()}
        end(actor, subscription, Trigger.VOID, EndReason.VOIDED, SubscriptionVoided(subscription.pk, data), at)
    return subscription


def void_overdue(actor: Actor, *, at: datetime, limit: int = 500) -> int:
    """Void up to `limit` overdue orders, each in a transaction of its own; returns how many were voided.

    One that cannot be voided is logged and stops no other.
    """
    overdue = Subscription.objects.filter(status=Status.PENDING, activate_by__lte=at).order_by("activate_by")
    ids = list(overdue.values_list("pk", flat=True)[:limit])
    return sum(_voided(actor, subscription_id, at) for subscription_id in ids)


def _voided(actor: Actor, subscription_id: UUID, at: datetime) -> bool:
    try:
        return void(actor, subscription_id, at=at).status == Status.UNSUBSCRIBED
    except (DatabaseError, LookupError) as error:
        log.exception("not_voided", subscription_id=str(subscription_id), error=type(error).__name__)
        return False


def cancel_terms(subscription: Subscription, at: datetime, book: PolicyBook | None = None) -> CancelTerms:
    """On what terms it is cancelled at a moment; `book` holds CANCEL_POLICIES where many are judged at once."""
    book = book or policies_of(subscription.plan, *CANCEL_POLICIES)
    return verdict(_facts(subscription), _rules(subscription, book, at), at)


def _facts(subscription: Subscription) -> Facts:
    return Facts(
        status=Status(subscription.status),
        purchased_at=subscription.purchased_at,
        activate_by=subscription.activate_by,
        trial_ends=trial_end(subscription.trial_days, subscription.activated_at),
        term=subscription.plan_term.term,
        billing_cycle=subscription.plan_term.billing_cycle,
    )


def _rules(subscription: Subscription, book: PolicyBook, at: datetime) -> Rules:
    """The policies of the day of purchase, which were part of the bargain; the publisher's steps are those of today."""
    bought = subscription.purchased_at
    scope = Scope(subscription.plan_id, subscription.offer_id, subscription.publisher_id, subscription.plan_term.term)
    return Rules(
        within=book.duration("cancel_within", scope, bought),
        by_agreement=book.text("cancel_after_window", scope, bought) == "by_agreement",
        multi_year_locked=book.text("multi_year_locked", scope, bought) == "yes",
        steps=tuple(book.lines("cancel_steps", scope, at)),
    )


def check_terms(
    subscription: Subscription, terms: CancelTerms, *, steps_done: bool = False, agreement: str = ""
) -> None:
    """Raise what stands against cancelling on these terms. What cannot be mended comes first."""
    if terms.how == How.LOCKED:
        years = MULTI_YEAR[subscription.plan_term.term]
        raise MultiYearLocked(years=years, ends_on=_last_day(subscription), **_window(subscription, terms))
    if terms.how == How.AT_TERM_END:
        raise CancellationWindowClosed(ends_on=_last_day(subscription), **_window(subscription, terms))
    if terms.how == How.BY_AGREEMENT and not agreement:
        raise AgreementMissing(publisher=subscription.publisher.name, **_window(subscription, terms))
    if terms.steps and not steps_done:
        raise CancelStepsOpen(publisher=subscription.publisher.name, steps=" · ".join(terms.steps))


def _window(subscription: Subscription, terms: CancelTerms) -> dict[str, str]:
    closed_at = terms.window_ends or subscription.purchased_at
    return {
        "window": window_in_words(closed_at - subscription.purchased_at),
        "closed_at": f"{closed_at:%Y-%m-%d %H:%M} UTC",
    }


def _last_day(subscription: Subscription) -> str:
    """The inclusive last day of the term, as people and the dialect write it (rule 58)."""
    return f"{subscription.term_end - timedelta(days=1):%Y-%m-%d}" if subscription.term_end else "—"


def end(
    actor: Actor, subscription: Subscription, trigger: Trigger, end_reason: EndReason, fact: Fact, at: datetime
) -> None:
    """End a locked subscription without anybody asking: what is still held is undone, and the publisher is told."""
    for held in subscription.operations.select_for_update().filter(held_until__isnull=False):
        held.status, held.completed_at, held.held_until = OperationStatus.WITHDRAWN, at, None
        held.save(update_fields=["status", "completed_at", "held_until"])
        data = {"operation": str(held.pk), "action": held.action, **held.payload}
        record(ChangeUndone(subscription.pk, data), actor=actor, at=at)
    _close(actor, subscription, trigger, end_reason, fact, at)
    wanted = Wanted(OperationAction.UNSUBSCRIBE, {}, {"status": subscription.status})
    begin(actor, subscription, wanted, held_until=None, at=at)


def _close(
    actor: Actor, subscription: Subscription, trigger: Trigger, end_reason: EndReason, fact: Fact, at: datetime
) -> None:
    subscription.status = next_status(subscription.status, trigger)
    subscription.ended_at, subscription.end_reason = at, end_reason
    subscription.auto_renew, subscription.suspended_at = False, None
    save_changed(subscription, "status", "ended_at", "end_reason", "auto_renew", "suspended_at")
    ended = _REASONS[end_reason]
    Gate.objects.filter(subscription=subscription, gate=GateName.NOT_CANCELLED).update(
        state=GateState.FAILED,
        evidence=_evidence(actor, end_reason, fact, at),
        satisfied_at=None,
        reason=ended,
        owner=Owner.PARTNER,
        since=at,
        next_action="",
        due_at=None,
    )
    PollSchedule.objects.filter(subscription=subscription).update(next_poll_at=None)
    forget_schedule(actor, subscription, f"the subscription is {end_reason}", at)
    record(fact, actor=actor, at=at)


def _evidence(actor: Actor, end_reason: EndReason, fact: Fact, at: datetime) -> dict[str, str]:
    told = {"source": end_reason.value, "at": at.isoformat(), "by": actor.label, "reason": fact.reason}
    agreement = fact.data.get("agreement")
    return told | {"agreement": agreement} if agreement else told
