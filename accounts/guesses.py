"""Guessing at secrets and passwords: after some failures an account and an address must wait, whoever they are.

An account is counted by the name that was given, so that nobody learns whether there is one.
"""

import hashlib

from django.conf import settings
from django.http import HttpRequest

from partnerhub.api.throttling import MINUTE, counted


def address_of(request: HttpRequest) -> str:
    """Where a request comes from; behind our own proxy, as that one saw it."""
    if settings.BEHIND_TLS_PROXY:
        # Only the last entry is the proxy's own word.
        return request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip()
    return str(request.META.get("REMOTE_ADDR", ""))


def seconds_to_wait(address: str, account: str) -> int:
    """In how many seconds this account may be tried from this address again; 0 when it may be now."""
    return _waiting(address, account, more=0)


def note_failure(address: str, account: str) -> None:
    """Count a sign-in that failed."""
    _waiting(address, account, more=1)


def _waiting(address: str, account: str, *, more: int) -> int:
    name = hashlib.sha256(account.strip().lower().encode(errors="replace")).hexdigest()
    limits = {
        f"account:{name}": settings.HUB_FAILED_SIGN_INS_A_MINUTE,
        f"address:{address}": settings.HUB_FAILED_SIGN_INS_PER_ADDRESS,
    }
    wanted = {key: limit for key, limit in limits.items() if limit}
    if not wanted:
        return 0
    counts = counted(list(wanted), MINUTE, more=more)
    over = (count.seconds for count, limit in zip(counts, wanted.values(), strict=True) if count.calls >= limit)
    return max(over, default=0)
