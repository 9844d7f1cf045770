"""What can be done with a change on its way: take it back, let it go at once, ask for it, let it be."""

from uuid import UUID

from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api import caller
from accounts.policy import Action, Actor, who_can
from partnerhub.api.idempotency import idempotent
from partnerhub.api.schema import operation
from partnerhub.api.shapes import guid
from partnerhub.api.views import OwnResource
from partnerhub.clock import now
from partnerhub.errors import AttentionSettled, NothingToPoll, TooLateToUndo
from subscriptions.api import examples, grants
from subscriptions.api.operations import OperationShown, operation_of, operation_shown
from subscriptions.api.views import subscription_of
from subscriptions.services.asking import press
from subscriptions.services.holding import hurry, undo
from subscriptions.services.triage import let_change_be


class Undoing(OwnResource):
    @operation(
        "undoOperation",
        "Take back a change that is still held",
        OperationShown,
        about="Until `heldUntil`: nobody outside has heard of it, and it never was.",
        roles=grants.CHANGERS,
        refusals=(*grants.READING, TooLateToUndo),
        answer=examples.UNDONE,
    )
    @idempotent
    def post(self, request: Request, customer_id: str, subscription_id: str, operation_id: str) -> Response:
        actor, at = caller(request), now()
        subscription, change = _about(actor, customer_id, subscription_id, operation_id)
        return Response(operation_shown(undo(actor, subscription, change, at=at)))


class Hurrying(OwnResource):
    @operation(
        "hurryOperation",
        "Let a held change go now",
        OperationShown,
        about="It can no longer be undone then; what has become impossible meanwhile answers `failed`, with `error`.",
        roles=grants.CHANGERS,
        refusals=(*grants.READING, TooLateToUndo),
        answer=examples.OPERATION,
    )
    @idempotent
    def post(self, request: Request, customer_id: str, subscription_id: str, operation_id: str) -> Response:
        actor, at = caller(request), now()
        subscription, change = _about(actor, customer_id, subscription_id, operation_id)
        return Response(operation_shown(hurry(actor, subscription, change, at=at)))


class Asking(OwnResource):
    @operation(
        "pollOperation",
        "Ask the publisher now what became of a change",
        OperationShown,
        status=202,
        about="A worker does within seconds; the answer is not waited for: read the operation again.",
        roles=grants.POLLERS,
        refusals=(*grants.READING, NothingToPoll),
        answer=examples.OPERATION,
    )
    @idempotent
    def post(self, request: Request, customer_id: str, subscription_id: str, operation_id: str) -> Response:
        actor, at = caller(request), now()
        subscription, change = _about(actor, customer_id, subscription_id, operation_id)
        return Response(operation_shown(press(actor, subscription, change, at=at)), 202)


class LettingBe(OwnResource):
    @operation(
        "letOperationBe",
        "Note that somebody has looked at a change that failed",
        OperationShown,
        about="It needs nobody any more and leaves the attention queue. Again, it changes nothing.",
        roles=who_can(Action.ATTENTION_TRIAGE),
        refusals=(*grants.READING, AttentionSettled),
        answer=examples.LET_BE,
    )
    @idempotent
    def post(self, request: Request, customer_id: str, subscription_id: str, operation_id: str) -> Response:
        actor, at = caller(request), now()
        subscription, change = _about(actor, customer_id, subscription_id, operation_id)
        return Response(operation_shown(let_change_be(actor, subscription, change, at=at)))


def _about(actor: Actor, customer_id: str, subscription_id: str, operation_id: str) -> tuple[UUID, UUID]:
    """The ids of a subscription and a change of it. Raises NotFound."""
    found = subscription_of(actor, customer_id, subscription_id)
    return found.pk, operation_of(found, guid(operation_id, "operation")).pk
