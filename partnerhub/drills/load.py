"""The load of a drill: programs that buy and change, each of which insists until it is answered, as a good client does.

Every act has a request id of its own and is sent with it again and again until its answer comes. So what was asked for
is known exactly, whatever was lost on the way, and can be counted against what the hub holds.
"""

import itertools
import json
import random
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import Any
from uuid import UUID

from partnerhub.drills.wire import Reply, call

PROMPT = ("esign-express--prompt", "helpdesk-lite--prompt", "mailguard--prompt", "echo--duplicates")
# The vendors that never confirm what they sold: nothing may ever be billed for these.
LIARS = ("meter--error500", "chat--garbage", "radar--silent", "mask--forges", "contracts--partial")
PARTNER_CENTER = "https://api.partnercenter.microsoft.com"
PROGRAMS = 2
# A slow machine must not owe more than it can audit, and a figure of a few acts says little.
FEWEST_ACTS, MOST_ACTS = 12, 80
PAUSE, LATER = 0.2, 0.5
LONGEST_INSISTING = 300.0
NOT_YET = (401, 429)
# The number of a refusal: the same request is still being worked on.
IN_PROGRESS = "800064"


class UnansweredError(Exception):
    """An act was not answered in LONGEST_INSISTING: the hub did not recover."""


@dataclass
class Purchase:
    """What a program set out to buy. `subscription_id` is known once the checkout was answered."""

    name: str
    offer: str
    quantity: int
    subscription_id: str = ""
    opened: bool = False


@dataclass
class Change:
    """A number of licences that was asked for; `taken` once the hub has said that it will be done."""

    subscription_id: str
    quantity: int
    taken: bool = False
    refused: bool = False


