"""What programs are told of carts, orders, subscriptions and change requests."""

from uuid import UUID

from accounts.policy import Action
from partnerhub.hooks.handlers import announce
from partnerhub.hooks.registry import Announcement, Place
from partnerhub.outbox.models import Event
from subscriptions.models import Cart, Order, Subscription

_S = "subscription."
ORDERED, ACTIVATED, ATTENTION = f"{_S}ordered", f"{_S}activated", f"{_S}attention_changed"
# Whatever changes what a program reads of a subscription; the steps of its activation show at its billing gates.
CHANGES = (
    ORDERED,
    ACTIVATED,
    ATTENTION,
    f"{_S}renamed",
    f"{_S}auto_renew_changed",
    f"{_S}quantity_changed",
    f"{_S}plan_changed",
    f"{_S}billing_frequency_changed",
    f"{_S}reseller_changed",
    f"{_S}renewal_scheduled",
    f"{_S}renewal_unscheduled",
    f"{_S}renewed",
    f"{_S}change_requested_of_publisher",
    f"{_S}change_begun_by_publisher",
    "operation.refused",
    "operation.failed",
    f"{_S}suspended",
    f"{_S}reinstated",
    f"{_S}cancelled",
    f"{_S}voided",
    f"{_S}expired",
)
REQUESTS = (f"{_S}change_asked", f"{_S}change_approved", f"{_S}change_declined", f"{_S}change_request_void")


def of_subscription(event: Event) -> Place | None:
    customer = Subscription.objects.filter(pk=event.stream_id).values_list("customer_id", flat=True).first()
    return Place(f"/customers/{customer}/subscriptions/{event.stream_id}", customer) if customer else None


def of_order(event: Event) -> Place | None:
    """The order of a cart; where groups made several of it, the customer's orders."""
    customer = Cart.objects.filter(pk=event.stream_id).values_list("customer_id", flat=True).first()
    orders = list(Order.objects.filter(cart=event.stream_id).values_list("pk", flat=True)[:2])
    if customer is None or not orders:
        return None
    return Place(f"/customers/{customer}/orders{_one(orders)}", customer)


def of_change_request(event: Event) -> Place | None:
    found = of_subscription(event)
    return Place(f"{found.uri}/changerequests", found.customer_id) if found else None


def _one(orders: list[UUID]) -> str:
    return f"/{orders[0]}" if len(orders) == 1 else ""


for name, resource, of, locate in (
    ("subscription-updated", "subscription", CHANGES, of_subscription),
    ("subscription-created", "subscription", (ORDERED,), of_subscription),
    ("subscription-activated", "subscription", (ACTIVATED,), of_subscription),
    ("subscription-attention-changed", "subscription", (ATTENTION,), of_subscription),
    ("order-created", "order", ("cart.ordered",), of_order),
    ("change-request-updated", "changerequest", REQUESTS, of_change_request),
):
    announce(Announcement(name, resource, Action.SUBSCRIPTION_READ, of, locate))
