"""Confirming: what a publisher says, by answer or by call, enters here; when every gate holds, billing starts.

Both ways end in the same place: gates are judged with their evidence, and the later confirmation dates the start.
"""

from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from accounts.policy import Action, Actor, authorize
from partnerhub.errors import ActivationRefused, ForeignSubscription, NotFound
from partnerhub.outbox.recorder import record
from publishers.fulfillment.gateway import Answer
from publishers.models import Adapter, Pricing
from subscriptions.enums import GateName, GateState, NextAction, Owner, Reason, Status, Trigger
from subscriptions.events import AttentionChanged, GateFailed, GateReopened, GateSatisfied, SubscriptionActivated
from subscriptions.gates import (
    AWAITING_CALL,
    SATISFIED_BY_PUBLISHER,
    TROUBLE,
    Bought,
    Confirmations,
    Verdict,
    blocker,
    configuration_verdict,
    confirmations,
    licenses_verdict,
)
from subscriptions.lifecycle import next_status
from subscriptions.models import BillingStart, Gate, PollSchedule, Subscription
from subscriptions.services.locking import lock_subscription, save_changed
from subscriptions.terms import term_end

Verdicts = dict[GateName, Verdict]
CONFIRMATIONS = (GateName.LICENSES_ASSIGNED, GateName.CONFIGURATION_CONFIRMED)


@transaction.atomic
def apply_answer(actor: Actor, subscription_id: UUID, answer: Answer, *, poll_id: UUID, at: datetime) -> Subscription:
    """Take in what a poll learnt. Idempotent: the same facts change nothing, and a subscription that is no longer
    pending, or whose time to be activated is over (rule 24), is left alone. `at` (UTC) dates what is confirmed by this
    answer. Raises NotFound, NotPermitted.
    """
    authorize(actor, Action.SUBSCRIPTION_CONFIRM)
    subscription = lock_subscription(subscription_id)
    if subscription.status != Status.PENDING or subscription.activate_by <= at:
        return subscription
    said = asdict(answer.said) if answer.said else {}
    evidence = {"source": "poll", "id": str(poll_id), "at": at.isoformat(), "said": said, **answer.evidence}
    _judge(actor, subscription, _verdicts_of(subscription, answer), evidence, at)
    return subscription


@transaction.atomic
def activate(
    actor: Actor, subscription_id: UUID, *, plan_id: str | None, quantity: int | None, call_id: str, at: datetime
) -> Subscription:
    """Take in the publisher's own confirmation. For a publisher that only calls us it confirms both gates.

    A different plan or quantity than was bought is accepted, as in the marketplace, and kept in the evidence.
    Confirming an active subscription again changes nothing. Raises ForeignSubscription for another publisher's
    subscription, ActivationRefused for a suspended one, NotFound for an ended, overdue (rule 24) or unknown one.
    """
    authorize(actor, Action.SUBSCRIPTION_CONFIRM)
    subscription = lock_subscription(subscription_id)
    if str(subscription.publisher.client_id) != actor.id:
        raise ForeignSubscription(id=subscription_id)
    if subscription.status == Status.UNSUBSCRIBED:
        raise NotFound(what="subscription", id=subscription_id)
    if subscription.status == Status.SUSPENDED:
        raise ActivationRefused(status=subscription.status)
    if subscription.status == Status.PENDING:
        if subscription.activate_by <= at:
            raise NotFound(what="subscription", id=subscription_id)
        called: dict[str, Any] = {"plan_id": plan_id, "quantity": quantity}
        evidence = {"source": "call", "id": call_id, "at": at.isoformat(), "said": called}
        _judge(actor, subscription, _verdicts_of_call(subscription), evidence, at)
    return subscription


def _verdicts_of_call(subscription: Subscription) -> Verdicts:
    confirmed = {GateName.CONFIGURATION_CONFIRMED: SATISFIED_BY_PUBLISHER}
    if subscription.publisher.adapter == Adapter.PUSH:
        confirmed[GateName.LICENSES_ASSIGNED] = SATISFIED_BY_PUBLISHER
    return confirmed


def _verdicts_of(subscription: Subscription, answer: Answer) -> Verdicts:
    if answer.said is not None:
        per_seat = subscription.plan.pricing == Pricing.PER_USER
        bought = Bought(subscription.plan.plan_id, subscription.quantity, per_seat)
        configuration = configuration_verdict(answer.said)
        if subscription.publisher.adapter == Adapter.BOTH and configuration.state == GateState.SATISFIED:
            configuration = AWAITING_CALL
        return {
            GateName.LICENSES_ASSIGNED: licenses_verdict(bought, answer.said),
            GateName.CONFIGURATION_CONFIRMED: configuration,
        }
    trouble = TROUBLE.get(answer.outcome)
    return dict.fromkeys(CONFIRMATIONS, trouble) if trouble else {}


