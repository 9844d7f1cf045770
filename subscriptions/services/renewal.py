"""The end of a term: the next one begins, with what was scheduled for it, or the subscription ends (rules 57-60)."""

from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import structlog
from django.db import DatabaseError, transaction
from django.db.models import Exists, OuterRef

from accounts.policy import Action, Actor, authorize
from partnerhub.errors import HubError
from partnerhub.outbox.recorder import record
from publishers.models import PlanTerm, Price
from publishers.selectors import policy_word, price_at
from subscriptions.enums import (
    EndReason,
    OperationAction,
    Status,
    TrancheCause,
    Trigger,
)
from subscriptions.events import SubscriptionExpired, SubscriptionRenewed
from subscriptions.lifecycle import next_status
from subscriptions.models import Operation, ScheduledRenewal, Subscription
from subscriptions.models.operation import NOTICES, WAITED_FOR
from subscriptions.selectors import batches_of, operation_in_flight, with_sold
from subscriptions.services.ending import end
from subscriptions.services.locking import lock_subscription, save_changed
from subscriptions.services.plans import Offered, put_on, values_of
from subscriptions.services.scheduling import schedule_of, told_of_schedule
from subscriptions.services.settling import give_back, open_batch
from subscriptions.services.starting import Values, Wanted, begin
from subscriptions.terms import MONTHS, add_months, midnight
from subscriptions.tranches import take_whole

log = structlog.get_logger(__name__)


def renew_due(actor: Actor, *, at: datetime, limit: int = 500) -> int:
    """Renew or end up to `limit` subscriptions whose term is over, each in a transaction of its own; how many were.

    One with a change in flight waits for it (the renewal may take a day, rule 58); one that fails stops no other.
    """
    in_flight = Operation.objects.filter(WAITED_FOR, subscription=OuterRef("pk"))
    over = Subscription.objects.filter(~Exists(in_flight), term_end__lte=_day(at), status__in=_LIVING)
    ids = list(over.order_by("term_end", "id").values_list("pk", flat=True)[:limit])
    return sum(_renewed(actor, subscription_id, at) for subscription_id in ids)


_LIVING = (Status.SUBSCRIBED, Status.SUSPENDED)


def _renewed(actor: Actor, subscription_id: UUID, at: datetime) -> bool:
    try:
        renew(actor, subscription_id, at=at)
    except (DatabaseError, LookupError, HubError) as error:
        log.exception("not_renewed", subscription_id=str(subscription_id), error=type(error).__name__)
        return False
    return True


@transaction.atomic
def renew(actor: Actor, subscription_id: UUID, *, at: datetime) -> Subscription:
    """Begin the next term of a subscription whose term is over, or end it where auto-renew is off or it is suspended.

    Idempotent: one whose term still runs, or that has a change in flight, is left alone. Terms are counted from the
    first one of their length; after a downtime several are begun, one at each call. Raises NotFound, NotPermitted.
    """
    authorize(actor, Action.SUBSCRIPTION_RENEW)
    subscription = lock_subscription(subscription_id, actor)
    if not _is_over(subscription, at) or _waits(subscription):
        return subscription
    if subscription.auto_renew and subscription.status == Status.SUBSCRIBED:
        _begin_term(actor, subscription, at)
    else:
        _expire(actor, subscription, at)
    return subscription


def _is_over(subscription: Subscription, at: datetime) -> bool:
    term_end = subscription.term_end
    return subscription.status in _LIVING and term_end is not None and term_end <= _day(at)


def _waits(subscription: Subscription) -> bool:
    operation = operation_in_flight(subscription)
    return operation is not None and operation.action not in NOTICES


def _day(at: datetime) -> date:
    return at.astimezone(UTC).date()


def _expire(actor: Actor, subscription: Subscription, at: datetime) -> None:
    data = {"term_end": str(subscription.term_end)}
    end(actor, subscription, Trigger.EXPIRE, EndReason.EXPIRED, SubscriptionExpired(subscription.pk, data), at)


