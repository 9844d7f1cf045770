"""A publisher written from spec/fulfillment-v2.md alone: its own program, with nothing of the hub's or the demo's code.

It sells by either adapter: called by webhook and calling activate, or asked by the marketplace. It trusts nobody: a
caller proves itself by a signed token, a notice is read again at the marketplace before anything is done.
"""

import asyncio
import contextlib
import json
import threading
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar
from uuid import uuid4

from aiohttp import web

from tests.scenarios.independent.book import ENDED, PENDING, SUBSCRIBED, Account, Deed, Mind
from tests.scenarios.independent.marketplace import API_VERSION, SUBSCRIPTIONS, Answer, Marketplace, Unavailable
from tests.scenarios.independent.signature import NotTheMarketplace, check

T = TypeVar("T")
PUSH, POLL = "saas_v2_push", "saas_v2_poll"
AGAIN_SECONDS = 0.3
PATIENCE = 30
KNOWN = ("ChangePlan", "ChangeQuantity", "Suspend", "Reinstate", "Renew", "Unsubscribe")
OPEN = ("NotStarted", "InProgress")
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Publisher:
    """Runs on a thread of its own while `open_for_business`. `address` is where others find it."""

    def __init__(self, port: int, address: str, adapter: str) -> None:
        self.port, self.address, self.adapter = port, address, adapter
        self.accounts: dict[str, Account] = {}
        self.heard: Counter[str] = Counter()
        self.turned_away: list[str] = []
        self.mind = Mind.AGREES
        self.marketplace: Marketplace
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._chores: set[asyncio.Task[None]] = set()
        self._one_at_a_time: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    def sign_up(self, marketplace: str, registration: dict[str, Any]) -> None:
        """Take in what the marketplace's operator handed back."""
        names = ("tenant_id", "client_id", "client_secret")

        async def make() -> Marketplace:
            return Marketplace(marketplace, *(registration[name] for name in names))

        self.marketplace = self.run(make())

    def document(self, offer: str = "planner") -> dict[str, Any]:
        """What its people hand to the marketplace's operator."""
        return {
            "name": f"The makers of {offer}",
            "adapter": self.adapter,
            "fulfillment_base_url": self.address,
            "landing_url": f"{self.address}/welcome",
            "webhook_url": f"{self.address}/webhook" if self.adapter == PUSH else "",
            "offers": [{"offer_id": offer, "title": offer.title(), "plans": [plan("standard"), plan("premium")]}],
            "policies": {"cancel_within": "P60D"},
        }

    def run(self, act: Coroutine[Any, Any, T]) -> T:
        """Let the publisher do something now, and wait for it."""
        return asyncio.run_coroutine_threadsafe(act, self._loop).result(PATIENCE)

    def routes(self) -> list[web.RouteDef]:
        one = SUBSCRIPTIONS + "/{id}"
        return [
            web.get("/welcome", self.polite(self.welcome)),
            web.post("/webhook", self.proven(self.webhook)),
            web.get(one, self.proven(self.show)),
            web.patch(one, self.proven(self.change)),
            web.delete(one, self.proven(self.end)),
            web.get(one + "/operations", self.proven(self.list_open)),
            web.get(one + "/operations/{operation}", self.proven(self.show_operation)),
        ]

    # What customers do

    async def welcome(self, request: web.Request) -> web.StreamResponse:
        """The landing page: whoever opens it has bought something, and gets it set up at once."""
        answer = await self.marketplace.resolve(request.query["token"])
        if answer.status != 200:
            return web.json_response(answer.body, status=answer.status)
        found = answer.body
        account = Account(found["id"], found["planId"], found.get("quantity"), mind=self.mind)
        account = self.accounts.setdefault(account.id, account)
        account.status = found["subscription"]["saasSubscriptionStatus"]
        if account.status == PENDING:
            await self.set_up(account)
        return web.json_response({"id": account.id, "status": account.status})

    async def set_up(self, account: Account) -> None:
        if self.adapter == PUSH:
            self.see_to(self.activate(account))
        else:
            account.status = SUBSCRIBED

    async def activate(self, account: Account) -> None:
        answer = await self.insist(lambda: self.marketplace.activate(account.id, account.plan, account.quantity))
        if answer.status == 200 and account.status == PENDING:
            account.copy((await self.insist(lambda: self.marketplace.subscription(account.id))).body)

    # What the marketplace tells

    async def webhook(self, request: web.Request) -> web.StreamResponse:
        notice = await request.json()
        self.heard[notice["action"]] += 1
        account = self.accounts.get(notice["subscriptionId"])
        if account is None or notice["action"] not in KNOWN:
            return web.json_response({})
        async with self._one_at_a_time[notice["id"]]:
            return await self.act_on(account, notice)

    async def act_on(self, account: Account, notice: dict[str, Any]) -> web.StreamResponse:
        """At least once, in no order: what the notice says is looked up before it is believed (section 8)."""
        known = account.deeds.get(notice["id"])
        if known is not None and known.status != "InProgress":
            return self.answered(account, known)
        asked = await self.marketplace.operation(account.id, notice["id"])
        if asked.status != 200 or asked.body["action"] != notice["action"]:
            return refusal(404, "The marketplace knows of no such operation.")
        if not notice["action"].startswith("Change"):
            self.see_to(self.catch_up(account, notice["id"]))
            return web.json_response({})
        deed = account.deeds.setdefault(notice["id"], deed_of(asked.body))
        if asked.body["status"] in OPEN:
            await self.decide(account, deed)
        else:
            account.finish(deed, agreed=asked.body["status"] == "Succeeded")
        return self.answered(account, deed)

    async def decide(self, account: Account, deed: Deed) -> None:
        match account.mind:
            case Mind.AGREES:
                await self.say(account, deed, "Success")
            case Mind.DECLINES:
                account.finish(deed, agreed=False)
            case Mind.REFUSES:
                self.see_to(self.say_at_last(account, deed, "Failure"))
            case Mind.KEEPS_SILENT:
                self.see_to(self.learn(account, deed))

    async def say(self, account: Account, deed: Deed, word: str) -> None:
        """Our word on a change. 409: it was decided before, and the marketplace's word stands."""
        said = await self.marketplace.say(account.id, deed.id, word)
        if said.status == 200:
            account.finish(deed, agreed=word == "Success")
        else:
            await self.learn(account, deed)

    async def say_at_last(self, account: Account, deed: Deed, word: str) -> None:
        while deed.status == "InProgress":
            with contextlib.suppress(Unavailable):
                return await self.say(account, deed, word)
            await asyncio.sleep(AGAIN_SECONDS)

    async def learn(self, account: Account, deed: Deed) -> None:
        """Ask until the marketplace has made up its mind."""
        while deed.status == "InProgress":
            with contextlib.suppress(Unavailable):
                status = (await self.marketplace.operation(account.id, deed.id)).body["status"]
                if status not in OPEN:
                    account.finish(deed, agreed=status == "Succeeded")
            await asyncio.sleep(AGAIN_SECONDS)

    async def catch_up(self, account: Account, operation: str) -> None:
        """Take over what was done there, once it is done."""
        while (await self.insist(lambda: self.marketplace.operation(account.id, operation))).body["status"] in OPEN:
            await asyncio.sleep(AGAIN_SECONDS)
        account.copy((await self.insist(lambda: self.marketplace.subscription(account.id))).body)

    def answered(self, account: Account, deed: Deed) -> web.StreamResponse:
        if deed.status == "Failed" and account.mind == Mind.DECLINES:
            return refusal(400, "We have no more of these.")
        return web.json_response({})

    # What the marketplace asks

    async def show(self, request: web.Request) -> web.StreamResponse:
        return web.json_response(self.account(request).shape())

    async def change(self, request: web.Request) -> web.StreamResponse:
        account, body = self.account(request), await request.json()
        plan, quantity = body.get("planId"), body.get("quantity")
        if account.status != SUBSCRIBED or (plan is None) == (quantity is None) or account.open_deed:
            return refusal(400, "This cannot be changed now.")
        if plan == account.plan or quantity == account.quantity:
            return refusal(400, "That is what it is.")
        if account.mind == Mind.DECLINES:
            return refusal(400, "We have no more of these.")
        deed = Deed(str(uuid4()), "ChangePlan" if plan else "ChangeQuantity", plan, quantity)
        return self.take_up(account, deed, agreed=account.mind != Mind.REFUSES)

    async def end(self, request: web.Request) -> web.StreamResponse:
        account = self.account(request)
        if account.status == ENDED:
            return refusal(400, "It has ended.")
        account.status = ENDED
        return self.take_up(account, Deed(str(uuid4()), "Unsubscribe"), agreed=True)

    def take_up(self, account: Account, deed: Deed, *, agreed: bool) -> web.StreamResponse:
        account.deeds[deed.id] = deed
        account.finish(deed, agreed=agreed)
        where = f"{self.address}{SUBSCRIPTIONS}/{account.id}/operations/{deed.id}?api-version={API_VERSION}"
        return web.Response(status=202, headers={"Operation-Location": where, "Operation-Id": deed.id})

    async def list_open(self, request: web.Request) -> web.StreamResponse:
        deed = self.account(request).open_deed
        return web.json_response({"operations": [shape_of(deed, request.match_info["id"])] if deed else []})

    async def show_operation(self, request: web.Request) -> web.StreamResponse:
        deed = self.account(request).deeds.get(request.match_info["operation"])
        if deed is None:
            return refusal(404, "No such operation.")
        return web.json_response(shape_of(deed, request.match_info["id"]))

    def account(self, request: web.Request) -> Account:
        account = self.accounts.get(request.match_info["id"])
        if account is None:
            raise web.HTTPNotFound
        return account

    # The door, and the thread behind it

    def polite(self, handler: Handler) -> Handler:
        """Ask the caller to come again when the marketplace could not be reached."""

        async def enter(request: web.Request) -> web.StreamResponse:
            try:
                return await handler(request)
            except Unavailable:
                return refusal(503, "We could not reach the marketplace.")

        return enter

    def proven(self, handler: Handler) -> Handler:
        """Let in whoever shows a token that the marketplace signed for us."""

        async def enter(request: web.Request) -> web.StreamResponse:
            try:
                await self.prove(request.headers.get("authorization", ""))
            except NotTheMarketplace as stranger:
                self.turned_away.append(str(stranger))
                return refusal(stranger.status, str(stranger))
            return await handler(request)

        return self.polite(enter)

    async def prove(self, authorization: str) -> None:
        for anew in (False, True):
            issuer, keys = await self.marketplace.keys(anew=anew)
            claimed = {"aud": self.marketplace.client, "tid": self.marketplace.tenant, "iss": issuer}
            try:
                check(authorization, keys, claimed)
                return
            except NotTheMarketplace:
                if anew:
                    raise

    async def insist(self, call: Callable[[], Awaitable[Answer]]) -> Answer:
        """Try until it is answered."""
        while True:
            with contextlib.suppress(Unavailable):
                return await call()
            await asyncio.sleep(AGAIN_SECONDS)

    def see_to(self, chore: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(chore)
        self._chores.add(task)
        task.add_done_callback(self._chores.discard)

    async def serve(self, ready: threading.Event) -> None:
        app = web.Application()
        app.add_routes(self.routes())
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", self.port).start()
        ready.set()
        await self._stop.wait()
        for chore in self._chores:
            chore.cancel()
        await runner.cleanup()
        await self.marketplace.close()


@contextmanager
def open_for_business(port: int, adapter: str, address: str = "") -> Iterator[Publisher]:
    publisher, ready = Publisher(port, address or f"http://127.0.0.1:{port}", adapter), threading.Event()
    loop = publisher._loop
    thread = threading.Thread(target=loop.run_until_complete, args=[publisher.serve(ready)])
    thread.start()
    assert ready.wait(PATIENCE)
    try:
        yield publisher
    finally:
        loop.call_soon_threadsafe(publisher._stop.set)
        thread.join(PATIENCE)
        loop.close()


def plan(plan_id: str) -> dict[str, Any]:
    term = {"term": "P1M", "billing_cycle": "monthly", "prices": {"EUR": "10.00" if plan_id == "standard" else "16.00"}}
    seats = {"pricing": "per_user", "min_quantity": 1, "max_quantity": 500}
    return {"plan_id": plan_id, "title": plan_id.title(), **seats, "terms": [term]}


def deed_of(operation: dict[str, Any]) -> Deed:
    action = operation["action"]
    plan = operation["planId"] if action == "ChangePlan" else None
    return Deed(operation["id"], action, plan, operation["quantity"] if action == "ChangeQuantity" else None)


def shape_of(deed: Deed, subscription: str) -> dict[str, Any]:
    shape = {"id": deed.id, "activityId": deed.id, "subscriptionId": subscription, "action": deed.action}
    more = {"planId": deed.plan, "quantity": deed.quantity}
    return shape | {"status": deed.status} | {name: value for name, value in more.items() if value is not None}


def refusal(status: int, message: str) -> web.Response:
    body = json.dumps({"code": "BadRequest", "message": message})
    return web.Response(status=status, text=body, content_type="application/json")
