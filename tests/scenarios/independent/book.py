"""What this publisher knows of each subscription, and how it decides on a change."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

PENDING, SUBSCRIBED, SUSPENDED, ENDED = "PendingFulfillmentStart", "Subscribed", "Suspended", "Unsubscribed"


class Mind(StrEnum):
    """How it answers to a change: yes, no by 400, no by a later call, or by a nod that says nothing."""

    AGREES = "agrees"
    DECLINES = "declines"
    REFUSES = "refuses"
    KEEPS_SILENT = "keeps_silent"


@dataclass
class Deed:
    """A change as it was asked: by a notice of the marketplace, or by its call to our API."""

    id: str
    action: str
    plan: str | None = None
    quantity: int | None = None
    status: str = "InProgress"


@dataclass
class Account:
    """`done` lists the ids of the changes that took effect here, in their order: none may be there twice."""

    id: str
    plan: str
    quantity: int | None
    status: str = PENDING
    term_end: str = ""
    mind: Mind = Mind.AGREES
    deeds: dict[str, Deed] = field(default_factory=dict)
    done: list[str] = field(default_factory=list)

    @property
    def open_deed(self) -> Deed | None:
        return next((deed for deed in self.deeds.values() if deed.status == "InProgress"), None)

    def finish(self, deed: Deed, *, agreed: bool) -> None:
        """Once: what is final stays so."""
        if deed.status != "InProgress":
            return
        deed.status = "Succeeded" if agreed else "Failed"
        if agreed:
            self.plan, self.quantity = deed.plan or self.plan, deed.quantity or self.quantity
            self.done.append(deed.id)

    def copy(self, subscription: dict[str, Any]) -> None:
        """Take over what the marketplace says: it is the seller."""
        self.plan, self.status = subscription["planId"], subscription["saasSubscriptionStatus"]
        self.quantity = subscription.get("quantity", self.quantity)
        self.term_end = subscription.get("term", {}).get("endDate", self.term_end)

    def shape(self) -> dict[str, Any]:
        shape = {"id": self.id, "planId": self.plan, "saasSubscriptionStatus": self.status}
        seats = {} if self.quantity is None else {"quantity": self.quantity, "assignedQuantity": self.quantity}
        return shape | (seats if self.status == SUBSCRIBED else {"quantity": self.quantity, "assignedQuantity": 0})
