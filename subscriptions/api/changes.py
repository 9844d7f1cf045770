"""Changing a subscription by PATCH: the whole resource may be sent back, and only what differs is a change."""

from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from rest_framework import serializers

from accounts.policy import Action, Actor, authorize
from customers.api.bodies import AttributesBody
from partnerhub.api.shapes import guid
from partnerhub.errors import (
    AvailabilityNotFound,
    BillingFrequencyFixed,
    InvalidInput,
    NotActivatedYet,
    OneChangeAtATime,
    TermFixed,
)
from publishers.models import PlanTerm
from publishers.selectors import plan_term_by_catalog_item, plan_terms_of
from subscriptions.api.shapes import STATUS, word_of
from subscriptions.changes import AT_RENEWAL, Change
from subscriptions.enums import Status
from subscriptions.models import Subscription
from subscriptions.selectors import subscription_for
from subscriptions.services.changing import perform
from subscriptions.services.locking import check_not_ended, check_version, lock_subscription
from subscriptions.services.quoting import commit
from subscriptions.services.scheduling import schedule_renewal, scheduled_of, unschedule


class NextTermProduct(serializers.Serializer[Any]):
    """The plan of the next term; what is left out is as it is now."""

    skuId = serializers.CharField(max_length=16, required=False, allow_null=True)
    billingCycle = serializers.CharField(max_length=16, required=False, allow_null=True)
    termDuration = serializers.CharField(max_length=8, required=False, allow_null=True)


class NextTermInstructions(serializers.Serializer[Any]):
    """What the next term begins with; an empty object takes back what was scheduled."""

    product = NextTermProduct(required=False, allow_null=True)
    quantity = serializers.IntegerField(required=False, allow_null=True)


class SubscriptionBody(serializers.Serializer[Any]):
    """What is left out, null or unchanged stays as it is; read-only and unknown members are ignored."""

    friendlyName = serializers.CharField(max_length=200, required=False, allow_null=True)
    autoRenewEnabled = serializers.BooleanField(required=False, allow_null=True)
    status = serializers.CharField(max_length=16, required=False, allow_null=True)
    quantity = serializers.IntegerField(required=False, allow_null=True)
    billingCycle = serializers.CharField(max_length=16, required=False, allow_null=True)
    termDuration = serializers.CharField(max_length=8, required=False, allow_null=True)
    partnerId = serializers.CharField(max_length=16, required=False, allow_null=True, allow_blank=True)
    scheduledNextTermInstructions = NextTermInstructions(required=False, allow_null=True)
    quoteId = serializers.CharField(max_length=40, required=False, allow_null=True)
    cancellationReason = serializers.CharField(max_length=500, required=False, allow_null=True, allow_blank=True)
    cancellationStepsDone = serializers.BooleanField(required=False, allow_null=True)
    publisherAgreement = serializers.CharField(max_length=200, required=False, allow_null=True, allow_blank=True)
    agreedRefund = serializers.ChoiceField(["Full", "None"], required=False, allow_null=True)
    attributes = AttributesBody(required=False, allow_null=True)


class WantedBody(SubscriptionBody):
    """As in PATCH; `toCatalogItemId` names another plan of the same offer, as in transitions."""

    toCatalogItemId = serializers.CharField(max_length=64, required=False, allow_null=True)


@transaction.atomic
def apply_changes(
    actor: Actor, found: Subscription, body: dict[str, Any], *, version: int | None, at: datetime
) -> Subscription:
    """Apply what differs, all of it or nothing; with a `quoteId` only as it was quoted. Raises what the services raise,
    TermFixed or BillingFrequencyFixed for what no catalogue item of the plan offers.
    """
    check_version(lock_subscription(found.pk, actor), version)
    found = subscription_for(actor, found.pk)
    wanted = {name: value for name, value in body.items() if value is not None}
    reason = wanted.get("cancellationReason", "")
    if "quoteId" in wanted and not (quoted := wanted_of(actor, found, wanted)).is_empty:
        commit(actor, found.pk, guid(wanted["quoteId"], "quote"), quoted, reason=reason, at=at)
        return subscription_for(actor, found.pk)
    change = change_of(actor, found, wanted)
    if change.is_empty:
        authorize(actor, Action.SUBSCRIPTION_CHANGE)
    else:
        perform(actor, found.pk, change, reason=reason, version=version, at=at)
    _schedule(actor, found, wanted.get("scheduledNextTermInstructions"), at)
    return subscription_for(actor, found.pk)


def wanted_of(actor: Actor, found: Subscription, wanted: dict[str, Any]) -> Change:
    """The one change that is looked at or asked for: what `change_of` finds, another plan (`toCatalogItemId`), or what
    is to begin at renewal. Raises what they raise, and OneChangeAtATime where licences or a plan are to change both now
    and at renewal.
    """
    change = change_of(actor, found, wanted)
    if "toCatalogItemId" in wanted:
        change = replace(change, plan_term_id=other_plan(found, wanted["toCatalogItemId"]).pk)
    scheduled = _scheduled(found, wanted.get("scheduledNextTermInstructions"))
    if scheduled is None:
        return change
    if change.quantity is not None or change.plan_term_id is not None:
        raise OneChangeAtATime
    quantity, term = scheduled
    return replace(change, quantity=quantity, plan_term_id=term.pk if term else None, when=AT_RENEWAL)


