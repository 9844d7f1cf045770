"""What ends within a term: a trial without auto-renew (rule 65), a suspension that lasts too long (rule 62)."""

from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from uuid import UUID

import structlog
from django.db import DatabaseError, transaction
from django.db.models import Exists, OuterRef, QuerySet

from accounts.policy import Action, Actor, authorize
from partnerhub.errors import HubError
from publishers.selectors import PolicyBook, policy_book, scope_of
from subscriptions.enums import EndReason, Status, Trigger
from subscriptions.events import SubscriptionExpired
from subscriptions.models import Operation, Subscription
from subscriptions.models.operation import WAITED_FOR
from subscriptions.services.ending import end
from subscriptions.services.locking import lock_subscription, save_changed

log = structlog.get_logger(__name__)
SUSPENSION_LASTS = "suspension_lasts"


def end_trials(actor: Actor, *, at: datetime, limit: int = 500) -> int:
    """Decide up to `limit` trials that are over, each in a transaction of its own; returns how many were."""
    over = _at_rest(Subscription.objects.filter(on_trial=True, trial_ends__lte=at.astimezone(UTC).date()))
    return _each(actor, over.order_by("trial_ends", "id").values_list("pk", flat=True)[:limit], end_trial, at)


@transaction.atomic
def end_trial(actor: Actor, subscription_id: UUID, *, at: datetime) -> Subscription:
    """Let the paid term begin after a trial, or end it there, unbilled, where auto-renew is off or it is suspended.

    Idempotent: one whose trial still runs, or that has a change in flight, is left alone. Raises NotFound,
    NotPermitted.
    """
    authorize(actor, Action.SUBSCRIPTION_RENEW)
    subscription = lock_subscription(subscription_id, actor)
    ends = subscription.trial_ends
    if not subscription.on_trial or ends is None or ends > at.astimezone(UTC).date() or _is_changing(subscription):
        return subscription
    subscription.on_trial = False
    if subscription.status == Status.UNSUBSCRIBED or subscription.auto_renew:
        save_changed(subscription, "on_trial")
        return subscription
    subscription.save(update_fields=["on_trial"])
    data = {"term_end": str(subscription.term_end), "ends_on": str(ends), "ended": "trial"}
    end(actor, subscription, Trigger.EXPIRE, EndReason.EXPIRED, SubscriptionExpired(subscription.pk, data), at)
    return subscription


def end_suspensions(actor: Actor, *, at: datetime, limit: int = 500) -> int:
    """End up to `limit` subscriptions that were suspended for as long as `suspension_lasts`, each in a transaction of
    its own; returns how many were looked at and ended.
    """
    book = policy_book(SUSPENSION_LASTS)
    suspended = _at_rest(Subscription.objects.filter(status=Status.SUSPENDED)).order_by("suspended_at", "id")
    looked_at = suspended.select_related("plan__offer", "plan_term").iterator(chunk_size=limit)
    over = (one.pk for one in looked_at if (moment := lapses_at(one, book, at)) and moment <= at)
    return _each(actor, islice(over, limit), end_suspension, at)


def lapses_at(subscription: Subscription, book: PolicyBook, at: datetime) -> datetime | None:
    """When it will have been suspended for too long; None while it is not suspended."""
    scope = scope_of(subscription.plan, subscription.plan_term.term)
    since = subscription.suspended_at
    return since + book.duration(SUSPENSION_LASTS, scope, at) if since else None


def lapsed_on(subscription: Subscription, lapsed_at: datetime) -> date:
    """The UTC day (exclusive) with which a suspension ends what is owed: a cycle that begins later is not."""
    last_day = (lapsed_at - timedelta(microseconds=1)).astimezone(UTC).date()
    return min(last_day + timedelta(days=1), subscription.term_end or last_day)


@transaction.atomic
def end_suspension(actor: Actor, subscription_id: UUID, *, at: datetime) -> Subscription:
    """End a subscription that has been suspended too long; nothing that begins afterwards is charged.

    Idempotent: one that is not, or that has a change in flight, is left alone. Raises NotFound, NotPermitted.
    """
    authorize(actor, Action.SUBSCRIPTION_RENEW)
    subscription = lock_subscription(subscription_id, actor)
    since, lapsed_at = subscription.suspended_at, lapses_at(subscription, policy_book(SUSPENSION_LASTS), at)
    if since is None or lapsed_at is None or lapsed_at > at or _is_changing(subscription):
        return subscription
    ends_on = lapsed_on(subscription, lapsed_at)
    data = {"term_end": str(subscription.term_end), "ends_on": str(ends_on), "ended": "suspension"}
    fact = SubscriptionExpired(subscription.pk, data | {"suspended_at": since.isoformat()})
    end(actor, subscription, Trigger.EXPIRE, EndReason.EXPIRED, fact, at)
    return subscription


def _at_rest(subscriptions: QuerySet[Subscription]) -> QuerySet[Subscription]:
    in_flight = Operation.objects.filter(WAITED_FOR, subscription=OuterRef("pk"))
    return subscriptions.filter(~Exists(in_flight))


def _is_changing(subscription: Subscription) -> bool:
    return subscription.operations.filter(WAITED_FOR).exists()


def _each(actor: Actor, ids: Iterable[UUID], act: Callable[..., Subscription], at: datetime) -> int:
    return sum(_done(actor, subscription_id, act, at) for subscription_id in list(ids))


def _done(actor: Actor, subscription_id: UUID, act: Callable[..., Subscription], at: datetime) -> bool:
    try:
        act(actor, subscription_id, at=at)
    except (DatabaseError, LookupError, HubError) as error:
        log.exception("not_ended", subscription_id=str(subscription_id), error=type(error).__name__)
        return False
    return True
