"""The people and programs around a hub: a program that sells, the customer at the publisher's site, an agent."""

import html
import itertools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

from partnerhub.drills.waiting import eventually
from partnerhub.drills.wire import Reply, call
from tests.scenarios.hub import Charge, Hub

PARTNER_CENTER = "https://api.partnercenter.microsoft.com"
ORDER = ["ordered", "licenses_assigned", "configuration_confirmed", "not_cancelled"]
CONFIRMATIONS = ("licenses_assigned", "configuration_confirmed")
DETAILS = {"company": "Kaiser GmbH", "email": "admin@kaiser.example"}
SOON = 60.0


@dataclass(frozen=True)
class Line:
    """What to put into a cart: the first catalogue item of this offer (and plan)."""

    offer: str
    quantity: int = 1
    plan: str = ""


@dataclass(frozen=True)
class Purchase:
    """One subscription that was ordered, and the catalogue item it was bought from."""

    customer_id: str
    order_id: str
    line_number: int
    subscription_id: str
    quantity: int
    item: Mapping[str, Any]


@dataclass(frozen=True)
class Gates:
    """The billing gates of a subscription, as a program reads them at one moment."""

    billing_started_at: datetime | None
    blocker: str | None
    by_name: Mapping[str, dict[str, Any]]

    @classmethod
    def read(cls, body: dict[str, Any]) -> "Gates":
        """What must be true of them at every moment is checked at each reading."""
        started = body["billingStartedAt"]
        gates = cls(
            datetime.fromisoformat(started) if started else None,
            body["blocker"],
            {item["gate"]: item for item in body["items"]},
        )
        assert list(gates.by_name) == ORDER
        unmet = [name for name, gate in gates.by_name.items() if gate["state"] != "satisfied"]
        if gates.billing_started_at is None:
            assert gates.blocker == unmet[0]
        else:
            assert (unmet, gates.blocker) == ([], None)
            assert gates.billing_started_at == max(gates.confirmed_at(name) for name in CONFIRMATIONS)
        return gates

    def __getitem__(self, name: str) -> dict[str, Any]:
        return self.by_name[name]

    def source(self, name: str) -> str:
        """Whether a poll or a call of the publisher confirmed this."""
        return str(self[name]["evidence"]["source"])

    def confirmed_at(self, name: str) -> datetime:
        return datetime.fromisoformat(self[name]["evidence"]["at"])

    def said(self, name: str) -> dict[str, Any]:
        """What the publisher said that put the gate into its state; empty before it said anything."""
        return dict((self[name]["evidence"] or {}).get("said") or {})


