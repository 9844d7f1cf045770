"""Programs and their secrets: a secret is shown once, when it is made, and kept only as a hash."""

import hashlib
import secrets
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.contrib.auth.hashers import check_password, make_password
from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Greatest, Least

from accounts.events import ClientCreated, ClientRevoked, ClientScopeChanged, ClientSecretRevoked, ClientSecretRotated
from accounts.models import Client, ClientSecret
from accounts.policy import AGENT_ROLES, Action, Actor, Role, authorize
from partnerhub.errors import InvalidInput, NotFound
from partnerhub.outbox.recorder import record

SECRET_LIVES = timedelta(days=730)
SHORTEST_WITH_HINT = 16
NOTED_EVERY = timedelta(minutes=1)
_SHA256 = "sha256$"


@transaction.atomic
def create_api_client(
    actor: Actor,
    *,
    name: str,
    role: Role,
    tenant_id: UUID,
    customers: Collection[UUID] | None = None,
    at: datetime,
) -> tuple[Client, str]:
    """Create a program that acts in one agent role; returns it and its secret, which cannot be read again.

    It sees only `customers`, or all of them when that is None. Raises InvalidInput for an empty or overlong name and
    for a role that no agent holds.
    """
    authorize(actor, Action.CLIENT_MANAGE)
    name = name.strip()
    if not name or len(name) > 200 or not name.isprintable():
        raise InvalidInput(field="name", problem=f"it must be 1 to 200 printable characters, not {name[:50]!r}.")
    if role not in AGENT_ROLES:
        raise InvalidInput(field="role", problem=f"{role} is not one of {', '.join(AGENT_ROLES)}.")
    client, secret = create_client(name, role, tenant_id, at)
    facts: dict[str, Any] = {"name": name, "role": role.value}
    if customers is not None:
        client.customers = sorted(set(customers))
        client.save(update_fields=["customers"])
        facts["customers"] = _written(client.customers)
    record(ClientCreated(client.pk, facts), actor=actor, at=at)
    return client, secret


@transaction.atomic
def set_scope(actor: Actor, client_id: UUID, customers: Collection[UUID] | None, *, at: datetime) -> Client:
    """Let a program see only these customers from now on, or all of them when None. Raises NotFound."""
    authorize(actor, Action.CLIENT_MANAGE)
    client = _own(client_id)
    before, after = client.customers, None if customers is None else sorted(set(customers))
    if before == after:
        return client
    client.customers = after
    client.save(update_fields=["customers"])
    record(ClientScopeChanged(client.pk, {"customers": [_written(before), _written(after)]}), actor=actor, at=at)
    return client


@transaction.atomic
def revoke_client(actor: Actor, client_id: UUID, *, at: datetime) -> Client:
    """End a program for good: its secrets and the tokens they brought are refused from now on. Raises NotFound."""
    authorize(actor, Action.CLIENT_MANAGE)
    client = _own(client_id)
    if client.is_active:
        client.is_active = False
        client.save(update_fields=["is_active"])
        for secret in client.secrets.filter(expires_at__gt=at):
            end_secret(secret, at)
        record(ClientRevoked(client.pk, {"name": client.name}), actor=actor, at=at)
    return client


@transaction.atomic
def revoke_client_secret(actor: Actor, client_id: UUID, secret_id: int, *, at: datetime) -> ClientSecret:
    """End one secret of a program now; one that has ended already stays as it is. Raises NotFound."""
    authorize(actor, Action.CLIENT_MANAGE)
    client = _own(client_id)
    secret = client.secrets.filter(pk=secret_id).first()
    if secret is None:
        raise NotFound(what="secret", id=secret_id)
    if secret.is_valid(at):
        end_secret(secret, at)
        record(ClientSecretRevoked(client.pk, {"secret": secret.pk, "hint": secret.hint}), actor=actor, at=at)
    return secret


@transaction.atomic
def rotate_secret(actor: Actor, client_id: UUID, *, overlap: timedelta = timedelta(0), at: datetime) -> str:
    """Give a program a new secret; the ones before it stay valid for `overlap` more. Raises NotFound."""
    authorize(actor, Action.CLIENT_MANAGE)
    client = _locked(client_id)
    secret = replace_secrets(client, at, overlap=overlap)
    record(ClientSecretRotated(client.pk, {"overlap_seconds": int(overlap.total_seconds())}), actor=actor, at=at)
    return secret


