"""The calls we make to the marketplace hub: sign in, resolve a purchase token, activate, fetch its signing keys."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass
from typing import Any

import aiohttp
import jwt
from yarl import URL

from publishers.demo.config import Publisher
from publishers.demo.forgery import forgeries
from publishers.demo.orders import Manner, Operation, Order

MARKETPLACE = "20e940b3-4c77-4b0b-9a53-9e16a1b010a7"
API_VERSION = {"api-version": "2018-08-31"}
TIMEOUT = aiohttp.ClientTimeout(total=10)


class HubUnavailable(Exception):
    """The hub did not answer, or not in a way we can use; asking again later makes sense."""


@dataclass(frozen=True)
class Reply:
    status: int
    body: Any

    @property
    def message(self) -> str:
        """The hub's words in any of the shapes a marketplace error takes; empty when there are none."""
        body = self.body
        if isinstance(body, dict):
            body = body.get("error") or body.get("Error") or body
        if isinstance(body, dict):
            code, message = (body.get(name, body.get(name.title())) for name in ("code", "message"))
            return ": ".join(str(part) for part in (code, message) if part)
        return body if isinstance(body, str) else ""

    @property
    def is_worth_repeating(self) -> bool:
        return self.status >= 500 or self.status in (408, 429)


class Hub:
    """One client for every publisher we play; each signs in with its own credentials."""

    def __init__(self, base: str) -> None:
        self.base = URL(base)
        self.session = aiohttp.ClientSession(timeout=TIMEOUT)
        self.tokens: dict[tuple[str, str, str], tuple[str, float]] = {}

    async def close(self) -> None:
        await self.session.close()

    async def resolve(self, publisher: Publisher, token: str) -> Reply:
        """Ask what a purchase token stands for. Raises HubUnavailable."""
        return await self.call(publisher, "POST", "resolve", headers={"x-ms-marketplace-token": token})

    async def activate(self, publisher: Publisher, order: Order, manner: Manner) -> Reply:
        """Confirm the order as it was bought. Raises HubUnavailable."""
        body: dict[str, Any] = {"planId": order.plan_id}
        if order.quantity is not None:
            body["quantity"] = order.quantity
        return await self.insist(publisher, "POST", f"{order.id}/activate", body, manner)

    async def subscription(self, publisher: Publisher, order_id: str) -> Reply:
        """What the hub keeps of an order. Raises HubUnavailable."""
        return await self.call(publisher, "GET", order_id)

    async def operation(self, publisher: Publisher, order: Order, operation_id: str) -> Reply:
        """How a change stands that the hub told us of. Raises HubUnavailable."""
        return await self.call(publisher, "GET", f"{order.id}/operations/{operation_id}")

    async def acknowledge(self, publisher: Publisher, order: Order, operation: Operation, manner: Manner) -> Reply:
        """Say our word on a change that the hub told us of. Raises HubUnavailable."""
        body = {"status": manner.yes}
        if operation.refusal:
            body = {"status": manner.no, "errorMessage": operation.refusal}
        return await self.insist(publisher, "PATCH", f"{order.id}/operations/{operation.id}", body, manner)

    async def keys(self, publisher: Publisher) -> list[jwt.PyJWK]:
        """The keys the hub signs its calls with. Raises HubUnavailable."""
        reply = await self.send("GET", self.base / publisher.tenant_id / "discovery/keys")
        try:
            return jwt.PyJWKSet.from_dict(reply.body).keys
        except (jwt.PyJWTError, AttributeError, TypeError) as error:
            raise HubUnavailable("The hub publishes no signing keys that we can read.") from error

    async def insist(self, publisher: Publisher, method: str, path: str, body: dict[str, Any], manner: Manner) -> Reply:
        """Make a call in this manner; the best answer to it. Raises HubUnavailable."""
        if manner.forges:
            url = (self.base / "api/saas/subscriptions" / path).with_query(API_VERSION)
            tokens = forgeries(publisher, str(self.base), await self.keys(publisher))
            calls = [self.send(method, url, headers={"authorization": f"Bearer {one}"}, json=body) for one in tokens]
        else:
            calls = [self.call(publisher, method, path, json_body=body) for _ in range(manner.copies)]
        return min(await asyncio.gather(*calls), key=lambda reply: reply.status)

    async def call(
        self,
        publisher: Publisher,
        method: str,
        path: str,
        *,
        headers: dict[str, str] | None = None,
        json_body: Any = None,
    ) -> Reply:
        url = (self.base / "api/saas/subscriptions" / path).with_query(API_VERSION)
        fresh = not self.has_token(publisher)
        reply = await self.authorized(publisher, method, url, headers or {}, json_body)
        if reply.status in (401, 403) and not fresh:
            # The hub may have been given new keys since it issued the token that we kept.
            self.tokens.pop(account(publisher))
            reply = await self.authorized(publisher, method, url, headers or {}, json_body)
        return reply

    async def authorized(
        self, publisher: Publisher, method: str, url: URL, headers: dict[str, str], json_body: Any
    ) -> Reply:
        bearer = {"authorization": f"Bearer {await self.token(publisher)}"}
        return await self.send(method, url, headers=bearer | headers, json=json_body)

    def has_token(self, publisher: Publisher) -> bool:
        return self.tokens.get(account(publisher), ("", 0.0))[1] > time.monotonic()

    async def token(self, publisher: Publisher) -> str:
        if not self.has_token(publisher):
            self.tokens[account(publisher)] = await self.sign_in(publisher)
        return self.tokens[account(publisher)][0]

    async def sign_in(self, publisher: Publisher) -> tuple[str, float]:
        form = {
            "grant_type": "client_credentials",
            "client_id": publisher.client_id,
            "client_secret": publisher.client_secret,
            "resource": MARKETPLACE,
        }
        reply = await self.send("POST", self.base / publisher.tenant_id / "oauth2/token", data=form)
        try:
            return str(reply.body["access_token"]), time.monotonic() + int(reply.body["expires_in"]) - 60
        except (KeyError, TypeError, ValueError) as error:
            raise HubUnavailable(f"The hub refused our client credentials with {reply.status}.") from error

    async def send(self, method: str, url: URL, **options: Any) -> Reply:
        try:
            async with self.session.request(method, url, allow_redirects=False, **options) as response:
                return Reply(response.status, parsed(await response.read()))
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise HubUnavailable(f"The hub did not answer ({type(error).__name__}).") from error


def account(publisher: Publisher) -> tuple[str, str, str]:
    return publisher.tenant_id, publisher.client_id, publisher.client_secret


def parsed(body: bytes) -> Any:
    try:
        return json.loads(body) if body else None
    except ValueError:
        return None
