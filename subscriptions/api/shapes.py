"""Subscriptions in the dialect (partner-center-v1.md section 1.6).

Old clients know three statuses only: what waits for its publisher is `active` here, with `attentionNeeded`, without
`effectiveStartDate`, and `pending` in its provisioning status. Who prefers every status hears `pending` and `expired`.
Dates are UTC; end dates are inclusive days.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import NotRequired, TypedDict

from accounts.policy import Action, Actor
from partnerhub.api.etag import etag_of
from partnerhub.api.shapes import Attributes, Guid, Link, SelfLinks, Utc, link, midnight, utc, utc_or_none
from publishers.models import Pricing
from publishers.selectors import PolicyBook, policy_book
from subscriptions.cancellation import CancelTerms
from subscriptions.enums import EndReason, OperationAction, Status
from subscriptions.listed import Listed
from subscriptions.models import ScheduledRenewal, Subscription
from subscriptions.selectors import attention_of, batches_of, operation_in_flight
from subscriptions.services.ending import CANCEL_POLICIES, cancel_terms
from subscriptions.terms import cycle_end, in_trial, trial_end
from subscriptions.tranches import open_batches

STATUS = {
    Status.PENDING: "active",
    Status.SUBSCRIBED: "active",
    Status.SUSPENDED: "suspended",
    Status.UNSUBSCRIBED: "deleted",
}
# The dialect's words for those who ask for every one of them.
PENDING, EXPIRED = "pending", "expired"
DAY = timedelta(days=1)


class ProductKind(TypedDict):
    id: str
    displayName: str


class Refund(TypedDict):
    type: str
    expiresAt: Utc


class RefundableSeats(TypedDict):
    quantity: int
    allowedUntilDateTime: Utc


class RefundableQuantity(TypedDict):
    """Licences that may be given back now, batch by batch, each with the end of its window."""

    totalQuantity: int
    details: list[RefundableSeats]


class SubscriptionLinks(TypedDict):
    product: Link
    sku: Link
    availability: Link
    self: Link
    order: Link
    activationLinks: Link
    billingGates: Link
    operation: NotRequired[Link]


class NextTermProductShown(TypedDict):
    productId: str
    skuId: str
    availabilityId: str
    billingCycle: str
    termDuration: str


class NextTermShown(TypedDict):
    """What the next term begins with; each part only where it is scheduled."""

    product: NotRequired[NextTermProductShown]
    quantity: NotRequired[int]


class SubscriptionShown(TypedDict):
    """`attentionReason` says why somebody must act, in a word of the billing gates; `actions` what the caller may."""

    id: Guid
    offerId: str
    offerName: str
    friendlyName: str
    productType: ProductKind
    quantity: int
    unitType: str
    hasPurchasableAddons: bool
    creationDate: Utc
    effectiveStartDate: NotRequired[Utc]
    commitmentEndDate: NotRequired[Utc]
    billingCycleEndDate: NotRequired[Utc]
    status: str
    autoRenewEnabled: bool
    isTrial: bool
    billingType: str
    billingCycle: str
    termDuration: str
    renewalTermDuration: str
    cancellationAllowedUntilDate: Utc | None
    refundOptions: list[Refund]
    refundableQuantity: RefundableQuantity
    isMicrosoftProduct: bool
    publisherName: str
    partnerId: str
    attentionNeeded: bool
    attentionReason: str
    actionTaken: bool
    actions: list[str]
    suspensionReasons: list[str]
    contractType: str
    orderId: Guid
    scheduledNextTermInstructions: NotRequired[NextTermShown]
    links: SubscriptionLinks
    attributes: Attributes


class SubscriptionListed(TypedDict):
    """What a list tells of a subscription; its own resource, to which `links.self` leads, tells the rest.

    `status` is any of the five words that only programs hear who prefer every status elsewhere.
    """

    id: Guid
    customerId: Guid
    customerName: str
    offerId: str
    offerName: str
    friendlyName: str
    publisherName: str
    quantity: int
    creationDate: Utc
    effectiveStartDate: NotRequired[Utc]
    commitmentEndDate: NotRequired[Utc]
    status: str
    attentionNeeded: bool
    attentionReason: str
    autoRenewEnabled: bool
    billingCycle: str
    termDuration: str
    partnerId: str
    orderId: Guid
    links: SelfLinks
    attributes: Attributes


class SubscriptionProvisioning(TypedDict):
    """`pending` until the publisher has assigned the licences and confirmed; `failed` when it ended before that."""

    skuId: str
    status: str
    quantity: int
    endDate: NotRequired[Utc]
    attributes: Attributes


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads, when, and on what terms subscriptions are cancelled: what a whole list needs to know once."""

    actor: Actor
    at: datetime
    cancel_policies: PolicyBook
    knows_every_status: bool = False

    @classmethod
    def of(cls, actor: Actor, at: datetime, *, knows_every_status: bool = False) -> "Reader":
        return cls(actor, at, policy_book(*CANCEL_POLICIES), knows_every_status)

    def cancel_terms(self, found: Subscription) -> CancelTerms:
        return cancel_terms(found, self.at, self.cancel_policies)

    def status(self, found: Subscription) -> str:
        return word_of(found.status, found.end_reason) if self.knows_every_status else STATUS[Status(found.status)]

    def is_trial(self, found: Subscription) -> bool:
        """Whether it is free of charge now: in its trial, or waiting for its publisher with the trial still to come."""
        if found.status == Status.UNSUBSCRIBED:
            return False
        return in_trial(found.trial_days, found.activated_at, self.at)

    def refundable(self, found: Subscription) -> RefundableQuantity:
        """Reads the subscription's tranches, which a list prefetches. Only what is active is reduced (rule 35)."""
        batches: dict[datetime, int] = {}
        if found.status == Status.SUBSCRIBED and found.plan.pricing == Pricing.PER_USER:
            for batch in open_batches(batches_of(found), self.at):
                batches[batch.reducible_until] = batches.get(batch.reducible_until, 0) + batch.remaining
        details = [RefundableSeats(quantity=q, allowedUntilDateTime=utc(until)) for until, q in sorted(batches.items())]
        return RefundableQuantity(totalQuantity=sum(batches.values()), details=details)

    def cycle_ends(self, found: Subscription) -> date | None:
        """The exclusive end of the billing cycle that runs now, or of the trial; None outside of both."""
        day = self.at.astimezone(UTC).date()
        if found.status != Status.SUBSCRIBED or not found.term_start or not found.term_end or day >= found.term_end:
            return None
        trial_ends = trial_end(found.trial_days, found.activated_at)
        if trial_ends and day < trial_ends:
            return min(trial_ends, found.term_end)
        if trial_ends and found.term_start < trial_ends:
            return None  # cycles after a trial are not charged by their calendar yet
        return cycle_end(found.term_start, found.term_end, found.plan_term.billing_cycle, day)

    def actions(self, found: Subscription) -> list[str]:
        """What the caller may do now: `edit` (nickname, auto-renew) and `cancel`."""
        edit = found.status != Status.UNSUBSCRIBED and self.actor.may(Action.SUBSCRIPTION_RENAME)
        cancel = self.cancel_terms(found).is_free and self.actor.may(Action.SUBSCRIPTION_CANCEL)
        return [name for name, allowed in (("edit", edit), ("cancel", cancel)) if allowed]


