"""The indirect reseller of a subscription: named on its later charges, never told to the publisher (rules 84-85)."""

from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db import transaction

from accounts.policy import Action, Actor, authorize
from customers.selectors import reseller_for_purchase
from partnerhub.outbox.recorder import record
from subscriptions.enums import OperationAction
from subscriptions.events import ResellerChanged
from subscriptions.models import Subscription
from subscriptions.services.checks import check_not_renewing, check_nothing_in_flight
from subscriptions.services.locking import lock_for_change, save_changed
from subscriptions.services.starting import Wanted, begin, hold_until
from subscriptions.terms import midnight


@transaction.atomic
def change_reseller(
    actor: Actor,
    subscription_id: UUID,
    *,
    partner_id: str,
    reason: str = "",
    version: int | None,
    at: datetime,
    hold: bool = True,
) -> Subscription:
    """Name another indirect reseller by its PartnerID, or none ("").

    It must be a known one with a signed agreement, never ourselves. A person's change is held first, unless `hold` is
    False. Raises NotPermitted, NotFound, StaleVersion, SubscriptionEnded, RenewalUnderWay, OperationPending,
    ResellerUnknown, ResellerIsProvider (rule 84), ResellerAgreementMissing (rule 85).
    """
    authorize(actor, Action.SUBSCRIPTION_CHANGE)
    subscription = lock_for_change(subscription_id, actor, version)
    check_not_renewing(subscription, at)
    check_nothing_in_flight(subscription)
    partner_id = partner_id.strip()
    before = subscription.reseller_id or ""
    if partner_id == before:
        return subscription
    if partner_id:
        reseller_for_purchase(partner_id, settings.HUB_PARTNER_ID)
    held_until = hold_until(actor, subscription, closes_at=midnight(subscription.term_end), at=at) if hold else None
    if held_until is None:
        apply_reseller(actor, subscription, partner_id, reason, at)
        return subscription
    wanted = Wanted(OperationAction.CHANGE_RESELLER, {"partner_id": before}, {"partner_id": partner_id}, reason)
    begin(actor, subscription, wanted, held_until=held_until, at=at)
    return subscription


def apply_reseller(actor: Actor, subscription: Subscription, partner_id: str, reason: str, at: datetime) -> None:
    """Write another reseller ("" for none); the subscription is locked. Raises ResellerUnknown and its kin."""
    before = subscription.reseller_id or ""
    found = reseller_for_purchase(partner_id, settings.HUB_PARTNER_ID) if partner_id else None
    subscription.reseller = found
    save_changed(subscription, "reseller")
    data = {"before": before, "after": partner_id}
    record(ResellerChanged(subscription.pk, data, reason), actor=actor, at=at)
