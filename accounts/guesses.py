"""Guessing at secrets, passwords and codes: after some failures an account and an address must wait, whoever they are.

An account is counted by the name that was given, so that nobody learns whether there is one.
"""

import hashlib
from collections.abc import Iterator
from datetime import timedelta

from django.conf import settings
from django.http import HttpRequest

from partnerhub.api.throttling import MINUTE, Count, counted

HOUR = timedelta(hours=1)


def address_of(request: HttpRequest) -> str:
    """Where a request comes from; behind our own proxy, as that one saw it."""
    if settings.BEHIND_TLS_PROXY:
        # Only the last entry is the proxy's own word.
        return request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip()
    return str(request.META.get("REMOTE_ADDR", ""))


def seconds_to_wait(address: str, account: str) -> int:
    """In how many seconds this account may be tried from this address again; 0 when it may be now.

    An empty account counts for the address alone.
    """
    over = (count.seconds for count, limit in _counts(address, account, more=0) if count.calls >= limit)
    return max(over, default=0)


def note_failure(address: str, account: str) -> bool:
    """Count a sign-in that failed; whether it is the one after which somebody has to wait."""
    return any(count.calls == limit for count, limit in _counts(address, account, more=1))


def _counts(address: str, account: str, *, more: int) -> Iterator[tuple[Count, int]]:
    name = hashlib.sha256(account.strip().lower().encode(errors="replace")).hexdigest()
    of_account = account.strip() != ""
    minute = {
        f"account:{name}": settings.HUB_FAILED_SIGN_INS_A_MINUTE * of_account,
        f"address:{address}": settings.HUB_FAILED_SIGN_INS_PER_ADDRESS,
    }
    hour = {f"account-hour:{name}": settings.HUB_FAILED_SIGN_INS_AN_HOUR * of_account}
    for limits, window in ((minute, MINUTE), (hour, HOUR)):
        wanted = {key: limit for key, limit in limits.items() if limit}
        if wanted:
            yield from zip(counted(list(wanted), window, more=more), wanted.values(), strict=True)
