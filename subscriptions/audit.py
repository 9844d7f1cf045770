"""The audit as Partner Center's clients read it: one record for each entry, with its words where it has one."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from accounts.models import User
from customers.models import Customer
from partnerhub.outbox.models import Entry
from subscriptions.activity import ACTS
from subscriptions.models import Cart, Subscription

ORDER, SUBSCRIPTION, CUSTOMER, INVOICE = "order", "subscription", "customer", "invoice"
# The dialect's resources by our streams; the others keep our name.
RESOURCES = {"cart": ORDER}
OPERATIONS = {
    "cart.ordered": "create_order",
    "subscription.ordered": "create_subscription",
    "customer.created": "add_customer",
    "customer.changed": "update_customer",
    "customer.relationship_ended": "remove_partner_customer_relationship",
    "invoice.finalized": "ready_invoice",
}
UPDATE = {SUBSCRIPTION: "update_subscription"}
# What a refused attempt would have done, by its family.
ATTEMPTS = {
    "purchase": (ORDER, "create_order"),
    "customer": (CUSTOMER, "update_customer"),
    "publisher": ("publisher", "update_publisher"),
    "invoice": (INVOICE, "update_invoice"),
    "access": ("client", "update_access"),
}
OF_A_SUBSCRIPTION = (SUBSCRIPTION, UPDATE[SUBSCRIPTION])


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose thing an entry is about; `facts` say more of it."""

    customer_id: UUID | None = None
    customer_name: str = ""
    facts: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Record:
    """One entry in the dialect's words, with the subject's customer and the person's e-mail address."""

    entry: Entry
    resource: str
    operation: str
    subject: Subject
    person: str

    @property
    def old(self) -> str | None:
        """JSON of what was; None where nothing was, or it is not on record."""
        return None if self.entry.code else _json(self.entry.data.get("before"))

    @property
    def new(self) -> str | None:
        """JSON of what is, or what a refused attempt asked for."""
        return _json(self.entry.data.get("after", self.entry.data))


def records_of(entries: Iterable[Entry]) -> list[Record]:
    """The records of some entries: as many queries for one as for many."""
    entries = list(entries)
    subjects, people = _subjects(entries), _people(entries)
    return [_record(one, subjects.get(one.stream_id or UUID(int=0), Subject()), people) for one in entries]


def streams_of(resource: str) -> list[str]:
    """The streams that a resource of the dialect is kept on."""
    return [stream for stream, word in RESOURCES.items() if word == resource] or [resource]


def _record(entry: Entry, subject: Subject, people: dict[str, str]) -> Record:
    resource, operation = _attempt(entry) if entry.code else _event(entry)
    return Record(entry, resource, operation, subject, people.get(entry.actor_id, ""))


def _event(entry: Entry) -> tuple[str, str]:
    resource = RESOURCES.get(entry.stream_type, entry.stream_type)
    return resource, OPERATIONS.get(entry.name) or UPDATE.get(resource) or entry.name.replace(".", "_")


def _attempt(entry: Entry) -> tuple[str, str]:
    family, _words = ACTS.get(entry.name, ("", ""))
    resource, operation = ATTEMPTS.get(family, OF_A_SUBSCRIPTION)
    return RESOURCES.get(entry.stream_type, entry.stream_type) or resource, operation


def _subjects(entries: list[Entry]) -> dict[UUID, Subject]:
    found = _of_subscriptions(_ids(entries, "subscription")) | _of_carts(_ids(entries, "cart"))
    owners = {pk: pk for pk in _ids(entries, "customer")} | _owners(entries)
    names = dict(Customer.objects.filter(pk__in=set(owners.values())).values_list("pk", "name"))
    return found | {pk: Subject(owner, names.get(owner, "")) for pk, owner in owners.items()}


def _of_subscriptions(ids: set[UUID]) -> dict[UUID, Subject]:
    rows = Subscription.objects.filter(pk__in=ids).select_related("customer", "order_line__order")
    return {row.pk: Subject(row.customer_id, row.customer.name, _facts(row)) for row in rows}


def _facts(row: Subscription) -> tuple[tuple[str, str], ...]:
    return (
        ("OrderId", str(row.order_line.order_id)),
        ("SubscriptionId-0", str(row.pk)),
        ("SubscriptionName-0", row.nickname),
        ("Quantity-0", str(row.quantity)),
    )


def _of_carts(ids: set[UUID]) -> dict[UUID, Subject]:
    rows = Cart.objects.filter(pk__in=ids).values_list("pk", "customer_id", "customer__name")
    return {pk: Subject(customer_id, name) for pk, customer_id, name in rows}


def _owners(entries: list[Entry]) -> dict[UUID, UUID]:
    """Whose invoices some entries are about, as their events say it."""
    return {
        one.stream_id: UUID(one.data["customer"])
        for one in entries
        if one.stream_id and one.stream_type == INVOICE and one.data.get("customer")
    }


def _ids(entries: list[Entry], stream: str) -> set[UUID]:
    return {one.stream_id for one in entries if one.stream_id and one.stream_type == stream}


def _people(entries: list[Entry]) -> dict[str, str]:
    ids = {found for one in entries if one.actor_kind == "user" and (found := _as_id(one.actor_id))}
    return {str(pk): email for pk, email in User.objects.filter(pk__in=ids).values_list("pk", "email")}


def _as_id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _json(value: Any) -> str | None:
    return None if value is None or value == {} else json.dumps(value, ensure_ascii=False)
