"""Writing the ledger: what events cause and what new cycles cost is appended to each subscription's chain."""

from datetime import UTC, datetime
from uuid import UUID

import structlog
from django.db import DatabaseError, transaction
from django.db.models import Exists, OuterRef, QuerySet

from accounts.policy import Action, Actor, authorize
from billing.accounts import account_row, append, creditable, keep, reckoned
from billing.hearing import CONSUMER, OPENS, Shelf, concerns_all, heard, opened, partner_before
from billing.models import Account, Charge
from billing.reckoning import charge_until
from partnerhub.errors import HubError
from partnerhub.outbox.models import Delivery, Event
from subscriptions.models import Subscription

log = structlog.get_logger(__name__)


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


def charge_cycles(actor: Actor, *, at: datetime, limit: int = 500) -> int:
    """Charge the cycles that have begun of up to `limit` subscriptions, each in a transaction of its own; returns how
    many lines were written. One that fails stops no other; one with events still to be heard waits for them.
    """
    authorize(actor, Action.CHARGE_WRITE)
    due = Account.objects.filter(~Exists(_unheard(OuterRef("pk"))), next_charge_on__lte=at.astimezone(UTC).date())
    ids = list(due.order_by("next_charge_on", "pk").values_list("pk", flat=True)[:limit])
    return sum(_charged(subscription_id, at) for subscription_id in ids)


def _unheard(stream_id: UUID | OuterRef) -> QuerySet[Delivery]:
    return Delivery.objects.filter(stream_id=stream_id, handler=CONSUMER, delivered_at=None)


def _charged(subscription_id: UUID, at: datetime) -> int:
    try:
        return len(_charge_begun(subscription_id, at))
    except (DatabaseError, LookupError, HubError) as error:
        log.exception("cycle_not_charged", subscription_id=str(subscription_id), error=type(error).__name__)
        return 0


@transaction.atomic
def _charge_begun(subscription_id: UUID, at: datetime) -> list[Charge]:
    subscription = Subscription.objects.select_for_update(skip_locked=True).filter(pk=subscription_id).first()
    # Somebody else works on it, or has just told something: the next tick finds it as it is then.
    if subscription is None or _unheard(subscription_id).exists():
        return []
    row = account_row(subscription_id)
    if row is None:
        return []
    account = reckoned(row)
    # Its trial is about to end it (rule 65), or it is converted first.
    if account.in_trial and subscription.on_trial and not subscription.auto_renew:
        return []
    entries = list(charge_until(account, at.astimezone(UTC).date()))
    keep(subscription, account, row.heard)
    return append(subscription, entries, at=at)


def _lock(subscription_id: UUID) -> Subscription:
    locked = Subscription.objects.select_for_update(of=("self",)).select_related("order_line")
    return locked.get(pk=subscription_id)
