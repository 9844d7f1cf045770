"""Changing a subscription by PATCH: the whole resource may be sent back, and only what differs is a change."""

from datetime import datetime
from typing import Any

from django.db import transaction
from rest_framework import serializers

from accounts.policy import Action, Actor, authorize
from partnerhub.errors import ChangeNotSupported, InvalidInput, NotActivatedYet
from subscriptions.api.shapes import STATUS
from subscriptions.cancellation import Refund
from subscriptions.enums import Status
from subscriptions.models import Subscription
from subscriptions.selectors import subscription_for
from subscriptions.services.edits import rename, set_auto_renew
from subscriptions.services.ending import cancel
from subscriptions.services.locking import check_not_ended, check_version
from subscriptions.services.suspension import reinstate, suspend

_STATUS_SETTERS = {"active": reinstate, "suspended": suspend, "deleted": cancel}


class SubscriptionBody(serializers.Serializer[Any]):
    """What is left out, null or unchanged stays as it is; read-only and unknown members are ignored."""

    friendlyName = serializers.CharField(max_length=200, required=False, allow_null=True)
    autoRenewEnabled = serializers.BooleanField(required=False, allow_null=True)
    status = serializers.CharField(max_length=16, required=False, allow_null=True)
    quantity = serializers.IntegerField(required=False, allow_null=True)
    billingCycle = serializers.CharField(max_length=16, required=False, allow_null=True)
    termDuration = serializers.CharField(max_length=8, required=False, allow_null=True)
    partnerId = serializers.CharField(max_length=16, required=False, allow_null=True, allow_blank=True)
    cancellationReason = serializers.CharField(max_length=500, required=False, allow_null=True, allow_blank=True)
    cancellationStepsDone = serializers.BooleanField(required=False, allow_null=True)
    publisherAgreement = serializers.CharField(max_length=200, required=False, allow_null=True, allow_blank=True)
    agreedRefund = serializers.ChoiceField(["Full", "None"], required=False, allow_null=True)


@transaction.atomic
def apply_changes(
    actor: Actor, found: Subscription, body: dict[str, Any], *, version: int | None, at: datetime
) -> Subscription:
    """Apply what differs, all of it or nothing. Raises what the services raise, and for what cannot be changed here
    NotActivatedYet (rule 26), SubscriptionEnded (rule 53) or ChangeNotSupported.
    """
    check_version(found, version)
    wanted = {name: value for name, value in body.items() if value is not None}
    _refuse_unsupported(actor, found, wanted)
    if wanted.get("friendlyName", found.nickname) != found.nickname:
        version = _next(rename(actor, found.pk, nickname=wanted["friendlyName"], version=version, at=at), version)
    if wanted.get("autoRenewEnabled", found.auto_renew) != found.auto_renew:
        renewal = set_auto_renew(actor, found.pk, auto_renew=wanted["autoRenewEnabled"], version=version, at=at)
        version = _next(renewal, version)
    status = _status_asked(found, wanted)
    if status is not None:
        reason = wanted.get("cancellationReason", "")
        extra = _cancelling(wanted) if status == "deleted" else {}
        _STATUS_SETTERS[status](actor, found.pk, reason=reason, version=version, at=at, **extra)
    return subscription_for(actor, found.pk)


def _cancelling(wanted: dict[str, Any]) -> dict[str, Any]:
    """What only a cancellation is told: that the publisher's steps are done, and what it agreed to."""
    return {
        "steps_done": wanted.get("cancellationStepsDone", False),
        "agreement": wanted.get("publisherAgreement", "").strip(),
        "agreed_refund": Refund(wanted.get("agreedRefund", "None").lower()),
    }


def _next(changed: Subscription, version: int | None) -> int | None:
    """The version that the next change of the same request has to expect."""
    return None if version is None else changed.version


def _status_asked(found: Subscription, wanted: dict[str, Any]) -> str | None:
    """The status that differs from what is shown. Raises InvalidInput for a word that the dialect cannot set."""
    shown = STATUS[Status(found.status)]
    asked = str(wanted.get("status", shown)).lower()
    if asked not in STATUS.values():
        raise InvalidInput(field="status", problem=f"active, suspended or deleted is expected, not {asked}")
    return None if asked == shown else asked


def _refuse_unsupported(actor: Actor, found: Subscription, wanted: dict[str, Any]) -> None:
    current = {
        "quantity": found.quantity,
        "billingCycle": found.plan_term.billing_cycle,
        "termDuration": found.plan_term.term,
        "partnerId": found.reseller_id or "",
    }
    asked = {name: wanted[name] for name in current if name in wanted and _differs(wanted[name], current[name])}
    if not asked:
        return
    authorize(actor, Action.SUBSCRIPTION_CHANGE)
    check_not_ended(found)
    field = next(iter(asked))
    if found.status == Status.PENDING:
        raise NotActivatedYet(field=field)
    raise ChangeNotSupported(field=field, asked=asked[field], current=current[field])


def _differs(asked: Any, current: Any) -> bool:
    return str(asked).lower() != str(current).lower()
