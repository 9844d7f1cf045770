"""Confirming: what a publisher says, by answer or by call, enters here; when every gate holds, billing starts.

Both ways end in the same place: gates are judged with their evidence, and the later confirmation dates the start.
Answers come in batches: what a batch is about is locked and read once, judged in memory, and written once.
"""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db import transaction

from accounts.policy import Action, Actor, authorize
from partnerhub.bulk import new_ids
from partnerhub.errors import ActivationRefused, ForeignSubscription, NotFound
from partnerhub.outbox.recorder import canonical, members
from publishers.fulfillment.gateway import Answer
from publishers.models import Adapter
from subscriptions.enums import GateName, GateState, Status
from subscriptions.events import AttentionChanged, GateFailed, GateReopened, GateSatisfied
from subscriptions.gates import (
    AWAITING_CALL,
    SATISFIED_BY_PUBLISHER,
    TROUBLE,
    Bought,
    Verdict,
    blocker,
    configuration_verdict,
    confirmations,
    licenses_verdict,
)
from subscriptions.models import PollSchedule
from subscriptions.services.checks import check_as_bought
from subscriptions.services.judging import GateRow, Judged, News, lock_judged
from subscriptions.services.locking import lock_subscription

# By the gate's name.
Verdicts = dict[str, Verdict]
CONFIRMATIONS = (GateName.LICENSES_ASSIGNED, GateName.CONFIGURATION_CONFIRMED)


class Heard(NamedTuple):
    """An answer about a subscription; `poll_id` names the question."""

    subscription_id: UUID
    answer: Answer
    poll_id: UUID


@transaction.atomic
def apply_answers(actor: Actor, heard: Sequence[Heard], *, at: datetime) -> list[Judged]:
    """Take in what polls learnt, all or nothing; what is known of each one's subscription then.

    Idempotent: the same facts change nothing, and a subscription that is no longer pending, or whose time to be
    activated is over (rule 24), is left alone. `at` (UTC) dates what is confirmed by these answers. Whether a
    subscription is asked again is the caller's to write. Raises NotFound, NotPermitted.
    """
    authorize(actor, Action.SUBSCRIPTION_CONFIRM)
    judged = lock_judged({one.subscription_id for one in heard})
    news = News(new_ids([at] * len(heard)))
    moment = at.isoformat()
    for one in heard:
        subject = judged.get(one.subscription_id)
        if subject is None:
            raise NotFound(what="subscription", id=one.subscription_id)
        if subject.status == Status.PENDING and subject.activate_by > at:
            said = one.answer.said.members if one.answer.said else {}
            evidence = {"source": "poll", "id": str(one.poll_id), "at": moment, "said": said}
            _judge(subject, _verdicts_of(subject, one.answer), evidence | one.answer.evidence, at, news)
    news.write(actor)
    return [judged[one.subscription_id] for one in heard]


@transaction.atomic
def apply_answer(actor: Actor, subscription_id: UUID, answer: Answer, *, poll_id: UUID, at: datetime) -> Status:
    """Take in one answer, as `apply_answers` does many, and ask no more about what is confirmed. Returns its status."""
    [subject] = apply_answers(actor, [Heard(subscription_id, answer, poll_id)], at=at)
    _ask_no_more(subject)
    return subject.status


@transaction.atomic
def activate(
    actor: Actor, subscription_id: UUID, *, plan_id: str | None, quantity: int | None, call_id: str, at: datetime
) -> Status:
    """Take in the publisher's own confirmation. For a publisher that only calls us it confirms both gates.

    A different plan or quantity than was bought is accepted, as in the marketplace, and kept in the evidence, unless
    `activate_differing` refuses it. Confirming an active subscription again changes nothing. Raises ForeignSubscription
    for another publisher's subscription, ActivationRefused for a suspended one, ActivationDiffers, NotFound for an
    ended, overdue (rule 24) or unknown one.
    """
    authorize(actor, Action.SUBSCRIPTION_CONFIRM)
    subscription = lock_subscription(subscription_id, actor)
    if str(subscription.publisher.client_id) != actor.id:
        raise ForeignSubscription(id=subscription_id)
    if subscription.status == Status.UNSUBSCRIBED:
        raise NotFound(what="subscription", id=subscription_id)
    if subscription.status == Status.SUSPENDED:
        raise ActivationRefused(status=subscription.status)
    if subscription.status != Status.PENDING:
        return Status(subscription.status)
    if subscription.activate_by <= at:
        raise NotFound(what="subscription", id=subscription_id)
    check_as_bought(subscription, plan_id, quantity, at)
    called: dict[str, Any] = {"plan_id": plan_id, "quantity": quantity}
    evidence = {"source": "call", "id": call_id, "at": at.isoformat(), "said": called}
    return _take_call(actor, subscription_id, evidence, at)


def _take_call(actor: Actor, subscription_id: UUID, evidence: dict[str, Any], at: datetime) -> Status:
    subject = lock_judged({subscription_id})[subscription_id]
    news = News(new_ids([at]))
    _judge(subject, _verdicts_of_call(subject), evidence, at, news)
    news.write(actor)
    _ask_no_more(subject)
    return subject.status


