"""Sealing what a mail says while it waits: a copy of the database must not hold personalised links."""

import base64
import json

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.utils.encoding import force_bytes


class Unreadable(Exception):
    """Sealed with a secret key that is known no more."""


def sealed(text: str, html: str) -> bytes:
    return _fernet().encrypt(json.dumps([text, html]).encode())


def opened(body: bytes) -> tuple[str, str]:
    """Text and HTML of a sealed body. Raises Unreadable."""
    try:
        text, html = json.loads(_fernet().decrypt(body))
    except InvalidToken:
        raise Unreadable from None
    return text, html


def _fernet() -> MultiFernet:
    return MultiFernet([Fernet(_derived(one)) for one in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)])


def _derived(secret: str | bytes) -> bytes:
    derive = HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=b"partnerhub/mail/body")
    return base64.urlsafe_b64encode(derive.derive(force_bytes(secret)))
