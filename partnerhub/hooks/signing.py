"""Signing what is delivered: RSA-SHA256 over the body, and the certificate that it is checked with.

Partner Center's clients check the certificate's organisation. The key is that of the hub's tokens, and is replaced
with it; its certificate is self-signed, so trust in it comes from the address that it is read at.
"""

import base64
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from django.conf import settings

from accounts.keys import CERTIFICATE_LIFE, Signer, published_signer, signer
from partnerhub.clock import parse_duration
from partnerhub.hooks.models import Delivery

ALGORITHM = "rsa-sha256"
# A certificate is valid from before now: verifiers' clocks are apart.
EARLIER = timedelta(days=1)


def headers_of(delivery: Delivery, at: datetime) -> dict[str, str]:
    """The headers of a post at this moment. `MS-RequestId` is the same at each attempt: who has it need not act."""
    key = signer(at)
    raw = delivery.body.encode()
    signature = base64.b64encode(key.private.sign(raw, padding.PKCS1v15(), hashes.SHA256())).decode()
    signed = (
        {"x-ms-signature": signature}
        if delivery.registration.in_ms_header
        else {"Authorization": f"Signature {signature}"}
    )
    return signed | {
        "Content-Type": "application/json; charset=utf-8",
        "X-MS-Certificate-Url": f"{settings.HUB_BASE_URL}/webhooks/v1/certificates/{key.kid}.cer",
        "X-MS-Signature-Algorithm": ALGORITHM,
        "MS-RequestId": str(delivery.pk),
        "MS-CorrelationId": delivery.correlation_id or str(delivery.pk),
    }


def certificate_of(kid: str, at: datetime) -> bytes | None:
    """The certificate (DER) of a key that is published; None of any other."""
    key = published_signer(kid, at)
    return _certificate(key, at).public_bytes(serialization.Encoding.DER) if key else None


def _certificate(key: Signer, at: datetime) -> "x509.Certificate":
    name = x509.Name(
        [
            x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, (settings.HUB_SELLER_NAME or "Partner Hub")[:64]),
            x509.NameAttribute(x509.NameOID.COMMON_NAME, (urlsplit(settings.HUB_BASE_URL).hostname or "")[:64]),
        ]
    )
    public = key.private.public_key()
    # Verifiers know no HUB_CLOCK_OFFSET.
    seen = at - (parse_duration(settings.HUB_CLOCK_OFFSET) if settings.HUB_CLOCK_OFFSET else timedelta())
    builder = x509.CertificateBuilder(
        subject_name=name,
        issuer_name=name,
        public_key=public,
        serial_number=public.public_numbers().n % 2**64 + 1,
        not_valid_before=seen - EARLIER,
        not_valid_after=seen + CERTIFICATE_LIFE,
    )
    return builder.sign(key.private, hashes.SHA256())
