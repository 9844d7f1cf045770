"""The port to a publisher's side of fulfillment, in the hub's words. Adapters live beside it; `registry` finds them."""

from collections.abc import Mapping
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

    @property
    def members(self) -> dict[str, str | int | None]:
        """What was said, by name."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class Answer:
    """The outcome of one question. `said` only when ANSWERED; `detail` is a sentence for people, free of secrets.

    ANSWERED without `said` means that nothing has changed since the answer whose `etag` was given with the question.
    `evidence` is what is kept as proof: HTTP status, the publisher's request id, the members that were read. `etag` is
    what the publisher calls this answer, "" when it does not say.
    """

    outcome: Outcome
    said: Said | None = None
    detail: str = ""
    retry_after: timedelta | None = None
    evidence: dict[str, Any] = field(default_factory=dict)
    etag: str = ""

    @property
    def is_unchanged(self) -> bool:
        """Whether the publisher's last statement still holds."""
        return self.outcome == Outcome.ANSWERED and self.said is None


@dataclass(frozen=True, slots=True)
class Expected:
    """What a publisher shows once a change is done: this plan, this quantity, or that the subscription has ended."""

    plan_id: str | None = None
    quantity: int | None = None
    ended: bool = False

    def is_shown_by(self, answer: Answer) -> bool:
        if self.ended:
            return answer.outcome == Outcome.UNKNOWN_THERE or (
                answer.said is not None and answer.said.status == "Unsubscribed"
            )
        if answer.said is None:
            return False
        return self.plan_id in (None, answer.said.plan_id) and self.quantity in (None, answer.said.quantity)


@dataclass(frozen=True, slots=True)
class Posted:
    """A post to a webhook as it went out and was answered; it says nothing of credentials.

    `webhook_url` is without the values of its query, `answer` the beginning of what was said; without an answer
    `http_status` is None.
    """

    webhook_url: str
    milliseconds: int
    http_status: int | None = None
    answer: str = ""


@dataclass(frozen=True, slots=True)
class Receipt:
    """The outcome of asking for a change, or after one. `remote_id` names the publisher's operation when it has one.

    `progress` only when ANSWERED: what is under way is followed by its `remote_id`; refused is final: see `detail`.
    `posted` only after a notice.
    """

    outcome: Outcome
    remote_id: str = ""
    detail: str = ""
    retry_after: timedelta | None = None
    progress: Progress = Progress.DONE
    posted: Posted | None = None


@dataclass(frozen=True, slots=True)
class Address:
    """Where and as whom to call a publisher, "" for an address that it has not. `token` authenticates the hub to it."""

    publisher_id: UUID
    base_url: str
    token: str
    webhook_url: str = ""


class FulfillmentGateway(Protocol):
    """Questions and orders to a publisher. Implementations never raise for what a publisher does: they answer it."""

    async def ask(self, address: Address, subscription_id: UUID, *, etag: str = "") -> Answer:
        """What the publisher says of the subscription now, or that it is still the answer which it called `etag`."""

    async def unsubscribe(self, address: Address, subscription_id: UUID) -> Receipt:
        """Tell the publisher that the subscription has ended; UNKNOWN_THERE counts as done."""

    async def change(
        self, address: Address, subscription_id: UUID, *, plan_id: str | None = None, quantity: int | None = None
    ) -> Receipt:
        """Ask the publisher for another plan or another quantity: one of them, and one only."""

    async def follow(self, address: Address, subscription_id: UUID, remote_id: str, expected: Expected) -> Receipt:
        """How far the publisher is with what it took up as its operation `remote_id`."""

    async def notify(self, address: Address, notice: Mapping[str, Any]) -> Receipt:
        """Post a notice to the publisher's webhook. DONE means that it was received: no word on the change yet."""

    async def close(self) -> None:
        """Give back connections."""
