"""The vendor's back office: takes orders in, brings them up to date, confirms them; every door leads here."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from publishers.demo import notices
from publishers.demo.config import Directory, Publisher
from publishers.demo.hub import Hub, HubUnavailable, Reply
from publishers.demo.orders import Adapter, Answer, Order, Refusal, Status
from publishers.demo.personalities import personality_of
from publishers.demo.store import Store

log = logging.getLogger("demo_publisher")
TICK_SECONDS = 0.5
KEPT_OF_PURCHASE = (
    "publisherId", "beneficiary", "purchaser", "term", "autoRenew", "isTest", "isFreeTrial",
    "allowedCustomerOperations", "sandboxType", "sessionMode", "created",
)  # fmt: skip


class LinkRefused(Exception):
    """The hub would not say what a purchase token stands for; `status` is its answer."""

    def __init__(self, status: int) -> None:
        super().__init__(f"The hub answered {status}.")
        self.status = status


class Desk:
    """Everything the doors (landing page, order page, API) share. `pace` is the slow vendor's step in seconds,
    `patience` how long a person may think about a change.
    """

    def __init__(self, directory: Directory, store: Store, hub: Hub, pace: float, patience: float) -> None:
        self.directory, self.store, self.hub, self.pace, self.patience = directory, store, hub, pace, patience
        self.speaking: defaultdict[tuple[str, str], asyncio.Lock] = defaultdict(asyncio.Lock)
        self.confirming: defaultdict[tuple[str, str], asyncio.Lock] = defaultdict(asyncio.Lock)

    async def receive(self, publisher: Publisher, token: str) -> Order:
        """Take in the order behind a purchase token. Raises LinkRefused, or HubUnavailable."""
        reply = await self.hub.resolve(publisher, token)
        if reply.is_worth_repeating or reply.status == 401:
            raise HubUnavailable(f"The hub answered {reply.status}.")
        if reply.status != 200:
            raise LinkRefused(reply.status)
        order = self.take_in(publisher, reply)
        await self.settle(publisher, order)
        return order

    def take_in(self, publisher: Publisher, reply: Reply) -> Order:
        at = now()
        try:
            resolved, hub_status = read_purchase(publisher, reply.body, at)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise HubUnavailable("The hub described the order in a way we cannot read.") from error
        known = self.store.get(publisher.slug, resolved.id)
        if known:
            known.refresh(resolved, hub_status, at)
        elif hub_status in (Status.SUBSCRIBED, Status.SUSPENDED):
            resolved.adopt(at)
            resolved.suspended = hub_status == Status.SUSPENDED
        elif hub_status == Status.UNSUBSCRIBED:
            resolved.close(at, "Cancelled by the marketplace.")
        order = known or resolved
        self.store.save(order)
        log.info("%s: order %s for %s was opened", publisher.slug, order.id, order.offer_id)
        return order

    async def look_up(self, publisher: Publisher, order_id: str) -> Order | None:
        """An order; one that the hub runs already, and of which we kept no record, is taken over. Raises
        HubUnavailable.
        """
        known = self.store.get(publisher.slug, order_id)
        if known or not is_uuid(order_id):
            return known
        reply = await self.hub.subscription(publisher, order_id)
        if reply.is_worth_repeating:
            raise HubUnavailable(f"The hub answered {reply.status}.")
        status = reply.body.get("saasSubscriptionStatus") if reply.status == 200 else None
        if status not in (Status.SUBSCRIBED, Status.SUSPENDED):
            return None
        return self.take_in(publisher, Reply(200, reply.body | {"subscription": reply.body}))

    async def settle(self, publisher: Publisher, order: Order) -> None:
        """Bring an order to where it has got by now, and confirm it if that is its turn."""
        at = now()
        order.settle_operations(at)
        async with self.speaking[order.slug, order.id]:
            await notices.give_words(self.hub, publisher, order, at)
        if not order.closed_at:
            personality_of(order.offer_id).advance(order, at, self.pace)
        if order.confirmation_wanted and not why_not_confirm(publisher, order):
            await self.confirm_once(publisher, order, at)
        self.store.save(order)

    async def confirm(self, publisher: Publisher, order: Order) -> None:
        """Confirm on a person's word. Raises Refusal with the reason why that cannot be yet."""
        reason = why_not_confirm(publisher, order)
        if reason:
            raise Refusal(reason)
        order.ask_to_confirm()
        if order.answer:
            order.answer.retry_at = now().isoformat()
        await self.settle(publisher, order)

    async def decide(self, publisher: Publisher, order: Order, agrees: bool, reason: str) -> None:
        """Accept or refuse the change that is waiting, on a person's word. Raises Refusal when it is too late."""
        pending = order.awaits_decision
        if pending is None:
            raise Refusal("There is no change to decide any more.")
        pending.decide(agrees, now(), reason)
        order.changed = True
        await self.settle(publisher, order)
        if pending.applied and not agrees:
            raise Refusal("The marketplace took our silence for a yes: the change has gone through.")

    async def confirm_once(self, publisher: Publisher, order: Order, at: datetime) -> None:
        async with self.confirming[order.slug, order.id]:
            if order.confirmed_at or order.closed_at:
                return
            if not publisher.adapter.calls_activate:
                order.confirm(at)
            elif may_call(order, at):
                await self.activate(publisher, order)
        if order.confirmed_at:
            log.info("%s: order %s is confirmed with %d licences assigned", order.slug, order.id, order.assigned)

    async def activate(self, publisher: Publisher, order: Order) -> None:
        attempts = order.answer.attempts + 1 if order.answer else 1
        try:
            reply = await self.hub.activate(publisher, order, personality_of(order.offer_id).manner)
            status, message, again = reply.status, reply.message, reply.is_worth_repeating
        except HubUnavailable as error:
            status, message, again = 0, str(error), True
        at = now()
        retry_at = (at + timedelta(seconds=min(2**attempts, 60))).isoformat() if again else None
        order.remember_answer(Answer(status, message, at.isoformat(), attempts, retry_at))
        log.info("%s: the hub answered %d to activate for order %s", order.slug, status, order.id)
        if status == 200:
            order.confirm(at)

    async def keep_going(self) -> None:
        """Carry on with the orders that need nobody: the slow vendor's steps, the words we owe it, and calls it missed.
        Never ends.
        """
        while True:
            publishers = self.directory.all()
            for order in [*self.store.unfinished(), *self.store.undecided()]:
                if order.slug in publishers:
                    await self.settle_alone(publishers[order.slug], order)
            await asyncio.sleep(self.seconds_until_next(now()))

    def seconds_until_next(self, at: datetime) -> float:
        """Until the next tick; sooner where a word is due before it."""
        operations = [one for order in self.store.undecided() for one in order.operations if one.is_open]
        due = [datetime.fromisoformat(one.due_at) for one in operations if one.due_at]
        waits = [(moment - at).total_seconds() for moment in due if moment > at]
        return min([TICK_SECONDS, *waits])

    async def settle_alone(self, publisher: Publisher, order: Order) -> None:
        try:
            await self.settle(publisher, order)
        except Exception as error:  # One broken order must not stop the others.
            log.error("%s: order %s cannot be worked on (%s)", order.slug, order.id, type(error).__name__)


