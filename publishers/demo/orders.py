"""An order as this vendor keeps it: what was bought, what has been set up, what was promised to the marketplace."""

from __future__ import annotations

import itertools
import secrets
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import uuid4


class Adapter(StrEnum):
    POLL = "saas_v2_poll"
    PUSH = "saas_v2_push"
    BOTH = "both"

    @property
    def calls_activate(self) -> bool:
        return self is not Adapter.POLL


class Status(StrEnum):
    PENDING = "PendingFulfillmentStart"
    SUBSCRIBED = "Subscribed"
    SUSPENDED = "Suspended"
    UNSUBSCRIBED = "Unsubscribed"


class Refusal(Exception):
    """A request this vendor declines: a sentence for the person who asked, and the form field it is about, if one."""

    def __init__(self, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True)
class Course:
    """What a vendor does with a change: says yes, or no with a reason, after `seconds` (None: never says anything).

    `unseen` seconds pass between its yes and what others can see of it. A person may decide sooner where `by_hand`.
    """

    seconds: float | None = 0
    refusal: str | None = None
    unseen: float = 0
    by_hand: bool = False


@dataclass(frozen=True)
class Manner:
    """How a vendor makes the calls that count: this often at once, its words for yes and no, and with tokens that it
    made up itself where `forges`."""

    copies: int = 1
    yes: str = "Success"
    no: str = "Failure"
    forges: bool = False


@dataclass
class Operation:
    """A change the hub asked for, in progress until `due_at` (None: for ever); then it succeeds, or is refused.

    `notified` ones came by the hub's webhook: they are the hub's operations, and it has to be told our word.
    """

    id: str
    action: str
    asked_at: str
    due_at: str | None
    plan_id: str | None = None
    quantity: int | None = None
    applied: bool = False
    refusal: str | None = None
    refused: bool = False
    said_yes: bool = False
    unseen: float = 0
    by_hand: bool = False
    notified: bool = False
    look_at: str | None = None

    @property
    def is_open(self) -> bool:
        """Whether it has neither taken effect nor been refused."""
        return not self.applied and not self.refused

    @property
    def is_decided(self) -> bool:
        return self.said_yes or self.applied or self.refused

    @property
    def status(self) -> str:
        if self.refused:
            return "Failed"
        return "Succeeded" if self.is_decided else "InProgress"

    def is_due(self, at: datetime) -> bool:
        return self.due_at is not None and at >= datetime.fromisoformat(self.due_at)

    def is_visible(self, at: datetime) -> bool:
        due = datetime.fromisoformat(self.due_at or self.asked_at)
        return at >= due + timedelta(seconds=self.unseen)

    def decide(self, agrees: bool, at: datetime, reason: str | None = None) -> None:
        """Let it be due now, with this outcome."""
        self.due_at, self.refusal = at.isoformat(), None if agrees else reason or "We cannot do this now."


@dataclass
class Answer:
    """What the hub last said to our activate call; `retry_at` is set while asking again makes sense."""

    status: int
    message: str
    at: str
    attempts: int
    retry_at: str | None = None


