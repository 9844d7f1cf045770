"""What must be true of a subscription before it is changed: asked by the services after locking, and by whoever wants
to say why something cannot be done now. Each check raises the refusal by name and changes nothing.
"""

from datetime import UTC, datetime

from django.conf import settings

from customers.selectors import fit_for_purchase
from partnerhub.errors import (
    ActivationDiffers,
    NotActivatedYet,
    OperationPending,
    QuantityWhileSuspended,
    ReductionWindowClosed,
    RenewalUnderWay,
    SuspendedForbids,
)
from publishers.models import Pricing
from publishers.selectors import policy_word
from subscriptions.cancellation import window_in_words
from subscriptions.enums import Status
from subscriptions.models import Subscription
from subscriptions.selectors import batches_of, operation_in_flight
from subscriptions.services.locking import check_not_ended
from subscriptions.tranches import reducible


def check_nothing_in_flight(subscription: Subscription) -> None:
    """Raise OperationPending, naming it, while another change is held or waits for the publisher (rule 42); not while a
    publisher has only not heard of a renewal yet.
    """
    pending = operation_in_flight(subscription)
    if pending is not None and not pending.only_tells:
        raise OperationPending(action=pending.action, since=f"{pending.created_at:%Y-%m-%d %H:%M} UTC")


def check_as_bought(subscription: Subscription, plan_id: str | None, quantity: int | None, at: datetime) -> None:
    """Raise ActivationDiffers when a publisher activates with another plan or number of licences than was bought and
    `activate_differing` refuses that. None is what it did not say; a flat rate has no licences to differ in.
    """
    plan = subscription.plan
    said: dict[str, tuple[str | int | None, str | int]] = {"planId": (plan_id, plan.plan_id)}
    if plan.pricing == Pricing.PER_USER:
        said["quantity"] = (quantity, subscription.quantity)
    differing = {field: pair for field, pair in said.items() if pair[0] not in (None, pair[1])}
    if differing and policy_word("activate_differing", plan, at, subscription.plan_term.term) == "refuse":
        field, (told, bought) = next(iter(differing.items()))
        raise ActivationDiffers(field=field, said=told, bought=bought)


def check_not_renewing(subscription: Subscription, at: datetime) -> None:
    """Raise RenewalUnderWay from midnight UTC after the last day of the term, or of the trial, until it is decided what
    follows (rules 58-59, 65).
    """
    ends = [subscription.term_end, subscription.trial_ends if subscription.on_trial else None]
    for end in filter(None, ends):
        if at.astimezone(UTC).date() >= end:
            raise RenewalUnderWay(ended_on=f"{end:%Y-%m-%d}")


def check_active(subscription: Subscription, field: str, at: datetime) -> None:
    """Raise SubscriptionEnded, NotActivatedYet (rule 26), SuspendedForbids (rule 35) or RenewalUnderWay unless the
    subscription is active.
    """
    check_not_ended(subscription)
    if subscription.status == Status.PENDING:
        raise NotActivatedYet(field=field)
    if subscription.status == Status.SUSPENDED:
        raise (QuantityWhileSuspended if field == "quantity" else SuspendedForbids)(field=field)
    check_not_renewing(subscription, at)


def check_reseller_in_order(subscription: Subscription) -> None:
    """Since December 2025 a reseller that may no longer be named blocks changes; auto-renewal is exempt (rule 86).

    Raises ResellerUnknown, ResellerAgreementMissing.
    """
    if subscription.reseller_id:
        fit_for_purchase(subscription.reseller_id, subscription.reseller, settings.HUB_PARTNER_ID)


def check_changeable(subscription: Subscription, field: str, at: datetime) -> None:
    """What every change that concerns the publisher needs: active, nothing else in flight, the reseller in order."""
    check_active(subscription, field, at)
    check_nothing_in_flight(subscription)
    check_reseller_in_order(subscription)


def reducible_now(subscription: Subscription, at: datetime) -> int:
    """How many licences can be removed now: of the open batches, but never below the plan's minimum."""
    above_minimum = max(subscription.quantity - subscription.plan.min_quantity, 0)
    return min(reducible(batches_of(subscription), at), above_minimum)


def check_reducible(subscription: Subscription, fewer: int, at: datetime) -> None:
    """Raise ReductionWindowClosed when fewer licences can be removed now than asked (rule 38)."""
    able = reducible_now(subscription, at)
    if fewer > able:
        newest = max((row for row in subscription.tranches.all() if row.batch_id is None), key=lambda row: row.pk)
        raise ReductionWindowClosed(
            asked=fewer,
            reducible=able,
            quantity=subscription.quantity,
            renews_on=f"{subscription.term_end:%Y-%m-%d}",
            window=window_in_words(newest.reducible_until - newest.opened_at),
        )
