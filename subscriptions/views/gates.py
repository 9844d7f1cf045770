"""Billing gates as the page shows them: ordered, licences assigned, configuration confirmed, billing."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.utils.translation import gettext as _

from accounts.policy import Actor
from partnerhub.web.templatetags.hub import absolute, day_text
from subscriptions import words
from subscriptions.enums import GateName, GateState, NextAction, Owner
from subscriptions.models import Gate, Subscription
from subscriptions.selectors import blocking_gate
from subscriptions.terms import trial_end
from subscriptions.views.rows import go_url_of, reason_words

SHOWN = (GateName.ORDERED, GateName.LICENSES_ASSIGNED, GateName.CONFIGURATION_CONFIRMED)


@dataclass(frozen=True, slots=True)
class GateStep:
    """One step, with what proves it and, at the blocker, what to do: `go_url` mints a link, `answer_url` is the
    publisher's own page, `advice` says it in words.
    """

    title: str
    state: str
    tone: str
    evidence: str
    owner: str
    since: datetime | None
    due: datetime | None
    is_blocker: bool
    action_template: str = ""
    advice: str = ""
    go_url: str = ""
    answer_url: str = ""


def gate_steps(subscription: Subscription, actor: Actor) -> list[GateStep]:
    """The four steps of a subscription read with its gates; exactly one is the blocker until billing may start."""
    by_name = {GateName(gate.gate): gate for gate in subscription.gates.all()}
    blocker = blocking_gate(subscription)
    steps = [_step(by_name[name], by_name[name] is blocker, subscription, actor) for name in SHOWN if name in by_name]
    return [*steps, _billing(by_name.get(GateName.NOT_CANCELLED), subscription)]


def _step(gate: Gate, is_blocker: bool, subscription: Subscription, actor: Actor) -> GateStep:
    satisfied = gate.state == GateState.SATISFIED
    return GateStep(
        title=str(words.GATE[GateName(gate.gate)]),
        state=gate.state,
        tone="" if not is_blocker or gate.owner == Owner.PUBLISHER or gate.state == GateState.FAILED else "attention",
        evidence=proof_words(gate.evidence or {}) if satisfied else _reason(gate, is_blocker, subscription),
        owner=str(words.OWNER[Owner(gate.owner)]) if is_blocker else "",
        since=gate.since if satisfied or is_blocker else None,
        due=gate.due_at if is_blocker else None,
        is_blocker=is_blocker,
        action_template="subscriptions/_next_action.html" if is_blocker and gate.next_action else "",
        advice=_advice(gate),
        go_url=go_url_of(subscription, actor) if gate.next_action in _OPENED_THERE else "",
        answer_url=gate.action_url if gate.action_url.startswith(("https://", "http://")) else "",
    )


def _reason(gate: Gate, is_blocker: bool, subscription: Subscription) -> str:
    """Why it is not satisfied; only told of the blocker and of failures, because the rest follows from them."""
    return reason_words(gate, subscription) if is_blocker or gate.state == GateState.FAILED else ""


_OPENED_THERE = (NextAction.OPEN_PUBLISHER_SITE, NextAction.ANSWER_PUBLISHER)


def _advice(gate: Gate) -> str:
    sentences = {
        NextAction.OPEN_PUBLISHER_SITE: _("Complete the set-up on the publisher's site."),
        NextAction.ANSWER_PUBLISHER: _("Give the publisher what it asks for."),
        NextAction.WAIT_FOR_PUBLISHER: _("The hub keeps asking by itself; ask now to be sure."),
        NextAction.CANCEL: _("Nothing was charged. Cancel the subscription and buy another offer."),
    }
    return next((sentence for action, sentence in sentences.items() if action == gate.next_action), "")


def _billing(not_cancelled: Gate | None, subscription: Subscription) -> GateStep:
    start = getattr(subscription, "billing_start", None)
    ended = not_cancelled is not None and not_cancelled.state == GateState.FAILED
    if start is not None:
        state, since, evidence = GateState.SATISFIED, start.starts_at, _billing_proof(subscription)
    elif ended:
        state, since = GateState.FAILED, not_cancelled.since if not_cancelled else None
        evidence = _("Billing never starts: the subscription has ended. Nothing was charged.")
    else:
        state, since = GateState.PENDING, None
        evidence = _("Starts when everything above is done, dated by the later of the two confirmations.")
    return GateStep(
        title=_("Billing"),
        state=state,
        tone="",
        evidence=evidence,
        owner="",
        since=since,
        due=None,
        is_blocker=ended and start is None,
    )


def _billing_proof(subscription: Subscription) -> str:
    if subscription.activated_at is None:
        return ""
    trial_ends = trial_end(subscription.trial_days, subscription.activated_at)
    if trial_ends:
        return _("The term started with a free trial; the first paid day is {day}.").format(day=day_text(trial_ends))
    first_day = subscription.activated_at.astimezone(UTC).date()
    return _("Both confirmations are there; the first paid day is {day}.").format(day=day_text(first_day))


def proof_words(evidence: dict[str, Any]) -> str:
    """Which order, poll or call proves it, when, and what it said."""
    at = _moment(evidence.get("at"))
    reference = str(evidence.get("id", ""))[:8]
    said = evidence.get("said") or {}
    if evidence.get("source") == "order":
        return _("Order {order} by {by}, {at}.").format(order=evidence["order"], by=evidence["by"], at=at)
    if evidence.get("source") == "call":
        return _("The publisher called us ({reference}), {at}.").format(reference=reference, at=at)
    answer = ", ".join(filter(None, [str(said.get("status") or ""), _seats(said)]))
    return _("Poll {reference}, {at}: the publisher answered “{answer}”.").format(
        reference=reference, at=at, answer=answer
    )


def _seats(said: dict[str, Any]) -> str:
    assigned, quantity = said.get("assigned_quantity"), said.get("quantity")
    if assigned is not None:
        return _("{assigned} of {quantity} licences are assigned").format(assigned=assigned, quantity=quantity or "–")
    return _("quantity {quantity}").format(quantity=quantity) if quantity is not None else ""


def _moment(text: str | None) -> str:
    return absolute(datetime.fromisoformat(text)) if text else ""
