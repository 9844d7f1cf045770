"""Who may ask for our fulfilment status: the hub, by a token it signed for us."""

from __future__ import annotations

import contextlib
import time

import jwt

from publishers.demo.config import Publisher
from publishers.demo.hub import MARKETPLACE, Hub, HubUnavailable

FRESH_SECONDS = 300
RETRY_SECONDS = 5


class NotTheHub(Exception):
    """`status` is 401 without a credential, 403 with a wrong one, 503 while it cannot be checked."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Guard:
    """`verify` None means: as soon as the hub publishes keys to verify with."""

    def __init__(self, hub: Hub, verify: bool | None) -> None:
        self.hub, self.verify = hub, verify
        self.cache: dict[str, tuple[list[jwt.PyJWK], float]] = {}

    async def check(self, publisher: Publisher, authorization: str | None) -> None:
        """Raises NotTheHub unless the caller proved to be the hub, calling this publisher."""
        if self.verify is False:
            return
        keys = await self.keys(publisher)
        if not keys and self.verify is None:
            return
        if not keys:
            raise NotTheHub(503, "The hub's signing keys cannot be fetched now.")
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise NotTheHub(401, "A bearer token of the hub is required.")
        if not is_signed(token, keys, publisher) and not is_signed(token, await self.newer_keys(publisher), publisher):
            raise NotTheHub(403, "The token was not issued by the hub for this publisher.")

    async def keys(self, publisher: Publisher) -> list[jwt.PyJWK]:
        keys, fetched = self.cache.get(publisher.tenant_id, ([], float("-inf")))
        age = time.monotonic() - fetched
        return keys if age < (FRESH_SECONDS if keys else RETRY_SECONDS) else await self.fetch(publisher)

    async def newer_keys(self, publisher: Publisher) -> list[jwt.PyJWK]:
        """The hub may have changed its keys; ask again, but not for every wrong token."""
        keys, fetched = self.cache[publisher.tenant_id]
        return keys if time.monotonic() - fetched < RETRY_SECONDS else await self.fetch(publisher)

    async def fetch(self, publisher: Publisher) -> list[jwt.PyJWK]:
        keys = self.cache.get(publisher.tenant_id, ([], 0.0))[0]
        if keys:
            # Calls that arrive meanwhile go on with the keys at hand.
            self.cache[publisher.tenant_id] = (keys, time.monotonic())
        with contextlib.suppress(HubUnavailable):
            keys = await self.hub.keys(publisher)
        self.cache[publisher.tenant_id] = (keys, time.monotonic())
        return keys


def is_signed(token: str, keys: list[jwt.PyJWK], publisher: Publisher) -> bool:
    """Whether one of the keys signed this token, for us, and it is still valid."""
    return any(is_signed_by(token, key, publisher) for key in keys)


def is_signed_by(token: str, key: jwt.PyJWK, publisher: Publisher) -> bool:
    try:
        claims = jwt.decode(
            token, key, algorithms=["RS256"], audience=publisher.client_id, options={"require": ["exp", "aud", "tid"]}
        )
    except jwt.PyJWTError:
        return False
    return bool(claims["tid"] == publisher.tenant_id) and claims.get("azp", claims.get("appid")) == MARKETPLACE
