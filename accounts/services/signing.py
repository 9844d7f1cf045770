"""Replacing the key with which the hub signs its tokens."""

from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction

from accounts.events import SigningKeyRotated, SigningKeyWithdrawn
from accounts.keys import (
    HANDOVER,
    destroy_retired_keys,
    is_waiting_to_sign,
    rotate_signing_key,
    signer,
    withdraw_signing_key,
)
from accounts.models import SigningKey
from accounts.policy import Action, Actor, authorize
from partnerhub.errors import KeyNotSigningYet, NotFound
from partnerhub.outbox.recorder import record

KEYS_STREAM = UUID("5c1e8f7a-0000-4000-8000-000000000002")


@transaction.atomic
def rotate(actor: Actor, *, at_once: bool = False, at: datetime) -> SigningKey:
    """Publish a new signing key, which signs after HANDOVER, or now when `at_once`; what old keys signed stays good.

    Raises KeyNotSigningYet while the last new key still waits, unless `at_once`; NotPermitted.
    """
    authorize(actor, Action.CLIENT_MANAGE)
    if not at_once and is_waiting_to_sign(at):
        raise KeyNotSigningYet
    key = rotate_signing_key(at, handover=timedelta(0) if at_once else HANDOVER)
    destroy_retired_keys(at)
    record(SigningKeyRotated(KEYS_STREAM, {"kid": key.kid, "at_once": at_once}), actor=actor, at=at)
    return key


@transaction.atomic
def withdraw(actor: Actor, kid: str, *, reason: str = "", at: datetime) -> str:
    """Let a key that somebody else may have end now: what it signed is refused at once. Returns the name of the key
    that signs from now on. Raises NotFound for a key that is not published, NotPermitted.
    """
    authorize(actor, Action.CLIENT_MANAGE)
    if not withdraw_signing_key(kid, at):
        raise NotFound(what="signing key", id=kid)
    signs = signer(at).kid
    record(SigningKeyWithdrawn(KEYS_STREAM, {"kid": kid, "signs": signs}, reason), actor=actor, at=at)
    return signs
