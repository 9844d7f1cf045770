"""A subscription as it was: its state, folded from its events. Pure.

Every event that changes one of these values has a line in the table below; the others change nothing that is shown.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, Protocol, TypeVar

from subscriptions.enums import GateName, GateState, Status


class Happened(Protocol):
    """What the fold reads of an event."""

    @property
    def name(self) -> str: ...
    @property
    def data(self) -> Mapping[str, Any]: ...
    @property
    def at(self) -> datetime: ...
    @property
    def sequence(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Past:
    """The values of a subscription at some moment. `plan_term` is an id, `partner_id` empty without a reseller; the
    term runs from its first day to its end (exclusive), both None until it is activated.
    """

    nickname: str
    quantity: int
    status: Status
    auto_renew: bool
    plan_term: str
    unit_price: str
    partner_id: str
    gates: Mapping[str, GateState]
    term_start: date | None = None
    term_end: date | None = None


Data = Mapping[str, Any]
Entry = TypeVar("Entry", bound=Happened)


def known_at(events: Sequence[Entry], moment: datetime) -> list[Entry]:
    """The events up to a moment (included), in their order; one that was recorded before such an event had happened,
    too, even where a slower clock dated it a little later.
    """
    ordered = sorted(events, key=lambda event: event.sequence)
    last = max((event.sequence for event in ordered if event.at <= moment), default=0)
    return [event for event in ordered if event.sequence <= last]


def fold(events: Iterable[Happened], origin: Data) -> Past | None:
    """The state after these events of one subscription, in their order; None before it was ordered.

    `origin` holds what the order says and the first event of an older hub does not: nickname, plan_term, auto_renew.
    """
    past: Past | None = None
    for event in events:
        if event.name == "subscription.ordered":
            past = _ordered({**origin, **event.data})
        elif past is not None and event.name in _EFFECTS:
            past = _EFFECTS[event.name](past, event.data)
    return past


def _ordered(data: Data) -> Past:
    return Past(
        nickname=data["nickname"],
        quantity=data["quantity"],
        status=Status.PENDING,
        auto_renew=data["auto_renew"],
        plan_term=data["plan_term"],
        unit_price=data["unit_price"],
        partner_id=data["partner_id"],
        gates={
            GateName.ORDERED: GateState.SATISFIED,
            GateName.LICENSES_ASSIGNED: GateState.PENDING,
            GateName.CONFIGURATION_CONFIRMED: GateState.PENDING,
            GateName.NOT_CANCELLED: GateState.SATISFIED,
        },
    )


def _in_term(past: Past, data: Data) -> Past:
    start, end = (date.fromisoformat(data[name]) for name in ("term_start", "term_end"))
    return replace(past, term_start=start, term_end=end)


def _activated(past: Past, data: Data) -> Past:
    return replace(_in_term(past, data), status=Status.SUBSCRIBED)


def _renewed(past: Past, data: Data) -> Past:
    return replace(_in_term(_planned(past, data), data), quantity=data["after"]["quantity"])


def _planned(past: Past, data: Data) -> Past:
    return replace(past, plan_term=data["after"]["plan_term"], unit_price=data["after"]["unit_price"])


def _ended(past: Past, data: Data) -> Past:
    gates = {**past.gates, GateName.NOT_CANCELLED: GateState.FAILED}
    return replace(past, status=Status.UNSUBSCRIBED, auto_renew=False, gates=gates)


def _gate(state: GateState) -> Callable[[Past, Data], Past]:
    return lambda past, data: replace(past, gates={**past.gates, data["gate"]: state})


_EFFECTS: dict[str, Callable[[Past, Data], Past]] = {
    "subscription.activated": _activated,
    "subscription.renamed": lambda past, data: replace(past, nickname=data["after"]),
    "subscription.auto_renew_changed": lambda past, data: replace(past, auto_renew=data["after"]),
    "subscription.quantity_changed": lambda past, data: replace(past, quantity=data["after"]),
    "subscription.plan_changed": _planned,
    "subscription.billing_frequency_changed": _planned,
    "subscription.reseller_changed": lambda past, data: replace(past, partner_id=data["after"]),
    "subscription.renewed": _renewed,
    "subscription.suspended": lambda past, data: replace(past, status=Status.SUSPENDED, auto_renew=False),
    "subscription.reinstated": lambda past, data: replace(past, status=Status.SUBSCRIBED),
    "subscription.cancelled": _ended,
    "subscription.voided": _ended,
    "subscription.expired": _ended,
    "subscription.gate_satisfied": _gate(GateState.SATISFIED),
    "subscription.gate_failed": _gate(GateState.FAILED),
    "subscription.gate_reopened": _gate(GateState.PENDING),
}
