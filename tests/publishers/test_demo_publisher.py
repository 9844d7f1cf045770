"""The demo publisher over real HTTP, in its own process, with a tiny hub of ours as its peer."""

from __future__ import annotations

import asyncio
import http.client
import json
import random
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit
from uuid import uuid4

import jwt
import pytest
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import rsa

ROOT = Path(__file__).parents[2]
VERSION = "api-version=2018-08-31"
SLUGS = {"northwind-sign": "saas_v2_poll", "contoso-desk": "saas_v2_push", "both-cloud": "both"}
TENANT = "11111111-2222-3333-4444-555555555555"
SECRET = "a-client-secret-nobody-may-see"
MARKETPLACE = "20e940b3-4c77-4b0b-9a53-9e16a1b010a7"
STEP = 0.4
DETAILS = {"company": "Fabrikam", "email": "Anna@fabrikam.example"}


@dataclass
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def text(self) -> str:
        return self.body.decode()


@dataclass
class FakeHub:
    """Knows what each token stands for, and notes who activated what."""

    port: int
    purchases: dict[str, dict[str, Any]] = field(default_factory=dict)
    activated: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    activate_answers: list[int] = field(default_factory=list)
    signed_in: list[dict[str, str]] = field(default_factory=list)
    decided: dict[str, str] = field(default_factory=dict)
    words: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    shown: list[str] = field(default_factory=list)
    key: rsa.RSAPrivateKey | None = None

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_post("/{tenant}/oauth2/token", self.token)
        app.router.add_get("/{tenant}/discovery/keys", self.keys)
        app.router.add_post("/api/saas/subscriptions/resolve", self.resolve)
        app.router.add_post("/api/saas/subscriptions/{id}/activate", self.activate)
        app.router.add_get("/api/saas/subscriptions/{id}", self.subscription)
        app.router.add_get("/api/saas/subscriptions/{id}/operations/{operation}", self.operation)
        app.router.add_patch("/api/saas/subscriptions/{id}/operations/{operation}", self.acknowledge)
        return app

    async def token(self, request: web.Request) -> web.Response:
        form = dict(await request.post())
        self.signed_in.append(form)
        return web.json_response(
            {"token_type": "Bearer", "expires_in": "3600", "access_token": f"for-{form['client_id']}"}
        )

    async def keys(self, request: web.Request) -> web.Response:
        if self.key is None:
            return web.Response(status=404)
        jwk = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self.key.public_key()))
        return web.json_response({"keys": [jwk | {"kid": "1", "use": "sig", "alg": "RS256"}]})

    async def resolve(self, request: web.Request) -> web.Response:
        assert request.query_string == VERSION
        purchase = self.purchases.get(request.headers["x-ms-marketplace-token"])
        if purchase is None:
            return web.json_response({"code": "InvalidValue", "message": "expired"}, status=400)
        if request.headers["authorization"] != f"Bearer for-{purchase['owner']}":
            return web.json_response("not yours", status=403)
        return web.json_response({key: value for key, value in purchase.items() if key != "owner"})

    async def activate(self, request: web.Request) -> web.Response:
        self.activated.append((request.match_info["id"], await request.json()))
        self.shown.append(request.headers["authorization"])
        status = self.activate_answers.pop(0) if self.activate_answers else 200
        if status == 200:
            return web.Response(status=200)
        return web.json_response({"code": "BadRequest", "message": "the order is frozen"}, status=status)

    async def subscription(self, request: web.Request) -> web.Response:
        known = next((p for p in self.purchases.values() if p["id"] == request.match_info["id"]), None)
        if known is None:
            return web.json_response({"code": "EntityNotFound", "message": "unknown"}, status=404)
        shape = {name: known[name] for name in ("offerId", "planId", "quantity") if name in known}
        return web.json_response(known["subscription"] | shape | {"name": known["subscriptionName"]})

    async def operation(self, request: web.Request) -> web.Response:
        status = self.decided.get(request.match_info["operation"], "InProgress")
        return web.json_response({"id": request.match_info["operation"], "status": status})

    async def acknowledge(self, request: web.Request) -> web.Response:
        operation, body = request.match_info["operation"], await request.json()
        self.words.append((operation, body))
        if self.decided.get(operation, "InProgress") != "InProgress":
            return web.json_response({"message": "already final"}, status=409)
        self.decided[operation] = "Succeeded" if body["status"] == "Success" else "Failed"
        return web.Response(status=200)

    def sell(
        self, slug: str, offer: str, quantity: int | None = 7, status: str = "PendingFulfillmentStart"
    ) -> tuple[str, str]:
        """A purchase token and the subscription id behind it."""
        token, subscription = f"token-{uuid4()}", str(uuid4())
        purchase: dict[str, Any] = {
            "owner": f"client-{slug}",
            "id": subscription,
            "subscriptionName": f"Fabrikam's {offer}",
            "offerId": offer,
            "planId": "gold",
            "quantity": quantity,
            "subscription": {
                "id": subscription,
                "publisherId": slug,
                "saasSubscriptionStatus": status,
                "beneficiary": {"emailId": "boss@fabrikam.example", "tenantId": TENANT},
                "purchaser": {"emailId": "agent@partner.example", "tenantId": TENANT},
                "term": {"termUnit": "P1Y"},
            },
        }
        self.purchases[token] = {key: value for key, value in purchase.items() if value is not None}
        return token, subscription

    def sign(self, audience: str, key: rsa.RSAPrivateKey | None = None, life: int = 300, tenant: str = TENANT) -> str:
        expires = int(time.time()) + life  # noqa: TID251 - two strangers agree on the time of day, not on the hub's
        claims = {"aud": audience, "exp": expires, "tid": tenant, "appid": MARKETPLACE}
        return jwt.encode(claims, key or self.key, algorithm="RS256", headers={"kid": "1"})


