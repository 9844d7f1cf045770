"""Tokens that look like those of the hub and are not: a vendor that tries its luck."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from functools import cache
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from publishers.demo.config import Publisher

MARKETPLACE = "20e940b3-4c77-4b0b-9a53-9e16a1b010a7"
LIFE_SECONDS = 3600


def forgeries(publisher: Publisher, hub: str, keys: list[jwt.PyJWK]) -> list[str]:
    """Signed with a key of our own that has the name of the hub's, not signed, and with the hub's public key as secret.

    `keys` are those that the hub publishes.
    """
    (key, *_) = keys
    claims, header = claims_of(publisher, hub), {"kid": str(key.key_id)}
    public = key.key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return [
        jwt.encode(claims, own_key(), algorithm="RS256", headers=header),
        jwt.encode(claims, "", algorithm="none", headers=header),
        signed_with_secret(claims, header, public),
    ]


def claims_of(publisher: Publisher, hub: str) -> dict[str, Any]:
    born = int(time.time())
    return {
        "aud": MARKETPLACE,
        "iss": f"{hub.rstrip('/')}/{publisher.tenant_id}/",
        "tid": publisher.tenant_id,
        "appid": publisher.client_id,
        "ver": "1.0",
        "iat": born,
        "nbf": born,
        "exp": born + LIFE_SECONDS,
    }


@cache
def own_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


def signed_with_secret(claims: dict[str, Any], header: dict[str, str], secret: bytes) -> str:
    """What a verifier takes that lets the token say how it is signed. The library refuses to make one."""
    parts = (header | {"typ": "JWT", "alg": "HS256"}, claims)
    signed = ".".join(encoded(json.dumps(part).encode()) for part in parts)
    return f"{signed}.{encoded(hmac.digest(secret, signed.encode(), hashlib.sha256))}"


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
