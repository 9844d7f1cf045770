"""Access tokens in both shapes of Entra ID: issued to programs, verified, and signed for the hub's own calls."""

import re
import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Any
from uuid import UUID

import jwt
from django.conf import settings

from accounts.keys import opened, published_key, published_since, signer
from accounts.models import Client, SigningKey
from accounts.policy import Role
from partnerhub.clock import parse_duration
from partnerhub.prepared import Selection

# fulfillment-v2.md section 0: the app id of the marketplace, and the one in old publisher samples.
MARKETPLACE = "20e940b3-4c77-4b0b-9a53-9e16a1b010a7"
MARKETPLACE_LEGACY = "62d94f6c-d599-489b-a797-3e10e42fbe22"
MARKETPLACE_AUDIENCES = (MARKETPLACE, MARKETPLACE_LEGACY)
PARTNER_CENTER = "https://api.partnercenter.microsoft.com"
GRAPH = "https://graph.windows.net"

TOKEN_LIFE = timedelta(hours=1)
CALL_LIFE = timedelta(minutes=10)
LEEWAY = timedelta(minutes=2)
_KID = re.compile(r"^[A-Za-z0-9_-]{1,64}\Z")
# A program shows its token for an hour, and most hubs know few programs. Longer ones than ours are not kept.
KEPT_TOKENS, LONGEST_KEPT = 512, 4000
_CLIENT_AND_KEY = Selection(
    """
    SELECT {client}, {key} FROM accounts_client AS client
      LEFT JOIN accounts_signingkey AS key ON key.kid = %s AND (key.retired_at IS NULL OR key.retired_at > %s)
     WHERE client.id = %s AND client.tenant_id = %s AND client.is_active
    """,
    client=Client,
    key=SigningKey,
)


class Version(StrEnum):
    """The shape of a token: who it was issued to is `appid` in 1.0 and `azp` in 2.0; the issuer differs too."""

    V1 = "1.0"
    V2 = "2.0"


class Mismatch(StrEnum):
    """What of a token did not match."""

    FORM = "form"
    SIGNATURE = "signature"
    ISSUER = "issuer"
    EXPIRY = "expiry"
    AUDIENCE = "audience"
    APP = "app"


class TokenRefused(Exception):
    """A bearer token that proves nothing here; `mismatch` says what of it, the message says it in a sentence."""

    def __init__(self, mismatch: Mismatch, message: str) -> None:
        super().__init__(message)
        self.mismatch = mismatch


@dataclass(frozen=True, slots=True)
class Issued:
    """A fresh token. The moments are those written into it."""

    access_token: str
    audience: str
    not_before: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Verified:
    """The client a token was issued to, and all its claims."""

    client: Client
    claims: dict[str, Any]


def api_audiences() -> tuple[str, ...]:
    """For whom API clients may ask tokens; the first is meant when they name none."""
    return (PARTNER_CENTER, GRAPH, settings.HUB_BASE_URL)


def audiences_of(client: Client) -> tuple[str, ...]:
    """For whom this client may ask tokens: publishers' apps for the marketplace only, API clients for the API only."""
    return MARKETPLACE_AUDIENCES if client.role == Role.PUBLISHER else api_audiences()


def issuer(tenant_id: str, version: Version) -> str:
    """The issuer as the discovery document and the tokens name it; only that of 1.0 ends with a slash."""
    return f"{settings.HUB_BASE_URL}/{tenant_id}/{'v2.0' if version == Version.V2 else ''}"


def issue(client: Client, *, audience: str, version: Version, at: datetime) -> Issued:
    """Sign an access token for a client that has proved its secret; it lives an hour."""
    born = _as_others_see(at)
    app = (
        {"azp": str(client.id), "azpacr": "1"} if version == Version.V2 else {"appid": str(client.id), "appidacr": "1"}
    )
    claims = _claims(str(client.tenant_id), version, audience, born, TOKEN_LIFE) | app
    claims |= {"oid": str(client.id), "sub": str(client.id), "idtyp": "app", "roles": [client.role]}
    return Issued(_signed(claims, at), audience, born, born + TOKEN_LIFE)


def publisher_call_token(publisher_client: Client, *, at: datetime) -> str:
    """The token with which the hub calls this publisher (fulfillment-v2.md section 8): for its app, in its tenant."""
    born = _as_others_see(at)
    claims = _claims(str(publisher_client.tenant_id), Version.V1, str(publisher_client.id), born, CALL_LIFE)
    # Verifiers of either token version recognise the marketplace by their own claim.
    return _signed(claims | {"appid": MARKETPLACE, "azp": MARKETPLACE, "sub": MARKETPLACE}, at)


def verify(token: str, *, audiences: Collection[str], at: datetime) -> Verified:
    """Check signature, issuer, life, audience and client, in this order. Raises TokenRefused at the first mismatch."""
    kid, app, tenant = _named_in(token)
    client, key = _read(kid, app, tenant, at)
    claims = _claims_signed_by_us(token, key)
    _check_issuer(claims)
    _check_life(claims, _as_others_see(at))
    if claims["aud"] not in audiences:
        raise TokenRefused(Mismatch.AUDIENCE, f"The token's audience {claims['aud']!r} is not this API's.")
    return Verified(_fit(client, app, claims), claims)


