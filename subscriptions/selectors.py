"""Reading carts, orders and subscriptions, as far as an actor may see them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from django.db.models import Exists, Model, OuterRef, Prefetch, QuerySet, prefetch_related_objects

from accounts.policy import Action, Actor, authorize
from customers.models import Customer, IndirectReseller
from partnerhub import bulk, prepared
from partnerhub.errors import CartNotFound, NotFound
from partnerhub.outbox.models import Event
from publishers.models import PlanTerm
from publishers.selectors import plan_term_sold
from subscriptions.enums import GateName, GateState, NextAction, Owner, Reason, Status
from subscriptions.gates import blocker
from subscriptions.models import (
    BillingStart,
    Cart,
    ChangeRequest,
    Divergence,
    Gate,
    NoticeAttempt,
    Operation,
    Order,
    OrderLine,
    PollSchedule,
    PurchaseToken,
    ScheduledRenewal,
    Subscription,
)
from subscriptions.models.operation import IN_FLIGHT
from subscriptions.tranches import Batch

Row = TypeVar("Row", bound=Model)
_WHOLE = prepared.Selection(
    """
SELECT {subscription}, {customer}, {reseller}, {order_line}, {order}, {scheduled_renewal}, {poll_schedule},
       {billing_start}
  FROM subscriptions_subscription AS subscription
  JOIN customers_customer AS customer ON customer.id = subscription.customer_id
  LEFT JOIN customers_indirectreseller AS reseller ON reseller.partner_id = subscription.reseller_id
  JOIN subscriptions_orderline AS order_line ON order_line.id = subscription.order_line_id
  JOIN subscriptions_order AS "order" ON "order".id = order_line.order_id
  LEFT JOIN subscriptions_scheduledrenewal AS scheduled_renewal ON scheduled_renewal.subscription_id = subscription.id
  LEFT JOIN subscriptions_pollschedule AS poll_schedule ON poll_schedule.subscription_id = subscription.id
  LEFT JOIN subscriptions_billingstart AS billing_start ON billing_start.subscription_id = subscription.id
 WHERE subscription.id = %s AND (%s::uuid[] IS NULL OR subscription.customer_id = ANY(%s::uuid[]))