def _judge(
    actor: Actor, subscription: Subscription, verdicts: Verdicts, evidence: dict[str, Any], at: datetime
) -> None:
    gates = list(Gate.objects.select_for_update().filter(subscription=subscription))
    # Who waited for the lock, or has a slower clock, comes with an earlier moment than what holds already.
    at = max([at, *(gate.satisfied_at for gate in gates if gate.satisfied_at)])
    before = _attention(gates)
    for gate in gates:
        verdict = verdicts.get(GateName(gate.gate))
        if verdict is not None:
            _judge_gate(actor, subscription, gate, verdict, evidence, at)
    confirmed = confirmations(gates)
    if confirmed is not None:
        _start_billing(actor, subscription, confirmed, at)
    elif (after := _attention(gates)) != before:
        save_changed(subscription)
        record(AttentionChanged(subscription.pk, {"before": before, "after": after}), actor=actor, at=at)


def _attention(gates: list[Gate]) -> dict[str, str]:
    name = blocker(gates)
    gate = next((gate for gate in gates if gate.gate == name), None)
    if gate is None:
        return {}
    return {"gate": gate.gate, "reason": gate.reason, "owner": gate.owner, "message": gate.message}


def _judge_gate(
    actor: Actor, subscription: Subscription, gate: Gate, verdict: Verdict, evidence: dict[str, Any], at: datetime
) -> None:
    if gate.state == GateState.SATISFIED and not _takes_back(gate, verdict, evidence):
        return
    if _as_told(gate) == verdict and (gate.evidence or {})["said"] == evidence["said"]:
        return
    was = gate.state
    if (gate.state, gate.reason) != (verdict.state, verdict.reason or ""):
        gate.since = at
    gate.state, gate.evidence = verdict.state, evidence
    holds = verdict.state == GateState.SATISFIED
    gate.satisfied_at, gate.due_at = (at, None) if holds else (None, subscription.activate_by)
    gate.owner, gate.reason, gate.next_action = verdict.owner, verdict.reason or "", verdict.next_action or ""
    gate.message, gate.action_url = verdict.message, verdict.action_url
    gate.save()
    _tell(actor, gate, was, at)


def _takes_back(gate: Gate, verdict: Verdict, evidence: dict[str, Any]) -> bool:
    """Whether a confirmation is withdrawn: only by the kind of source that gave it, and only by a statement."""
    given_by = (gate.evidence or {}).get("source")
    return verdict.state != GateState.SATISFIED and given_by == evidence["source"] == "poll" and bool(evidence["said"])


def _as_told(gate: Gate) -> Verdict | None:
    """The verdict that the gate shows already, for telling news from repetition."""
    if gate.evidence is None:
        return None
    return Verdict(
        GateState(gate.state),
        Owner(gate.owner),
        Reason(gate.reason) if gate.reason else None,
        NextAction(gate.next_action) if gate.next_action else None,
        gate.message,
        gate.action_url,
    )


def _tell(actor: Actor, gate: Gate, was: str, at: datetime) -> None:
    data = {"gate": gate.gate, "evidence": gate.evidence, "reason": gate.reason, "message": gate.message, "was": was}
    if gate.state == GateState.SATISFIED:
        record(GateSatisfied(gate.subscription_id, data), actor=actor, at=at)
    elif gate.state == GateState.FAILED:
        record(GateFailed(gate.subscription_id, data), actor=actor, at=at)
    elif was != GateState.PENDING:
        record(GateReopened(gate.subscription_id, data), actor=actor, at=at)


def _start_billing(actor: Actor, subscription: Subscription, confirmed: Confirmations, at: datetime) -> None:
    starts_at = confirmed.billing_starts_at
    start = BillingStart.objects.create(
        subscription=subscription,
        licenses_assigned_at=confirmed.licenses_assigned_at,
        configuration_confirmed_at=confirmed.configuration_confirmed_at,
        starts_at=starts_at,
        recorded_at=at,
    )
    subscription.status = next_status(subscription.status, Trigger.ACTIVATE)
    subscription.activated_at = starts_at
    subscription.term_start = subscription.term_anchor = starts_at.date()
    subscription.term_end = term_end(subscription.term_start, subscription.plan_term.term)
    save_changed(subscription, "status", "activated_at", "term_start", "term_anchor", "term_end")
    PollSchedule.objects.filter(subscription=subscription).update(next_poll_at=None)
    data = {"billing_start": str(start.pk), "starts_at": starts_at.isoformat(), "quantity": subscription.quantity}
    data |= {"term_start": str(subscription.term_start), "term_end": str(subscription.term_end)}
    record(SubscriptionActivated(subscription.pk, data), actor=actor, at=at)
