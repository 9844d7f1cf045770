"""Small edits of a subscription that concern only us, not the publisher."""

from datetime import datetime
from uuid import UUID

from django.db import transaction

from accounts.policy import Action, Actor, authorize
from partnerhub.errors import InvalidInput
from partnerhub.outbox.recorder import record
from subscriptions.events import AutoRenewChanged, SubscriptionRenamed
from subscriptions.models import Subscription
from subscriptions.services.locking import lock_for_change, save_changed

LONGEST_NICKNAME = 200


@transaction.atomic
def rename(actor: Actor, subscription_id: UUID, *, nickname: str, version: int | None, at: datetime) -> Subscription:
    """Give another nickname (1 to 200 characters). Raises NotPermitted, StaleVersion, SubscriptionEnded."""
    authorize(actor, Action.SUBSCRIPTION_RENAME)
    nickname = " ".join(nickname.split())
    if not 1 <= len(nickname) <= LONGEST_NICKNAME:
        raise InvalidInput(field="nickname", problem=f"{len(nickname)} characters, allowed are 1 to {LONGEST_NICKNAME}")
    subscription = lock_for_change(subscription_id, version)
    if nickname == subscription.nickname:
        return subscription
    data = {"before": subscription.nickname, "after": nickname}
    subscription.nickname = nickname
    save_changed(subscription, "nickname")
    record(SubscriptionRenamed(subscription.pk, data), actor=actor, at=at)
    return subscription


@transaction.atomic
def set_auto_renew(
    actor: Actor, subscription_id: UUID, *, auto_renew: bool, version: int | None, at: datetime
) -> Subscription:
    """Let a subscription renew at its term's end, or end there (rule 57). Raises as `rename` does."""
    authorize(actor, Action.SUBSCRIPTION_AUTO_RENEW)
    subscription = lock_for_change(subscription_id, version)
    if auto_renew == subscription.auto_renew:
        return subscription
    data = {"before": subscription.auto_renew, "after": auto_renew}
    subscription.auto_renew = auto_renew
    save_changed(subscription, "auto_renew")
    record(AutoRenewChanged(subscription.pk, data), actor=actor, at=at)
    return subscription
