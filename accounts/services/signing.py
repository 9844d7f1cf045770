"""Replacing the key with which the hub signs its tokens."""

from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction

from accounts.events import SigningKeyRotated
from accounts.keys import HANDOVER, destroy_retired_keys, is_waiting_to_sign, rotate_signing_key
from accounts.models import SigningKey
from accounts.policy import Action, Actor, authorize
from partnerhub.errors import KeyNotSigningYet
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