def _begin_term(actor: Actor, subscription: Subscription, at: datetime) -> None:
    before = _values(with_sold(subscription))
    row = schedule_of(subscription)
    quantity, offered, dropped = foreseen_term(subscription, row, Shop())
    subscription.status = next_status(subscription.status, Trigger.RENEW)
    move_on(subscription, quantity, offered)
    batches = batches_of(subscription)
    whole = [[one.batch_id, one.quantity] for one in take_whole(batches)]
    give_back(subscription, batches, whole, TrancheCause.RENEWAL, at)
    open_batch(subscription, quantity, TrancheCause.RENEWAL, at)
    save_changed(subscription, *_PLAN_FIELDS, "quantity", "term_start", "term_end", "term_anchor")
    scheduled = told_of_schedule(row)
    if row is not None:
        row.delete()
    after = _values(subscription)
    data: dict[str, Any] = {"term_start": str(subscription.term_start), "term_end": str(subscription.term_end)}
    data |= {"before": before, "after": after, "scheduled": scheduled, "dropped": dropped}
    record(SubscriptionRenewed(subscription.pk, data), actor=actor, at=at)
    # The publisher hears of the new term; it may not refuse it (fulfillment-v2.md section 6).
    begin(actor, subscription, Wanted(OperationAction.RENEW, before, after), held_until=None, at=at)


_PLAN_FIELDS = ("plan", "plan_term", "price", "unit_price")


class Shop:
    """What a renewal asks of the catalogue. Who foresees many renewals asks one that has read it for all of them."""

    def price(self, term: PlanTerm, currency: str, at: datetime) -> Price | None:
        """The price of a moment; None when the plan term is not on sale in the currency."""
        return price_at(term, currency, at)

    def keeps_price(self, term: PlanTerm, at: datetime) -> bool:
        """Whether who renews keeps the price that it has. Raises LookupError without a policy."""
        return policy_word("renewal_price", term.plan, at, term.term) == "kept"


def next_term(subscription: Subscription) -> tuple[int, Offered, dict[str, str]]:
    """Licences, plan and price of the next term, and what of the schedule is not possible any more, by its reason.

    Prices and policies are those of its first day, however early it is foreseen and however late it is begun. Raises
    LookupError before the activation.
    """
    return foreseen_term(subscription, schedule_of(subscription), Shop())


def foreseen_term(
    subscription: Subscription, row: ScheduledRenewal | None, shop: Shop
) -> tuple[int, Offered, dict[str, str]]:
    """What `next_term` tells, of a schedule that is known already, or is imagined. Raises LookupError as it does."""
    starts_at = midnight(subscription.term_end)
    if starts_at is None:
        raise LookupError(f"subscription {subscription.pk} has no term")
    quantity = row.quantity if row and row.quantity else subscription.quantity
    dropped: dict[str, str] = {}
    wanted = row.plan_term if row and row.plan_term else None
    offered = _offered_at_renewal(subscription, wanted, starts_at, shop) if wanted else None
    if wanted and offered is None:
        dropped["plan_term"] = f"{wanted.plan.title} has no price in {subscription.currency} any more"
    elif offered and not offered.plan_term.plan.takes(quantity):
        dropped["plan_term"] = f"{offered.plan_term.plan.title} does not take {quantity} licences"
        offered = None
    offered = offered or _as_it_is(subscription, starts_at, shop)
    if not offered.plan_term.plan.takes(quantity):
        dropped["quantity"] = f"{offered.plan_term.plan.title} does not take {quantity} licences"
        quantity = subscription.quantity
    return quantity, offered, dropped


def _offered_at_renewal(subscription: Subscription, wanted: PlanTerm, at: datetime, shop: Shop) -> Offered | None:
    price = shop.price(wanted, subscription.currency, at)
    return Offered(wanted, price) if price else None


def _as_it_is(subscription: Subscription, at: datetime, shop: Shop) -> Offered:
    """The same plan at the price of that moment, or at its own where `renewal_price` keeps it or none is on sale."""
    term = subscription.plan_term
    price = None if shop.keeps_price(term, at) else shop.price(term, subscription.currency, at)
    return Offered(term, price or subscription.price)


def move_on(subscription: Subscription, quantity: int, offered: Offered) -> None:
    """Set licences, plan, price and days of the next term on the object, unsaved. Raises LookupError before the
    activation.
    """
    new_length = offered.plan_term.term != subscription.plan_term.term
    put_on(subscription, offered)
    _move_term(subscription, new_length)
    subscription.quantity = quantity


def _move_term(subscription: Subscription, new_length: bool) -> None:
    start = subscription.term_end
    if start is None or subscription.term_anchor is None:
        raise LookupError(f"subscription {subscription.pk} has no term")
    if new_length:
        subscription.term_anchor = start
    months = MONTHS[subscription.plan_term.term]
    subscription.term_start = start
    count = 1
    while add_months(subscription.term_anchor, count * months) <= start:
        count += 1
    subscription.term_end = add_months(subscription.term_anchor, count * months)


def _values(subscription: Subscription) -> Values:
    return values_of(subscription) | {"quantity": subscription.quantity}
