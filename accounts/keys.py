"""The keys with which the hub signs tokens: made at first need, kept encrypted, published, replaced with overlap.

A key signs until `retired_at` and is published a while longer, so that what it signed can be verified until it expires.
"""

import base64
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

import jwt.algorithms
import structlog
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from django.conf import settings
from django.db import connection, transaction
from django.db.models import F, Q, QuerySet

from accounts.models import SigningKey
from partnerhub.sealing import Unreadable, in_column, keeps_sealed, seal, unseal

PURPOSE = "accounts/signing-key"
keeps_sealed("keys that sign tokens", in_column("accounts.SigningKey", "private_key", PURPOSE))
KEY_BITS = 2048
# Verifiers keep a JWKS for a while: a new key is published for this long before it signs anything.
HANDOVER = timedelta(hours=1)
# And an old one until every token it signed has expired, clocks apart by minutes included.
OVERLAP = timedelta(hours=2)
CERTIFICATE_LIFE = timedelta(days=3650)
_CREATION_LOCK = 0x4855424B  # pg_advisory_xact_lock key: two processes must not make the first key at once

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Signer:
    """A key ready to sign with; `kid` names it in tokens and in the JWKS."""

    kid: str
    private: "rsa.RSAPrivateKey"


def signer(at: datetime) -> Signer:
    """The key that signs at a moment: the one that retires first, made now when there is none."""
    return _signer(at) or _make_first(at)


def rotate_signing_key(at: datetime, *, handover: timedelta = HANDOVER) -> SigningKey:
    """Publish a new key now; it signs when `handover` has passed, and the keys of today retire then."""
    with transaction.atomic():
        _lock_creation()
        _in_use(at).filter(Q(retired_at=None) | Q(retired_at__gt=at + handover)).update(retired_at=at + handover)
        return _create(at)


def withdraw_signing_key(kid: str, at: datetime) -> bool:
    """Let a key that somebody else may have sign and verify nothing from now on, without any overlap; where no other
    signs yet, a new one does. False, and nothing happens, for one that is not published (any more).
    """
    with transaction.atomic():
        _lock_creation()
        if not _published(at).filter(kid=kid).update(retired_at=at - OVERLAP, private_key=b""):
            return False
        if not _in_use(at).exists():
            _create(at)
        return True


def destroy_retired_keys(at: datetime) -> int:
    """Forget the private half of every key that is published no longer; its name and dates stay. Returns how many."""
    kept = SigningKey.objects.exclude(private_key=b"")
    return kept.filter(retired_at__lte=at - OVERLAP).update(private_key=b"")


def is_waiting_to_sign(at: datetime) -> bool:
    """Whether a new key is published already and does not sign yet."""
    return _in_use(at).count() > 1


def published_key(kid: str, at: datetime) -> SigningKey | None:
    """The key that verifies tokens marked `kid`; None for a key that is unknown or out of its overlap."""
    return _published(at).filter(kid=kid).first()


def published_since(at: datetime) -> datetime:
    """Keys that retired after this, or have yet to, are published at a moment."""
    return at - OVERLAP


def published_signer(kid: str, at: datetime) -> Signer | None:
    """A key by its name, for as long as it is published."""
    row = published_key(kid, at)
    return next(iter(_readable([row] if row else [])), None)


def opened(kid: str, sealed: bytes) -> "rsa.RSAPublicKey | None":
    """The public half of a key as it is kept; None when it cannot be opened any more."""
    rows = [SigningKey(kid=kid, private_key=sealed)]
    return next((found.private.public_key() for found in _readable(rows)), None)


def jwks(at: datetime) -> dict[str, list[dict[str, Any]]]:
    """The published keys as a JSON Web Key Set with kid, x5t and x5c (old verifiers read only the certificate)."""
    signer(at)
    rows = list(_published(at))
    created = {row.kid: row.created_at for row in rows}
    return {"keys": [_jwk(one, created[one.kid]) for one in _readable(rows)]}


def _in_use(at: datetime) -> QuerySet[SigningKey]:
    return SigningKey.objects.filter(Q(retired_at=None) | Q(retired_at__gt=at)).order_by(
        F("retired_at").asc(nulls_last=True), "created_at"
    )


def _published(at: datetime) -> QuerySet[SigningKey]:
    return _in_use(published_since(at))


def _signer(at: datetime) -> Signer | None:
    return next(iter(_readable(_in_use(at))), None)


def _make_first(at: datetime) -> Signer:
    with transaction.atomic():
        _lock_creation()
        found = _signer(at)
        if found is None:
            row = _create(at)
            found = Signer(row.kid, _decrypt(bytes(row.private_key), settings.SECRET_KEY))
    return found


def _lock_creation() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_CREATION_LOCK])


def _create(at: datetime) -> SigningKey:
    kid = "-"
    # One name in 64 begins with a hyphen, and no command could be given it as it stands: it would be read as an option.
    while kid.startswith("-"):
        private = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
        kid = _thumbprint(_certificate(private, at))
    plain = private.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return SigningKey.objects.create(kid=kid, private_key=seal(PURPOSE, plain), created_at=at)


def _readable(rows: Iterable[SigningKey]) -> list[Signer]:
    """The keys that today's SECRET_KEY (or a fallback) opens: after a change without fallback, new ones take over."""
    found = []
    for row in rows:
        try:
            found.append(Signer(row.kid, _decrypt(bytes(row.private_key), settings.SECRET_KEY)))
        except Unreadable:
            log.warning("signing_key_unreadable", kid=row.kid)
    return found


@lru_cache(maxsize=16)
def _decrypt(sealed: bytes, _secret_key: str) -> "rsa.RSAPrivateKey":
    """Parsing an RSA key costs more than signing with it, hence the cache: of one SECRET_KEY."""
    plain = unseal(PURPOSE, sealed)
    # Sealing has proved that this is what we made; proving the primes again takes 90 ms.
    key = serialization.load_der_private_key(plain, password=None, unsafe_skip_rsa_key_validation=True)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise TypeError("a signing key must be an RSA key")
    return key


def _certificate(private: "rsa.RSAPrivateKey", created_at: datetime) -> "x509.Certificate":
    """A self-signed certificate that comes out the same each time, so that its thumbprint can name the key."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Partner Hub token signing")])
    born = created_at.replace(microsecond=0)
    builder = x509.CertificateBuilder(
        subject_name=name,
        issuer_name=name,
        public_key=private.public_key(),
        serial_number=private.public_key().public_numbers().n % 2**64 + 1,
        not_valid_before=born,
        not_valid_after=born + CERTIFICATE_LIFE,
    )
    return builder.sign(private, hashes.SHA256())


def _thumbprint(certificate: "x509.Certificate") -> str:
    # RFC 7517 fixes SHA-1 for x5t; it names the key and protects nothing.
    return _base64url(certificate.fingerprint(hashes.SHA1()))  # noqa: S303


def _jwk(one: Signer, created_at: datetime) -> dict[str, Any]:
    certificate = _certificate(one.private, created_at)
    numbers = jwt.algorithms.RSAAlgorithm.to_jwk(one.private.public_key(), as_dict=True)
    return {
        "kty": "RSA",
        "use": "sig",
        "alg": "RS256",
        "kid": one.kid,
        "x5t": _thumbprint(certificate),
        "n": numbers["n"],
        "e": numbers["e"],
        "x5c": [base64.b64encode(certificate.public_bytes(serialization.Encoding.DER)).decode()],
    }


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
