"""Small edits of a subscription that concern only us, not the publisher."""

from datetime import datetime
from uuid import UUID

from django.db import transaction

from accounts.policy import Action, Actor, authorize
from partnerhub.errors import InvalidInput
from partnerhub.outbox.recorder import record
from subscriptions.enums import OperationAction
from subscriptions.events import AutoRenewChanged, SubscriptionRenamed
from subscriptions.models import Subscription
from subscriptions.services.checks import check_not_renewing, check_nothing_in_flight
from subscriptions.services.locking import lock_for_change, save_changed
from subscriptions.services.starting import Wanted, begin, hold_until
from subscriptions.terms import midnight

LONGEST_NICKNAME = 200


@transaction.atomic
def rename(actor: Actor, subscription_id: UUID, *, nickname: str, version: int | None, at: datetime) -> Subscription:
    """Give another nickname (1 to 200 characters). Raises NotPermitted, StaleVersion, SubscriptionEnded."""
    authorize(actor, Action.SUBSCRIPTION_RENAME)
    nickname = " ".join(nickname.split())
    if not 1 <= len(nickname) <= LONGEST_NICKNAME:
        raise InvalidInput(field="nickname", problem=f"{len(nickname)} characters, allowed are 1 to {LONGEST_NICKNAME}")
    subscription = lock_for_change(subscription_id, actor, version)
    if nickname == subscription.nickname:
        return subscription
    data = {"before": subscription.nickname, "after": nickname}
    subscription.nickname = nickname
    save_changed(subscription, "nickname")
    record(SubscriptionRenamed(subscription.pk, data), actor=actor, at=at)
    return subscription


@transaction.atomic
def set_auto_renew(
    actor: Actor,
    subscription_id: UUID,
    *,
    auto_renew: bool,
    reason: str = "",
    version: int | None,
    at: datetime,
    hold: bool = True,
) -> Subscription:
    """Let a subscription renew at its term's end, or end there (rule 57). What is scheduled for renewal is kept.

    Turning it off by a person is held first, unless `hold` is False. Raises NotPermitted, NotFound, StaleVersion,
    SubscriptionEnded, OperationPending and, while the term is being renewed (rule 59), RenewalUnderWay.
    """
    authorize(actor, Action.SUBSCRIPTION_AUTO_RENEW)
    subscription = lock_for_change(subscription_id, actor, version)
    check_not_renewing(subscription, at)
    check_nothing_in_flight(subscription)
    if auto_renew == subscription.auto_renew:
        return subscription
    closes_at = midnight(subscription.term_end)
    held_until = hold_until(actor, subscription, closes_at=closes_at, at=at) if hold and not auto_renew else None
    if held_until is None:
        apply_auto_renew(actor, subscription, auto_renew, reason, at)
        return subscription
    wanted = Wanted(
        OperationAction.SET_AUTO_RENEW, {"auto_renew": subscription.auto_renew}, {"auto_renew": auto_renew}, reason
    )
    begin(actor, subscription, wanted, held_until=held_until, at=at)
    return subscription


def apply_auto_renew(actor: Actor, subscription: Subscription, auto_renew: bool, reason: str, at: datetime) -> None:
    """Write whether it renews; the subscription is locked."""
    data = {"before": subscription.auto_renew, "after": auto_renew}
    subscription.auto_renew = auto_renew
    save_changed(subscription, "auto_renew")
    record(AutoRenewChanged(subscription.pk, data, reason), actor=actor, at=at)