@dataclass
class Load:
    """Programs at work against `base_url`, which may be changed meanwhile. With `twice` each call is made two times at
    once, under one request id.
    """

    base_url: str
    demo: Mapping[str, Any]
    name: str
    seed: str
    twice: bool = False
    purchases: list[Purchase] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)
    calls: int = 0
    unanswered_calls: int = 0
    _token: str = ""
    _over: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)
    _numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))
    _beside: ThreadPoolExecutor = field(default_factory=ThreadPoolExecutor)

    def start(self) -> None:
        """Begin to buy and to change, by PROGRAMS programs."""
        for number in range(PROGRAMS):
            draw = random.Random(f"{self.seed}/{number}")
            self._threads.append(threading.Thread(target=self._work, args=[draw], daemon=True))
            self._threads[-1].start()

    def is_over(self) -> bool:
        """Begin nothing more than FEWEST_ACTS; whether everything that was begun is answered, or given up."""
        self._over.set()
        return not any(thread.is_alive() for thread in self._threads)

    @property
    def acts(self) -> int:
        """Everything that was asked for."""
        return len(self.purchases) + len(self.changes)

    def _is_enough(self) -> bool:
        return self._over.is_set() and self.acts >= FEWEST_ACTS

    def buy(self, draw: random.Random, offer: str) -> Purchase:
        """Buy one offer and open its link at the publisher's. Raises UnansweredError."""
        purchase = Purchase(f"{self.name} {next(self._numbers)}", offer, draw.randint(1, 9))
        self.purchases.append(purchase)
        item = next(row for row in self.demo["catalog_items"] if row["offer"] == offer)
        quantity = max(item["min"], min(purchase.quantity, item["max"]))
        purchase.quantity = quantity
        line = {"catalogItemId": item["id"], "quantity": quantity, "friendlyName": purchase.name}
        carts = f"/v1/customers/{self._customer}/carts"
        cart = self._insist("POST", carts, {"partnerOnRecordAttestationAccepted": True, "lineItems": [line]}, draw)
        done = self._insist("POST", f"{carts}/{cart.json['id']}/checkout", None, draw)
        if done.status == 201:
            purchase.subscription_id = done.json["orders"][0]["lineItems"][0]["subscriptionId"]
            self._open(purchase, draw)
        else:
            self.troubles.append(f"{purchase.name}: the checkout was answered {done.status} {done.text[:200]}")
        return purchase

    def change(self, draw: random.Random) -> None:
        """Ask for another number of licences of something bought before. Raises UnansweredError."""
        opened = [one for one in self.purchases if one.opened and one.offer in PROMPT]
        if not opened:
            return
        chosen = draw.choice(opened)
        path = f"/v1/customers/{self._customer}/subscriptions/{chosen.subscription_id}"
        found = self._insist("GET", path, None, draw)
        wanted = draw.choice([number for number in range(1, 20) if number != found.json.get("quantity")])
        change = Change(chosen.subscription_id, wanted)
        self.changes.append(change)
        answered = self._insist("PATCH", path, {"quantity": wanted}, draw)
        change.taken, change.refused = answered.status == 200, answered.status != 200

    @property
    def _customer(self) -> str:
        return str(self.demo["customers"][0]["id"])

    def _work(self, draw: random.Random) -> None:
        while not self._is_enough():
            if self.acts >= MOST_ACTS:
                time.sleep(PAUSE)
                continue
            try:
                if draw.random() < 0.6:
                    self.buy(draw, draw.choice(PROMPT))
                else:
                    self.change(draw)
            except UnansweredError as trouble:
                self.troubles.append(str(trouble))
            except Exception as error:  # a program that dies would count as one that asked for nothing
                self.troubles.append(f"{type(error).__name__}: {error}")
            time.sleep(PAUSE)

    def _open(self, purchase: Purchase, draw: random.Random) -> None:
        """Open a fresh link until the publisher lets its visitor in."""
        path = f"/v1/customers/{self._customer}/subscriptions/{purchase.subscription_id}/activationlinks"

        def opened() -> Reply | None:
            link = self._insist("GET", path, None, draw)
            if link.status != 200:
                return link
            landed = call("GET", link.json["items"][0]["link"]["uri"])
            return landed if landed.status == 303 else None

        purchase.opened = self._again(opened, f"the link of {purchase.name}").status == 303

    def _insist(self, method: str, path: str, body: Any, draw: random.Random) -> Reply:
        """The final answer to a call: sent again under its request id until there is one."""
        headers = {"MS-RequestId": str(UUID(int=draw.getrandbits(128), version=4))}

        def ask() -> Reply | None:
            if not self._token:
                self._token = self._sign_in()
            reply = self._send(method, path, body, headers)
            if reply.status == 401:
                self._token = ""
            busy = reply.status == 409 and IN_PROGRESS in reply.text
            return None if reply.status in NOT_YET or reply.status >= 500 or busy else reply

        return self._again(ask, f"{method} {path}")

    def _send(self, method: str, path: str, body: Any, headers: Mapping[str, str]) -> Reply:
        def once() -> Reply:
            return call(method, f"{self.base_url}{path}", body=body, token=self._token, headers=headers)

        if not self.twice or method == "GET":
            return once()
        other = self._beside.submit(once)
        try:
            reply = once()
        finally:
            other.exception()
        return reply

    def _again(self, ask: Callable[[], Reply | None], what: str) -> Reply:
        ends, last = time.monotonic() + LONGEST_INSISTING, "nothing"
        while time.monotonic() < ends:
            self.calls += 1
            try:
                if reply := ask():
                    return reply
                last = "not yet"
            except (OSError, HTTPException, json.JSONDecodeError, KeyError, IndexError) as error:
                last = f"{type(error).__name__}: {error}"
            self.unanswered_calls += 1
            time.sleep(LATER)
        raise UnansweredError(f"{what} was not answered within {LONGEST_INSISTING:.0f} s; the last answer: {last}")

    def _sign_in(self) -> str:
        api = self.demo["api"]
        form = {"grant_type": "client_credentials", "resource": PARTNER_CENTER}
        form |= {"client_id": api["client_id"], "client_secret": api["client_secret"]}
        reply = call("POST", f"{self.base_url}/{api['tenant_id']}/oauth2/token", form=form)
        if reply.status != 200:
            raise OSError(f"signing in was answered {reply.status}")
        return str(reply.json["access_token"])