def why_not_confirm(publisher: Publisher, order: Order) -> str | None:
    """The reason why this order cannot be confirmed now, as a sentence; None when it can."""
    if order.closed_at:
        return "This order is closed. There is nothing left to confirm."
    if order.details is None:
        return "Fill in the set-up details first."
    if order.question:
        return order.question
    if publisher.adapter is Adapter.PUSH and order.free:
        return f"Assign the remaining licences first: {order.free} of {order.quantity} are still free."
    return None


def may_call(order: Order, at: datetime) -> bool:
    """Whether activate may be called now: never yet, or a failed call is due again. A refusal waits for a person."""
    if order.answer is None:
        return True
    return order.answer.retry_at is not None and at >= datetime.fromisoformat(order.answer.retry_at)


def read_purchase(publisher: Publisher, body: Any, at: datetime) -> tuple[Order, str]:
    """The order in a ResolvedSubscription, and the hub's status of it. Raises KeyError, TypeError, ValueError or
    AttributeError when the body has another shape."""
    subscription = body.get("subscription") or {}
    quantity = body.get("quantity")
    order = Order(
        slug=publisher.slug,
        id=str(UUID(body["id"])),
        offer_id=str(body["offerId"]),
        plan_id=str(body["planId"]),
        name=str(body.get("subscriptionName") or subscription.get("name") or body["offerId"]),
        seats=None if quantity is None else [None] * int(quantity),
        opened_at=at.isoformat(),
        purchase={key: subscription[key] for key in KEPT_OF_PURCHASE if subscription.get(key) is not None},
    )
    return order, str(subscription.get("saasSubscriptionStatus", Status.PENDING))


def is_uuid(text: str) -> bool:
    try:
        return bool(UUID(text))
    except ValueError:
        return False


def now() -> datetime:
    return datetime.now(UTC)