def subscription(found: Subscription, reader: Reader) -> SubscriptionShown:
    attention = attention_of(found)
    terms = reader.cancel_terms(found)
    shown = SubscriptionShown(
        id=str(found.pk),
        offerId=f"{found.offer.product_id}:{found.plan.sku_id}:{found.plan_term.availability_id}",
        offerName=found.offer.title,
        friendlyName=found.nickname,
        productType=ProductKind(id="SaaS", displayName="SaaS"),
        quantity=found.quantity,
        unitType="License(s)",
        hasPurchasableAddons=False,
        creationDate=utc(found.purchased_at),
        status=reader.status(found),
        autoRenewEnabled=found.auto_renew,
        isTrial=reader.is_trial(found),
        billingType="license",
        billingCycle=found.plan_term.billing_cycle,
        termDuration=found.plan_term.term,
        renewalTermDuration="",
        cancellationAllowedUntilDate=utc_or_none(terms.until),
        refundOptions=[Refund(type="Full", expiresAt=utc(terms.refund_until))] if terms.refund_until else [],
        refundableQuantity=reader.refundable(found),
        isMicrosoftProduct=False,
        publisherName=found.publisher.name,
        partnerId=found.reseller_id or "",
        attentionNeeded=attention is not None,
        attentionReason=attention.reason.value if attention else "",
        actionTaken=False,
        actions=reader.actions(found),
        suspensionReasons=[],
        contractType="subscription",
        orderId=str(found.order_line.order_id),
        links=_links(found),
        attributes=Attributes(etag=etag_of(found.pk, found.version), objectType="Subscription"),
    )
    if found.term_start and found.term_end:
        shown["effectiveStartDate"] = midnight(found.term_start)
        shown["commitmentEndDate"] = midnight(found.term_end - DAY)
    if scheduled := _next_term(found):
        shown["scheduledNextTermInstructions"] = scheduled
    if cycle_ends := reader.cycle_ends(found):
        shown["billingCycleEndDate"] = midnight(cycle_ends - DAY)
    return shown


