"""What the hub's webhook tells us, and the word we give on it."""

from __future__ import annotations

import contextlib
import logging
from datetime import datetime, timedelta
from typing import Any

from publishers.demo.config import Publisher
from publishers.demo.hub import Hub, HubUnavailable
from publishers.demo.orders import Course, Operation, Order
from publishers.demo.personalities import personality_of

log = logging.getLogger("demo_publisher")
CHANGES = ("ChangePlan", "ChangeQuantity")
# The marketplace waits so long for our word and then decides by itself.
MARKETPLACE_WAITS = timedelta(seconds=10)
LOOK_AGAIN = timedelta(seconds=2)
OVERRULED = "The marketplace had decided before it heard from us."


def take(order: Order, notice: dict[str, Any], pace: float, patience: float, at: datetime) -> str | None:
    """Take a notice in, once however often it comes; the reason when we decline it. Raises KeyError or ValueError."""
    action, id = str(notice["action"]), str(notice["id"]).lower()
    if action in CHANGES:
        return _take_up(order, action, id, notice, pace, patience, at)
    if action == "Unsubscribe":
        order.close(at, "Cancelled by the marketplace.")
    elif action in ("Suspend", "Reinstate"):
        order.suspended, order.changed = action == "Suspend", True
    elif action == "Renew":
        order.take_over(str(notice["planId"]), int(notice["quantity"]))
    return None


def _take_up(
    order: Order, action: str, id: str, notice: dict[str, Any], pace: float, patience: float, at: datetime
) -> str | None:
    known = order.operation(id)
    if known is not None:
        return known.refusal if known.refused else None
    plan_id = str(notice["planId"]) if action == "ChangePlan" else None
    quantity = int(notice["quantity"]) if action == "ChangeQuantity" else None
    vendor = personality_of(order.offer_id)
    reason = vendor.declines_notice(order, quantity)
    course = Course(refusal=reason) if reason else vendor.course(order, quantity, pace, patience)
    operation = order.start(action, at, course, plan_id, quantity, notice=id)
    if reason:
        order.finish(operation, at)
    return reason


async def give_words(hub: Hub, publisher: Publisher, order: Order, at: datetime) -> None:
    """Tell the hub our word on each of its changes whose time has come; learn what it made of our silence."""
    for operation in order.operations:
        if operation.notified and operation.is_open:
            with contextlib.suppress(HubUnavailable):
                await _go_on(hub, publisher, order, operation, at)


async def _go_on(hub: Hub, publisher: Publisher, order: Order, operation: Operation, at: datetime) -> None:
    if operation.said_yes:
        order.finish(operation, at)
    elif at < datetime.fromisoformat(operation.look_at or operation.asked_at):
        return
    elif operation.is_due(at):
        await _say(hub, publisher, order, operation, at)
    elif at >= datetime.fromisoformat(operation.asked_at) + MARKETPLACE_WAITS:
        await _learn(hub, publisher, order, operation, at)


async def _say(hub: Hub, publisher: Publisher, order: Order, operation: Operation, at: datetime) -> None:
    operation.look_at, order.changed = (at + LOOK_AGAIN).isoformat(), True
    reply = await hub.acknowledge(publisher, order, operation, personality_of(order.offer_id).manner)
    log.info("%s: the hub answered %d to our word on a change of order %s", order.slug, reply.status, order.id)
    if reply.status == 200:
        order.finish(operation, at)
    elif not reply.is_worth_repeating:
        await _learn(hub, publisher, order, operation, at)


async def _learn(hub: Hub, publisher: Publisher, order: Order, operation: Operation, at: datetime) -> None:
    operation.look_at, order.changed = (at + LOOK_AGAIN).isoformat(), True
    reply = await hub.operation(publisher, order, operation.id)
    status = reply.body.get("status") if reply.status == 200 and isinstance(reply.body, dict) else None
    if status == "Succeeded":
        operation.refusal = None
        order.finish(operation, at)
    elif status in ("Failed", "Conflict") or reply.status in (403, 404):
        operation.refusal = operation.refusal or OVERRULED
        order.finish(operation, at)
