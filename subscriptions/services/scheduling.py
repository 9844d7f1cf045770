"""What the next term begins with, where it differs: fewer or more licences, another plan, another frequency (rule 40).

A schedule is an intent of its own: changes made meanwhile do not touch it. It waits while auto-renew is off and goes
when the subscription is suspended (rule 63) or ended.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from accounts.policy import Action, Actor, authorize
from partnerhub import prepared
from partnerhub.errors import AutoRenewOff, NothingScheduled
from partnerhub.outbox.recorder import record
from publishers.models import PlanTerm
from publishers.selectors import plan_term_sold
from subscriptions.events import RenewalScheduled, RenewalUnscheduled
from subscriptions.models import ScheduledRenewal, Subscription
from subscriptions.quantities import check_quantity
from subscriptions.services.checks import check_active
from subscriptions.services.locking import check_version, lock_subscription, save_changed
from subscriptions.services.plans import offered_term

_SCHEDULED = prepared.Selection(
    "SELECT {scheduled} FROM subscriptions_scheduledrenewal AS scheduled WHERE subscription_id = %s",
    scheduled=ScheduledRenewal,
)


@transaction.atomic
def schedule_renewal(
    actor: Actor,
    subscription_id: UUID,
    *,
    quantity: int | None = None,
    plan_term_id: UUID | None = None,
    reason: str = "",
    version: int | None,
    at: datetime,
) -> Subscription:
    """Set what the next term begins with; None leaves that part of the schedule as it is.

    What equals the subscription as it is now is not kept. Any plan term of the offer may follow, of any length, if it
    has a price today and room for the licences. Raises NotPermitted, NotFound, StaleVersion, SubscriptionEnded,
    NotActivatedYet, SuspendedForbids, RenewalUnderWay, AutoRenewOff (rule 40), NoPriceInCurrency, QuantityOutOfRange.
    """
    authorize(actor, Action.SUBSCRIPTION_CHANGE)
    subscription = lock_subscription(subscription_id, actor)
    check_version(subscription, version)
    check_active(subscription, "plan" if plan_term_id or quantity is None else "quantity", at)
    if not subscription.auto_renew:
        raise AutoRenewOff
    known = scheduled_of(subscription)
    wanted_quantity = quantity if quantity is not None else known.get("quantity")
    wanted_term = plan_term_id or _as_id(known.get("plan_term"))
    term = offered_term(subscription, wanted_term, at).plan_term if wanted_term else None
    check_quantity((term or subscription.plan_term).plan, wanted_quantity or subscription.quantity)
    _write(actor, subscription, wanted_quantity, term, reason, at)
    return subscription


@transaction.atomic
def unschedule(
    actor: Actor, subscription_id: UUID, *, what: str = "", reason: str = "", version: int | None, at: datetime
) -> Subscription:
    """Take back what is scheduled: `what` is quantity or plan_term, empty for all of it.

    Raises NotPermitted, NotFound, StaleVersion, NothingScheduled.
    """
    authorize(actor, Action.SUBSCRIPTION_CHANGE)
    subscription = lock_subscription(subscription_id, actor)
    check_version(subscription, version)
    known = scheduled_of(subscription)
    if not known or (what and what not in known):
        raise NothingScheduled
    kept = {name: value for name, value in known.items() if what and name != what}
    term = PlanTerm.objects.select_related("plan").get(pk=kept["plan_term"]) if "plan_term" in kept else None
    _write(actor, subscription, kept.get("quantity"), term, reason, at)
    return subscription


def forget_schedule(actor: Actor, subscription: Subscription, why: str, at: datetime) -> None:
    """Drop all that is scheduled, on record, because of something else that happened; the subscription is locked."""
    before = scheduled_of(subscription)
    if before:
        ScheduledRenewal.objects.filter(subscription=subscription).delete()
        data = {"before": before, "after": {}, "why": why}
        record(RenewalUnscheduled(subscription.pk, data), actor=actor, at=at)


def scheduled_of(subscription: Subscription) -> dict[str, Any]:
    """What is scheduled, as the events tell it: `quantity` and `plan_term`, each only where it is."""
    return told_of_schedule(schedule_of(subscription))


def schedule_of(subscription: Subscription) -> ScheduledRenewal | None:
    """What is scheduled, as a row whose plan term was read with what it sells; None when nothing is."""
    row: ScheduledRenewal | None = next((row for (row,) in _SCHEDULED(subscription.pk)), None)
    if row is not None:
        row.plan_term = plan_term_sold(row.plan_term_id) if row.plan_term_id else None
    return row


def told_of_schedule(row: ScheduledRenewal | None) -> dict[str, Any]:
    """A schedule as `scheduled_of` tells it."""
    if row is None:
        return {}
    told = {"quantity": row.quantity, "plan_term": str(row.plan_term_id) if row.plan_term_id else None}
    return {name: value for name, value in told.items() if value is not None}


def fits_schedule(subscription: Subscription) -> bool:
    """Whether what is scheduled can begin as things are: the plan that will hold has room for the licences."""
    row = schedule_of(subscription)
    if row is None:
        return True
    plan = row.plan_term.plan if row.plan_term else subscription.plan
    return plan.takes(row.quantity or subscription.quantity)


def _write(
    actor: Actor, subscription: Subscription, quantity: int | None, term: PlanTerm | None, reason: str, at: datetime
) -> None:
    before = scheduled_of(subscription)
    quantity = None if quantity == subscription.quantity else quantity
    term = None if term is not None and term.pk == subscription.plan_term_id else term
    rows = ScheduledRenewal.objects.filter(subscription=subscription)
    if quantity is None and term is None:
        rows.delete()
    else:
        values = {"quantity": quantity, "plan_term": term, "scheduled_by": actor.label, "scheduled_at": at}
        rows.update_or_create(subscription=subscription, defaults=values)
    after = scheduled_of(subscription)
    if after == before:
        return
    save_changed(subscription)
    kind = RenewalScheduled if after else RenewalUnscheduled
    record(kind(subscription.pk, {"before": before, "after": after}, reason), actor=actor, at=at)


def _as_id(text: str | None) -> UUID | None:
    return UUID(text) if text else None
