"""The doors people use: the landing page a purchase link leads to, and the order page behind it."""

from __future__ import annotations

import re
import secrets
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from aiohttp import web

from publishers.demo import pages
from publishers.demo.config import Publisher
from publishers.demo.desk import Desk, LinkRefused
from publishers.demo.html import html, join
from publishers.demo.hub import HubUnavailable
from publishers.demo.orders import Order, Refusal
from publishers.demo.personalities import personality_of

STATIC = Path(__file__).parent / "static"
EMAIL = re.compile(r"[^@\s,;<>]+@[^@\s,;<>]+")
LONGEST = 254
MOST_LICENCES = 10_000
LABELS = {"company": "company display name", "email": "administrator's e-mail", "vat_number": "VAT number"}
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src data:; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
}

Act = Callable[[Publisher, Order, Mapping[str, str]], Awaitable[None]]


class NotYours(Exception):
    """The order does not exist, or the caller does not have its key."""


class Site:
    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    def routes(self) -> list[web.RouteDef]:
        order = "/{slug}/orders/{id}"
        return [
            web.get("/", self.index),
            web.get("/health", self.health),
            web.get("/assets/site.css", stylesheet),
            # A link scanner's HEAD must not resolve a purchase.
            web.get("/{slug}/landing", self.land, allow_head=False),
            web.get(order, self.show),
            web.post(order + "/details", self.save_details),
            web.post(order + "/assign", self.assign),
            web.post(order + "/confirm", self.confirm),
            web.post(order + "/changes", self.decide),
            web.post(order + "/resize", self.resize),
        ]

    async def health(self, request: web.Request) -> web.Response:
        return web.json_response({"status": "ok", "publishers": sorted(self.desk.directory.all())})

    async def index(self, request: web.Request) -> web.Response:
        names = sorted(publisher.name for publisher in self.desk.directory.all().values())
        body = html(
            '<section class="card"><h1>Demonstration vendors</h1><p>Open the link that your partner gave you. '
            "These vendors are at home here:</p><ul>{names}</ul></section>",
            names=join(html("<li>{name}</li>", name=name) for name in names),
        )
        return page(pages.frame("Demo vendors", "Demonstration vendors", body))

    async def land(self, request: web.Request) -> web.StreamResponse:
        """Turn a purchase link into an order, and its address into one that carries no purchase token."""
        publisher = self.publisher(request)
        token = request.query.get("token", "")
        if not token:
            return refused_link(publisher, 400)
        try:
            order = await self.desk.receive(publisher, token)
        except LinkRefused as refusal:
            return refused_link(publisher, refusal.status)
        except (HubUnavailable, ValueError):
            return unavailable(publisher)
        return redirect(order)

    async def show(self, request: web.Request) -> web.StreamResponse:
        try:
            publisher, order = await self.find(request, request.query.get("k", ""))
        except NotYours:
            return stranger(self.publisher(request))
        return page(pages.order_page(publisher, order, request.query.get("did"), pages.Form()))

    async def save_details(self, request: web.Request) -> web.StreamResponse:
        async def act(publisher: Publisher, order: Order, form: Mapping[str, str]) -> None:
            order.refuse_when_closed()
            order.set_details(read_details(order, form))
            await self.desk.settle(publisher, order)

        return await self.post(request, "details", act)

    async def assign(self, request: web.Request) -> web.StreamResponse:
        async def act(publisher: Publisher, order: Order, form: Mapping[str, str]) -> None:
            if "count" in form:
                order.assign_up_to(read_count(order, form["count"]))
            else:
                order.assign(read_people(order, form))
            if "all" in form:
                order.assign_up_to(order.quantity or 0)
            await self.desk.settle(publisher, order)

        return await self.post(request, "licences", act)

    async def confirm(self, request: web.Request) -> web.StreamResponse:
        async def act(publisher: Publisher, order: Order, form: Mapping[str, str]) -> None:
            await self.desk.confirm(publisher, order)

        return await self.post(request, "confirm", act)

    async def decide(self, request: web.Request) -> web.StreamResponse:
        async def act(publisher: Publisher, order: Order, form: Mapping[str, str]) -> None:
            await self.desk.decide(publisher, order, form.get("decision") == "accept", form.get("reason", "")[:LONGEST])

        return await self.post(request, "changes", act)

    async def resize(self, request: web.Request) -> web.StreamResponse:
        async def act(publisher: Publisher, order: Order, form: Mapping[str, str]) -> None:
            order.refuse_when_closed()
            order.resize(read_quantity(form.get("quantity", "")))
            await self.desk.settle(publisher, order)

        return await self.post(request, "resize", act)

    async def post(self, request: web.Request, step: str, act: Act) -> web.StreamResponse:
        """Do what a form asks and go back to the order; or say on the same page why not, keeping what was typed."""
        form = {key: value.strip() for key, value in (await request.post()).items() if isinstance(value, str)}
        try:
            publisher, order = await self.find(request, form.get("k") or request.query.get("k", ""))
        except NotYours:
            return stranger(self.publisher(request))
        try:
            await act(publisher, order, form)
        except Refusal as refusal:
            shown = pages.Form(str(refusal), refusal.field, form)
            return page(pages.order_page(publisher, order, None, shown), status=400 if refusal.field else 409)
        return redirect(order, done=step)

    def publisher(self, request: web.Request) -> Publisher:
        publisher = self.desk.directory.all().get(request.match_info["slug"])
        if publisher is None:
            raise web.HTTPNotFound
        return publisher

    async def find(self, request: web.Request, key: str) -> tuple[Publisher, Order]:
        """Raises NotYours; an order that does not exist and a wrong key look alike."""
        publisher = self.publisher(request)
        order = self.desk.store.get(publisher.slug, request.match_info["id"])
        if order is None or not secrets.compare_digest(order.key.encode(), key.encode()):
            raise NotYours
        await self.desk.settle(publisher, order)
        return publisher, order


