"""Agents' upkeep: who they are, what they may do, which customers they see, and whether they get in at all.

Changes of who may do what come one after the other, so that two at once cannot leave the hub without a platform admin.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import connection, transaction

from accounts.events import UserChanged, UserCreated, UserDeactivated, UserReactivated
from accounts.models import RoleHeld, User
from accounts.policy import AGENT_ROLES, Action, Actor, Role, authorize_for_all
from accounts.services.sessions import end_others
from partnerhub.errors import (
    AgentExists,
    InvalidInput,
    LastPlatformAdmin,
    NotFound,
    PlatformAdminLimited,
    StaleVersion,
)
from partnerhub.mail.services import is_address
from partnerhub.outbox.recorder import record

LONGEST_NAME = 200
LONGEST_REASON = 500
_PEOPLE_LOCK = 0x48554250  # pg_advisory_xact_lock key


@dataclass(frozen=True, slots=True)
class Profile:
    """Who an agent is to be: `customers` are the only ones seen, None for all; `language` is one of the hub's."""

    name: str
    roles: Sequence[Role]
    language: str
    customers: Collection[UUID] | None = None


@transaction.atomic
def create_agent(actor: Actor, profile: Profile, *, email: str, password: str, at: datetime) -> User:
    """Make a person who may sign in at once. The first of the roles is active.

    Raises NotPermitted, AgentExists, PlatformAdminLimited, and InvalidInput for an address, a profile or a password
    that will not do.
    """
    authorize_for_all(actor, Action.AGENT_MANAGE)
    user = add_agent(profile, email=email, password=password)
    record(UserCreated(user.pk, {"email": user.email, **written(profile_of(user))}), actor=actor, at=at)
    return user


def add_agent(profile: Profile, *, email: str, password: str) -> User:
    """Write a person; whoever calls it has authorised it and records it. Raises as `create_agent`."""
    profile, email = checked(profile), checked_address(email)
    lock_people()
    if User.objects.filter(email=email).exists():
        raise AgentExists(email=email)
    _check_password(password, User(email=email, name=profile.name))
    roles = tuple(profile.roles)
    return User.objects.create_user(
        email, password, name=profile.name, roles=roles, language=profile.language, customers=_ids(profile)
    )


@transaction.atomic
def change_agent(actor: Actor, user_id: UUID, profile: Profile, *, version: int, at: datetime) -> User:
    """Change who an agent is, from now on and in sessions that are open.

    Raises NotPermitted, NotFound, StaleVersion, InvalidInput, PlatformAdminLimited, and LastPlatformAdmin when nobody
    else could manage agents any more.
    """
    authorize_for_all(actor, Action.AGENT_MANAGE)
    profile = checked(profile)
    user = _locked(user_id)
    if user.version != version:
        raise StaleVersion(seen=version, current=user.version)
    changes = _changes(written(profile_of(user)), written(profile))
    if not changes:
        return user
    user.name, user.language, user.customers = profile.name, profile.language, _ids(profile)
    _write_roles(user, profile.roles)
    user.version += 1
    user.save(update_fields=["name", "language", "customers", "active_role", "version"])
    _check_admin_left()
    record(UserChanged(user.pk, changes), actor=actor, at=at)
    return user


@transaction.atomic
def deactivate(actor: Actor, user_id: UUID, *, reason: str, at: datetime) -> User:
    """Let an agent in no more: sessions and personal tokens end now, for good. Again, it changes nothing.

    Raises NotPermitted, NotFound, InvalidInput without a reason, LastPlatformAdmin.
    """
    authorize_for_all(actor, Action.AGENT_MANAGE)
    reason = _checked_reason(reason)
    user = _locked(user_id)
    if not user.is_active:
        return user
    user.is_active = False
    user.version += 1
    user.save(update_fields=["is_active", "version"])
    _check_admin_left()
    tokens = user.personal_tokens.filter(revoked_at=None, expires_at__gt=at).update(revoked_at=at)
    facts = {"sessions": end_others(user.pk), "personal_tokens": tokens}
    record(UserDeactivated(user.pk, facts, reason=reason), actor=actor, at=at)
    return user


