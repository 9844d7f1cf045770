"""Sealing what proves that somebody is who they say: a copy of the database must make nobody's codes."""

import base64

from cryptography.fernet import Fernet, MultiFernet
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.utils.encoding import force_bytes


def sealed(text: str) -> str:
    return _fernet().encrypt(text.encode()).decode()


def opened(text: str) -> str:
    """A sealed text in clear. Raises InvalidToken for one that was sealed with a key that is known no more."""
    return _fernet().decrypt(text.encode()).decode()


def _fernet() -> MultiFernet:
    return MultiFernet([Fernet(_derived(one)) for one in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)])


def _derived(secret: str | bytes) -> bytes:
    derive = HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=b"partnerhub/accounts/second-factor")
    return base64.urlsafe_b64encode(derive.derive(force_bytes(secret)))
