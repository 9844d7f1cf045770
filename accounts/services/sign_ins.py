"""What is put on record of signing in, of second factors and of passwords, and the mails that tell a person of it."""

from collections.abc import Sequence
from datetime import datetime
from uuid import NAMESPACE_URL, UUID, uuid5

from allauth.mfa.models import Authenticator
from django.db import transaction

from accounts import events
from accounts.letters import change_letter, language_of
from accounts.models import User
from accounts.policy import SYSTEM, Action, Actor, authorize
from accounts.services.sessions import end_others
from partnerhub.errors import NotFound
from partnerhub.mail.services import post
from partnerhub.outbox.recorder import Fact, record


@transaction.atomic
def note_sign_in(user_id: UUID, ways: Sequence[str], *, at: datetime) -> None:
    """Put on record that somebody has signed in, and by which ways."""
    user = _locked(user_id)
    record(events.SignedIn(user.pk, {"with": list(ways)}), actor=user.actor(), at=at)


@transaction.atomic
def note_refused_sign_in(user_id: UUID, why: str, *, at: datetime) -> None:
    """Put on record that somebody proved to be a person who may not sign in, and why not."""
    user = _locked(user_id)
    record(events.SignInRefused(user.pk, {"why": why}), actor=user.actor(), at=at)


def note_held_back(email: str, *, at: datetime) -> None:
    """Put on record that there were too many failed attempts to sign in as somebody."""
    _record_for(email, events.SignInsHeldBack, at)


def ask_for_reset(email: str, *, at: datetime) -> None:
    """Have a link sent with which the person of an active account chooses a new password; a handler writes the mail."""
    _record_for(email, events.PasswordResetAsked, at)


@transaction.atomic
def note_second_factor(user_id: UUID, fact: type[Fact], *, kind: str = "", name: str = "", at: datetime) -> None:
    """Record what changed about somebody's second factors, and tell them by mail."""
    user = _locked(user_id)
    data = {key: value for key, value in {"kind": kind, "name": name}.items() if value}
    _tell(user, fact(user.pk, data), at)


@transaction.atomic
def forget_second_factors(actor: Actor, email: str, *, at: datetime) -> int:
    """Remove all second factors of somebody who has lost them, and end their sessions; returns how many there were.

    Raises NotPermitted, NotFound.
    """
    authorize(actor, Action.AGENT_MANAGE)
    user = User.objects.select_for_update().filter(email=email.strip().lower()).first()
    if user is None:
        raise NotFound(what="agent", id=email)
    factors = Authenticator.objects.filter(user_id=user.pk)
    count: int = factors.exclude(type=Authenticator.Type.RECOVERY_CODES).count()
    factors.delete()
    if count:
        end_others(user.pk)
        _tell(user, events.SecondFactorsForgotten(user.pk, {"count": count}), at, actor)
    return count


@transaction.atomic
def set_password(user_id: UUID, password: str, *, by: str, keep: str | None = None, at: datetime) -> User:
    """Give somebody a new password and end their sessions but the one with the key `keep`; they are told by mail."""
    user = _locked(user_id)
    user.set_password(password)
    user.save(update_fields=["password"])
    end_others(user.pk, keep=keep)
    _tell(user, events.PasswordChanged(user.pk, {"by": by}), at)
    return user


def _record_for(email: str, fact: type[Fact], at: datetime) -> None:
    """Record a fact of the active person with this e-mail; for nobody the same is done and taken back, so that
    neither the answer nor its time tells whether there is one.
    """
    with transaction.atomic():
        user = User.objects.select_for_update().filter(email=email.strip().lower(), is_active=True).first()
        record(fact(user.pk if user else uuid5(NAMESPACE_URL, email)), actor=SYSTEM, at=at)
        transaction.set_rollback(user is None)


def _tell(user: User, fact: Fact, at: datetime, actor: Actor | None = None) -> None:
    event = record(fact, actor=actor or user.actor(), at=at)
    letter = change_letter(user, fact.name, fact.data, at)
    post(f"sign-in:{event.pk}", to=user.email, letter=letter, language=language_of(user), at=at)


def _locked(user_id: UUID) -> User:
    return User.objects.select_for_update().get(pk=user_id)