@transaction.atomic
def reactivate(actor: Actor, user_id: UUID, *, reason: str, at: datetime) -> User:
    """Let an agent in again, with the password and roles of before. Raises NotPermitted, NotFound, InvalidInput."""
    authorize_for_all(actor, Action.AGENT_MANAGE)
    reason = _checked_reason(reason)
    user = _locked(user_id)
    if user.is_active:
        return user
    user.is_active = True
    user.version += 1
    user.save(update_fields=["is_active", "version"])
    record(UserReactivated(user.pk, {}, reason=reason), actor=actor, at=at)
    return user


def profile_of(user: User) -> Profile:
    """Who an agent is now."""
    held = set(user.roles_held.values_list("role", flat=True))
    return Profile(user.name, [role for role in AGENT_ROLES if role in held], user.language, user.customers)


def checked(profile: Profile) -> Profile:
    """The profile in its one way of writing. Raises InvalidInput, PlatformAdminLimited."""
    name = profile.name.strip()
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise InvalidInput(field="name", problem=f"it must be 1 to {LONGEST_NAME} printable characters.")
    roles = [role for role in AGENT_ROLES if role in profile.roles]
    if not roles or len(roles) != len(set(profile.roles)):
        raise InvalidInput(field="roles", problem=f"name at least one of {', '.join(AGENT_ROLES)}.")
    if profile.language not in ("", *dict(settings.LANGUAGES)):
        raise InvalidInput(field="language", problem="the hub does not speak it")
    customers = None if profile.customers is None else sorted(set(profile.customers))
    if customers is not None and Role.PLATFORM_ADMIN in roles:
        raise PlatformAdminLimited
    # The role that was asked for first is the active one.
    return Profile(name, sorted(roles, key=list(profile.roles).index), profile.language, customers)


def checked_address(email: str) -> str:
    """An e-mail address as it is kept. Raises InvalidInput."""
    email = email.strip().lower()
    if not is_address(email):
        raise InvalidInput(field="email", problem="it is not an e-mail address")
    return email


def _check_password(password: str, user: User) -> None:
    try:
        validate_password(password, user)
    except ValidationError as problem:
        raise InvalidInput(field="password", problem=" ".join(problem.messages)) from None


def _checked_reason(reason: str) -> str:
    reason = reason.strip()
    if not reason or len(reason) > LONGEST_REASON or "\x00" in reason:
        raise InvalidInput(field="reason", problem=f"it must be 1 to {LONGEST_REASON} characters.")
    return reason


def lock_people() -> None:
    """Let changes of who may do what come one after the other, until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_PEOPLE_LOCK])


def _locked(user_id: UUID) -> User:
    lock_people()
    user = User.objects.select_for_update().filter(pk=user_id).first()
    if user is None:
        raise NotFound(what="agent", id=user_id)
    return user


def _check_admin_left() -> None:
    if not RoleHeld.objects.filter(role=Role.PLATFORM_ADMIN, user__is_active=True).exists():
        raise LastPlatformAdmin


def _write_roles(user: User, roles: Sequence[Role]) -> None:
    user.roles_held.exclude(role__in=roles).delete()
    RoleHeld.objects.bulk_create([RoleHeld(user=user, role=role) for role in roles], ignore_conflicts=True)
    if user.active_role not in roles:
        user.active_role = roles[0]


def _ids(profile: Profile) -> list[UUID] | None:
    return None if profile.customers is None else list(profile.customers)


def written(profile: Profile) -> dict[str, Any]:
    """A profile as events tell of it."""
    customers = None if profile.customers is None else [str(one) for one in profile.customers]
    roles = [role.value for role in AGENT_ROLES if role in profile.roles]
    return {"name": profile.name, "roles": roles, "language": profile.language, "customers": customers}


def _changes(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    return {name: [before[name], value] for name, value in after.items() if value != before[name]}
