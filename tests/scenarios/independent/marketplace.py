"""The calls that a publisher makes to the marketplace (fulfillment-v2.md sections 1 to 4), as a new client."""

import contextlib
import json
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import aiohttp

from tests.scenarios.independent.signature import MARKETPLACE

API_VERSION = "2018-08-31"
SUBSCRIPTIONS = "/api/saas/subscriptions"
SECONDS = 8
TRIES = 3


class Unavailable(Exception):
    """No answer, or none that counts: to be tried again."""


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Any
    content: bytes

    @property
    def body(self) -> Any:
        return json.loads(self.content) if self.content else None


class Marketplace:
    """`address` is the only thing that is changed to leave Microsoft's marketplace for another one."""

    def __init__(self, address: str, tenant: str, client: str, secret: str) -> None:
        self.address, self.tenant, self.client, self.secret = address, tenant, client, secret
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=SECONDS))
        self._token, self._token_until = "", 0.0
        self._issuer, self._keys_at = "", ""
        self._keys: list[dict[str, str]] = []

    async def close(self) -> None:
        await self._session.close()

    async def resolve(self, token: str) -> Answer:
        return await self.call("POST", f"{SUBSCRIPTIONS}/resolve", headers={"x-ms-marketplace-token": token})

    async def activate(self, subscription: str, plan: str, quantity: int | None) -> Answer:
        body: dict[str, Any] = {"planId": plan}
        if quantity is not None:
            # Old clients send it so, and so may we (section 5).
            body["quantity"] = str(quantity)
        return await self.call("POST", f"{SUBSCRIPTIONS}/{subscription}/activate", body)

    async def subscription(self, subscription: str) -> Answer:
        return await self.call("GET", f"{SUBSCRIPTIONS}/{subscription}")

    async def operation(self, subscription: str, operation: str) -> Answer:
        return await self.call("GET", f"{SUBSCRIPTIONS}/{subscription}/operations/{operation}")

    async def pending(self, subscription: str) -> Answer:
        return await self.call("GET", f"{SUBSCRIPTIONS}/{subscription}/operations")

    async def say(self, subscription: str, operation: str, status: str) -> Answer:
        return await self.call("PATCH", f"{SUBSCRIPTIONS}/{subscription}/operations/{operation}", {"status": status})

    async def everything(self) -> list[dict[str, Any]]:
        """All pages of the list, following each @nextLink as it is."""
        found, link = [], f"{self.address}{SUBSCRIPTIONS}/?{urlencode({'api-version': API_VERSION})}"
        while link:
            answer = await self._send("GET", link, None, {"authorization": f"Bearer {await self.sign_in()}"})
            assert answer.status == 200, answer.status
            found += answer.body["subscriptions"]
            link = answer.body.get("@nextLink", "")
        return found

    async def call(self, method: str, path: str, body: Any = None, headers: Any = None) -> Answer:
        """Tries a few times, as client libraries do. Raises Unavailable for no answer and for 5xx."""
        for _ in range(TRIES - 1):
            with contextlib.suppress(Unavailable):
                return await self._call_once(method, path, body, headers)
        return await self._call_once(method, path, body, headers)

    async def _call_once(self, method: str, path: str, body: Any, headers: Any) -> Answer:
        traced, bearer = str(uuid4()), f"Bearer {await self.sign_in()}"
        sent = {"authorization": bearer, "x-ms-requestid": traced, "x-ms-correlationid": traced, **(headers or {})}
        answer = await self._send(method, f"{self.address}{path}?{urlencode({'api-version': API_VERSION})}", body, sent)
        if answer.status >= 500:
            raise Unavailable(f"{answer.status}")
        assert answer.headers["x-ms-requestid"] == traced
        return answer

    async def keys(self, *, anew: bool = False) -> tuple[str, list[dict[str, str]]]:
        """The issuer and the keys of tokens for our tenant, found by discovery. Raises Unavailable."""
        if not self._keys or anew:
            found = await self._send("GET", f"{self.address}/{self.tenant}/.well-known/openid-configuration")
            keys = await self._send("GET", found.body["jwks_uri"])
            self._issuer, self._keys = found.body["issuer"], keys.body["keys"]
        return self._issuer, self._keys

    async def sign_in(self) -> str:
        if time.monotonic() > self._token_until:
            form = {
                "grant_type": "client_credentials",
                "client_id": self.client,
                "client_secret": self.secret,
                "resource": MARKETPLACE,
            }
            answer = await self._send("POST", f"{self.address}/{self.tenant}/oauth2/token", form=form)
            if answer.status != 200:
                raise Unavailable(f"signing in: {answer.status}")
            self._token = answer.body["access_token"]
            self._token_until = time.monotonic() + int(answer.body["expires_in"]) / 2
        return self._token

    async def _send(self, method: str, url: str, body: Any = None, headers: Any = None, form: Any = None) -> Answer:
        try:
            async with self._session.request(
                method, url, json=body, data=form, headers=headers, allow_redirects=False
            ) as response:
                return Answer(response.status, response.headers, await response.read())
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise Unavailable(type(error).__name__) from error
