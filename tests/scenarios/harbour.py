"""A publisher written from the contract alone, with the standard library, and none of the hub's or the demo's code.

It calls the hub only to resolve links; else the hub is its client. Asked about `busy` orders it wants to be asked again
in COME_BACK_SECONDS. Answers about `held` ones wait until `release` is set; they are `under_way` meanwhile.
"""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit
from urllib.request import ProxyHandler, Request, build_opener

MARKETPLACE = "20e940b3-4c77-4b0b-9a53-9e16a1b010a7"
API_VERSION = "2018-08-31"
PATIENCE = 30
COME_BACK_SECONDS = 6
PLAN = {
    "plan_id": "berth",
    "title": "Berth",
    "pricing": "per_user",
    "min_quantity": 2,
    "max_quantity": 40,
    "terms": [{"term": "P1M", "billing_cycle": "monthly", "prices": {"EUR": "12.50"}}],
}


@dataclass
class Order:
    """What was bought, and how far the harbour has got with it."""

    plan_id: str
    quantity: int
    status: str = "PendingFulfillmentStart"
    assigned: int = 0


@dataclass
class Question:
    """A request of the hub's, as it arrived."""

    method: str
    path: str
    query: dict[str, list[str]]
    authorization: str
    request_id: str


@dataclass
class Harbour:
    """Listens at `url` while `open_for_business` runs. `registration` is what the hub's operator handed back."""

    url: str
    hub_url: str
    file: Path = Path("harbour.json")
    registration: dict[str, Any] = field(default_factory=dict)
    orders: dict[str, Order] = field(default_factory=dict)
    questions: list[Question] = field(default_factory=list)
    busy: set[str] = field(default_factory=set)
    held: set[str] = field(default_factory=set)
    under_way: set[str] = field(default_factory=set)
    release: threading.Event = field(default_factory=threading.Event)

    def document(self) -> dict[str, Any]:
        """What its people hand to the hub's operator."""
        return {
            "name": "Harbour",
            "adapter": "saas_v2_poll",
            "fulfillment_base_url": self.url,
            "landing_url": f"{self.url}/welcome",
            "offers": [{"offer_id": "moorings", "title": "Moorings", "plans": [PLAN]}],
            "policies": {"cancel_within": "P5D"},
        }

    def asked_about(self, subscription_id: str) -> list[Question]:
        return [question for question in self.questions if question.path.endswith(subscription_id)]

    def welcome(self, link: str) -> str:
        """Somebody arrived with this link: find out what they bought, and take it into the books. Returns its id."""
        (token,) = parse_qs(urlsplit(link).query)["token"]
        headers = {"Authorization": f"Bearer {self._sign_in()}", "x-ms-marketplace-token": token}
        resolved = self._post(f"/api/saas/subscriptions/resolve?api-version={API_VERSION}", b"", headers)
        self.orders[resolved["id"]] = Order(resolved["planId"], resolved["quantity"])
        return str(resolved["id"])

    def finish(self, subscription_id: str) -> None:
        """Everything is assigned and set up."""
        order = self.orders[subscription_id]
        order.assigned, order.status = order.quantity, "Subscribed"

    def status_of(self, subscription_id: str) -> dict[str, Any] | None:
        order = self.orders.get(subscription_id)
        if order is None:
            return None
        return {
            "id": subscription_id,
            "planId": order.plan_id,
            "quantity": order.quantity,
            "assignedQuantity": order.assigned,
            "saasSubscriptionStatus": order.status,
            "harbourMaster": {"unknown": "members are ignored"},
        }

    def _sign_in(self) -> str:
        form = {
            "grant_type": "client_credentials",
            "client_id": self.registration["client_id"],
            "client_secret": self.registration["client_secret"],
            "resource": MARKETPLACE,
        }
        return str(
            self._post(f"/{self.registration['tenant_id']}/oauth2/token", urlencode(form).encode())["access_token"]
        )

    def _post(self, path: str, body: bytes, headers: dict[str, str] | None = None) -> dict[str, Any]:
        request = Request(f"{self.hub_url}{path}", body, headers or {}, method="POST")  # noqa: S310 - this machine
        with build_opener(ProxyHandler({})).open(request, timeout=PATIENCE) as response:
            answer: dict[str, Any] = json.load(response)
        return answer


@contextmanager
def open_for_business(hub_url: str, port: int) -> Iterator[Harbour]:
    harbour = Harbour(f"http://127.0.0.1:{port}", hub_url)
    server = ThreadingHTTPServer(("127.0.0.1", port), _desk_of(harbour))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield harbour
    finally:
        harbour.release.set()
        server.shutdown()
        thread.join(PATIENCE)
        server.server_close()


def _desk_of(harbour: Harbour) -> type[BaseHTTPRequestHandler]:
    class Desk(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = PATIENCE

        def do_GET(self) -> None:
            address = urlsplit(self.path)
            authorization, request_id = (self.headers.get(name, "") for name in ("Authorization", "x-ms-requestid"))
            query = parse_qs(address.query)
            harbour.questions.append(Question("GET", address.path, query, authorization, request_id))
            subscription_id = address.path.rpartition("/")[2]
            if subscription_id in harbour.held:
                harbour.under_way.add(subscription_id)
                harbour.release.wait(PATIENCE)
                harbour.under_way.discard(subscription_id)
            if subscription_id in harbour.busy:
                return self._answer(429, {"code": "Busy"}, {"Retry-After": str(COME_BACK_SECONDS)})
            answer = harbour.status_of(subscription_id)
            self._answer(200 if answer else 404, answer or {"code": "EntityNotFound", "message": "Not here yet."})

        def _answer(self, status: int, content: dict[str, Any], headers: dict[str, str] | None = None) -> None:
            body = json.dumps(content).encode()
            self.send_response(status)
            told = {"Content-Type": "application/json", "Content-Length": str(len(body))}
            for name, value in (told | (headers or {})).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def handle_one_request(self) -> None:
            try:
                super().handle_one_request()
            except ConnectionError:
                # Whoever asked has gone, or was killed.
                self.close_connection = True

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing: the test reads `questions`."""

    return Desk
