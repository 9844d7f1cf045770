"""The port to a publisher's side of fulfillment, in the hub's words. Adapters live beside it; `registry` finds them."""

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any, Protocol
from uuid import UUID


class Outcome(StrEnum):
    """What came of calling a publisher."""

    ANSWERED = "answered"
    UNKNOWN_THERE = "unknown_there"
    UNREADABLE = "unreadable"
    FAILING = "failing"
    SILENT = "silent"
    THROTTLED = "throttled"
    FORBIDDEN = "forbidden"


class Progress(StrEnum):
    """How far a publisher is with a change that it has answered."""

    DONE = "done"
    UNDER_WAY = "under_way"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Said:
    """A publisher's statement about one subscription, in the marketplace's words (fulfillment-v2.md section 5)."""

    status: str
    plan_id: str
    quantity: int | None = None
    assigned_quantity: int | None = None
    message: str = ""
    action_url: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """The outcome of one question. `said` only when ANSWERED; `detail` is a sentence for people, free of secrets.

    `evidence` is what is kept as proof: HTTP status, the publisher's request id, the members that were read.
    """

    outcome: Outcome
    said: Said | None = None
    detail: str = ""
    retry_after: timedelta | None = None
    evidence: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Receipt:
    """The outcome of asking for a change, or after one. `remote_id` names the publisher's operation when it has one.

    `progress` only when ANSWERED: what is under way is followed by its `remote_id`; refused is final: see `detail`.
    """

    outcome: Outcome
    remote_id: str = ""
    detail: str = ""
    retry_after: timedelta | None = None
    progress: Progress = Progress.DONE


@dataclass(frozen=True, slots=True)
class Address:
    """Where and as whom to call a publisher. `token` authenticates the hub to it."""

    publisher_id: UUID
    base_url: str
    token: str


class FulfillmentGateway(Protocol):
    """Questions and orders to a publisher. Implementations never raise for what a publisher does: they answer it."""

    async def ask(self, address: Address, subscription_id: UUID) -> Answer:
        """What the publisher says of the subscription now."""

    async def unsubscribe(self, address: Address, subscription_id: UUID) -> Receipt:
        """Tell the publisher that the subscription has ended; UNKNOWN_THERE counts as done."""

    async def follow_unsubscription(self, address: Address, subscription_id: UUID, remote_id: str) -> Receipt:
        """How far the publisher is with the end that it took up as its operation `remote_id`."""

    async def close(self) -> None:
        """Give back connections."""
