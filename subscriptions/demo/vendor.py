"""What the demo publisher must remember of orders that were under way before it first started."""

from collections.abc import Iterable
from pathlib import Path
from urllib.parse import urlsplit

from publishers.demo.orders import Order
from publishers.demo.personalities import QUESTION, REASON, fill_in_details, some_of
from publishers.demo.store import Store
from publishers.models import Pricing
from subscriptions.demo.purchases import Story
from subscriptions.models import Subscription

OPENED = (Story.PARTIAL, Story.ASKED, Story.REFUSED, Story.CONFIRMED, Story.SUSPENDED)


def remember(folder: Path, told: Iterable[tuple[Story, Subscription]]) -> None:
    """Write the vendor's side of the stories, as they stand now, into its folder, so that it answers for them."""
    store = Store(folder)
    try:
        for story, subscription in told:
            if story in OPENED:
                # It has been confirmed and changed since it was bought.
                subscription.refresh_from_db()
                store.save(_order(story, subscription))
    finally:
        store.close()


def _order(story: Story, subscription: Subscription) -> Order:
    per_seat = subscription.plan.pricing == Pricing.PER_USER
    order = Order(
        slug=urlsplit(subscription.publisher.landing_url).path.strip("/").partition("/")[0],
        id=str(subscription.pk),
        offer_id=subscription.offer.offer_id,
        plan_id=subscription.plan.plan_id,
        name=subscription.nickname,
        seats=[None] * subscription.quantity if per_seat else None,
        opened_at=subscription.purchased_at.isoformat(),
        purchase={"beneficiary": {"emailId": subscription.customer.beneficiary_email}},
    )
    at = subscription.purchased_at
    if story == Story.PARTIAL:
        fill_in_details(order)
        order.assign_up_to(some_of(subscription.quantity))
        order.ask_to_confirm()
        order.confirm(at)
    elif story in (Story.CONFIRMED, Story.SUSPENDED):
        fill_in_details(order)
        order.adopt(subscription.activated_at or at)
        order.suspended = story == Story.SUSPENDED
    elif story == Story.ASKED:
        order.ask_customer(QUESTION)
    else:
        order.close(at, REASON)
    return order