def note_use(client: Client, at: datetime) -> None:
    """Remember when a program last called, at most once a minute."""
    if client.last_used_at is None or client.last_used_at <= at - NOTED_EVERY:
        Client.objects.filter(_unnoted(at), pk=client.pk).update(last_used_at=at)


def note_sign_in(secret: ClientSecret, at: datetime) -> None:
    """Remember when a secret last brought a token, at most once a minute."""
    if secret.last_used_at is None or secret.last_used_at <= at - NOTED_EVERY:
        ClientSecret.objects.filter(_unnoted(at), pk=secret.pk).update(last_used_at=at)


def _unnoted(at: datetime) -> Q:
    return Q(last_used_at=None) | Q(last_used_at__lte=at - NOTED_EVERY)


def _locked(client_id: UUID) -> Client:
    """A program, its row locked. Raises NotFound."""
    client = Client.objects.select_for_update().filter(pk=client_id).first()
    if client is None:
        raise NotFound(what="API client", id=client_id)
    return client


def _own(client_id: UUID) -> Client:
    """An API client, its row locked; publishers' programs are kept with their publishers. Raises NotFound."""
    client = _locked(client_id)
    if client.role == Role.PUBLISHER:
        raise NotFound(what="API client", id=client_id)
    return client


def _written(customers: Collection[UUID] | None) -> list[str] | None:
    return None if customers is None else [str(customer) for customer in customers]


def create_client(
    name: str, role: Role, tenant_id: UUID, at: datetime, client_id: UUID | None = None, secret: str | None = None
) -> tuple[Client, str]:
    """Write a program and its first secret, made here unless given. The service that calls it has authorised it."""
    given = {} if client_id is None else {"id": client_id}
    client = Client.objects.create(tenant_id=tenant_id, name=name, role=role, created_at=at, **given)
    return client, add_secret(client, at, secret)


def add_secret(client: Client, at: datetime, secret: str | None = None) -> str:
    """Add a secret valid from `at` for SECRET_LIVES: a random one of 256 bits, or the one given. Returns it."""
    made = secret or secrets.token_urlsafe(32)
    ClientSecret.objects.create(
        client=client,
        hash=make_password(made) if secret else _fast_hash(made),
        hint=made[:3] if len(made) >= SHORTEST_WITH_HINT else "",
        created_at=at,
        expires_at=at + SECRET_LIVES,
    )
    return made


def replace_secrets(
    client: Client, at: datetime, secret: str | None = None, *, overlap: timedelta = timedelta(0)
) -> str:
    """Let the client's secrets end `overlap` after `at`, and add a new one. Returns it."""
    end = Greatest(F("created_at"), Least(F("expires_at"), at + overlap))
    client.secrets.update(expires_at=end)
    return add_secret(client, at, secret)


def end_secret(secret: ClientSecret, at: datetime) -> None:
    """Let a secret end now. The service that calls it has authorised it."""
    secret.expires_at = max(secret.created_at, at)
    secret.save(update_fields=["expires_at"])


def matching_secret(client: Client, secret: str, at: datetime) -> ClientSecret | None:
    """Which of the client's valid secrets `secret` is at a moment, if any; compared in constant time."""
    valid = client.secrets.filter(created_at__lte=at, expires_at__gt=at)
    return next((kept for kept in valid if _matches(secret, kept.hash)), None)


def verify_secret(client: Client, secret: str, at: datetime) -> bool:
    """Whether `secret` is one of the client's valid secrets at a moment."""
    return matching_secret(client, secret, at) is not None


def _fast_hash(secret: str) -> str:
    """SHA-256 is enough for 256 random bits, which nobody guesses; what people chose gets the slow password hash."""
    return _SHA256 + hashlib.sha256(secret.encode()).hexdigest()


def _matches(secret: str, kept: str) -> bool:
    if kept.startswith(_SHA256):
        return secrets.compare_digest(_fast_hash(secret), kept)
    return check_password(secret, kept)
