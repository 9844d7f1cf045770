"""Events as human sentences."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from accounts.policy import Role
from partnerhub.outbox.models import Event
from partnerhub.web.templatetags.hub import absolute, day_text
from subscriptions import words
from subscriptions.views.rows import licences


@dataclass(frozen=True, slots=True)
class Change:
    label: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Happening:
    """One entry of a timeline; `subject` names the subscription where several are mixed."""

    sentence: str
    subject: str
    actor: str
    role: str
    at: datetime
    icon: str
    tone: str
    reason: str
    changes: list[Change]
    request_id: str


def happenings(events: Iterable[Event], subjects: Mapping[UUID, str] | None = None) -> list[Happening]:
    """The entries of a timeline; `subjects` names the streams where a timeline mixes several."""
    return [_happening(event, (subjects or {}).get(event.stream_id, "")) for event in events]


def _happening(event: Event, subject: str) -> Happening:
    tell, icon, tone = _TOLD.get(event.name, (_unknown, "circle-dot", ""))
    return Happening(
        sentence=tell(event.data | {"event": event.name}),
        subject=subject,
        actor=event.actor_label,
        role="" if event.actor_role == Role.SYSTEM else event.actor_role,
        at=event.at,
        icon=icon,
        tone=tone,
        reason=event.reason,
        changes=_changes(event),
        request_id=event.request_id,
    )


def _unknown(data: dict[str, Any]) -> str:
    return str(data["event"])


def _word(table: dict[Any, Any], code: str | None) -> str:
    return next((str(word) for key, word in table.items() if key == code), code or "")


def _ordered(data: dict[str, Any]) -> str:
    return _("Ordered {offer}, {licences}, with order {order}.").format(
        offer=data["offer"], licences=licences(data["quantity"]), order=data["order"]
    )


def _link_minted(data: dict[str, Any]) -> str:
    until = absolute(datetime.fromisoformat(data["expires_at"]))
    return _("Made a fresh link to the publisher's site, valid until {until}.").format(until=until)


def _gate_satisfied(data: dict[str, Any]) -> str:
    evidence = data.get("evidence") or {}
    gate = _word(words.GATE, data["gate"])
    if evidence.get("source") == "call":
        return _("{gate}: the publisher said so with its own call.").format(gate=gate)
    return _("{gate}: the publisher said so when it was asked.").format(gate=gate)


def _gate_reopened(data: dict[str, Any]) -> str:
    return _("{gate}: the publisher took its confirmation back.").format(gate=_word(words.GATE, data["gate"]))


def _gate_failed(data: dict[str, Any]) -> str:
    return _("{gate}: {reason}").format(gate=_word(words.GATE, data["gate"]), reason=_why(data))


def _why(data: dict[str, Any]) -> str:
    if data.get("message"):
        return _("The publisher says: {message}").format(message=data["message"])
    return _word(words.REASON, data.get("reason"))


def _attention(data: dict[str, Any]) -> str:
    after = data.get("after") or {}
    return _("{reason} Next: {owner}.").format(reason=_why(after), owner=_word(words.OWNER, after.get("owner")))


def _activated(data: dict[str, Any]) -> str:
    start = day_text(date.fromisoformat(data["term_start"]))
    return _("Activated: every billing gate holds, so the term and billing start on {day}.").format(day=start)


def _auto_renew(data: dict[str, Any]) -> str:
    return _("Turned automatic renewal on.") if data["after"] else _("Turned automatic renewal off.")


def _cancelled(data: dict[str, Any]) -> str:
    if data["refund"] == "full":
        return _("Cancelled inside the window: everything charged is refunded.")
    return _("Cancelled before activation: nothing was ever charged.")


def _operation(data: dict[str, Any]) -> str:
    return _word(words.OPERATION, data.get("action"))


def _operation_succeeded(data: dict[str, Any]) -> str:
    if not data.get("told", True):
        return _("{change}: the publisher reads it from us at its next call.").format(change=_operation(data))
    return _("{change}: the publisher has carried it out.").format(change=_operation(data))


def _operation_failed(data: dict[str, Any]) -> str:
    return _("{change}: the publisher did not carry it out.").format(change=_operation(data))


def _cart_ordered(data: dict[str, Any]) -> str:
    return _("Ordered a cart (order {orders}).").format(orders=", ".join(data.get("orders", [])))


def _changes(event: Event) -> list[Change]:
    if event.name == "subscription.renamed":
        return [Change(_("Nickname"), event.data["before"], event.data["after"])]
    return []


_Tell = Callable[[dict[str, Any]], str]
_TOLD: dict[str, tuple[_Tell, str, str]] = {
    "subscription.ordered": (_ordered, "shopping-cart", ""),
    "subscription.link_minted": (_link_minted, "link", ""),
    "subscription.link_resolved": (lambda data: _("The publisher opened the order by its link."), "log-in", ""),
    "subscription.poll_requested": (lambda data: _("Asked the publisher out of turn."), "refresh-cw", ""),
    "subscription.gate_satisfied": (_gate_satisfied, "circle-check", "ok"),
    "subscription.gate_reopened": (_gate_reopened, "undo-2", "attention"),
    "subscription.gate_failed": (_gate_failed, "circle-x", "attention"),
    "subscription.attention_changed": (_attention, "triangle-alert", "wait"),
    "subscription.activated": (_activated, "circle-play", "ok"),
    "subscription.renamed": (lambda data: _("Changed the nickname."), "pencil", ""),
    "subscription.auto_renew_changed": (_auto_renew, "repeat", ""),
    "subscription.suspended": (lambda data: _("Suspended; auto-renew is off."), "circle-pause", "attention"),
    "subscription.reinstated": (lambda data: _("Taken up again."), "circle-play", "ok"),
    "subscription.cancelled": (_cancelled, "ban", "attention"),
    "subscription.voided": (lambda data: _("Not activated in time: void, never billed."), "ban", "attention"),
    "operation.succeeded": (_operation_succeeded, "circle-check", "ok"),
    "operation.failed": (_operation_failed, "circle-x", "attention"),
    "cart.created": (lambda data: _("Started a cart."), "shopping-cart", ""),
    "cart.replaced": (lambda data: _("Changed a cart."), "shopping-cart", ""),
    "cart.attested": (lambda data: _("Attested the partner role for a cart."), "shopping-cart", ""),
    "cart.ordered": (_cart_ordered, "shopping-cart", ""),
    "customer.created": (lambda data: _("The customer was added."), "building-2", ""),
}
