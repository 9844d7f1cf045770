"""Notes on a subscription: what agents, and programs, tell each other about it."""

from collections.abc import Iterable
from typing import Any, TypedDict
from uuid import UUID

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api import caller
from accounts.models import User
from accounts.policy import Action, who_can
from partnerhub.api.idempotency import idempotent
from partnerhub.api.reading import body_of, checked
from partnerhub.api.schema import operation
from partnerhub.api.shapes import Attributes, Collection, Guid, Utc, collection, utc
from partnerhub.api.views import OwnResource
from partnerhub.clock import now
from partnerhub.errors import InvalidInput, NotFound, NotPermitted
from partnerhub.outbox.models import Event
from subscriptions.api import examples, grants
from subscriptions.api.attention import Person, person
from subscriptions.api.views import bare_subscription_of, subscription_of
from subscriptions.events import SubscriptionNoted
from subscriptions.selectors import events_of
from subscriptions.services.notes import LONGEST_NOTE, add_note


class NoteBody(serializers.Serializer[Any]):
    """Whom it names with @, by e-mail address or by name, is told."""

    text = serializers.CharField(max_length=LONGEST_NOTE)


class SubscriptionNote(TypedDict):
    """`mentions` are the people whom it names with @; `by` is who wrote it, in the role `role`."""

    id: Guid
    subscriptionId: Guid
    text: str
    mentions: list[Person]
    by: str
    role: str
    at: Utc
    attributes: Attributes


EXAMPLE = SubscriptionNote(
    id="6f2d8c1a-0b7e-4c35-9a1d-2e3f4a5b6c7d",
    subscriptionId=examples.SUBSCRIPTION_ID,
    text="@Anna Nowak the customer sets it up on Monday.",
    mentions=[examples.ASSIGNEE],
    by="ERP",
    role="admin_agent",
    at=examples.BOUGHT,
    attributes=Attributes(objectType="Note"),
)


class Notes(OwnResource):
    @operation(
        "listNotes",
        "Notes on it, newest first",
        Collection[SubscriptionNote],
        about="All of them; the timeline holds them, too.",
        roles=grants.READERS,
        refusals=grants.READING,
        answer=collection([EXAMPLE], f"{examples.SUBSCRIPTION}/notes"),
    )
    def get(self, request: Request, customer_id: str, subscription_id: str) -> Response:
        found = bare_subscription_of(caller(request), customer_id, subscription_id)
        notes = list(events_of(found).filter(name=SubscriptionNoted.name))
        uri = f"/customers/{found.customer_id}/subscriptions/{found.pk}/notes"
        return Response(collection(notes_shown(notes), uri))

    @operation(
        "addNote",
        "Leave a note on it",
        SubscriptionNote,
        body=NoteBody,
        status=201,
        about="In whatever state it is. Nothing of it changes, and a note is never taken back.",
        roles=who_can(Action.SUBSCRIPTION_NOTE),
        refusals=(NotPermitted, NotFound, InvalidInput),
        example={"text": EXAMPLE["text"]},
        answer=EXAMPLE,
    )
    @idempotent
    def post(self, request: Request, customer_id: str, subscription_id: str) -> Response:
        actor = caller(request)
        found = subscription_of(actor, customer_id, subscription_id)
        text = checked(NoteBody(data=body_of(request)))["text"]
        noted = add_note(actor, found.pk, text=text, at=now())
        return Response(notes_shown([noted])[0], 201)


def notes_shown(notes: Iterable[Event]) -> list[SubscriptionNote]:
    """What is shown of notes; one query for the people whom they name."""
    listed = list(notes)
    named = {one for note in listed for one in _named(note)}
    people = User.objects.in_bulk(named) if named else {}
    return [_shown(note, [people[one] for one in _named(note) if one in people]) for note in listed]


def _named(note: Event) -> list[UUID]:
    return [UUID(one) for one in note.data.get("mentions", ())]


def _shown(note: Event, mentioned: Iterable[User]) -> SubscriptionNote:
    return SubscriptionNote(
        id=str(note.pk),
        subscriptionId=str(note.stream_id),
        text=note.data["text"],
        mentions=[person(user) for user in mentioned],
        by=note.actor_label,
        role=note.actor_role,
        at=utc(note.at),
        attributes=Attributes(objectType="Note"),
    )
