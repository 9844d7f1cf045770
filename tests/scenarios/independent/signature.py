"""Is it the marketplace that calls? RS256 by hand, and the claims of fulfillment-v2.md section 8."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from typing import Any

MARKETPLACE = "20e940b3-4c77-4b0b-9a53-9e16a1b010a7"
# RFC 8017 section 9.2: what stands before a SHA-256 digest.
DIGEST_INFO = bytes.fromhex("3031300d060960864801650304020105000420")
LEEWAY_SECONDS = 60


class NotTheMarketplace(Exception):
    """`status` is 401 without a credential, 403 with one that proves nothing."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


def check(authorization: str, keys: list[Mapping[str, str]], claimed: Mapping[str, str]) -> dict[str, Any]:
    """The claims of a bearer token. `claimed` holds the aud, tid and iss they must have. Raises NotTheMarketplace."""
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer":
        raise NotTheMarketplace(401, "no bearer token")
    try:
        head, body, signature = token.split(".")
        header, claims = json.loads(decoded(head)), json.loads(decoded(body))
        (key,) = [key for key in keys if key["kid"] == header["kid"]]
    except (ValueError, KeyError, TypeError):
        raise NotTheMarketplace(403, "not a token, or signed with a key that is not published") from None
    if header["alg"] != "RS256" or not is_signed(f"{head}.{body}".encode(), decoded(signature), key):
        raise NotTheMarketplace(403, "the signature is not the marketplace's")
    for name, value in claimed.items():
        if claims.get(name) != value:
            raise NotTheMarketplace(403, f"{name} is {claims.get(name)!r}")
    if claims.get("appid", claims.get("azp")) != MARKETPLACE:
        raise NotTheMarketplace(403, "it was given to another app")
    now = time.time()  # noqa: TID251 - a stranger's program looks at its own clock
    if not claims["nbf"] - LEEWAY_SECONDS <= now <= claims["exp"] + LEEWAY_SECONDS:
        raise NotTheMarketplace(403, "its time is not now")
    return dict(claims)


def is_signed(message: bytes, signature: bytes, key: Mapping[str, str]) -> bool:
    modulus, exponent = (int.from_bytes(decoded(key[name])) for name in ("n", "e"))
    size = (modulus.bit_length() + 7) // 8
    expected = DIGEST_INFO + hashlib.sha256(message).digest()
    padded = b"\x00\x01" + b"\xff" * (size - len(expected) - 3) + b"\x00" + expected
    return hmac.compare_digest(pow(int.from_bytes(signature), exponent, modulus).to_bytes(size), padded)


def decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
