"""Writing the ledger: what events cause and what new cycles cost is appended to each subscription's chain."""

from collections.abc import Iterable
from datetime import UTC, datetime
from uuid import UUID

import structlog
from django.db import DatabaseError, transaction
from django.db.models import Exists, OuterRef, QuerySet

from accounts.policy import Action, Actor, authorize
from billing import reckoning
from billing.accounts import account_row, append, append_many, creditable, keep, keep_many, last_charges, reckoned
from billing.hearing import CONSUMER, OPENS, Shelf, concerns_all, heard, opened, partner_before
from billing.models import Account, Charge
from billing.reckoning import charge_until
from partnerhub.errors import HubError
from partnerhub.outbox.models import Delivery, Event
from subscriptions.models import Subscription

log = structlog.get_logger(__name__)

# A tick of ten seconds has time for so many.
LIMIT = 2000
AT_ONCE = 250


@transaction.atomic
def take_in(actor: Actor, event: Event, *, at: datetime) -> list[Charge]:
    """Append what an event of a subscription causes. Idempotent: an event is taken in once, in the order of the stream.

    An activation opens the account and is charged from the later confirmation on (rule 21); what is told of a
    subscription without account costs nothing. Raises NotPermitted, ClockBehind.
    """
    authorize(actor, Action.CHARGE_WRITE)
    subscription = _lock(event.stream_id)
    row = account_row(subscription.pk)
    if row is not None and event.sequence <= row.heard:
        return []
    if row is None and event.name != OPENS:
        return []
    if row is None:
        line = subscription.order_line
        account, entries = opened(event, line, partner_before(event, line), Shelf())
    else:
        account = reckoned(row, creditable(row, None if concerns_all(event) else row.changed_on))
        entries = list(heard(account, event, Shelf()))
    keep(subscription, account, event.sequence)
    return append(subscription, entries, at=at)


def charge_cycles(actor: Actor, *, at: datetime, limit: int = LIMIT) -> int:
    """Charge the cycles that have begun of up to `limit` subscriptions, some together in a transaction; returns how
    many lines were written. One that fails stops no other; one with events still to be heard waits for them.
    """
    authorize(actor, Action.CHARGE_WRITE)
    due = Account.objects.filter(~Exists(_unheard(OuterRef("pk"))), next_charge_on__lte=at.astimezone(UTC).date())
    ids = list(due.order_by("next_charge_on", "pk").values_list("pk", flat=True)[:limit])
    parts = (ids[first : first + AT_ONCE] for first in range(0, len(ids), AT_ONCE))
    return sum(_charged(part, at) for part in parts)


def _unheard(stream_id: UUID | OuterRef) -> QuerySet[Delivery]:
    return Delivery.objects.filter(stream_id=stream_id, handler=CONSUMER, delivered_at=None)


def _unheard_of(stream_ids: Iterable[UUID]) -> QuerySet[Delivery]:
    return Delivery.objects.filter(stream_id__in=stream_ids, handler=CONSUMER, delivered_at=None)


def _charged(subscription_ids: list[UUID], at: datetime) -> int:
    """Charge some together; where one cannot be, each by itself."""
    try:
        return len(_charge_begun(subscription_ids, at))
    except (DatabaseError, LookupError, HubError) as error:
        if len(subscription_ids) > 1:
            return sum(_charged([one], at) for one in subscription_ids)
        log.exception("cycle_not_charged", subscription_id=str(subscription_ids[0]), error=type(error).__name__)
        return 0


@transaction.atomic
def _charge_begun(subscription_ids: list[UUID], at: datetime) -> list[Charge]:
    # Somebody else works on it, or has just told something: the next tick finds it as it is then.
    free = Subscription.objects.select_for_update(skip_locked=True).filter(pk__in=subscription_ids)
    locked = {one.pk: one for one in free.order_by("pk")}
    waiting = set(_unheard_of(locked).values_list("stream_id", flat=True))
    rows = Account.objects.select_related("plan_term__plan", "subscription").filter(pk__in=locked.keys() - waiting)
    last = last_charges(locked)
    kept: list[tuple[Account, reckoning.Account]] = []
    owed: list[tuple[Subscription, list[reckoning.Entry]]] = []
    for row in rows:
        subscription, newest = locked[row.pk], last.get(row.pk)
        account = reckoned(row, last_number=newest.sequence if newest else 0)
        # Its trial is about to end it (rule 65), or it is converted first.
        if account.in_trial and subscription.on_trial and not subscription.auto_renew:
            continue
        owed.append((subscription, list(charge_until(account, at.astimezone(UTC).date()))))
        kept.append((row, account))
    keep_many(kept)
    return append_many(owed, at=at)


def _lock(subscription_id: UUID) -> Subscription:
    locked = Subscription.objects.select_for_update(of=("self",)).select_related("order_line")
    return locked.get(pk=subscription_id)
