"""Showing a change before it is made, and making exactly what was shown.

A preview is the change itself: made in a savepoint, accepted as the publisher would, billed by the code that bills, and
rolled back. A quote keeps what was shown for some minutes; committing it makes the change only if it still is so.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from django.db import transaction

from accounts.policy import SYSTEM, Action, Actor, Role, authorize
from partnerhub.errors import QuoteExpired, QuoteMoved, QuoteUnknown, QuoteUsed
from partnerhub.money import Money
from partnerhub.outbox.delivery import deliver_stream
from partnerhub.outbox.models import Event
from publishers.selectors import policy_duration
from subscriptions.changes import AT_RENEWAL, Change, change_from
from subscriptions.enums import Acceptance, NoteCode, Status
from subscriptions.ledger import Line, ledger
from subscriptions.models import Operation, Quote, Subscription
from subscriptions.previews import Note, Preview, State, material, preview_from
from subscriptions.selectors import operation_in_flight
from subscriptions.services.changing import perform
from subscriptions.services.locking import lock_subscription
from subscriptions.services.scheduling import fits_schedule, scheduled_of
from subscriptions.services.settling import accept

KEPT = timedelta(days=1)
# What is rolled back is done in nobody's name. Whether the asker may do it is judged when it is committed.
_REHEARSAL = Actor(kind="system", id="rehearsal", label="Partner Hub", role=Role.ADMIN_AGENT, roles=(Role.ADMIN_AGENT,))


@transaction.atomic
def preview(actor: Actor, subscription_id: UUID, change: Change, *, at: datetime) -> Preview:
    """What the change would do now; nothing of it remains. Everyone who may read the subscription may look ahead.

    Raises NotPermitted, NotFound, and every refusal of the change but those of the role.
    """
    authorize(actor, Action.SUBSCRIPTION_READ)
    subscription = lock_subscription(subscription_id, actor)
    before = state_of(subscription)
    savepoint = transaction.savepoint()
    try:
        return _rehearse(subscription, before, change, at)
    finally:
        transaction.savepoint_rollback(savepoint)


@transaction.atomic
def quote(actor: Actor, subscription_id: UUID, change: Change, *, at: datetime) -> tuple[Quote, Preview]:
    """A preview that can be committed until it expires (policy `quote_lives`, 15 min). Raises as `preview` does."""
    shown = preview(actor, subscription_id, change, at=at)
    subscription = lock_subscription(subscription_id, actor)
    lives = policy_duration("quote_lives", subscription.plan, at, subscription.plan_term.term)
    row = Quote.objects.create(
        subscription=subscription,
        change=change.as_json(),
        shown=shown.as_json(),
        base_version=subscription.version,
        created_by=actor.label,
        created_at=at,
        expires_at=at + lives,
    )
    return row, shown


@transaction.atomic
def commit(
    actor: Actor, subscription_id: UUID, quote_id: UUID, change: Change, *, reason: str = "", at: datetime
) -> Subscription:
    """Make the change that was quoted, if what was shown is still what it does; otherwise nothing happens.

    `change` is what is asked now: it must be the quoted one. Raises QuoteUnknown, QuoteExpired, QuoteUsed, QuoteMoved
    with what was shown and what would happen now, and what `perform` raises.
    """
    lock_subscription(subscription_id, actor)
    found = Quote.objects.select_for_update().filter(pk=quote_id, subscription_id=subscription_id).first()
    if found is None or not _is_same(change_from(found.change), change):
        raise QuoteUnknown(id=quote_id)
    if found.used_at is not None:
        raise QuoteUsed(used_at=f"{found.used_at:%Y-%m-%d %H:%M} UTC")
    if at >= found.expires_at:
        raise QuoteExpired(expired_at=f"{found.expires_at:%Y-%m-%d %H:%M} UTC")
    current = preview(actor, subscription_id, change, at=at)
    if material(current.as_json()) != material(found.shown):
        raise moved(found, current)
    changed = perform(actor, subscription_id, change, reason=reason, version=None, at=at)
    found.used_at = at
    found.save(update_fields=["used_at"])
    changed.operations.filter(created_at=at, quote=None).update(quote=found)
    return changed


def forget_quotes(actor: Actor, *, at: datetime) -> int:
    """Delete the quotes that nobody used and that ran out a day ago; returns how many. Raises NotPermitted."""
    authorize(actor, Action.SUBSCRIPTION_VOID)
    unused = Quote.objects.filter(used_at=None, operations=None, expires_at__lt=at - KEPT)
    deleted, _ = unused.delete()
    return deleted


def moved(found: Quote, current: Preview) -> QuoteMoved:
    """The refusal of a quote that no longer holds; `current` travels with it."""
    shown = preview_from(change_from(found.change), found.shown).due_today
    refusal = QuoteMoved(
        shown=f"{shown.text} {shown.currency}", current=f"{current.due_today.text} {current.due_today.currency}"
    )
    refusal.carried = (found, current)
    return refusal


def _is_same(quoted: Change, asked: Change) -> bool:
    return quoted.as_json() == asked.as_json()


def _rehearse(subscription: Subscription, before: State, change: Change, at: datetime) -> Preview:
    heard = _last_event(subscription)
    waiting = operation_in_flight(subscription)
    perform(_REHEARSAL, subscription.pk, change, version=None, at=at, hold=False)
    operation = operation_in_flight(subscription)
    if operation == waiting:
        operation = None
    if operation is not None:
        accept(SYSTEM, operation.pk, how=Acceptance.PUBLISHER, at=at)
    deliver_stream(subscription.pk, at)
    caused = Event.objects.filter(stream_id=subscription.pk, sequence__gt=heard).values_list("pk", flat=True)
    lines = ledger().lines_caused_by(list(caused))
    changed = lock_subscription(subscription.pk, _REHEARSAL)
    return Preview(
        change=change,
        before=before,
        after=state_of(changed),
        lines=lines,
        due_today=_sum(lines, subscription.currency),
        next_charge=ledger().next_charge(changed, at),
        renews_on=changed.term_end if changed.auto_renew else None,
        effective_at=at,
        exit_deadline=_exit_deadline(changed, before, at),
        notes=list(_notes(subscription, changed, before, change, asks=_asks(operation))),
    )


def _asks(operation: Operation | None) -> bool:
    return operation is not None and not operation.only_tells


def _last_event(subscription: Subscription) -> int:
    sequences = Event.objects.filter(stream_id=subscription.pk).order_by("-sequence")
    return sequences.values_list("sequence", flat=True).first() or 0


def state_of(subscription: Subscription) -> State:
    """What a change can move, as it is now."""
    return State(
        nickname=subscription.nickname,
        status=str(subscription.status),
        quantity=subscription.quantity,
        plan=subscription.plan.title,
        plan_term_id=str(subscription.plan_term_id),
        term=subscription.plan_term.term,
        billing_cycle=subscription.plan_term.billing_cycle,
        auto_renew=subscription.auto_renew,
        partner_id=subscription.reseller_id or "",
        unit_price=f"{subscription.unit_price:.4f}",
        currency=subscription.currency,
        term_end=str(subscription.runs_until or ""),
        scheduled=scheduled_of(subscription),
    )


def _sum(lines: list[Line], currency: str) -> Money:
    return sum((line.amount for line in lines), Money(Decimal(0), currency))


def _exit_deadline(changed: Subscription, before: State, at: datetime) -> datetime | None:
    """Until when added seats can be given back."""
    if changed.quantity <= before.quantity:
        return None
    newest = changed.tranches.filter(batch=None, opened_at=at).order_by("-pk").first()
    return newest.reducible_until if newest else None


def _notes(
    subscription: Subscription, changed: Subscription, before: State, change: Change, *, asks: bool
) -> Iterator[Note]:
    after = scheduled_of(changed)
    if asks and change.status != "deleted":
        yield Note(NoteCode.PUBLISHER_DECIDES, {"publisher": subscription.publisher.name})
    if change.when == AT_RENEWAL:
        yield Note(NoteCode.AT_RENEWAL, {"on": before.term_end})
    elif before.scheduled and not after:
        yield Note(NoteCode.SCHEDULE_GOES, {"scheduled": before.scheduled})
    elif after and not changed.auto_renew:
        yield Note(NoteCode.SCHEDULE_WAITS, {"scheduled": after})
    elif after and not fits_schedule(changed):
        yield Note(NoteCode.SCHEDULE_DOES_NOT_FIT, {"scheduled": after, "on": before.term_end})
    elif after and changed.status == Status.SUBSCRIBED:
        yield Note(NoteCode.SCHEDULE_STAYS, {"scheduled": after, "on": before.term_end})
