"""Personal tokens: with one, a program acts as the person who made it, in one role of theirs, and dies with them."""

import hashlib
import secrets
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from accounts.events import PersonalTokenMade, PersonalTokenRevoked
from accounts.models import PersonalToken, User
from accounts.policy import Actor, Role
from partnerhub.errors import InvalidInput, NotFound, RoleNotHeld, TooManyTokens
from partnerhub.outbox.recorder import record

PREFIX = "hub_"
LONGEST_NAME = 80
LONGEST_LIFE = timedelta(days=365)
MOST_TOKENS = 20
NOTED_EVERY = timedelta(minutes=1)


@transaction.atomic
def make_token(actor: Actor, *, name: str, role: Role, expires_at: datetime, at: datetime) -> tuple[PersonalToken, str]:
    """Make a token that acts as this person in one role held; returns it and its text, which cannot be read again.

    Raises InvalidInput for a name of not 1 to 80 printable characters and for an end that is past or further than
    LONGEST_LIFE, RoleNotHeld, and TooManyTokens when MOST_TOKENS are valid.
    """
    user = User.objects.select_for_update().get(pk=actor.id)
    name = name.strip()
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise InvalidInput(field="name", problem=f"it must be 1 to {LONGEST_NAME} printable characters.")
    if not at < expires_at <= at + LONGEST_LIFE:
        raise InvalidInput(field="expiry", problem=f"it must be within {LONGEST_LIFE.days} days from now.")
    if not user.roles_held.filter(role=role).exists():
        raise RoleNotHeld(role=role.value)
    valid = user.personal_tokens.filter(revoked_at=None, expires_at__gt=at).count()
    if valid >= MOST_TOKENS:
        raise TooManyTokens(count=valid)
    text = PREFIX + secrets.token_urlsafe(32)
    token = PersonalToken.objects.create(
        user=user, name=name, role=role, hash=_hash(text), created_at=at, expires_at=expires_at
    )
    facts = {"name": name, "role": role.value, "expires_at": expires_at.isoformat()}
    record(PersonalTokenMade(token.pk, facts), actor=actor, at=at)
    return token, text


@transaction.atomic
def revoke_token(actor: Actor, token_id: UUID, *, at: datetime) -> PersonalToken:
    """End one's own token now; one that is revoked already stays as it is. Raises NotFound, for another's too."""
    token = PersonalToken.objects.select_for_update().filter(pk=token_id, user_id=actor.id).first()
    if token is None:
        raise NotFound(what="personal token", id=token_id)
    if token.revoked_at is None:
        token.revoked_at = at
        token.save(update_fields=["revoked_at"])
        record(PersonalTokenRevoked(token.pk, {"name": token.name}), actor=actor, at=at)
    return token


def bearer_of(text: str, at: datetime) -> Actor | None:
    """As whom a personal token acts, while it is valid, the person is active and still holds its role; else None.

    Notes its use, at most once a minute.
    """
    found = PersonalToken.objects.select_related("user").filter(hash=_hash(text), user__is_active=True).first()
    if found is None or not found.is_valid(at) or not found.user.roles_held.filter(role=found.role).exists():
        return None
    unnoted = Q(last_used_at=None) | Q(last_used_at__lte=at - NOTED_EVERY)
    if found.last_used_at is None or found.last_used_at <= at - NOTED_EVERY:
        PersonalToken.objects.filter(unnoted, pk=found.pk).update(last_used_at=at)
    role = Role(found.role)
    return found.user.acting(role, (role,))


def _hash(text: str) -> str:
    """SHA-256 is enough for 256 random bits, which nobody guesses."""
    return hashlib.sha256(text.encode()).hexdigest()