@dataclass
class Order:
    """One purchase. `seats` has an e-mail address for each assigned licence, None for a free one; it is None itself
    where the plan has a flat rate."""

    slug: str
    id: str
    offer_id: str
    plan_id: str
    name: str
    seats: list[str | None] | None
    opened_at: str
    purchase: dict[str, Any] = field(default_factory=dict)
    key: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    details: dict[str, str] | None = None
    confirmation_wanted: bool = False
    confirmed_at: str | None = None
    suspended: bool = False
    closed_at: str | None = None
    message: str | None = None
    question: str | None = None
    operations: list[Operation] = field(default_factory=list)
    answer: Answer | None = None
    changed: bool = True

    @property
    def quantity(self) -> int | None:
        return None if self.seats is None else len(self.seats)

    @property
    def assigned(self) -> int:
        return sum(seat is not None for seat in self.seats or [])

    @property
    def free(self) -> int:
        return (self.quantity or 0) - self.assigned

    @property
    def status(self) -> Status:
        if self.closed_at:
            return Status.UNSUBSCRIBED
        if self.suspended:
            return Status.SUSPENDED
        return Status.SUBSCRIBED if self.confirmed_at else Status.PENDING

    @property
    def is_waiting(self) -> bool:
        """Whether the customer has something to answer before this order can go on."""
        return bool(self.question) and not self.closed_at

    @property
    def pending_operation(self) -> Operation | None:
        return next((operation for operation in self.operations if operation.is_open), None)

    def operation(self, operation_id: str) -> Operation | None:
        return next((one for one in self.operations if one.id == operation_id.lower()), None)

    @property
    def awaits_decision(self) -> Operation | None:
        """The change that a person here may accept or refuse now."""
        pending = self.pending_operation
        return pending if pending and pending.by_hand and not pending.is_decided else None

    @property
    def suggested_domain(self) -> str:
        _, _, domain = str(self.purchase.get("beneficiary", {}).get("emailId", "")).partition("@")
        return domain or "customer.example"

    def suggested_user(self, seat: int) -> str:
        """The address proposed for the seat with this number, counted from 1."""
        return f"user{seat}@{self.suggested_domain}"

    def set_details(self, details: dict[str, str]) -> None:
        if self.details != details:
            self.details, self.changed = details, True

    def assign(self, people: dict[int, str]) -> None:
        """Give seats, by number counted from 1, to people; all of them or, with a Refusal, none."""
        self.refuse_when_closed()
        holders = {email: number for number, email in enumerate(self.seats or [], start=1) if email}
        for number, email in people.items():
            if not 1 <= number <= (self.quantity or 0):
                raise Refusal(f"This order has no licence number {number}.")
            if holders.setdefault(email, number) != number:
                raise Refusal(f"{email} already has licence {holders[email]}.", f"email-{number}")
        seats = [people.get(number, email) for number, email in enumerate(self.seats or [], start=1)]
        if self.seats is not None and seats != self.seats:
            self.seats, self.changed = seats, True

    def assign_up_to(self, count: int) -> None:
        """Fill free seats with the suggested people until `count` licences are assigned."""
        self.refuse_when_closed()
        seats = self.seats or []
        taken = {seat for seat in seats if seat}
        free = [number for number, seat in enumerate(seats, start=1) if seat is None]
        for number in free[: max(count - len(taken), 0)]:
            address = next(a for a in map(self.suggested_user, itertools.count(number)) if a not in taken)
            taken.add(address)
            seats[number - 1], self.changed = address, True

    def ask_to_confirm(self) -> None:
        if not self.confirmation_wanted:
            self.confirmation_wanted = self.changed = True

    def confirm(self, at: datetime) -> None:
        if not self.confirmed_at:
            self.confirmed_at, self.changed = at.isoformat(), True

    def ask_customer(self, question: str | None) -> None:
        if self.question != question:
            self.question, self.changed = question, True

    def close(self, at: datetime, message: str | None = None) -> None:
        if not self.closed_at:
            self.closed_at, self.message, self.changed = at.isoformat(), message, True

    def remember_answer(self, answer: Answer) -> None:
        self.answer, self.changed = answer, True

    def refuse_when_closed(self) -> None:
        if self.closed_at:
            raise Refusal("This order is closed. Nothing can be set up for it any more.")

    def resize(self, quantity: int) -> None:
        """Free licences go first when seats are taken away, then the ones assigned last."""
        seats = list(self.seats or [])
        order_of_leaving = sorted(range(len(seats)), key=lambda index: (seats[index] is not None, -index))
        leaving = set(order_of_leaving[: max(len(seats) - quantity, 0)])
        seats = [seat for index, seat in enumerate(seats) if index not in leaving] + [None] * (quantity - len(seats))
        if seats != self.seats:
            self.seats, self.changed = seats, True

    def start(
        self,
        action: str,
        at: datetime,
        course: Course,
        plan_id: str | None = None,
        quantity: int | None = None,
        notice: str | None = None,
    ) -> Operation:
        """Take a change up; `notice` is the id of the hub's operation when its webhook told us of it."""
        due = None if course.seconds is None else (at + timedelta(seconds=course.seconds)).isoformat()
        operation = Operation(notice or str(uuid4()), action, at.isoformat(), due, plan_id, quantity)
        operation.refusal, operation.unseen, operation.by_hand = course.refusal, course.unseen, course.by_hand
        operation.notified = notice is not None
        self.operations.append(operation)
        self.changed = True
        return operation

    def settle_operations(self, at: datetime) -> None:
        """Finish our own operations whose time has come. The hub's wait until it has heard our word."""
        for operation in self.operations:
            if operation.is_open and not operation.notified and operation.is_due(at):
                self.finish(operation, at)

    def finish(self, operation: Operation, at: datetime) -> None:
        """Our word is given: refuse, or say yes, and let the change take effect once it may be seen."""
        self.changed = True
        if operation.refusal:
            operation.refused = True
            return
        operation.said_yes = True
        if operation.is_visible(at):
            self.apply(operation, at)
            operation.applied = True

    def apply(self, operation: Operation, at: datetime) -> None:
        if operation.action == "Unsubscribe":
            self.close(at, "Cancelled by the marketplace.")
        if operation.plan_id:
            self.plan_id = operation.plan_id
        if operation.quantity:
            self.resize(operation.quantity)

    def take_over(self, plan_id: str, quantity: int) -> None:
        """What the marketplace sold for the next term."""
        self.plan_id, self.changed = plan_id, True
        if self.seats is not None:
            self.resize(quantity)

    def refresh(self, resolved: Order, hub_status: str, at: datetime) -> None:
        """Take over what the marketplace says now about an order we already have: it is the seller."""
        self.suspended = hub_status == Status.SUSPENDED
        self.purchase, self.name, self.changed = resolved.purchase, resolved.name, True
        if hub_status == Status.UNSUBSCRIBED:
            self.close(at, "Cancelled by the marketplace.")
        if self.pending_operation is None:
            self.plan_id = resolved.plan_id
            if resolved.quantity is not None:
                self.resize(resolved.quantity)

    def adopt(self, at: datetime) -> None:
        """Take an order over that the marketplace already runs and of which we kept no record."""
        self.assign_up_to(self.quantity or 0)
        self.ask_to_confirm()
        self.confirm(at)

    def dump(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def load(cls, body: dict[str, Any]) -> Order:
        order = cls(**body)
        order.operations = [Operation(**operation) for operation in body["operations"]]
        order.answer = Answer(**body["answer"]) if body["answer"] else None
        order.changed = False
        return order