class Program:
    """A program with client credentials, at work for the demo's first customer."""

    def __init__(self, hub: Hub, credentials: Mapping[str, str] | None = None) -> None:
        self.hub = hub
        demo = hub.demo
        self.customer_id: str = demo["customers"][0]["id"]
        self.catalogue: list[Mapping[str, Any]] = list(demo["catalog_items"])
        self.token = self._sign_in(credentials or demo["api"])
        self._names = itertools.count(1)

    def _sign_in(self, credentials: Mapping[str, str]) -> str:
        form = {
            "grant_type": "client_credentials",
            "client_id": credentials["client_id"],
            "client_secret": credentials["client_secret"],
            "resource": PARTNER_CENTER,
        }
        reply = call("POST", f"{self.hub.base_url}/{credentials['tenant_id']}/oauth2/token", form=form)
        assert reply.status == 200, reply.text
        token = str(reply.json["access_token"])
        self.hub.secrets |= {token, credentials["client_secret"]}
        return token

    def call(self, method: str, path: str, body: Any = None, *, at: str = "", **headers: str) -> Reply:
        """Headers are named with _ for -. `at` is the address of another web process of the hub."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return call(method, f"{at or self.hub.base_url}/v1{path}", body=body, token=self.token, headers=named)

    def ask(self, method: str, path: str, body: Any = None, *, expect: int = 200) -> Any:
        """The JSON of an answer that must have this status."""
        reply = self.call(method, path, body)
        assert reply.status == expect, f"{method} {path}: {reply.status} {reply.text}"
        return reply.json

    def items(self, path: str) -> list[Any]:
        found: list[Any] = self.ask("GET", path)["items"]
        return found

    def fill_cart(self, *lines: Line) -> str:
        """A new cart's path, below `/v1`."""
        items = [self._line_item(line) for line in lines]
        carts = f"/customers/{self.customer_id}/carts"
        body = {"partnerOnRecordAttestationAccepted": True, "lineItems": items}
        return f"{carts}/{self.ask('POST', carts, body, expect=201)['id']}"

    def buy(self, *lines: Line) -> list[Purchase]:
        """Order these lines in one cart; the purchases, line by line."""
        cart = self.fill_cart(*lines)
        bought = self.purchases(self.ask("POST", f"{cart}/checkout", expect=201))
        assert [purchase.quantity for purchase in bought] == [line.quantity for line in lines]
        return bought

    def purchases(self, checkout: dict[str, Any]) -> list[Purchase]:
        """What a checkout ordered, in the order in which the cart's lines were named."""
        assert checkout["orderErrors"] == []
        found = [(line, order) for order in checkout["orders"] for line in order["lineItems"]]
        found.sort(key=lambda pair: int(pair[0]["friendlyName"].rpartition(" ")[2]))
        return [self._purchase(line, order) for line, order in found]

    def _purchase(self, line: dict[str, Any], order: dict[str, Any]) -> Purchase:
        item = next(item for item in self.catalogue if item["id"] == line["offerId"])
        number, quantity = line["lineItemNumber"], line["quantity"]
        return Purchase(self.customer_id, order["id"], number, line["subscriptionId"], quantity, item)

    def _line_item(self, line: Line) -> dict[str, Any]:
        item = next(row for row in self.catalogue if row["offer"] == line.offer and line.plan in ("", row["plan"]))
        name = f"Scenario {next(self._names)}"
        return {"catalogItemId": item["id"], "quantity": line.quantity, "friendlyName": name}

    def path(self, purchase: Purchase, resource: str = "") -> str:
        return f"/customers/{purchase.customer_id}/subscriptions/{purchase.subscription_id}{resource}"

    def link(self, purchase: Purchase) -> str:
        """A fresh personalised link."""
        (item,) = self.items(self.path(purchase, "/activationlinks"))
        return self._secret_link(item)

    def order_links(self, purchase: Purchase) -> dict[int, str]:
        """Fresh personalised links of a whole order, by line number."""
        path = f"/customers/{purchase.customer_id}/orders/{purchase.order_id}/activationlinks"
        return {item["lineItemNumber"]: self._secret_link(item) for item in self.items(path)}

    def _secret_link(self, item: dict[str, Any]) -> str:
        link = str(item["link"]["uri"])
        self.hub.secrets |= set(parse_qs(urlsplit(link).query)["token"])
        return link

    def gates(self, purchase: Purchase) -> Gates:
        return Gates.read(self.ask("GET", self.path(purchase, "/billinggates")))

    def poll_now(self, purchase: Purchase) -> None:
        self.ask("POST", self.path(purchase, "/poll"), expect=202)

    def facts(self, purchase: Purchase) -> list[str]:
        """The names on the timeline, oldest first."""
        return [str(entry["name"]) for entry in reversed(self.items(self.path(purchase, "/timeline")))]

    def charges(self, purchase: Purchase) -> list[Charge]:
        return self.hub.charges(purchase.subscription_id)

    def wait_for_reason(self, purchase: Purchase, reason: str, *, within: float = SOON) -> Gates:
        """The gates once action is required for this reason; billing has not started then."""

        def says_so() -> bool:
            return bool(self.ask("GET", self.path(purchase))["attentionReason"] == reason)

        eventually(says_so, within=within, what=f"{purchase.item['offer']}: {reason}")
        gates = self.gates(purchase)
        assert gates.billing_started_at is None
        return gates

    def wait_for_blocker(self, purchase: Purchase, name: str) -> Gates:
        """The gates once it is this one that keeps billing from starting."""

        def read() -> Gates | None:
            gates = self.gates(purchase)
            return gates if gates.blocker == name else None

        return eventually(read, within=SOON, what=f"{purchase.item['offer']}: waiting for {name}")

    def wait_for_billing(self, purchase: Purchase, *, within: float = SOON) -> Gates:
        """The gates once billing has started, with its one charge, dated as they say."""

        def read() -> Gates | None:
            gates = self.gates(purchase)
            return gates if gates.billing_started_at else None

        gates = eventually(read, within=within, what=f"{purchase.item['offer']}: the start of billing")
        (charge,) = eventually(lambda: self.charges(purchase), within=within, what="The charge")
        assert (charge.charge_type, charge.quantity) == ("new", purchase.quantity)
        assert charge.confirmed_at == gates.billing_started_at
        assert self.facts(purchase).count("subscription.activated") == 1
        return gates