def _ask_no_more(subject: Judged) -> None:
    if subject.status != Status.PENDING:
        PollSchedule.objects.filter(pk=subject.id, next_poll_at__isnull=False).update(next_poll_at=None)


def _verdicts_of_call(subject: Judged) -> Verdicts:
    confirmed: Verdicts = {GateName.CONFIGURATION_CONFIRMED: SATISFIED_BY_PUBLISHER}
    if subject.adapter == Adapter.PUSH:
        confirmed[GateName.LICENSES_ASSIGNED] = SATISFIED_BY_PUBLISHER
    return confirmed


def _verdicts_of(subject: Judged, answer: Answer) -> Verdicts:
    if answer.said is not None:
        bought = Bought(subject.plan_id, subject.quantity, subject.per_seat)
        configuration = configuration_verdict(answer.said)
        if subject.adapter == Adapter.BOTH and configuration.state == GateState.SATISFIED:
            configuration = AWAITING_CALL
        return {
            GateName.LICENSES_ASSIGNED: licenses_verdict(bought, answer.said),
            GateName.CONFIGURATION_CONFIRMED: configuration,
        }
    trouble = TROUBLE.get(answer.outcome)
    return dict.fromkeys(CONFIRMATIONS, trouble) if trouble else {}


def _judge(subject: Judged, verdicts: Verdicts, evidence: dict[str, Any], at: datetime, news: News) -> None:
    # Who waited for the lock, or has a slower clock, comes with an earlier moment than what holds already.
    at = max([at, *(gate.satisfied_at for gate in subject.gates if gate.satisfied_at)])
    before, kept = _attention(subject.gates), ""
    for gate in subject.gates:
        verdict = verdicts.get(gate.gate)
        if verdict is not None and _is_news(gate, verdict, evidence):
            was, kept = gate.state, kept or canonical(evidence)
            _set_gate(gate, verdict, kept, subject.activate_by, at)
            news.gates[gate.id] = gate
            data = {"gate": gate.gate, "reason": gate.reason, "message": gate.message, "was": was}
            if fact := _fact(subject.id, gate.state, data | {"evidence": evidence}, was):
                told = members(evidence=kept, **{name: canonical(value) for name, value in data.items()})
                news.tell(fact, evidence, at, told)
    confirmed = confirmations(subject.gates)
    if confirmed is not None:
        news.start_billing(subject, confirmed, evidence, at)
    elif (after := _attention(subject.gates)) != before:
        news.touched.add(subject.id)
        news.tell(AttentionChanged(subject.id, {"before": before, "after": after}), evidence, at)


def _attention(gates: Sequence[GateRow]) -> dict[str, str]:
    name = blocker(gates)
    gate = next((gate for gate in gates if gate.gate == name), None)
    if gate is None:
        return {}
    return {"gate": gate.gate, "reason": gate.reason, "owner": gate.owner, "message": gate.message}


def _is_news(gate: GateRow, verdict: Verdict, evidence: dict[str, Any]) -> bool:
    """Whether a verdict says something that the gate does not show, and may say it."""
    if gate.evidence is None:
        return True
    if gate.state == GateState.SATISFIED and not _takes_back(gate.evidence, verdict, evidence):
        return False
    return _shown(gate) != _told(verdict) or json.loads(gate.evidence)["said"] != evidence["said"]


def _shown(gate: GateRow) -> tuple[str, ...]:
    return gate.state, gate.owner, gate.reason, gate.next_action, gate.message, gate.action_url


def _told(verdict: Verdict) -> tuple[str, ...]:
    reason, next_action = verdict.reason or "", verdict.next_action or ""
    return verdict.state, verdict.owner, reason, next_action, verdict.message, verdict.action_url


def _set_gate(gate: GateRow, verdict: Verdict, evidence: str, activate_by: datetime, at: datetime) -> None:
    if (gate.state, gate.reason) != (verdict.state, verdict.reason or ""):
        gate.since = at
    gate.state, gate.owner, gate.reason, gate.next_action, gate.message, gate.action_url = _told(verdict)
    gate.evidence = evidence
    holds = verdict.state == GateState.SATISFIED
    gate.satisfied_at, gate.due_at = (at, None) if holds else (None, activate_by)


def _takes_back(kept: str, verdict: Verdict, evidence: dict[str, Any]) -> bool:
    """Whether a confirmation is withdrawn: only by the kind of source that gave it, and only by a statement."""
    if verdict.state == GateState.SATISFIED or not evidence["said"]:
        return False
    return bool(json.loads(kept).get("source") == evidence["source"] == "poll")


def _fact(
    subscription_id: UUID, state: str, data: dict[str, Any], was: str
) -> GateSatisfied | GateFailed | GateReopened | None:
    """What to tell of a gate that was set; nothing where one that was pending stays so."""
    if state == GateState.SATISFIED:
        return GateSatisfied(subscription_id, data)
    if state == GateState.FAILED:
        return GateFailed(subscription_id, data)
    return GateReopened(subscription_id, data) if was != GateState.PENDING else None