class Vendor:
    """The demo publisher as a process, and a person or hub talking to it."""

    def __init__(self, hub: FakeHub, folder: Path, *arguments: str, config: bool = True) -> None:
        self.hub, self.folder, self.port = hub, folder, free_port()
        self.arguments, self.output = arguments, ""
        if config:
            self.write_config()
        self.start()

    def write_config(self) -> None:
        rows = [
            {
                "id": slug,
                "name": slug.replace("-", " ").title(),
                "adapter": adapter,
                "tenant_id": TENANT,
                "client_id": f"client-{slug}",
                "client_secret": SECRET,
                "landing_url": f"http://127.0.0.1:{self.port}/{slug}/landing",
                "webhook_url": f"http://127.0.0.1:{self.port}/{slug}/webhook",
            }
            for slug, adapter in SLUGS.items()
        ]
        (self.folder / "demo.json").write_text(json.dumps({"publishers": rows}))

    def start(self) -> None:
        command = [
            sys.executable,
            "-m",
            "publishers.demo",
            "--port",
            str(self.port),
            "--hub",
            f"http://127.0.0.1:{self.hub.port}",
        ]
        command += ["--data", str(self.folder / "data"), "--config", str(self.folder / "demo.json"), *self.arguments]
        self.process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        wait_for(self.is_up, 20)

    def is_up(self) -> bool:
        assert self.process.poll() is None, self.process.communicate()[0]
        try:
            return self.call("GET", "/health").status == 200
        except OSError:
            return False

    def stop(self) -> int:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        self.output += self.process.communicate(timeout=10)[0] or ""
        return self.process.returncode

    def call(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None, timeout: float = 10
    ) -> Reply:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            return Reply(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
        finally:
            connection.close()

    def open(self, slug: str, offer: str, quantity: int | None = 7) -> Customer:
        token, subscription = self.hub.sell(slug, offer, quantity)
        return self.land(slug, token, subscription)

    def notify_about(
        self, subscription: str, action: str, operation: str | None = None, token: str | None = None, **members: Any
    ) -> Reply:
        """What the hub posts to the webhook of contoso-desk."""
        notice = {"id": operation or str(uuid4()), "subscriptionId": subscription, "action": action, "planId": "gold"}
        headers = {"authorization": f"Bearer {token}"} if token else {}
        return self.call("POST", "/contoso-desk/webhook", json.dumps(notice | members), headers)

    def notify(self, order: Customer, action: str, operation: str | None = None, **members: Any) -> Reply:
        return self.notify_about(order.id, action, operation, **members)

    def tell(self, order: Customer, action: str, operation: str | None = None, **members: Any) -> str:
        """A notice that is answered 200; returns the operation's id."""
        operation = operation or str(uuid4())
        assert self.notify(order, action, operation, **members).status == 200
        return operation

    def land(self, slug: str, token: str, subscription: str) -> Customer:
        reply = self.call("GET", f"/{slug}/landing?token={token}")
        assert reply.status == 303
        assert "token" not in reply.headers["location"]
        return Customer(self, slug, subscription, reply.headers["location"])

    def ask(self, slug: str, path: str, method: str = "GET", body: Any = None, **headers: str) -> Reply:
        sent = None if body is None else json.dumps(body)
        return self.call(method, f"/{slug}/api/saas/subscriptions/{path}?{VERSION}", sent, headers)


@dataclass
class Customer:
    """A person in front of the order page."""

    vendor: Vendor
    slug: str
    id: str
    location: str

    @property
    def key(self) -> str:
        return parse_qs(urlsplit(self.location).query)["k"][0]

    def page(self) -> str:
        reply = self.vendor.call("GET", self.location)
        assert reply.status == 200
        return reply.text

    def press(self, name: str, **fields: str) -> Reply:
        body = urlencode({"k": self.key, **fields})
        headers = {"content-type": "application/x-www-form-urlencoded"}
        return self.vendor.call("POST", f"/{self.slug}/orders/{self.id}/{name}", body, headers)

    def status(self) -> Any:
        return self.vendor.ask(self.slug, self.id).json

    def told(self) -> tuple[str, int]:
        shape = self.status()
        return shape["saasSubscriptionStatus"], shape["assignedQuantity"]


def free_port() -> int:
    while True:
        port = random.randint(20000, 31999)
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return port


def wait_for(condition: Callable[[], bool], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


@pytest.fixture(scope="module")
def shared_hub() -> Iterator[FakeHub]:
    hub, loop, ready = FakeHub(free_port()), asyncio.new_event_loop(), threading.Event()

    async def serve() -> web.AppRunner:
        runner = web.AppRunner(hub.app(), shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", hub.port).start()
        return runner

    def run() -> None:
        runner = loop.run_until_complete(serve())
        ready.set()
        loop.run_forever()
        loop.run_until_complete(runner.cleanup())
        loop.close()

    thread = threading.Thread(target=run)
    thread.start()
    assert ready.wait(10)
    yield hub
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)


@pytest.fixture
def hub(shared_hub: FakeHub) -> FakeHub:
    shared_hub.activated.clear()
    shared_hub.activate_answers.clear()
    shared_hub.decided.clear()
    shared_hub.words.clear()
    shared_hub.shown.clear()
    shared_hub.key = None
    return shared_hub


@pytest.fixture(scope="module")
def shared_vendor(shared_hub: FakeHub, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Vendor]:
    arguments = ("--slow-seconds", str(STEP), "--no-verify-hub")
    vendor = Vendor(shared_hub, tmp_path_factory.mktemp("vendor"), *arguments)
    yield vendor
    assert vendor.stop() == 0
    assert_is_discreet(vendor)


@pytest.fixture
def vendor(shared_vendor: Vendor, hub: FakeHub) -> Vendor:
    return shared_vendor


@pytest.fixture
def start(hub: FakeHub, tmp_path: Path) -> Iterator[Callable[..., Vendor]]:
    """Starts further vendors, each on its own data."""
    started: list[Vendor] = []

    def start_vendor(*arguments: str, config: bool = True) -> Vendor:
        started.append(Vendor(hub, tmp_path, *arguments, config=config))
        return started[-1]

    yield start_vendor
    for vendor in started:
        vendor.stop()


def assert_is_discreet(vendor: Vendor) -> None:
    assert "was opened" in vendor.output
    assert re.search(r"token-|k=|Bearer|for-client", vendor.output) is None
    assert SECRET not in vendor.output
    assert "Traceback" not in vendor.output


# A person at the order page


def test_a_person_sets_everything_up_by_hand(vendor: Vendor) -> None:
    order = vendor.open("northwind-sign", "sign")
    assert order.told() == ("PendingFulfillmentStart", 0)
    assert '<html lang="en">' in order.page()

    assert order.press("confirm").status == 409
    assert order.press("details", **DETAILS).status == 303
    assert order.press("assign", seat="3", email="Jan@fabrikam.example").status == 303
    assert "jan@fabrikam.example" in order.page()
    assert "it will read: Subscribed, 1 of 7 licences assigned" in order.page()
    assert order.press("assign", count="4").status == 303
    assert order.told() == ("PendingFulfillmentStart", 4)

    assert order.press("confirm").status == 303
    assert order.told() == ("Subscribed", 4)
    assert order.press("assign", all="1").status == 303
    assert order.told() == ("Subscribed", 7)


def test_the_status_has_the_marketplace_shape(vendor: Vendor) -> None:
    order = vendor.open("northwind-sign", "sign", quantity=2)

    assert order.status() == {
        "id": order.id,
        "publisherId": "northwind-sign",
        "offerId": "sign",
        "planId": "gold",
        "name": "Fabrikam's sign",
        "quantity": 2,
        "assignedQuantity": 0,
        "saasSubscriptionStatus": "PendingFulfillmentStart",
        "beneficiary": {"emailId": "boss@fabrikam.example", "tenantId": TENANT},
        "purchaser": {"emailId": "agent@partner.example", "tenantId": TENANT},
        "term": {"termUnit": "P1Y"},
    }


def test_licences_are_changed_by_hand_past_the_marketplace(vendor: Vendor) -> None:
    order = ready(vendor.open("northwind-sign", "sign"))

    refused, done = order.press("resize", quantity="0"), order.press("resize", quantity="9")

    assert (refused.status, done.status) == (400, 303)
    assert (order.status()["quantity"], *order.told()) == (9, "Subscribed", 7)
    assert "The marketplace was told nothing." in vendor.call("GET", f"{order.location}&did=resize").text


def test_a_flat_plan_has_no_licences_to_assign(vendor: Vendor) -> None:
    order = vendor.open("northwind-sign", "sign", quantity=None)
    order.press("details", **DETAILS)
    order.press("confirm")

    status = order.status()
    assert status["saasSubscriptionStatus"] == "Subscribed"
    assert {"quantity", "assignedQuantity"} & set(status) == set()


@pytest.mark.parametrize(
    ("name", "fields", "sentence"),
    [
        ("details", {"company": "", "email": "a@b.example"}, "Enter the company display name."),
        ("details", {"company": "Fabrikam", "email": "nobody"}, "“nobody” is not an e-mail address."),
        ("assign", {"seat": "1", "email": "no one@b.example"}, "“no one@b.example” is not an e-mail address."),
        ("assign", {"seat": "2", "email": "first@b.example"}, "first@b.example already has licence 1."),
        ("assign", {"seat": "8"}, "This order has no licence number 8."),
        ("assign", {"count": "9"}, "“9” is not a number of licences between 1 and 7."),
        ("assign", {}, "No address was typed."),
    ],
)
def test_bad_input_is_refused_and_changes_nothing(
    vendor: Vendor, name: str, fields: dict[str, str], sentence: str
) -> None:
    order = vendor.open("northwind-sign", "sign")
    order.press("assign", seat="1", email="first@b.example")
    before = order.status()

    reply = order.press(name, **fields)

    assert reply.status in (400, 409)
    assert sentence in reply.text
    assert "<title>Error: " in reply.text
    assert order.status() == before


def test_typed_addresses_are_assigned_together_and_escaped(vendor: Vendor) -> None:
    order = vendor.open("northwind-sign", "sign", quantity=3)
    fields = {
        "email-1": "user1@fabrikam.example",
        "email-2": "<b>@x.example",
        "email-3": "eve&co@x.example",
        "typed": "1",
    }
    reply = order.press("assign", **fields)
    assert (reply.status, "<b>@x" in reply.text, "&lt;b&gt;@x" in reply.text) == (400, False, True)

    order.press("assign", **fields | {"email-2": ""})

    assert order.told() == ("PendingFulfillmentStart", 1)
    assert "eve&amp;co@x.example" in order.page()


def test_the_order_page_needs_its_key(vendor: Vendor) -> None:
    order = vendor.open("northwind-sign", "sign")
    path = f"/northwind-sign/orders/{order.id}"

    assert vendor.call("GET", path).status == 403
    assert vendor.call("GET", f"{path}?k=guess").status == 403
    assert vendor.call("GET", f"/northwind-sign/orders/{uuid4()}?k={order.key}").status == 403
    assert vendor.call("GET", f"/contoso-desk/orders/{order.id}?k={order.key}").status == 403
    assert (
        vendor.call("POST", f"{path}/confirm", "k=guess", {"content-type": "application/x-www-form-urlencoded"}).status
        == 403
    )


def test_pages_are_kept_private(vendor: Vendor) -> None:
    order = vendor.open("northwind-sign", "sign")
    headers = vendor.call("GET", order.location).headers

    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-store"
    assert headers["content-security-policy"].startswith("default-src 'none'; style-src 'self'")


# The landing page


def test_a_link_that_expired_or_is_not_ours_gets_a_friendly_refusal(vendor: Vendor, hub: FakeHub) -> None:
    foreign, _ = hub.sell("contoso-desk", "desk")

    for query, status in (("", 400), ("?token=", 400), ("?token=token-unknown", 400), (f"?token={foreign}", 403)):
        reply = vendor.call("GET", f"/northwind-sign/landing{query}")
        assert reply.status == status
        assert "This link does not open an order" in reply.text
        assert "Ask your partner" in reply.text
    assert vendor.call("GET", "/nobody/landing?token=token-x").status == 404


def test_a_hub_that_does_not_answer_is_told_apart_from_a_bad_link(start: Callable[..., Vendor]) -> None:
    vendor = start()
    vendor.hub = FakeHub(free_port())
    vendor.stop()
    vendor.start()

    reply = vendor.call("GET", "/northwind-sign/landing?token=token-1")

    assert reply.status == 502
    assert "Open the same link again" in reply.text


def test_a_scanner_does_not_open_an_order(vendor: Vendor, hub: FakeHub) -> None:
    token, subscription = hub.sell("northwind-sign", "sign--prompt")

    assert vendor.call("HEAD", f"/northwind-sign/landing?token={token}").status == 405
    assert vendor.ask("northwind-sign", subscription).status == 404


def test_a_second_visit_comes_back_to_the_same_order(vendor: Vendor, hub: FakeHub) -> None:
    token, subscription = hub.sell("northwind-sign", "sign")
    first = vendor.land("northwind-sign", token, subscription)
    first.press("assign", count="2")
    hub.purchases[token]["quantity"] = 9

    second = vendor.land("northwind-sign", token, subscription)

    assert second.key == first.key
    assert (second.status()["quantity"], second.told()) == (9, ("PendingFulfillmentStart", 2))


def test_an_order_the_marketplace_already_runs_is_taken_over(vendor: Vendor, hub: FakeHub) -> None:
    token, subscription = hub.sell("northwind-sign", "sign", status="Subscribed")
    assert vendor.land("northwind-sign", token, subscription).told() == ("Subscribed", 7)

    hub.purchases[token]["subscription"]["saasSubscriptionStatus"] = "Unsubscribed"
    assert vendor.land("northwind-sign", token, subscription).status()["saasSubscriptionStatus"] == "Unsubscribed"


def test_signing_in_uses_the_documented_client_credentials(vendor: Vendor, hub: FakeHub) -> None:
    vendor.open("northwind-sign", "sign")

    assert hub.signed_in[0] == {
        "grant_type": "client_credentials",
        "client_id": hub.signed_in[0]["client_id"],
        "client_secret": SECRET,
        "resource": MARKETPLACE,
    }


# Personalities


def test_prompt_does_everything_at_once(vendor: Vendor) -> None:
    assert vendor.open("northwind-sign", "esign--prompt").told() == ("Subscribed", 7)


def test_slow_gets_there_by_itself_step_by_step(vendor: Vendor) -> None:
    order, seen = vendor.open("northwind-sign", "backup--slow"), []
    wait_for(lambda: seen.append(order.told()) or seen[-1] == ("Subscribed", 7))

    assert seen[0] == ("PendingFulfillmentStart", 0)
    assert ("PendingFulfillmentStart", 7) in seen
    assert sorted(assigned for _, assigned in seen) == [assigned for _, assigned in seen]


def test_slow_calls_the_hub_with_nobody_watching(vendor: Vendor, hub: FakeHub) -> None:
    order = vendor.open("contoso-desk", "backup--slow")
    assert hub.activated == []

    wait_for(lambda: hub.activated != [])

    assert hub.activated == [(order.id, {"planId": "gold", "quantity": 7})]


@pytest.mark.parametrize(("bought", "assigned"), [(7, 4), (5, 4), (4, 2), (1, 0)])
def test_partial_says_subscribed_too_early(vendor: Vendor, bought: int, assigned: int) -> None:
    order = vendor.open("northwind-sign", "crm--partial", quantity=bought)
    assert order.told() == ("Subscribed", assigned)

    order.press("assign", all="1")

    assert order.told() == ("Subscribed", bought)


def test_asks_waits_for_the_answer(vendor: Vendor) -> None:
    order = vendor.open("northwind-sign", "payroll--asks")
    status = order.status()
    assert order.told() == ("PendingFulfillmentStart", 0)
    assert status["messageToPartner"] == "We need the customer's VAT number before we can set this up."
    assert "VAT number" in vendor.call("GET", status["actionUrl"].partition(str(vendor.port))[2]).text

    assert order.press("details", **DETAILS).status == 400
    assert order.press("details", **DETAILS, vat_number="PL5260001246").status == 303

    assert order.told() == ("Subscribed", 7)
    assert {"messageToPartner", "actionUrl"} & set(order.status()) == set()


def test_refuses_closes_the_order_with_a_reason(vendor: Vendor) -> None:
    order = vendor.open("northwind-sign", "vault--refuses")

    assert order.told() == ("Unsubscribed", 0)
    assert order.status()["messageToPartner"].startswith("We do not sell this product")
    assert order.press("assign", all="1").status == 409
    assert order.press("confirm").status == 409


def test_error500_answers_with_an_error(vendor: Vendor) -> None:
    order = vendor.open("northwind-sign", "meter--error500")
    reply = vendor.ask("northwind-sign", order.id)

    assert (reply.status, reply.json["code"]) == (500, "InternalServerError")


def test_garbage_answers_three_kinds_of_nonsense(vendor: Vendor) -> None:
    order = vendor.open("northwind-sign", "chat--garbage")
    page, half, word = (vendor.ask("northwind-sign", order.id) for _ in range(3))

    assert (page.status, half.status, word.status) == (200, 200, 200)
    assert page.headers["content-type"].startswith("text/html")
    with pytest.raises(json.JSONDecodeError):
        assert half.json
    assert word.json["saasSubscriptionStatus"] == "AlmostThere"


def test_silent_never_answers_but_lets_others_be_served(vendor: Vendor) -> None:
    order = vendor.open("northwind-sign", "radar--silent")

    with pytest.raises(TimeoutError):
        vendor.call("GET", f"/northwind-sign/api/saas/subscriptions/{order.id}?{VERSION}", timeout=0.5)

    assert "Fabrikam&#x27;s radar--silent" in order.page()


# Personalities that do harm


def test_drips_never_come_to_an_end(vendor: Vendor) -> None:
    order = vendor.open("northwind-sign", "esign--drips")
    with socket.create_connection(("127.0.0.1", vendor.port), timeout=5) as line:
        path = f"/northwind-sign/api/saas/subscriptions/{order.id}?{VERSION}"
        line.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        heard = b""
        while b'\r\n\r\n{"' not in heard:
            heard += line.recv(4096)

    assert heard.startswith(b"HTTP/1.1 200 OK\r\n")
    assert len(heard.partition(b"\r\n\r\n")[2]) == 2


@pytest.mark.parametrize(
    ("offer", "status", "header", "value"),
    [
        ("esign--redirects", 302, "location", "http://169.254.169.254/latest/meta-data/"),
        ("esign--throttles", 429, "retry-after", "2"),
    ],
)
def test_an_answer_that_is_none(vendor: Vendor, offer: str, status: int, header: str, value: str) -> None:
    order = vendor.open("northwind-sign", offer)

    answer = vendor.ask("northwind-sign", order.id)

    assert (answer.status, answer.headers[header]) == (status, value)


def test_a_storm_passes(vendor: Vendor) -> None:
    order = vendor.open("northwind-sign", "esign--throttles")

    wait_for(lambda: vendor.ask("northwind-sign", order.id).status == 200)

    assert order.told() == ("Subscribed", 7)


def test_wrong_words_are_wrong_both_ways(vendor: Vendor, hub: FakeHub) -> None:
    order = vendor.open("northwind-sign", "esign--wrong-words")
    called = vendor.open("contoso-desk", "desk--wrong-words")

    operation = vendor.tell(called, "ChangeQuantity", quantity=9)

    assert (order.status()["saasSubscriptionStatus"], order.status()["quantity"]) == ("Active", "many")
    assert hub.words == [(operation, {"status": "Succeeded"})]


def test_reordered_answers_are_one_question_old(vendor: Vendor) -> None:
    order = vendor.open("northwind-sign", "esign--reorders")
    before = [order.told() for _ in range(2)]

    vendor.ask("northwind-sign", order.id, "PATCH", {"quantity": 9})

    assert before == [("PendingFulfillmentStart", 7), ("Subscribed", 7)]
    assert [order.status()["quantity"] for _ in range(2)] == [7, 9]


def test_a_word_on_a_plan_is_said_before_the_answer(vendor: Vendor, hub: FakeHub) -> None:
    order = vendor.open("contoso-desk", "desk--reorders")

    operation = vendor.tell(order, "ChangePlan", planId="platinum")

    assert hub.words == [(operation, {"status": "Success"})]


def test_every_call_is_made_five_times(vendor: Vendor, hub: FakeHub) -> None:
    order = vendor.open("contoso-desk", "desk--duplicates")
    assert hub.activated == [(order.id, {"planId": "gold", "quantity": 7})] * 5
    assert order.told() == ("Subscribed", 7)

    operation = vendor.tell(order, "ChangeQuantity", quantity=9)

    assert hub.words == [(operation, {"status": "Success"})] * 5
    assert order.status()["quantity"] == 9


def test_forged_tokens_are_of_three_makes_and_none_is_the_hubs(start: Callable[..., Vendor], hub: FakeHub) -> None:
    hub.key = rsa.generate_private_key(65537, 2048)
    start("--no-verify-hub").open("contoso-desk", "desk--forges")

    made = [token.removeprefix("Bearer ") for token in hub.shown]
    headers = [jwt.get_unverified_header(token) for token in made]
    assert [(header["kid"], header["alg"]) for header in headers] == [("1", "RS256"), ("1", "none"), ("1", "HS256")]
    for token in made:
        assert jwt.decode(token, options={"verify_signature": False})["appid"] == "client-contoso-desk"
        with pytest.raises(jwt.PyJWTError):
            jwt.decode(token, hub.key.public_key(), algorithms=["RS256"], audience=MARKETPLACE)


@pytest.mark.parametrize("offer", ["desk--refuses-at-the-last-moment", "desk--too-late"])
def test_a_refusal_at_its_moment_and_not_before(start: Callable[..., Vendor], hub: FakeHub, offer: str) -> None:
    vendor = start("--no-verify-hub", "--patience-seconds", "0.7")
    order = vendor.open("contoso-desk", offer)
    before = time.monotonic()
    operation = vendor.tell(order, "ChangeQuantity", quantity=3)
    assert hub.words == []

    wait_for(lambda: hub.words != [])

    assert 0.7 <= time.monotonic() - before < 1.6
    assert hub.words == [(operation, {"status": "Failure", "errorMessage": "Not below the seats in use: 7."})]
    assert order.status()["quantity"] == 7


def test_a_late_answer_is_the_truth_all_the_same(start: Callable[..., Vendor]) -> None:
    vendor = start("--no-verify-hub", "--patience-seconds", "0.7")
    order, before = vendor.open("northwind-sign", "esign--too-late"), time.monotonic()

    assert order.told() == ("Subscribed", 7)
    assert time.monotonic() - before >= 0.7


def test_an_answer_that_the_hub_has_already_is_not_sent_again(vendor: Vendor) -> None:
    order = vendor.open("northwind-sign", "esign--prompt")
    first = vendor.ask("northwind-sign", order.id)

    again = vendor.ask("northwind-sign", order.id, **{"if-none-match": first.headers["etag"]})
    vendor.ask("northwind-sign", order.id, "PATCH", {"quantity": 9})
    changed = vendor.ask("northwind-sign", order.id, **{"if-none-match": first.headers["etag"]})

    assert (again.status, again.body) == (304, b"")
    assert (changed.status, changed.json["quantity"]) == (200, 9)


# Publishers that call the hub


def test_push_confirms_by_activate_once_every_licence_is_assigned(vendor: Vendor, hub: FakeHub) -> None:
    order = vendor.open("contoso-desk", "desk")
    order.press("details", **DETAILS)
    order.press("assign", count="4")
    refused = order.press("confirm")
    assert (refused.status, hub.activated) == (409, [])
    assert "3 of 7 are still free" in refused.text

    order.press("assign", all="1")
    order.press("confirm")
    order.press("confirm")

    assert hub.activated == [(order.id, {"planId": "gold", "quantity": 7})]
    assert "accepted our confirmation (HTTP 200)" in order.page()


def test_a_refusal_by_the_hub_is_shown_and_may_be_tried_again(vendor: Vendor, hub: FakeHub) -> None:
    hub.activate_answers[:] = [400]
    order = vendor.open("contoso-desk", "desk--prompt")
    assert "did not accept our confirmation (HTTP 400). It said: BadRequest: the order is frozen" in order.page()
    assert order.told() == ("PendingFulfillmentStart", 7)

    order.press("confirm")

    assert order.told() == ("Subscribed", 7)
    assert len(hub.activated) == 2


def test_a_failing_hub_is_asked_again_by_itself(vendor: Vendor, hub: FakeHub) -> None:
    hub.activate_answers[:] = [503]
    order = vendor.open("contoso-desk", "desk--prompt")
    assert order.told() == ("PendingFulfillmentStart", 7)

    wait_for(lambda: len(hub.activated) == 2)
    wait_for(lambda: order.told() == ("Subscribed", 7))


def test_push_partial_activates_when_the_rest_is_assigned(vendor: Vendor, hub: FakeHub) -> None:
    order = vendor.open("contoso-desk", "crm--partial")
    assert (order.told(), hub.activated) == (("PendingFulfillmentStart", 4), [])

    order.press("assign", all="1")

    assert hub.activated == [(order.id, {"planId": "gold", "quantity": 7})]


def test_both_confirms_by_activate_and_reports_licences_itself(vendor: Vendor, hub: FakeHub) -> None:
    order = vendor.open("both-cloud", "crm--partial")

    assert hub.activated == [(order.id, {"planId": "gold", "quantity": 7})]
    assert order.told() == ("Subscribed", 4)


# The API for hubs


def test_an_order_is_unknown_until_its_landing_page_was_opened(vendor: Vendor, hub: FakeHub) -> None:
    token, subscription = hub.sell("northwind-sign", "esign--prompt")
    reply = vendor.ask("northwind-sign", subscription)
    assert (reply.status, reply.json["code"]) == (404, "EntityNotFound")

    vendor.land("northwind-sign", token, subscription)
    assert vendor.ask("northwind-sign", subscription).status == 200
    assert vendor.ask("contoso-desk", subscription).status == 404


def test_the_version_is_checked_and_the_ids_come_back(vendor: Vendor) -> None:
    path = f"/northwind-sign/api/saas/subscriptions/{uuid4()}"
    sent = {"x-ms-requestid": "r-1", "x-ms-correlationid": "c-1"}
    missing, wrong = vendor.call("GET", path, headers=sent), vendor.call("GET", f"{path}?api-version=2017-04-15")

    assert (missing.status, missing.json["Error"]["Code"]) == (400, "ApiVersionUnspecified")
    assert (wrong.status, wrong.json["Error"]["Code"]) == (400, "UnsupportedApiVersion")
    assert {name: missing.headers[name] for name in sent} == sent
    assert wrong.headers["x-ms-requestid"] == wrong.headers["x-ms-correlationid"]


def test_a_quantity_change_is_an_operation(vendor: Vendor) -> None:
    order = vendor.open("northwind-sign", "esign--prompt")
    reply = vendor.ask("northwind-sign", order.id, "PATCH", {"quantity": "9"})
    location = urlsplit(reply.headers["operation-location"])

    assert (reply.status, reply.body) == (202, b"")
    assert (
        location.path == f"/northwind-sign/api/saas/subscriptions/{order.id}/operations/{reply.headers['operation-id']}"
    )
    assert location.query == VERSION
    operation = vendor.ask("northwind-sign", f"{order.id}/operations/{reply.headers['operation-id']}").json
    assert (operation["status"], operation["action"], operation["quantity"]) == ("Succeeded", "ChangeQuantity", 9)
    assert (order.status()["quantity"], order.told()) == (9, ("Subscribed", 9))


def test_a_slow_change_stays_in_progress_and_bars_others(vendor: Vendor) -> None:
    order = vendor.open("northwind-sign", "backup--slow")
    wait_for(lambda: order.told() == ("Subscribed", 7))
    operation = vendor.ask("northwind-sign", order.id, "PATCH", {"planId": "platinum"}).headers["operation-id"]

    assert vendor.ask("northwind-sign", order.id, "PATCH", {"quantity": 3}).status == 400
    assert vendor.ask("northwind-sign", order.id, "DELETE").status == 409
    assert [o["id"] for o in vendor.ask("northwind-sign", f"{order.id}/operations").json["operations"]] == [operation]
    assert order.status()["planId"] == "gold"
    wait_for(lambda: order.status()["planId"] == "platinum")
    assert vendor.ask("northwind-sign", f"{order.id}/operations").json == {"operations": []}


@pytest.mark.parametrize(
    "body", [{}, {"planId": "x", "quantity": 3}, {"planId": "gold"}, {"quantity": 7}, {"quantity": 0}, []]
)
def test_a_change_that_is_none_is_refused(vendor: Vendor, body: Any) -> None:
    order = vendor.open("northwind-sign", "esign--prompt")
    before = order.status()

    assert vendor.ask("northwind-sign", order.id, "PATCH", body).status == 400
    assert order.status() == before


def test_cancelling_is_final(vendor: Vendor) -> None:
    order = vendor.open("northwind-sign", "esign--prompt")

    assert vendor.ask("northwind-sign", order.id, "DELETE").status == 202
    assert order.told() == ("Unsubscribed", 7)
    assert vendor.ask("northwind-sign", order.id, "DELETE").status == 400
    assert vendor.ask("northwind-sign", order.id, "PATCH", {"quantity": 3}).status == 400


@pytest.mark.parametrize(
    ("offer", "quantity", "reason"),
    [
        ("forms--refuses-changes", 3, "Not below the seats in use: 7."),
        ("forms--refuses-changes", 9, "This order is frozen: our sales team has to change it."),
        ("forms--refuses-later", 3, "Not below the seats in use: 7."),
    ],
)
def test_a_change_that_is_turned_down_fails_with_its_reason(
    vendor: Vendor, offer: str, quantity: int, reason: str
) -> None:
    order = vendor.open("northwind-sign", offer)
    operation = vendor.ask("northwind-sign", order.id, "PATCH", {"quantity": quantity}).headers["operation-id"]

    wait_for(lambda: operation_of(order, operation)["status"] == "Failed")

    assert operation_of(order, operation)["errorMessage"] == reason
    assert order.status()["quantity"] == 7
    assert vendor.ask("northwind-sign", f"{order.id}/operations").json == {"operations": []}


def test_a_silent_change_stays_in_progress(vendor: Vendor) -> None:
    order = vendor.open("northwind-sign", "voice--silent-changes")
    operation = vendor.ask("northwind-sign", order.id, "PATCH", {"quantity": 9}).headers["operation-id"]

    assert (operation_of(order, operation)["status"], order.status()["quantity"]) == ("InProgress", 7)


def test_a_late_change_has_succeeded_before_it_is_seen(vendor: Vendor) -> None:
    order = vendor.open("northwind-sign", "scan--late-changes")
    operation = vendor.ask("northwind-sign", order.id, "PATCH", {"quantity": 9}).headers["operation-id"]

    assert (operation_of(order, operation)["status"], order.status()["quantity"]) == ("Succeeded", 7)
    wait_for(lambda: order.status()["quantity"] == 9)


def test_a_change_of_an_order_that_the_marketplace_runs_already_is_taken_up(vendor: Vendor, hub: FakeHub) -> None:
    _, subscription = hub.sell("northwind-sign", "forms--prompt", status="Subscribed")
    _, unopened = hub.sell("northwind-sign", "forms--prompt")
    assert vendor.ask("northwind-sign", subscription).status == 404

    assert vendor.ask("northwind-sign", subscription, "PATCH", {"quantity": 9}).status == 202
    assert vendor.ask("northwind-sign", unopened, "PATCH", {"quantity": 9}).status == 404

    assert vendor.ask("northwind-sign", subscription).json["quantity"] == 9


@pytest.mark.parametrize(("decision", "status", "quantity"), [("accept", "Succeeded", 9), ("refuse", "Failed", 7)])
def test_a_person_decides_a_change_on_the_order_page(
    start: Callable[..., Vendor], decision: str, status: str, quantity: int
) -> None:
    vendor = start("--no-verify-hub", "--patience-seconds", "60")
    order = ready(vendor.open("northwind-sign", "sign"))
    operation = vendor.ask("northwind-sign", order.id, "PATCH", {"quantity": 9}).headers["operation-id"]
    assert "9 licences instead of 7; 7 are assigned." in order.page()
    assert operation_of(order, operation)["status"] == "InProgress"

    assert order.press("changes", decision=decision, reason="Sold out.").status == 303

    decided = operation_of(order, operation)
    assert (decided["status"], order.status()["quantity"]) == (status, quantity)
    assert decided.get("errorMessage") == ("Sold out." if decision == "refuse" else None)
    assert "instead of 7" not in order.page()
    assert order.press("changes", decision="accept").status == 409


def test_what_nobody_objects_to_goes_through(vendor: Vendor, start: Callable[..., Vendor]) -> None:
    impatient = start("--no-verify-hub", "--patience-seconds", "0")
    order = ready(impatient.open("northwind-sign", "sign"))

    impatient.ask("northwind-sign", order.id, "PATCH", {"quantity": 9})

    assert order.status()["quantity"] == 9


# What the hub's webhook tells


def test_a_prompt_vendor_agrees_before_it_answers(vendor: Vendor, hub: FakeHub) -> None:
    order = vendor.open("contoso-desk", "desk--prompt")

    operation = vendor.tell(order, "ChangeQuantity", quantity=9)

    assert hub.words == [(operation, {"status": "Success"})]
    assert (order.status()["quantity"], order.told()) == (9, ("Subscribed", 9))
    assert vendor.tell(order, "ChangeQuantity", operation, quantity=9) == operation
    assert len(hub.words) == 1


def test_a_plan_change_is_agreed_to_after_the_answer(vendor: Vendor, hub: FakeHub) -> None:
    order = vendor.open("contoso-desk", "desk--prompt")

    operation = vendor.tell(order, "ChangePlan", planId="platinum")

    wait_for(lambda: hub.words == [(operation, {"status": "Success"})])
    wait_for(lambda: order.status()["planId"] == "platinum")


def test_a_vendor_that_refuses_answers_400_with_its_reason(vendor: Vendor, hub: FakeHub) -> None:
    order = vendor.open("contoso-desk", "desk--refuses-changes")

    for _ in range(2):
        assert vendor.notify(order, "ChangeQuantity", "11111111-0000-0000-0000-000000000001", quantity=3).status == 400
    reply = vendor.notify(order, "ChangeQuantity", "11111111-0000-0000-0000-000000000001", quantity=3)

    assert reply.json["message"] == "Not below the seats in use: 7."
    assert (hub.words, order.status()["quantity"]) == ([], 7)


def test_a_vendor_that_refuses_later_says_so_by_call(vendor: Vendor, hub: FakeHub) -> None:
    order = vendor.open("contoso-desk", "desk--refuses-later")

    operation = vendor.tell(order, "ChangeQuantity", quantity=3)

    word = {"status": "Failure", "errorMessage": "Not below the seats in use: 7."}
    wait_for(lambda: hub.words == [(operation, word)])
    assert order.status()["quantity"] == 7


def test_a_refusal_that_comes_too_late_is_overruled(start: Callable[..., Vendor], hub: FakeHub) -> None:
    vendor = start("--no-verify-hub", "--patience-seconds", "60")
    order = ready(vendor.open("contoso-desk", "desk"))
    operation = vendor.tell(order, "ChangeQuantity", quantity=9)
    hub.decided[operation] = "Succeeded"

    refused = order.press("changes", decision="refuse")

    assert (refused.status, order.status()["quantity"]) == (409, 9)
    assert "took our silence for a yes" in refused.text


def test_the_marketplace_suspends_reinstates_renews_and_ends(vendor: Vendor) -> None:
    order = vendor.open("contoso-desk", "desk--prompt")

    vendor.tell(order, "Suspend", quantity=7)
    assert order.told() == ("Suspended", 7)
    vendor.tell(order, "Reinstate", quantity=7)
    assert order.told() == ("Subscribed", 7)
    vendor.tell(order, "Renew", planId="silver", quantity=5)
    assert (order.status()["planId"], order.told()) == ("silver", ("Subscribed", 5))
    vendor.tell(order, "Unsubscribe", quantity=5)
    assert order.told()[0] == "Unsubscribed"


def test_a_notice_about_an_order_that_is_not_known_here(vendor: Vendor, hub: FakeHub) -> None:
    _, running = hub.sell("contoso-desk", "desk--prompt", status="Subscribed")
    stranger = str(uuid4())

    assert vendor.notify_about(stranger, "Unsubscribe", quantity=1).status == 200
    assert vendor.notify_about(stranger, "ChangeQuantity", quantity=9).status == 404
    assert vendor.notify_about(running, "ChangeQuantity", quantity=9).status == 200
    assert vendor.ask("contoso-desk", running).json["quantity"] == 9


def test_a_notice_must_be_signed_by_the_hub_for_this_vendor(start: Callable[..., Vendor], hub: FakeHub) -> None:
    hub.key = rsa.generate_private_key(65537, 2048)
    vendor = start()
    order = vendor.open("contoso-desk", "desk--prompt")

    def notify(token: str | None) -> int:
        return vendor.notify_about(order.id, "ChangeQuantity", quantity=9, token=token).status

    assert notify(None) == 401
    assert notify(hub.sign("client-both-cloud")) == 403
    assert hub.words == []
    assert notify(hub.sign("client-contoso-desk")) == 200
    assert len(hub.words) == 1


def operation_of(order: Customer, operation: str) -> Any:
    return order.vendor.ask(order.slug, f"{order.id}/operations/{operation}").json


def ready(order: Customer) -> Customer:
    """A person has assigned and confirmed everything."""
    order.press("details", **DETAILS)
    order.press("assign", all="1")
    order.press("confirm")
    return order


def test_what_the_hub_asked_is_listed_without_secrets(vendor: Vendor) -> None:
    order = vendor.open("both-cloud", "esign--prompt")
    vendor.ask("both-cloud", order.id, authorization="Bearer abc")
    body = json.dumps({"action": "Subscribe", "surprise": [1]})
    assert vendor.call("POST", "/both-cloud/webhook", body, {"authorization": "Bearer abc"}).status == 200

    entries = vendor.call("GET", "/both-cloud/requests").json[-2:]

    assert [(entry["method"], entry["path"]) for entry in entries] == [
        ("GET", f"/both-cloud/api/saas/subscriptions/{order.id}"),
        ("POST", "/both-cloud/webhook"),
    ]
    assert {frozenset(entry) for entry in entries} == {frozenset({"method", "path", "time"})}


# Who may ask


def test_only_the_hub_may_ask_when_it_publishes_its_keys(start: Callable[..., Vendor], hub: FakeHub) -> None:
    hub.key = rsa.generate_private_key(65537, 2048)
    vendor, path = start(), f"{uuid4()}"
    stranger = rsa.generate_private_key(65537, 2048)

    def ask(token: str) -> int:
        return vendor.ask("northwind-sign", path, authorization=f"Bearer {token}").status

    assert ask(hub.sign("client-northwind-sign")) == 404
    assert ask(hub.sign("client-contoso-desk")) == 403
    assert ask(hub.sign("client-northwind-sign", life=-60)) == 403
    assert ask(hub.sign("client-northwind-sign", tenant=str(uuid4()))) == 403
    assert ask(hub.sign("client-northwind-sign", stranger)) == 403
    assert ask("nonsense") == 403
    nobody = vendor.ask("northwind-sign", path)
    assert (nobody.status, nobody.headers["www-authenticate"]) == (401, "Bearer")


def test_a_vendor_that_insists_refuses_while_there_are_no_keys(start: Callable[..., Vendor], hub: FakeHub) -> None:
    insisting = start("--verify-hub")
    assert insisting.ask("northwind-sign", str(uuid4())).status == 503


# The process


def test_a_restart_keeps_the_orders_and_a_stop_is_quick_and_discreet(start: Callable[..., Vendor]) -> None:
    vendor = start("--no-verify-hub")
    order = vendor.open("northwind-sign", "crm--partial")
    quiet = vendor.open("northwind-sign", "radar--silent")
    waiting = socket.create_connection(("127.0.0.1", vendor.port))
    waiting.sendall(
        f"GET /northwind-sign/api/saas/subscriptions/{quiet.id}?{VERSION} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    )
    broken = socket.create_connection(("127.0.0.1", vendor.port))
    broken.sendall(b"GET /northwind-sign/landing?token=token-\x01secret HTTP/9\r\n\r\n")
    time.sleep(0.3)

    before = time.monotonic()
    assert vendor.stop() == 0
    assert time.monotonic() - before < 3
    waiting.close()
    broken.close()

    vendor.start()
    assert order.told() == ("Subscribed", 4)
    assert "4 of 7 licences are assigned" in order.page()
    vendor.stop()
    assert_is_discreet(vendor)


def test_the_config_may_come_later_and_be_half_written(start: Callable[..., Vendor], hub: FakeHub) -> None:
    vendor = start(config=False)
    assert vendor.call("GET", "/health").json == {"status": "ok", "publishers": []}

    (vendor.folder / "demo.json").write_text('{"publishers": [')
    assert vendor.call("GET", "/northwind-sign/requests").status == 404

    vendor.write_config()
    assert vendor.call("GET", "/health").json == {"status": "ok", "publishers": sorted(SLUGS)}
    assert vendor.call("GET", "/northwind-sign/requests").json == []


def test_it_knows_nothing_of_the_hub() -> None:
    imports = re.compile(r"^\s*(?:from|import) ([\w.]+)", re.MULTILINE)
    names = {name for path in (ROOT / "publishers/demo").glob("*.py") for name in imports.findall(path.read_text())}
    ours = {name for name in names if name.startswith("publishers") and not name.startswith("publishers.demo")}
    outside = {name.partition(".")[0] for name in names} - set(sys.stdlib_module_names) - {"publishers"}

    assert (ours, outside) == (set(), {"aiohttp", "cryptography", "jwt", "yarl"})
