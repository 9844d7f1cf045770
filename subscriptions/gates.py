"""Billing gates: what must hold before a subscription is billed, and what is missing (rules 21-26). Pure.

Two sources speak about a pending subscription: the publisher's answer to our poll, and the publisher's own call.
Both become `Verdict`s on gates here; the service only stores them.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from publishers.fulfillment.gateway import Outcome, Said
from subscriptions.enums import GateName, GateState, NextAction, Owner, Reason

ORDER = (GateName.ORDERED, GateName.LICENSES_ASSIGNED, GateName.CONFIGURATION_CONFIRMED, GateName.NOT_CANCELLED)


class GateLike(Protocol):
    gate: str
    state: str
    satisfied_at: datetime | None


@dataclass(frozen=True, slots=True)
class Bought:
    """What the hub ordered: the yardstick of every confirmation. `per_seat` is false for flat rates."""

    plan_id: str
    quantity: int
    per_seat: bool


@dataclass(frozen=True, slots=True)
class Verdict:
    """The state of one gate after an answer, and who must do what about it."""

    state: GateState
    owner: Owner
    reason: Reason | None = None
    next_action: NextAction | None = None
    message: str = ""
    action_url: str = ""


SATISFIED_BY_PUBLISHER = Verdict(GateState.SATISFIED, Owner.PUBLISHER)


def blocker(gates: Iterable[GateLike]) -> GateName | None:
    """The one gate that keeps billing from starting, or None when all hold. A cancellation outranks what is missing."""
    by_name = {gate.gate: gate.state for gate in gates}
    if by_name.get(GateName.NOT_CANCELLED) == GateState.FAILED:
        return GateName.NOT_CANCELLED
    return next((name for name in ORDER if by_name.get(name) != GateState.SATISFIED), None)


@dataclass(frozen=True, slots=True)
class Confirmations:
    """Both confirmations of a subscription whose gates all hold (UTC)."""

    licenses_assigned_at: datetime
    configuration_confirmed_at: datetime

    @property
    def billing_starts_at(self) -> datetime:
        """The later of the two: billing never starts early (rule 21)."""
        return max(self.licenses_assigned_at, self.configuration_confirmed_at)


def confirmations(gates: Iterable[GateLike]) -> Confirmations | None:
    """Both confirmations when every gate holds, else None: then nothing may be billed."""
    gates = list(gates)
    if blocker(gates) is not None:
        return None
    satisfied = {gate.gate: gate.satisfied_at for gate in gates}
    licenses, configuration = satisfied[GateName.LICENSES_ASSIGNED], satisfied[GateName.CONFIGURATION_CONFIRMED]
    return Confirmations(licenses, configuration) if licenses and configuration else None


def licenses_verdict(bought: Bought, said: Said) -> Verdict:
    """Licences are assigned when plan and quantity equal what was bought and assignedQuantity, where given, reaches it.

    A success shown with old data is not yet a confirmation (contract, "Polled publishers").
    """
    if said.status == "Unsubscribed":
        return _refused(said)
    if said.plan_id != bought.plan_id:
        return _waiting(said, Reason.PLAN_DIFFERS)
    if bought.per_seat and said.quantity != bought.quantity:
        return _waiting(said, Reason.PARTIAL_ASSIGNMENT)
    if said.assigned_quantity is not None and said.assigned_quantity < bought.quantity:
        reason = Reason.PARTIAL_ASSIGNMENT if said.assigned_quantity else Reason.AWAITING_CUSTOMER_SETUP
        return _waiting(said, reason)
    return SATISFIED_BY_PUBLISHER


def configuration_verdict(said: Said) -> Verdict:
    """The configuration is confirmed when the publisher shows Subscribed."""
    if said.status == "Subscribed":
        return SATISFIED_BY_PUBLISHER
    if said.status == "Unsubscribed":
        return _refused(said)
    return _waiting(said, Reason.AWAITING_CONFIRMATION)


def _refused(said: Said) -> Verdict:
    return Verdict(
        GateState.FAILED, Owner.PARTNER, Reason.PUBLISHER_REFUSED, NextAction.CANCEL, said.message, said.action_url
    )


def _waiting(said: Said, reason: Reason) -> Verdict:
    if said.message or said.action_url:
        return Verdict(
            GateState.PENDING,
            Owner.CUSTOMER,
            Reason.PUBLISHER_ASKS,
            NextAction.ANSWER_PUBLISHER,
            said.message,
            said.action_url,
        )
    if reason == Reason.AWAITING_CUSTOMER_SETUP:
        return NOT_OPENED
    return Verdict(GateState.PENDING, Owner.PUBLISHER, reason, NextAction.OPEN_PUBLISHER_SITE)


# The publisher does not know of the purchase until somebody opens the personalised link (rule 18).
NOT_OPENED = Verdict(GateState.PENDING, Owner.CUSTOMER, Reason.AWAITING_CUSTOMER_SETUP, NextAction.OPEN_PUBLISHER_SITE)

# The publisher shows success, but has promised to confirm by its own call.
AWAITING_CALL = Verdict(
    GateState.PENDING, Owner.PUBLISHER, Reason.AWAITING_CONFIRMATION, NextAction.OPEN_PUBLISHER_SITE
)

TROUBLE: dict[Outcome, Verdict] = {
    Outcome.UNKNOWN_THERE: NOT_OPENED,
    Outcome.SILENT: Verdict(GateState.PENDING, Owner.PUBLISHER, Reason.PUBLISHER_SILENT, NextAction.WAIT_FOR_PUBLISHER),
    Outcome.FAILING: Verdict(
        GateState.PENDING, Owner.PUBLISHER, Reason.PUBLISHER_FAILING, NextAction.WAIT_FOR_PUBLISHER
    ),
    Outcome.FORBIDDEN: Verdict(
        GateState.PENDING, Owner.PLATFORM, Reason.PUBLISHER_FAILING, NextAction.WAIT_FOR_PUBLISHER
    ),
    Outcome.UNREADABLE: Verdict(
        GateState.PENDING, Owner.PUBLISHER, Reason.PUBLISHER_UNREADABLE, NextAction.WAIT_FOR_PUBLISHER
    ),
}
