"""Working the queue by program: reading an item, giving it to somebody, putting it aside, taking it up again."""

from datetime import UTC, datetime
from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api import caller
from accounts.policy import Action, Actor, authorize, who_can
from partnerhub.api.idempotency import idempotent
from partnerhub.api.pages import page_of, total_of
from partnerhub.api.reading import body_of, checked
from partnerhub.api.schema import PAGED, operation
from partnerhub.api.shapes import Collection, collection
from partnerhub.api.views import OwnResource
from partnerhub.clock import now
from partnerhub.errors import (
    AssigneeLimited,
    AssigneeUnfit,
    AttentionSettled,
    InvalidInput,
    NotFound,
    NotPermitted,
    SnoozeOver,
)
from subscriptions.api import examples, grants
from subscriptions.api.attention import QUERY, AttentionItem, Person, attention_items, item_asked, person, queue_asked
from subscriptions.services.triage import assign, colleagues, snooze, wake

ROLES = who_can(Action.ATTENTION_TRIAGE)
REFUSALS = (NotPermitted, AttentionSettled)


class AssignBody(serializers.Serializer[Any]):
    """Who takes it, by id; null gives it back to nobody."""

    assigneeId = serializers.UUIDField(allow_null=True)


class SnoozeBody(serializers.Serializer[Any]):
    """Until when it is put aside, not including that moment; null puts it aside until it changes."""

    until = serializers.DateTimeField(allow_null=True, default_timezone=UTC)


class AttentionQueue(OwnResource):
    @operation(
        "listAttention",
        "What somebody must act on, the most urgent first",
        Collection[AttentionItem],
        query=QUERY,
        parameters=PAGED,
        about=(
            "Page by page, by deadline and then by money; each with whose turn it is, and the step that clears it. "
            "Those that were put aside, too: `snoozed` says so."
        ),
        roles=grants.READERS,
        refusals=(NotPermitted, InvalidInput),
        answer=examples.ATTENTION,
    )
    def get(self, request: Request) -> Response:
        at = now()
        queue = queue_asked(caller(request), request, at)
        page = page_of(queue, request, "/attention", key="rank")
        shown, total = attention_items(page.rows, at), total_of(page, queue)
        following, preceding = page.following, page.preceding
        return Response(collection(shown, "/attention", total=total, following=following, preceding=preceding))


class Assignees(OwnResource):
    @operation(
        "listAssignees",
        "Who can be given what somebody must act on",
        Collection[Person],
        about="The people whose roles may work the queue, by name.",
        roles=ROLES,
        refusals=(NotPermitted,),
        answer=examples.ASSIGNEES,
    )
    def get(self, request: Request) -> Response:
        authorize(caller(request), Action.ATTENTION_TRIAGE)
        return Response(collection(map(person, colleagues()), "/attention/assignees"))


class AttentionItemById(OwnResource):
    @operation(
        "getAttentionItem",
        "One thing that somebody must act on",
        AttentionItem,
        about="While it is open; once it is settled, there is none.",
        roles=grants.READERS,
        refusals=grants.READING,
        answer=examples.ATTENTION_ITEM,
    )
    def get(self, request: Request, item_id: str) -> Response:
        return _answer(caller(request), item_id, now())


class Assignment(OwnResource):
    @operation(
        "assignAttention",
        "Give it to a person, or to nobody",
        AttentionItem,
        body=AssignBody,
        about="Whoever has it is told, as on the page.",
        roles=ROLES,
        refusals=(*REFUSALS, NotFound, AssigneeUnfit, AssigneeLimited),
        example=examples.ASSIGNMENT,
        answer=examples.ASSIGNED_ITEM,
    )
    @idempotent
    def post(self, request: Request, item_id: str) -> Response:
        actor, at = caller(request), now()
        assign(actor, [item_id], to=checked(AssignBody(data=body_of(request)))["assigneeId"], at=at)
        return _answer(actor, item_id, at)


class Snooze(OwnResource):
    @operation(
        "snoozeAttention",
        "Put it aside",
        AttentionItem,
        body=SnoozeBody,
        about="It comes back by itself: at that moment, or when it changes.",
        roles=ROLES,
        refusals=(*REFUSALS, SnoozeOver, InvalidInput),
        example=examples.SNOOZE,
        answer=examples.SNOOZED_ITEM,
    )
    @idempotent
    def post(self, request: Request, item_id: str) -> Response:
        actor, at = caller(request), now()
        snooze(actor, [item_id], until=checked(SnoozeBody(data=body_of(request)))["until"], at=at)
        return _answer(actor, item_id, at)


class Waking(OwnResource):
    @operation(
        "wakeAttention",
        "Put it aside no longer",
        AttentionItem,
        about="One that is not put aside stays as it is.",
        roles=ROLES,
        refusals=REFUSALS,
        answer=examples.ATTENTION_ITEM,
    )
    @idempotent
    def post(self, request: Request, item_id: str) -> Response:
        actor, at = caller(request), now()
        wake(actor, [item_id], at=at)
        return _answer(actor, item_id, at)


def _answer(actor: Actor, item_id: str, at: datetime) -> Response:
    return Response(attention_items([item_asked(actor, item_id, at)], at)[0])