def _claims(
    tenant_id: str, version: Version, audience: str, born: datetime, life: timedelta
) -> dict[str, str | int | list[str]]:
    return {
        "aud": audience,
        "iss": issuer(tenant_id, version),
        "tid": tenant_id,
        "ver": version.value,
        "iat": int(born.timestamp()),
        "nbf": int(born.timestamp()),
        "exp": int((born + life).timestamp()),
        "uti": uuid.uuid4().hex,
    }


def _signed(claims: dict[str, str | int | list[str]], at: datetime) -> str:
    key = signer(at)
    return jwt.encode(claims, key.private, algorithm="RS256", headers={"kid": key.kid, "x5t": key.kid})


def _as_others_see(at: datetime) -> datetime:
    """The moment on an unshifted clock, in whole seconds: a token is judged by clocks that know no HUB_CLOCK_OFFSET."""
    shift = parse_duration(settings.HUB_CLOCK_OFFSET) if settings.HUB_CLOCK_OFFSET else timedelta()
    return (at - shift).replace(microsecond=0)


def _named_in(token: str) -> tuple[str, str, str]:
    """Which key, app and tenant a token names, none of it proven yet."""
    return _names(token) if len(token) <= LONGEST_KEPT else _names.__wrapped__(token)


@lru_cache(KEPT_TOKENS)
def _names(token: str) -> tuple[str, str, str]:
    try:
        found = jwt.decode_complete(token, options={"verify_signature": False})
    except jwt.PyJWTError:
        raise TokenRefused(Mismatch.FORM, "The bearer token is not a JSON Web Token.") from None
    claims = found["payload"]
    app = str(claims.get("azp") or claims.get("appid") or "")
    return str(found["header"].get("kid", "")), app, str(claims.get("tid"))


def _read(kid: str, app: str, tenant: str, at: datetime) -> tuple[Client | None, SigningKey | None]:
    """The active client that the pair of tenant and app names, and the key of that name; in one statement if both are.

    Each call asks this, so that what was revoked is refused at once; most calls of programs read little more.
    """
    if not _KID.match(kid):
        return None, None
    try:
        [(client, key)] = _CLIENT_AND_KEY(kid, published_since(at), UUID(app), UUID(tenant))
    except ValueError:  # none of them, or what is no id
        return None, published_key(kid, at)
    return client, key


def _claims_signed_by_us(token: str, key: SigningKey | None) -> dict[str, Any]:
    if key is None or not key.private_key:
        raise _unknown_key()
    return dict(_proven(token, key.kid, bytes(key.private_key), settings.SECRET_KEY))


@lru_cache(KEPT_TOKENS)
def _proven(token: str, kid: str, sealed: bytes, _secret_key: str) -> dict[str, Any]:
    """The claims that a key has signed: whether it did never changes; whether they still count is asked each time."""
    key = opened(kid, sealed)
    if key is None:
        raise _unknown_key()
    try:
        # Times and audience are checked against our own clock and lists, by `verify`.
        return jwt.decode(
            token,
            key,
            algorithms=["RS256"],
            options={
                "verify_exp": False,
                "verify_nbf": False,
                "verify_iat": False,
                "verify_aud": False,
                "require": ["aud", "iss", "tid", "exp", "nbf", "ver"],
            },
        )
    except jwt.MissingRequiredClaimError as error:
        raise TokenRefused(Mismatch.FORM, f"The token has no {error.claim} claim.") from None
    except jwt.PyJWTError:
        raise TokenRefused(Mismatch.SIGNATURE, "The token's signature does not match its content.") from None


def _unknown_key() -> TokenRefused:
    return TokenRefused(Mismatch.SIGNATURE, "The token was not signed with a key of this issuer.")


def _check_issuer(claims: dict[str, Any]) -> None:
    if claims["iss"] not in {issuer(claims["tid"], version) for version in Version}:
        raise TokenRefused(Mismatch.ISSUER, f"The token's issuer {claims['iss']!r} is not this hub.")


def _check_life(claims: dict[str, Any], wall: datetime) -> None:
    expires_at = datetime.fromtimestamp(claims["exp"], UTC)
    if wall >= expires_at:
        raise TokenRefused(Mismatch.EXPIRY, f"The token expired on {expires_at:%Y-%m-%dT%H:%M:%SZ}.")
    not_before = datetime.fromtimestamp(claims["nbf"], UTC)
    if wall < not_before - LEEWAY:
        raise TokenRefused(Mismatch.EXPIRY, f"The token is not valid before {not_before:%Y-%m-%dT%H:%M:%SZ}.")


def _fit(client: Client | None, app: str, claims: dict[str, Any]) -> Client:
    """The client, where it is still in the role that the token was issued for."""
    if client is None:
        raise TokenRefused(Mismatch.APP, f"The token's app {app!r} is not an active client of its tenant.")
    if claims.get("roles") != [client.role]:
        raise TokenRefused(Mismatch.APP, f"The role of the token's app {app!r} has changed: ask for a new token.")
    return client