""",
    subscription=Subscription,
    customer=Customer,
    reseller=IndirectReseller,
    order_line=OrderLine,
    order=Order,
    scheduled_renewal=ScheduledRenewal,
    poll_schedule=PollSchedule,
    billing_start=BillingStart,
)
_IN_FLIGHT = prepared.Selection(
    "SELECT {operation} FROM subscriptions_operation AS operation WHERE subscription_id = %s AND status = ANY(%s)",
    operation=Operation,
)


@dataclass(frozen=True, slots=True)
class Attention:
    """Why action is required on a subscription, who is next, and until when."""

    gate: Gate
    reason: Reason
    owner: Owner
    since: datetime
    due_at: datetime | None
    next_action: NextAction | None
    message: str
    action_url: str


def subscriptions_visible_to(actor: Actor) -> QuerySet[Subscription]:
    """The subscriptions an actor may see, newest first, with all that is told of one. Raises NotPermitted for a role
    that may see none.
    """
    catalogue = ("plan__offer", "order_line__plan_term__plan", "scheduled_renewal__plan_term__plan")
    changes = Prefetch("operations", queryset=_in_flight(), to_attr="in_flight")
    told = ("publisher", "offer", "plan", "plan_term", "gates", *catalogue, "poll_schedule", "billing_start", changes)
    # Few joins: planning a dozen of them takes PostgreSQL longer than reading the catalogue's rows apart.
    return rows_visible_to(actor).select_related("reseller", "order_line__order").prefetch_related(*told)


def rows_visible_to(actor: Actor) -> QuerySet[Subscription]:
    """The same with nothing but their customers; `told` reads the rest of what lists tell, for the rows of a page."""
    authorize(actor, Action.SUBSCRIPTION_READ)
    return within(Subscription.objects.select_related("customer"), actor).order_by("-purchased_at", "-id")


def told(rows: Sequence[Subscription], *related: str) -> Sequence[Subscription]:
    """The rows of a page with what lists tell of each: its catalogue, the gates of those that wait, and `related`."""
    terms = PlanTerm.objects.select_related("plan__offer__publisher").in_bulk({row.plan_term_id for row in rows})
    for row in rows:
        row.plan_term = term = terms[row.plan_term_id]
        row.plan, row.offer, row.publisher = term.plan, term.plan.offer, term.plan.offer.publisher
    prefetch_related_objects([row for row in rows if row.status == Status.PENDING], "gates")
    prefetch_related_objects(rows, *related)
    return rows


def with_sold(subscription: Subscription) -> Subscription:
    """A subscription with its plan term, plan, offer and publisher, read in one statement."""
    subscription.plan_term = term = plan_term_sold(subscription.plan_term_id)
    subscription.plan, subscription.offer, subscription.publisher = (
        term.plan,
        term.plan.offer,
        term.plan.offer.publisher,
    )
    return subscription


def within(rows: QuerySet[Row], actor: Actor, path: str = "customer") -> QuerySet[Row]:
    """The rows of the customers that an actor may see; `path` leads from a row to its customer."""
    return rows if actor.customers is None else rows.filter(**{f"{path}__in": actor.customers})


def _in_flight() -> QuerySet[Operation]:
    return Operation.objects.filter(status__in=IN_FLIGHT)


def subscription_for(actor: Actor, subscription_id: UUID) -> Subscription:
    """One visible subscription, with all that is told of one. Raises NotFound, for one out of scope too, and
    NotPermitted.
    """
    authorize(actor, Action.SUBSCRIPTION_READ)
    customers = None if actor.customers is None else bulk.array(actor.customers)
    found = _WHOLE(subscription_id, customers, customers)
    if not found:
        raise NotFound(what="subscription", id=subscription_id)
    subscription = _whole(*found[0])
    changes = Prefetch("operations", queryset=_in_flight(), to_attr="in_flight")
    prefetch_related_objects([subscription], "gates", "tranches", changes)
    return subscription


def _whole(
    subscription: Subscription,
    customer: Customer,
    reseller: IndirectReseller | None,
    line: OrderLine,
    order: Order,
    renewal: ScheduledRenewal | None,
    *others: Model | None,
) -> Subscription:
    """A row of _WHOLE put together, with what it sells; each plan term is read once."""
    subscription.customer, subscription.reseller = customer, reseller
    subscription.order_line, line.order = line, order
    _put(subscription, renewal, "scheduled_renewal")
    for name, other in zip(("poll_schedule", "billing_start"), others, strict=True):
        _put(subscription, other, name)
    with_sold(subscription)
    terms = {subscription.plan_term_id: subscription.plan_term}
    for one in (line, renewal):
        if one is not None and one.plan_term_id is not None:
            one.plan_term = terms.get(one.plan_term_id) or plan_term_sold(one.plan_term_id)
    return subscription


def _put(subscription: Subscription, one: Model | None, name: str) -> None:
    """Let a subscription know the one row that refers to it, or that there is none."""
    subscription._state.fields_cache[name] = one
    if one is not None:
        one._state.fields_cache["subscription"] = subscription


def bare_subscription_for(actor: Actor, subscription_id: UUID) -> Subscription:
    """One visible subscription, with nothing read beside it: for whoever asks about it, not for its page.

    Raises NotFound, for one out of scope too, and NotPermitted.
    """
    subscription = bare_subscriptions_visible_to(actor).filter(pk=subscription_id).first()
    if subscription is None:
        raise NotFound(what="subscription", id=subscription_id)
    return subscription


def bare_subscriptions_visible_to(actor: Actor) -> QuerySet[Subscription]:
    """The subscriptions an actor may see, with nothing read beside them, in no order. Raises NotPermitted."""
    authorize(actor, Action.SUBSCRIPTION_READ)
    return within(Subscription.objects.all(), actor)


def blocking_gates() -> QuerySet[Gate]:
    """For a condition on pending subscriptions (`OuterRef("pk")`): the gate of each that `blocking_gate` finds."""
    earlier = Gate.objects.filter(subscription=OuterRef("subscription"), position__lt=OuterRef("position"))
    first_open = ~Exists(earlier.exclude(state=GateState.SATISFIED))
    return Gate.objects.filter(first_open, subscription=OuterRef("pk")).exclude(state=GateState.SATISFIED)


def blocking_gate(subscription: Subscription) -> Gate | None:
    """The one gate that keeps billing from starting; reads the prefetched gates."""
    gates = list(subscription.gates.all())
    name = blocker(gates)
    return next((gate for gate in gates if GateName(gate.gate) == name), None)


def attention_of(subscription: Subscription) -> Attention | None:
    """Why action is required, while the subscription is pending; None otherwise."""
    gate = blocking_gate(subscription) if subscription.status == Status.PENDING else None
    if gate is None:
        return None
    return Attention(
        gate=gate,
        reason=Reason(gate.reason or Reason.AWAITING_CUSTOMER_SETUP),
        owner=Owner(gate.owner),
        since=gate.since,
        due_at=gate.due_at,
        next_action=NextAction(gate.next_action) if gate.next_action else None,
        message=gate.message,
        action_url=gate.action_url,
    )


def orders_visible_to(actor: Actor) -> QuerySet[Order]:
    """The orders an actor may see, newest first, with their lines. Raises NotPermitted."""
    authorize(actor, Action.SUBSCRIPTION_READ)
    lines = OrderLine.objects.select_related("plan_term__plan__offer__publisher", "subscription", "reseller")
    orders = within(Order.objects.select_related("customer"), actor)
    return orders.prefetch_related(Prefetch("lines", queryset=lines)).order_by("-ordered_at", "-id")


def cart_for(actor: Actor, customer_id: UUID, cart_id: UUID) -> Cart:
    """A customer's cart with its lines. Raises CartNotFound, for another customer's too."""
    authorize(actor, Action.SUBSCRIPTION_BUY)
    lines = Prefetch("lines__plan_term__plan__offer__publisher")
    found = Cart.objects.select_related("customer").prefetch_related(lines, "lines__price", "lines__reseller")
    cart = within(found, actor).filter(pk=cart_id, customer_id=customer_id).first()
    if cart is None:
        raise CartNotFound(id=cart_id)
    return cart


def events_of(subscription: Subscription) -> QuerySet[Event]:
    """What happened to a subscription, newest first."""
    return Event.objects.filter(stream_id=subscription.pk).order_by("-sequence")


def batches_of(subscription: Subscription) -> list[Batch]:
    """The batches of seats with what is left of each, oldest first; reads the tranches where they are prefetched."""
    rows = sorted(subscription.tranches.all(), key=lambda row: row.pk)
    left = Counter[int]()
    for row in rows:
        left[row.batch_id or row.pk] += row.quantity
    return [Batch(row.pk, left[row.pk], row.reducible_until) for row in rows if row.batch_id is None]


def operation_in_flight(subscription: Subscription) -> Operation | None:
    """The one change that is held or waits for the publisher; None when there is none. Reads it where a selector of
    this module has fetched it.
    """
    fetched: list[Operation] | None = getattr(subscription, "in_flight", None)
    if fetched is None:
        found = [operation for (operation,) in _IN_FLIGHT(subscription.pk, bulk.array(IN_FLIGHT))]
        for operation in found:
            operation.subscription = subscription
        return next(iter(found), None)
    return next(iter(fetched), None)


def notices_of(actor: Actor, publisher_id: UUID) -> QuerySet[NoticeAttempt]:
    """What was posted to a publisher's webhook, newest first. Raises NotPermitted."""
    authorize(actor, Action.PUBLISHER_READ)
    rows = NoticeAttempt.objects.select_related("operation__subscription__customer")
    rows = within(rows, actor, "operation__subscription__customer")
    return rows.filter(publisher_id=publisher_id).order_by("-sent_at", "-id")


