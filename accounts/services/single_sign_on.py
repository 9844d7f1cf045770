"""Single sign-on: whose account an identity of the organisation's directory is, and which roles its groups give."""

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

import structlog
from django.db import transaction

from accounts.models import User
from accounts.policy import AGENT_ROLES, Actor, Role
from accounts.services.people import Profile, change_agent, create_agent, lock_people, profile_of
from partnerhub.errors import AccountDeactivated, AddressUnproven, LastPlatformAdmin, NoRoleForGroups

# Whoever keeps the directory decides who may do what, as a platform admin does, and goes on record as one.
DIRECTORY = Actor(
    kind="system", id="directory", label="Single sign-on", role=Role.PLATFORM_ADMIN, roles=(Role.PLATFORM_ADMIN,)
)

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Identity:
    """Who somebody is at the directory. `user_id` is the account bound to it, None at the first time."""

    provider: str
    email: str
    email_proven: bool
    name: str
    groups: tuple[str, ...]
    user_id: UUID | None = None


def roles_of(groups: Iterable[str], mapping: Mapping[str, str]) -> tuple[Role, ...]:
    """The roles that groups give, in the order of AGENT_ROLES."""
    given = {mapping[group] for group in groups if group in mapping}
    return tuple(role for role in AGENT_ROLES if role in given)


@transaction.atomic
def admit(identity: Identity, mapping: Mapping[str, str], *, at: datetime) -> User:
    """The account of an identity, holding just the roles that its groups give; made at the first time.

    Raises NoRoleForGroups, AddressUnproven where the account is not bound yet and the directory does not vouch for the
    address, AccountDeactivated, PlatformAdminLimited. The last platform admin keeps the roles held.
    """
    roles = roles_of(identity.groups, mapping)
    if not roles:
        raise NoRoleForGroups(provider=identity.provider)
    lock_people()
    user = _account(identity)
    if user is None:
        return _created(identity, roles, at)
    if not user.is_active:
        raise AccountDeactivated
    return _with_roles(user, roles, at)


def _account(identity: Identity) -> User | None:
    if identity.user_id is not None:
        return User.objects.get(pk=identity.user_id)
    if not identity.email or not identity.email_proven:
        raise AddressUnproven(provider=identity.provider)
    return User.objects.filter(email=identity.email.strip().lower()).first()


def _created(identity: Identity, roles: tuple[Role, ...], at: datetime) -> User:
    profile = Profile(identity.name.strip() or identity.email, roles, language="")
    user = create_agent(DIRECTORY, profile, email=identity.email, password=secrets.token_urlsafe(32), at=at)
    # Only the directory lets this person in.
    user.set_unusable_password()
    user.save(update_fields=["password"])
    return user


def _with_roles(user: User, roles: tuple[Role, ...], at: datetime) -> User:
    profile = profile_of(user)
    if set(profile.roles) == set(roles):
        return user
    try:
        return change_agent(DIRECTORY, user.pk, replace(profile, roles=roles), version=user.version, at=at)
    except LastPlatformAdmin:
        log.warning("last_platform_admin_keeps_roles", user_id=str(user.pk))
        return user