def read_details(order: Order, form: Mapping[str, str]) -> dict[str, str]:
    """Raises Refusal naming the first field that is missing or cannot be right."""
    names = ["company", "email"] + ["vat_number"] * personality_of(order.offer_id).asks_for_vat
    for name in names:
        if not form.get(name):
            raise Refusal(f"Enter the {LABELS[name]}.", name)
        if len(form[name]) > LONGEST:
            raise Refusal(f"The {LABELS[name]} is longer than {LONGEST} characters.", name)
    return {name: form[name] if name != "email" else read_email(form[name], "email") for name in names}


def read_email(value: str, field: str) -> str:
    if len(value) > LONGEST or not EMAIL.fullmatch(value):
        raise Refusal(f"“{value[:80]}” is not an e-mail address.", field)
    return value.lower()


def read_count(order: Order, value: str) -> int:
    if not value.isdecimal() or not 1 <= int(value) <= (order.quantity or 0):
        raise Refusal(f"“{value[:20]}” is not a number of licences between 1 and {order.quantity or 0}.")
    return int(value)


def read_quantity(value: str) -> int:
    if not value.isdecimal() or not 1 <= int(value[:9]) <= MOST_LICENCES:
        raise Refusal(f"“{value[:20]}” is not a number of licences between 1 and {MOST_LICENCES}.", "quantity")
    return int(value)


def read_people(order: Order, form: Mapping[str, str]) -> dict[int, str]:
    """Who gets which licence: the one row whose button was pressed, or every address that was typed over."""
    if "seat" in form:
        number = int(form["seat"]) if form["seat"].isdecimal() else 0
        name = f"email-{number}"
        return {number: read_email(form.get(name) or form.get("email") or order.suggested_user(number), name)}
    people = {
        number: read_email(form[f"email-{number}"], f"email-{number}")
        for number, seat in enumerate(order.seats or [], start=1)
        if seat is None and form.get(f"email-{number}", "") not in ("", order.suggested_user(number))
    }
    if not people and "all" not in form:
        raise Refusal("No address was typed. Press Assign beside the licence that you mean.")
    return people


async def stylesheet(request: web.Request) -> web.StreamResponse:
    return web.FileResponse(STATIC / "site.css", headers={"Cache-Control": "no-cache"})


def page(text: str, status: int = 200) -> web.Response:
    return web.Response(text=text, status=status, content_type="text/html", headers=HEADERS)


def redirect(order: Order, done: str | None = None) -> web.Response:
    location = f"/{order.slug}/orders/{order.id}?k={order.key}" + (f"&did={done}#{done}" if done else "")
    return web.Response(status=303, headers=HEADERS | {"Location": location})


def refused_link(publisher: Publisher, status: int) -> web.Response:
    sentences = ["It may have expired: a link is good for 24 hours. Ask your partner for a fresh link."]
    if status == 403:
        sentences = [f"It does not belong to an order with {publisher.name}. Ask your partner for the right link."]
    text = pages.notice(publisher.name, "This link does not open an order", sentences)
    return page(text, status if 400 <= status < 500 else 400)


def stranger(publisher: Publisher) -> web.Response:
    sentences = ["Open the link that your partner gave you, or ask your partner for a fresh one."]
    return page(pages.notice(publisher.name, "We cannot show you this order", sentences), 403)


def unavailable(publisher: Publisher) -> web.Response:
    sentences = ["The marketplace that sold it did not answer us. Open the same link again in a minute."]
    return page(pages.notice(publisher.name, "We cannot look your order up now", sentences), 502)