def subscription_listed(row: Listed) -> SubscriptionListed:
    reason = row.attention
    # Written as dictionaries: to call their types takes twice as long, and a list has fifty rows.
    own: Link = {"uri": f"/customers/{row.customer_id}/subscriptions/{row.id}", "method": "GET", "headers": []}
    shown: SubscriptionListed = {
        "id": row.id,
        "customerId": row.customer_id,
        "customerName": row.customer,
        "offerId": f"{row.product_id}:{row.sku_id}:{row.availability_id}",
        "offerName": row.offer,
        "friendlyName": row.nickname,
        "publisherName": row.publisher,
        "quantity": row.quantity,
        "creationDate": row.purchased_at.replace(".000000", ""),
        "status": _WORDS[row.status, row.end_reason],
        "attentionNeeded": reason is not None,
        "attentionReason": reason.value if reason else "",
        "autoRenewEnabled": row.auto_renew,
        "billingCycle": row.billing_cycle,
        "termDuration": row.term,
        "partnerId": row.reseller_id or "",
        "orderId": row.order_id,
        "links": {"self": own},
        "attributes": {"etag": etag_of(row.id, row.version), "objectType": "Subscription"},
    }
    if row.term_start and row.last_day:
        shown["effectiveStartDate"] = f"{row.term_start}T00:00:00Z"
        shown["commitmentEndDate"] = f"{row.last_day}T00:00:00Z"
    return shown


def word_of(status: str, end_reason: str) -> str:
    """A status in one of five words: old clients know but three of them."""
    if status == Status.PENDING:
        return PENDING
    return EXPIRED if end_reason == EndReason.EXPIRED else STATUS[Status(status)]


_WORDS = {(status.value, reason): word_of(status, reason) for status in Status for reason in ("", *EndReason)}


def _next_term(found: Subscription) -> NextTermShown | None:
    row: ScheduledRenewal | None = getattr(found, "scheduled_renewal", None)
    if row is None:
        return None
    shown = NextTermShown()
    if row.quantity is not None:
        shown["quantity"] = row.quantity
    if row.plan_term is not None:
        shown["product"] = NextTermProductShown(
            productId=found.offer.product_id,
            skuId=row.plan_term.plan.sku_id,
            availabilityId=row.plan_term.availability_id,
            billingCycle=row.plan_term.billing_cycle,
            termDuration=row.plan_term.term,
        )
    return shown


def _links(found: Subscription) -> SubscriptionLinks:
    customer = f"/customers/{found.customer_id}"
    own = f"{customer}/subscriptions/{found.pk}"
    product = f"{customer}/products/{found.offer.product_id}"
    sku = f"{product}/skus/{found.plan.sku_id}"
    links = SubscriptionLinks(
        product=link(product),
        sku=link(sku),
        availability=link(f"{sku}/availabilities/{found.plan_term.availability_id}"),
        self=link(own),
        order=link(f"{customer}/orders/{found.order_line.order_id}"),
        activationLinks=link(f"{own}/activationlinks"),
        billingGates=link(f"{own}/billinggates"),
    )
    if operation := operation_in_flight(found):
        links["operation"] = link(f"{own}/operations/{operation.pk}")
    return links


def _waits(found: Subscription) -> bool:
    """Whether the publisher still has to say something, of the purchase or of other licences (rule 30)."""
    operation = operation_in_flight(found)
    changes = operation is not None and operation.action == OperationAction.CHANGE_QUANTITY
    return found.status == Status.PENDING or changes


def provisioning(found: Subscription) -> SubscriptionProvisioning:
    state = "pending" if _waits(found) else "success" if found.activated_at else "failed"
    shown = SubscriptionProvisioning(
        skuId=found.plan.sku_id,
        status=state,
        quantity=found.quantity,
        attributes=Attributes(objectType="SubscriptionProvisioningStatus"),
    )
    if found.term_end:
        shown["endDate"] = midnight(found.term_end - DAY)
    return shown
