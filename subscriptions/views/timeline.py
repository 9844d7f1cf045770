"""The audit as people read it: each entry a sentence, with who, in which role, when, why and what changed."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from django.urls import reverse

from customers.models import Customer
from partnerhub.outbox.models import Entry
from partnerhub.web.refusals import sentence_of_code
from publishers.models import Publisher
from subscriptions.models import Cart, Subscription
from subscriptions.views.differences import Change, Plans, changes_of, plans_of
from subscriptions.views.telling import refused_sentence, role_shown, sentence_of_event


@dataclass(frozen=True, slots=True)
class Subject:
    """What an entry is about, where a timeline mixes several."""

    name: str
    url: str = ""


@dataclass(frozen=True, slots=True)
class Happening:
    """One entry of a timeline. `then_url` shows the subscription as it was right after it; `asked` lists what a
    refused attempt wanted.
    """

    sentence: str
    subject: Subject | None
    actor: str
    role: str
    at: datetime
    icon: str
    tone: str
    reason: str
    note: str
    changes: list[Change]
    asked: list[tuple[str, str]]
    request_id: str
    then_url: str
    code: str


def happenings(entries: Iterable[Entry], subjects: Mapping[UUID, Subject] | None = None) -> list[Happening]:
    """The entries of a timeline; `subjects` names the streams where a timeline mixes several."""
    entries = list(entries)
    plans = plans_of(entry.data for entry in entries)
    return [_happening(entry, (subjects or {}).get(entry.stream_id or UUID(int=0)), plans) for entry in entries]


def _happening(entry: Entry, subject: Subject | None, plans: Plans) -> Happening:
    sentence, icon, tone = _told(entry)
    return Happening(
        sentence=sentence,
        subject=subject,
        actor=entry.actor_label,
        role=role_shown(entry.actor_role),
        at=entry.at,
        icon=icon,
        tone=tone,
        reason=entry.reason,
        note=str(entry.data.get("text", "")) if entry.name == "subscription.noted" else "",
        changes=[] if entry.code else changes_of(entry.name, entry.data, plans),
        asked=[(name, str(value)) for name, value in sorted(entry.data.items())] if entry.code else [],
        request_id=entry.request_id,
        then_url=_then_url(entry),
        code=entry.code,
    )


def _told(entry: Entry) -> tuple[str, str, str]:
    if entry.code:
        why = sentence_of_code(entry.code, entry.values, entry.sentence)
        return refused_sentence(entry.name, why), "shield-x", "attention"
    return sentence_of_event(entry.name, entry.data)


def _then_url(entry: Entry) -> str:
    if entry.stream_type != "subscription" or entry.stream_id is None or entry.code:
        return ""
    moment = entry.at.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return f"{reverse('subscriptions:detail', args=[entry.stream_id])}?as_of={moment}"


def subjects_of(entries: Iterable[Entry]) -> dict[UUID, Subject]:
    """The names of what entries are about: one query for each kind of thing, however many there are."""
    streams: dict[str, set[UUID]] = {}
    for entry in entries:
        if entry.stream_id is not None:
            streams.setdefault(entry.stream_type, set()).add(entry.stream_id)
    return (
        _subscriptions(streams.get("subscription", set()))
        | _customers(streams.get("customer", set()))
        | _carts(streams.get("cart", set()))
        | _publishers(streams.get("publisher", set()))
    )


def _subscriptions(ids: set[UUID]) -> dict[UUID, Subject]:
    rows = Subscription.objects.filter(pk__in=ids).values_list("pk", "nickname")
    return {pk: Subject(nickname, reverse("subscriptions:detail", args=[pk])) for pk, nickname in rows}


def _customers(ids: set[UUID]) -> dict[UUID, Subject]:
    rows = Customer.objects.filter(pk__in=ids).values_list("pk", "name")
    return {pk: Subject(name, reverse("customers:marketplace", args=[pk])) for pk, name in rows}


def _carts(ids: set[UUID]) -> dict[UUID, Subject]:
    rows = Cart.objects.filter(pk__in=ids).values_list("pk", "customer_id", "customer__name")
    return {pk: Subject(name, reverse("customers:marketplace", args=[customer])) for pk, customer, name in rows}


def _publishers(ids: set[UUID]) -> dict[UUID, Subject]:
    return {pk: Subject(name) for pk, name in Publisher.objects.filter(pk__in=ids).values_list("pk", "name")}