def notice_of(actor: Actor, publisher_id: UUID, attempt_id: UUID) -> NoticeAttempt:
    """One post to a publisher's webhook. Raises NotFound, NotPermitted."""
    found = notices_of(actor, publisher_id).filter(pk=attempt_id).first()
    if found is None:
        raise NotFound(what="notice", id=attempt_id)
    return found


def change_request_of(subscription: Subscription, request_id: UUID) -> ChangeRequest:
    """One change request of a subscription. Raises NotFound, for another subscription's too."""
    request = subscription.change_requests.filter(pk=request_id).first()
    if request is None:
        raise NotFound(what="change request", id=request_id)
    return request


def change_requests_visible_to(actor: Actor) -> QuerySet[ChangeRequest]:
    """The change requests an actor may see, those that expire first first. Raises NotPermitted."""
    authorize(actor, Action.SUBSCRIPTION_READ)
    related = ("customer", "publisher", "offer", "plan", "plan_term")
    rows = ChangeRequest.objects.select_related(*(f"subscription__{name}" for name in related))
    return within(rows, actor, "subscription__customer").order_by("expires_at", "id")


def divergences_visible_to(actor: Actor) -> QuerySet[Divergence]:
    """The open divergences of the subscriptions that an actor may see, newest first. Raises NotPermitted."""
    return _divergences_of(actor).filter(ended_at=None).order_by("-first_seen_at", "-id")


def divergence_for(actor: Actor, divergence_id: UUID) -> Divergence:
    """One divergence of a visible subscription, ended or not. Raises NotFound, NotPermitted."""
    found = _divergences_of(actor).filter(pk=divergence_id).first()
    if found is None:
        raise NotFound(what="divergence", id=divergence_id)
    return found


def _divergences_of(actor: Actor) -> QuerySet[Divergence]:
    authorize(actor, Action.SUBSCRIPTION_READ)
    rows = Divergence.objects.select_related("subscription__customer", "publisher")
    return within(rows, actor, "subscription__customer")


def latest_token(subscription: Subscription) -> PurchaseToken | None:
    """The purchase token minted last, for the link's age and expiry; the token itself is kept nowhere."""
    return subscription.purchase_tokens.order_by("-minted_at").first()
