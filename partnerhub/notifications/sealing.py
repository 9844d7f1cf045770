"""Sealing the addresses of channels: whoever has one can write into somebody's chat."""

import base64

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.utils.encoding import force_bytes


class Unreadable(Exception):
    """Sealed with a secret key that is known no more."""


def sealed(address: str) -> bytes:
    return _fernet().encrypt(address.encode())


def opened(address: bytes) -> str:
    """A sealed address in clear. Raises Unreadable."""
    try:
        return _fernet().decrypt(address).decode()
    except InvalidToken:
        raise Unreadable from None


def _fernet() -> MultiFernet:
    return MultiFernet([Fernet(_derived(one)) for one in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)])


def _derived(secret: str | bytes) -> bytes:
    derive = HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=b"partnerhub/notifications/channel")
    return base64.urlsafe_b64encode(derive.derive(force_bytes(secret)))
