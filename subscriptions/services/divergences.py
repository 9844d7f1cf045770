"""Divergences: one open item for each kind and subscription, from when it is seen until it is gone or let be.

They are shown and change nothing: neither the subscription nor what is billed.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from accounts.policy import Action, Actor, authorize
from partnerhub.errors import DivergenceOver, InvalidInput, NotFound
from partnerhub.outbox.recorder import record
from subscriptions.divergences import AFTER_END, Judged, Values
from subscriptions.enums import DivergenceEnd, DivergenceKind, Status
from subscriptions.events import DivergenceEnded, SubscriptionDiverged
from subscriptions.models import Divergence, Subscription
from subscriptions.services.locking import lock_subscription

LONGEST_NOTE = 500
# Set in the evidence of what was let be, once the publisher has shown something else: then it may be opened again.
OVER_SINCE = "over_since"


def note_divergences(
    actor: Actor, subscription: Subscription, judged: Judged, evidence: dict[str, Any], *, at: datetime
) -> None:
    """Open what is seen for the first time, move on what is seen again, end what is gone. Idempotent.

    What somebody has let be is not opened again as long as both values stay. Call it with the subscription locked.
    Raises NotPermitted.
    """
    authorize(actor, Action.SUBSCRIPTION_CONFIRM)
    known = _known(subscription)
    for kind, values in judged.items():
        row = known.get(kind)
        if values is None:
            _be_gone(actor, row, at)
        elif row is None:
            _open(actor, subscription, kind, values, evidence, at)
        elif row.ended_at is None:
            _see_again(actor, row, values, evidence, at)
        elif (row.ours, row.theirs) != values:
            _be_gone(actor, row, at)
            _open(actor, subscription, kind, values, evidence, at)


@transaction.atomic
def note_word(
    actor: Actor, subscription_id: UUID, *, action: str, value: str, silent: bool, operation_id: str, at: datetime
) -> None:
    """Take in how the publisher agreed to a change (`action`): by silence, which opens or moves on an item until the
    new `value` is shown, or in words, which ends what an earlier silence about the same left. Raises NotFound.
    """
    authorize(actor, Action.SUBSCRIPTION_CONFIRM)
    subscription = lock_subscription(subscription_id, actor)
    row = _known(subscription).get(DivergenceKind.ACCEPTED_BY_SILENCE)
    left: dict[str, str] = row.evidence["changes"] if row and row.ended_at is None else {}
    left = {one: earlier for one, earlier in left.items() if one != action} | ({action: value} if silent else {})
    evidence = {"source": "operation", "id": operation_id, "at": at.isoformat(), "changes": left}
    values = Values(", ".join(left.values())[:100], "") if left else None
    if silent or row is not None:
        note_divergences(actor, subscription, {DivergenceKind.ACCEPTED_BY_SILENCE: values}, evidence, at=at)


@transaction.atomic
def end_with_subscription(actor: Actor, subscription_id: UUID, *, at: datetime) -> None:
    """End what compares a running subscription once it has ended. Idempotent. Raises NotFound, NotPermitted."""
    subscription = lock_subscription(subscription_id, actor)
    if subscription.status == Status.UNSUBSCRIBED:
        note_divergences(actor, subscription, dict.fromkeys(set(DivergenceKind) - AFTER_END), {}, at=at)


@transaction.atomic
def accept_divergence(
    actor: Actor, subscription_id: UUID, divergence_id: UUID, *, note: str, at: datetime
) -> Divergence:
    """Let a divergence be, with a note of 1 to 500 characters that says why: it is shown no more unless it changes.

    Raises NotPermitted, NotFound, InvalidInput, DivergenceOver for one that has ended meanwhile.
    """
    authorize(actor, Action.DIVERGENCE_ACCEPT)
    note = " ".join(note.split())
    if not 1 <= len(note) <= LONGEST_NOTE:
        raise InvalidInput(field="note", problem=f"{len(note)} characters, allowed are 1 to {LONGEST_NOTE}")
    if "\0" in note:
        raise InvalidInput(field="note", problem="it contains a NUL character")
    subscription = lock_subscription(subscription_id, actor)
    row = subscription.divergences.select_for_update().filter(pk=divergence_id).first()
    if row is None:
        raise NotFound(what="divergence", id=divergence_id)
    if row.ended_at is not None:
        raise DivergenceOver(ended_at=f"{row.ended_at:%Y-%m-%d %H:%M} UTC")
    _end(actor, row, DivergenceEnd.ACCEPTED, at, note)
    return row


def _known(subscription: Subscription) -> dict[DivergenceKind, Divergence]:
    """By kind what is open, or else what was let be and has not changed since."""
    let_be = Q(ended_as=DivergenceEnd.ACCEPTED) & ~Q(evidence__has_key=OVER_SINCE)
    rows = subscription.divergences.select_for_update().filter(Q(ended_at=None) | let_be)
    return {DivergenceKind(row.kind): row for row in rows}


def _open(
    actor: Actor,
    subscription: Subscription,
    kind: DivergenceKind,
    values: Values,
    evidence: dict[str, Any],
    at: datetime,
) -> None:
    row = Divergence.objects.create(
        subscription=subscription,
        publisher=subscription.publisher,
        kind=kind,
        ours=values.ours,
        theirs=values.theirs,
        evidence=evidence,
        first_seen_at=at,
        last_seen_at=at,
    )
    record(SubscriptionDiverged(subscription.pk, _told(row) | {"evidence": evidence}), actor=actor, at=at)


def _see_again(actor: Actor, row: Divergence, values: Values, evidence: dict[str, Any], at: datetime) -> None:
    moved = (row.ours, row.theirs) != values
    row.ours, row.theirs = values
    row.evidence, row.last_seen_at = evidence, max(at, row.last_seen_at)
    row.save(update_fields=["ours", "theirs", "evidence", "last_seen_at"])
    if moved:
        record(SubscriptionDiverged(row.subscription_id, _told(row) | {"evidence": evidence}), actor=actor, at=at)


def _be_gone(actor: Actor, row: Divergence | None, at: datetime) -> None:
    if row is not None and row.ended_at is None:
        _end(actor, row, DivergenceEnd.GONE, at)
    elif row is not None:
        row.evidence = row.evidence | {OVER_SINCE: at.isoformat()}
        row.save(update_fields=["evidence"])


def _end(actor: Actor, row: Divergence, how: DivergenceEnd, at: datetime, note: str = "") -> None:
    row.ended_at, row.ended_as, row.ended_by, row.note = at, how, actor.label, note
    row.save(update_fields=["ended_at", "ended_as", "ended_by", "note"])
    record(DivergenceEnded(row.subscription_id, _told(row) | {"ended_as": how.value}, note), actor=actor, at=at)


def _told(row: Divergence) -> dict[str, Any]:
    return {"divergence": str(row.pk), "kind": row.kind, "ours": row.ours, "theirs": row.theirs}