class Visitor:
    """The customer's person in front of a demo publisher's pages: opens a link, fills in forms."""

    def __init__(self, hub: Hub, link: str) -> None:
        self._hub = hub
        reply = call("GET", link)
        assert reply.status == 303, reply.text
        self._stay_at(urljoin(link, reply.headers["Location"]))

    def _stay_at(self, page: str) -> None:
        parts = urlsplit(page)
        assert parts.query.startswith("k=")
        self._key = parse_qs(parts.query)["k"][0]
        self._page = parts._replace(query="", fragment="").geturl()
        self._hub.secrets.add(self._key)

    @classmethod
    def at(cls, hub: Hub, page: str) -> "Visitor":
        """Somebody who was told this address of an order that is open already."""
        visitor = cls.__new__(cls)
        visitor._hub = hub
        visitor._stay_at(page)
        assert call("GET", page).status == 200
        return visitor

    def fill_in(self, **more: str) -> None:
        self._send("details", DETAILS | more)

    def assign(self, count: int) -> None:
        """Up to this many licences."""
        self._send("assign", {"count": str(count)})

    def assign_everything(self) -> None:
        self._send("assign", {"all": "1"})

    def confirm(self) -> None:
        self._send("confirm", {})

    def decide(self, decision: str, reason: str = "") -> None:
        """Accept or refuse the change that the hub asks for."""
        self._send("changes", {"decision": decision, "reason": reason})

    def _send(self, form: str, fields: Mapping[str, str]) -> None:
        reply = call("POST", f"{self._page}/{form}", form={"k": self._key, **fields})
        assert reply.status == 303, f"{form}: {reply.status} {reply.text}"


class Agent:
    """A person who signs in at the hub with a browser."""

    def __init__(self, hub: Hub, email: str, password: str) -> None:
        self._hub = hub
        self._cookies: dict[str, str] = {}
        page = self.get("/accounts/sign-in/")
        (csrf,) = set(re.findall(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text))
        form = {"csrfmiddlewaretoken": csrf, "username": email, "password": password}
        reply = self._send("POST", "/accounts/sign-in/", form)
        assert reply.status == 302, reply.text
        hub.secrets |= {password, csrf, *self._cookies.values()}

    def get(self, path: str) -> Reply:
        return self._send("GET", path)

    def post(self, path: str, page: str, form: Mapping[str, Any]) -> Reply:
        """Send a form that stands on a page, and be sent on."""
        csrf = re.findall(r'name="csrfmiddlewaretoken" value="([^"]+)"', self.get(page).text)[0]
        reply = self._send("POST", path, {"csrfmiddlewaretoken": csrf, **form})
        assert reply.status == 302, reply.text
        return reply

    def two_steps(self, path: str, page: str, form: Mapping[str, Any]) -> Reply:
        """Send a form, then what it answers with its hidden fields, as somebody does who confirms what was shown."""
        csrf = re.findall(r'name="csrfmiddlewaretoken" value="([^"]+)"', self.get(page).text)[0]
        shown = self._send("POST", path, {"csrfmiddlewaretoken": csrf, **form})
        assert shown.status == 200, shown.text
        review = shown.text[shown.text.rindex('name="quote"') - 4000 :]
        hidden = dict(re.findall(r'<input type="hidden" name="([a-z_]+)" value="([^"]*)"', review))
        return self.post(path, page, {**form, **{name: html.unescape(value) for name, value in hidden.items()}})

    def _send(self, method: str, path: str, form: Mapping[str, Any] | None = None) -> Reply:
        url = f"{self._hub.base_url}{path}"
        cookies = "; ".join(f"{name}={value}" for name, value in self._cookies.items())
        reply = call(method, url, form=form, headers={"Cookie": cookies, "Referer": url})
        for header in reply.headers.get_all("Set-Cookie", []):
            name, _, rest = header.partition("=")
            self._cookies[name] = rest.partition(";")[0]
        return reply


def questions_about(purchase: Purchase, hub: Hub, slug: str) -> int:
    """How often the hub has asked this demo publisher about a purchase, counting what it was not answered."""
    asked = call("GET", f"{hub.publisher_url}/{slug}/requests").json
    return sum(purchase.subscription_id in entry["path"] and entry["method"] == "GET" for entry in asked)
