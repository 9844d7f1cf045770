"""Ending sessions: of a person by themselves or by who manages agents. What is ended is out at its next request."""

from datetime import datetime
from uuid import UUID

from django.db import transaction

from accounts.events import SessionsEnded
from accounts.models import Session, User
from accounts.policy import Action, Actor, authorize_for_all
from partnerhub.errors import NotFound
from partnerhub.outbox.recorder import record


@transaction.atomic
def end_session(actor: Actor, public_id: UUID, *, at: datetime) -> None:
    """End one of one's own sessions. Raises NotFound, for another's too."""
    ended, _ = Session.objects.filter(public_id=public_id, user_id=actor.id).delete()
    if not ended:
        raise NotFound(what="session", id=public_id)
    record(SessionsEnded(UUID(actor.id), {"count": ended}), actor=actor, at=at)


@transaction.atomic
def end_own_others(actor: Actor, *, keep: str | None, at: datetime) -> int:
    """End all of one's own sessions but the one with the key `keep`; returns how many."""
    return _recorded(actor, UUID(actor.id), end_others(actor.id, keep=keep), at)


@transaction.atomic
def end_sessions_of(actor: Actor, user_id: UUID, *, at: datetime) -> int:
    """End all sessions of an agent; returns how many. Raises NotFound, NotPermitted."""
    authorize_for_all(actor, Action.AGENT_MANAGE)
    if not User.objects.filter(pk=user_id).exists():
        raise NotFound(what="agent", id=user_id)
    return _recorded(actor, user_id, end_others(user_id), at)


def end_others(user_id: UUID | str, *, keep: str | None = None) -> int:
    """Delete a person's sessions but the one with the key `keep`; returns how many. Whoever calls it has authorised
    it and records why.
    """
    return Session.objects.filter(user_id=user_id).exclude(pk=keep or "").delete()[0]


def forget_sessions(at: datetime) -> int:
    """Delete the sessions that are over; returns how many."""
    return Session.objects.filter(expire_date__lte=at).delete()[0]


def _recorded(actor: Actor, user_id: UUID, ended: int, at: datetime) -> int:
    if ended:
        record(SessionsEnded(user_id, {"count": ended}), actor=actor, at=at)
    return ended