def other_plan(found: Subscription, catalog_item_id: str) -> PlanTerm:
    """The way to buy another plan of the same offer. Raises AvailabilityNotFound."""
    target = plan_term_by_catalog_item(catalog_item_id)
    if target.plan_id == found.plan_id or target.plan.offer_id != found.offer_id:
        raise AvailabilityNotFound(id=catalog_item_id)
    return target


def change_of(actor: Actor, found: Subscription, wanted: dict[str, Any]) -> Change:
    """What differs between what is wanted (no nulls) and what is. Raises InvalidInput for a status that cannot be set,
    and for another plan term what `_plan_term` raises.
    """
    asked = {
        "nickname": _other(wanted.get("friendlyName"), found.nickname),
        "auto_renew": _other(wanted.get("autoRenewEnabled"), found.auto_renew),
        "quantity": _other(wanted.get("quantity"), found.quantity),
        "partner_id": _other(wanted.get("partnerId"), found.reseller_id or ""),
        "plan_term_id": _plan_term(actor, found, wanted),
        "status": _status_asked(found, wanted),
    }
    ending = _cancelling(wanted) if asked["status"] == "deleted" else {}
    return Change(**asked, **ending)


def _other(wanted: Any, current: Any) -> Any:
    return None if wanted == current else wanted


def _cancelling(wanted: dict[str, Any]) -> dict[str, Any]:
    """What only a cancellation is told: that the publisher's steps are done, and what it agreed to."""
    return {
        "steps_done": wanted.get("cancellationStepsDone", False),
        "agreement": wanted.get("publisherAgreement", "").strip(),
        "agreed_refund": wanted.get("agreedRefund", "None").lower(),
    }


def _status_asked(found: Subscription, wanted: dict[str, Any]) -> str | None:
    """The status that differs from what is shown. Raises InvalidInput for a word that the dialect cannot set."""
    shown = STATUS[Status(found.status)]
    asked = str(wanted.get("status", shown)).lower()
    if asked == word_of(found.status, found.end_reason):
        return None
    if asked not in STATUS.values():
        raise InvalidInput(field="status", problem=f"active, suspended or deleted is expected, not {asked}")
    return None if asked == shown else asked


def _plan_term(actor: Actor, found: Subscription, wanted: dict[str, Any]) -> UUID | None:
    """The way to buy the same plan with another billing cycle or term. Raises NotPermitted, SubscriptionEnded,
    NotActivatedYet, TermFixed, and BillingFrequencyFixed where the plan is not sold that way.
    """
    current = found.plan_term
    cycle = str(wanted.get("billingCycle", current.billing_cycle)).lower()
    term = str(wanted.get("termDuration", current.term)).upper()
    if (cycle, term) == (current.billing_cycle, current.term):
        return None
    authorize(actor, Action.SUBSCRIPTION_CHANGE)
    check_not_ended(found)
    if found.status == Status.PENDING or found.term_end is None:
        raise NotActivatedYet(field="billingCycle" if cycle != current.billing_cycle else "termDuration")
    ends_on = f"{found.term_end:%Y-%m-%d}"
    if term != current.term:
        raise TermFixed(current=current.term, ends_on=ends_on, plan=found.plan.title, asked=term)
    other = _sold_as(found, found.plan.sku_id, term, cycle)
    if other is None:
        raise BillingFrequencyFixed(renews_on=ends_on)
    return other.pk


def _sold_as(found: Subscription, sku_id: str, term: str, cycle: str) -> PlanTerm | None:
    sold = plan_terms_of(found.offer_id).filter(plan__sku_id=sku_id, term=term, billing_cycle=cycle)
    return sold.first()


def _schedule(actor: Actor, found: Subscription, instructions: dict[str, Any] | None, at: datetime) -> None:
    """Set what the next term begins with; instructions that say nothing take back what was scheduled."""
    if instructions is not None and not _says_anything(instructions):
        if scheduled_of(found):
            unschedule(actor, found.pk, version=None, at=at)
    elif scheduled := _scheduled(found, instructions):
        quantity, term = scheduled
        term_id = term.pk if term else None
        schedule_renewal(actor, found.pk, quantity=quantity, plan_term_id=term_id, version=None, at=at)


def _says_anything(instructions: dict[str, Any]) -> bool:
    return instructions.get("quantity") is not None or bool(_product_of(instructions))


def _scheduled(found: Subscription, instructions: dict[str, Any] | None) -> tuple[int | None, PlanTerm | None] | None:
    """Licences and plan of the next term; None where nothing is asked that is not scheduled already."""
    if instructions is None or not _says_anything(instructions):
        return None
    quantity, product, known = instructions.get("quantity"), _product_of(instructions), scheduled_of(found)
    term = _next_plan_term(found, product) if product else None
    if (quantity in (None, known.get("quantity"))) and (term is None or str(term.pk) == known.get("plan_term")):
        return None
    return quantity, term


def _product_of(instructions: dict[str, Any]) -> dict[str, str]:
    return {name: value for name, value in (instructions.get("product") or {}).items() if value}


def _next_plan_term(found: Subscription, product: dict[str, str]) -> PlanTerm:
    current = found.plan_term
    term = product.get("termDuration", current.term).upper()
    cycle = product.get("billingCycle", current.billing_cycle).lower()
    sku_id = product.get("skuId", found.plan.sku_id)
    sold = _sold_as(found, sku_id, term, cycle)
    if sold is None:
        raise InvalidInput(
            field="scheduledNextTermInstructions.product",
            problem=f"the plan {sku_id} is not sold for {term}, billed {cycle}",
        )
    return sold
