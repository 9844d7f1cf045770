"""Our own fulfilment status for hubs that poll (SaaS Fulfillment v2, with us as the server), and our webhook."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import logging
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

from aiohttp import web

from publishers.demo import notices
from publishers.demo.config import Publisher
from publishers.demo.desk import Desk, now
from publishers.demo.guard import Guard, NotTheHub
from publishers.demo.hub import HubUnavailable
from publishers.demo.orders import Course, Operation, Order, Status
from publishers.demo.personalities import TOO_LATE, Voice, personality_of

log = logging.getLogger("demo_publisher")
API_VERSION = "2018-08-31"
SILENCE_SECONDS = 60
DRIP_SECONDS = 1.0
COME_BACK_SECONDS = 2
# Where a cloud keeps its machines' credentials: nothing that a hub may be sent to.
PRIVATE_ADDRESS = "http://169.254.169.254/latest/meta-data/"
KEPT_REQUESTS = 2000
PATH = "/{slug}/api/saas/subscriptions"

Handler = Callable[[web.Request, Publisher], Awaitable[web.StreamResponse]]


class Fault(Exception):
    """An error answer in the marketplace's shape."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


class Api:
    def __init__(self, desk: Desk, guard: Guard, stopping: asyncio.Event) -> None:
        self.desk, self.guard, self.stopping = desk, guard, stopping
        self.requests: defaultdict[str, deque[dict[str, str]]] = defaultdict(lambda: deque(maxlen=KEPT_REQUESTS))
        self.garbage_given: defaultdict[str, int] = defaultdict(int)
        self.shown_before: dict[str, dict[str, Any]] = {}

    def routes(self) -> list[web.RouteDef]:
        one, operations = PATH + "/{id}", PATH + "/{id}/operations"
        return [
            web.get(PATH, self.door(self.list_orders)),
            web.get(PATH + "/", self.door(self.list_orders)),
            web.get(one, self.door(self.show)),
            web.patch(one, self.door(self.change)),
            web.delete(one, self.door(self.cancel)),
            web.get(operations, self.door(self.list_operations)),
            web.get(operations + "/{operation}", self.door(self.show_operation)),
            web.post("/{slug}/webhook", self.door(self.webhook, versioned=False)),
            web.get("/{slug}/requests", self.list_requests),
        ]

    def door(
        self, handler: Handler, *, versioned: bool = True
    ) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        """What every call passes: it is noted, checked, answered with the marketplace's headers."""

        async def enter(request: web.Request) -> web.StreamResponse:
            publisher = self.publisher(request)
            self.note(request)
            try:
                if versioned:
                    check_version(request)
                await self.guard.check(publisher, request.headers.get("authorization"))
                response = await handler(request, publisher)
            except NotTheHub as refusal:
                response = error_answer(refusal.status, "Forbidden", str(refusal))
                if refusal.status == 401:
                    response.headers["WWW-Authenticate"] = "Bearer"
            except Fault as fault:
                response = error_answer(fault.status, fault.code, fault.message)
            response.headers.update(tracing(request))
            return response

        return enter

    def publisher(self, request: web.Request) -> Publisher:
        publisher = self.desk.directory.all().get(request.match_info["slug"])
        if publisher is None:
            raise web.HTTPNotFound
        return publisher

    def note(self, request: web.Request) -> None:
        entry = {"method": request.method, "path": request.path, "time": now().isoformat()}
        self.requests[request.match_info["slug"]].append(entry)

    async def order(self, request: web.Request, publisher: Publisher) -> Order:
        order = self.desk.store.get(publisher.slug, request.match_info["id"])
        if order is None and request.method != "GET":
            order = await self.taken_over(publisher, request.match_info["id"])
        if order is None:
            raise Fault(404, "EntityNotFound", "This subscription is not known here. Open its landing page first.")
        await self.desk.settle(publisher, order)
        return order

    async def taken_over(self, publisher: Publisher, order_id: str) -> Order | None:
        """An order that the hub changes and we have not heard of, when it runs there."""
        with contextlib.suppress(HubUnavailable):
            return await self.desk.look_up(publisher, order_id)
        return None

    async def show(self, request: web.Request, publisher: Publisher) -> web.StreamResponse:
        order = await self.order(request, publisher)
        shape = describe(publisher, order)
        return await self.unlike_itself(request, order, shape) or tagged(request, shape)

    async def list_orders(self, request: web.Request, publisher: Publisher) -> web.StreamResponse:
        orders = self.desk.store.of(publisher.slug)
        for order in orders:
            await self.desk.settle(publisher, order)
        return web.json_response({"subscriptions": [describe(publisher, order) for order in orders]})

    async def change(self, request: web.Request, publisher: Publisher) -> web.StreamResponse:
        order = await self.order(request, publisher)
        if strange := await self.unlike_itself(request, order):
            return strange
        plan_id, quantity = read_change(await json_body(request), order)
        if order.pending_operation:
            raise Fault(400, "BadRequest", f"Operation {order.pending_operation.id} is still in progress.")
        course = personality_of(order.offer_id).course(order, quantity, self.desk.pace, self.desk.patience)
        return self.accept(publisher, order, "ChangePlan" if plan_id else "ChangeQuantity", course, plan_id, quantity)

    async def cancel(self, request: web.Request, publisher: Publisher) -> web.StreamResponse:
        order = await self.order(request, publisher)
        if strange := await self.unlike_itself(request, order):
            return strange
        if order.closed_at:
            raise Fault(400, "BadRequest", "The subscription is already Unsubscribed.")
        if order.pending_operation:
            raise Fault(409, "Conflict", f"Operation {order.pending_operation.id} is still in progress.")
        return self.accept(publisher, order, "Unsubscribe", personality_of(order.offer_id).ending(self.desk.pace))

    def accept(
        self,
        publisher: Publisher,
        order: Order,
        action: str,
        course: Course,
        plan_id: str | None = None,
        quantity: int | None = None,
    ) -> web.Response:
        operation = order.start(action, now(), course, plan_id, quantity)
        self.desk.store.save(order)
        location = f"{publisher.base_url}/api/saas/subscriptions/{order.id}/operations/{operation.id}"
        headers = {"Operation-Location": f"{location}?api-version={API_VERSION}", "Operation-Id": operation.id}
        seconds = 10 if course.seconds is None else course.seconds
        return web.Response(status=202, headers=headers | {"Retry-After": str(max(1, round(min(seconds, 10))))})

    async def list_operations(self, request: web.Request, publisher: Publisher) -> web.StreamResponse:
        order = await self.order(request, publisher)
        ours = [operation for operation in order.operations if not operation.notified]
        pending = [describe_operation(publisher, order, o) for o in ours if not o.is_decided]
        return await self.unlike_itself(request, order) or web.json_response({"operations": pending})

    async def show_operation(self, request: web.Request, publisher: Publisher) -> web.StreamResponse:
        order = await self.order(request, publisher)
        for operation in order.operations:
            if operation.id == request.match_info["operation"].lower():
                shape = describe_operation(publisher, order, operation)
                return await self.unlike_itself(request, order) or web.json_response(shape)
        raise Fault(404, "EntityNotFound", "This operation is not known here.")

    async def webhook(self, request: web.Request, publisher: Publisher) -> web.StreamResponse:
        """Hear what the hub has to tell; our word on a change of seats goes out before this call is answered."""
        notice = await json_body(request)
        order = await self.told_about(publisher, notice)
        if order is None:
            return web.json_response({})
        if strange := await self.unlike_itself(request, order):
            return strange
        try:
            reason = notices.take(order, notice, self.desk.pace, self.desk.patience, now())
        except (KeyError, TypeError, ValueError):
            raise Fault(400, "BadRequest", "The notice cannot be read.") from None
        self.desk.store.save(order)
        log.info("%s: heard of %s for order %s", publisher.slug, notice["action"], order.id)
        if reason:
            raise Fault(400, "BadRequest", reason)
        if notice["action"] == "ChangeQuantity" or personality_of(order.offer_id).speaks_first:
            await self.desk.settle(publisher, order)
        return web.json_response({})

    async def told_about(self, publisher: Publisher, notice: Any) -> Order | None:
        """The order that a notice is about, None for one that we never had and need not have."""
        if not isinstance(notice, dict):
            raise Fault(400, "BadRequest", "The notice is not an object.")
        try:
            order = await self.desk.look_up(publisher, str(notice.get("subscriptionId", "")))
        except HubUnavailable as error:
            raise Fault(503, "ServiceUnavailable", str(error)) from None
        if order is None and notice.get("action") in notices.CHANGES:
            raise Fault(404, "EntityNotFound", "This subscription is not known here.")
        return order

    async def list_requests(self, request: web.Request) -> web.Response:
        publisher = self.publisher(request)
        return web.json_response(list(self.requests[publisher.slug]))

    async def unlike_itself(
        self, request: web.Request, order: Order, shape: dict[str, Any] | None = None
    ) -> web.StreamResponse | None:
        """The answer of a vendor that does not tell the truth, or not as one should; None for one that does.

        `shape` is the truth about the order where that was asked for.
        """
        match personality_of(order.offer_id).voice_at(order, now(), self.desk.pace):
            case Voice.ERROR:
                return error_answer(500, "InternalServerError", "Something went wrong on our side.")
            case Voice.GARBAGE:
                self.garbage_given[order.id] += 1
                return garbage(order, self.garbage_given[order.id])
            case Voice.SILENCE:
                return await self.say_nothing(request)
            case Voice.LATE if request.method == "GET":
                await self.wait(min(TOO_LATE, self.desk.patience))
            case Voice.DRIPS:
                return await self.drip(request, shape or {})
            case Voice.REDIRECT:
                return web.Response(status=302, headers={"Location": PRIVATE_ADDRESS})
            case Voice.STORM:
                busy = error_answer(429, "TooManyRequests", "Our servers have too much to do. Come back later.")
                busy.headers["Retry-After"] = str(COME_BACK_SECONDS)
                return busy
            case Voice.WRONG_WORDS if shape is not None:
                return web.json_response(shape | {"saasSubscriptionStatus": "Active", "quantity": "many"})
            case Voice.YESTERDAY if shape is not None:
                return web.json_response(self.as_shown_before(order, shape))
        return None

    def as_shown_before(self, order: Order, shape: dict[str, Any]) -> dict[str, Any]:
        """The answer to the question before this one; at first the order as it came in."""
        unopened = shape | {"saasSubscriptionStatus": Status.PENDING.value}
        before = self.shown_before.get(order.id, unopened)
        self.shown_before[order.id] = shape
        return before

    async def drip(self, request: web.Request, shape: dict[str, Any]) -> web.StreamResponse:
        """The truth, a byte a second."""
        body = json.dumps(shape).encode()
        response = web.StreamResponse(headers={"Content-Type": "application/json", "Content-Length": str(len(body))})
        await response.prepare(request)
        for byte in body:
            await response.write(bytes([byte]))
            await self.wait(DRIP_SECONDS)
            if self.stopping.is_set():
                break
        return response

    async def wait(self, seconds: float) -> None:
        """Let so much time pass, or what is left of it until we stop."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.stopping.wait(), seconds)

    async def say_nothing(self, request: web.Request) -> web.Response:
        """Keep the caller waiting for a minute or until we stop, then hang up on it."""
        await self.wait(SILENCE_SECONDS)
        if request.transport:
            request.transport.abort()
        return web.Response(status=503)


def check_version(request: web.Request) -> None:
    version = request.query.get("api-version")
    if version is None:
        raise Fault(400, "ApiVersionUnspecified", "An api-version is required.")
    if version != API_VERSION:
        raise Fault(400, "UnsupportedApiVersion", f"The api-version '{version}' is not supported.")


def tracing(request: web.Request) -> dict[str, str]:
    """The two ids of a call, echoed; the one that is missing is made up, and alike when both are."""
    made_up = str(uuid4())
    names = ("x-ms-requestid", "x-ms-correlationid")
    return {name: request.headers.get(name) or made_up for name in names}


async def json_body(request: web.Request) -> Any:
    try:
        return json.loads(await request.read())
    except ValueError as error:
        raise Fault(400, "BadRequest", "The body is not JSON.") from error


def read_change(body: Any, order: Order) -> tuple[str | None, int | None]:
    """The new plan or the new quantity. Raises Fault unless exactly one is given, differs, and may be changed now."""
    if order.status is not Status.SUBSCRIBED:
        raise Fault(400, "BadRequest", f"The subscription is {order.status}; only a Subscribed one can be changed.")
    members = body if isinstance(body, dict) else {}
    given = {key: members[key] for key in ("planId", "quantity") if members.get(key) is not None}
    if len(given) != 1:
        raise Fault(400, "BadRequest", "Give either planId or quantity.")
    if "planId" in given:
        return read_plan(given["planId"], order), None
    return None, read_quantity(given["quantity"], order)


def read_plan(plan_id: object, order: Order) -> str:
    if not isinstance(plan_id, str) or not plan_id or plan_id == order.plan_id:
        raise Fault(400, "BadRequest", f"planId must name another plan than {order.plan_id}.")
    return plan_id


def read_quantity(value: object, order: Order) -> int:
    """A positive whole number other than the present one; clients also send it as a string."""
    is_number = isinstance(value, int | str) and not isinstance(value, bool) and str(value).isdecimal()
    quantity = int(str(value)) if is_number else 0
    if order.quantity is None or quantity < 1 or quantity == order.quantity:
        raise Fault(400, "BadRequest", f"quantity must be a positive number other than {order.quantity}.")
    return quantity


def describe(publisher: Publisher, order: Order) -> dict[str, Any]:
    """The Subscription shape; what does not apply is left out, never null."""
    optional = {
        "quantity": order.quantity,
        "assignedQuantity": None if order.quantity is None else order.assigned,
        "messageToPartner": order.message or order.question,
        "actionUrl": f"{publisher.base_url}/orders/{order.id}?k={order.key}" if order.is_waiting else None,
    }
    return {
        "publisherId": publisher.slug,
        **order.purchase,
        "id": order.id,
        "offerId": order.offer_id,
        "planId": order.plan_id,
        "name": order.name,
        "saasSubscriptionStatus": order.status.value,
        **{key: value for key, value in optional.items() if value is not None},
    }


def tagged(request: web.Request, shape: dict[str, Any]) -> web.Response:
    """A document with its ETag, or only the word that it is the one the caller has."""
    body = json.dumps(shape)
    headers = {"ETag": f'"{hashlib.sha256(body.encode()).hexdigest()[:32]}"'}
    if request.headers.get("if-none-match") == headers["ETag"]:
        return web.Response(status=304, headers=headers)
    return web.Response(text=body, content_type="application/json", headers=headers)


def describe_operation(publisher: Publisher, order: Order, operation: Operation) -> dict[str, Any]:
    shape = {
        "id": operation.id,
        "activityId": operation.id,
        "subscriptionId": order.id,
        "offerId": order.offer_id,
        "publisherId": order.purchase.get("publisherId", publisher.slug),
        "planId": operation.plan_id or order.plan_id,
        "quantity": operation.quantity or order.quantity,
        "action": operation.action,
        "timeStamp": operation.asked_at,
        "status": operation.status,
        "operationRequestSource": "Azure",
        "errorMessage": operation.refusal if operation.refused else None,
    }
    return {key: value for key, value in shape.items() if value is not None}


def garbage(order: Order, turn: int) -> web.Response:
    """A page, half a document, a word nobody knows: one after the other."""
    shape = {"id": order.id, "offerId": order.offer_id, "planId": order.plan_id, "quantity": order.quantity}
    whole = json.dumps(shape | {"saasSubscriptionStatus": "AlmostThere"})
    if turn % 3 == 1:
        return web.Response(text="<!doctype html><title>Welcome</title><h1>It works!</h1>", content_type="text/html")
    return web.Response(text=whole[: len(whole) // 2] if turn % 3 == 2 else whole, content_type="application/json")


def error_answer(status: int, code: str, message: str) -> web.Response:
    body: dict[str, Any] = {"code": code, "message": message}
    if code in ("ApiVersionUnspecified", "UnsupportedApiVersion"):
        body = {"Error": {"Code": code, "Message": message}}
    return web.json_response(body, status=status)
