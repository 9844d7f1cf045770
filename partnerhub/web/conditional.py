"""Pages that look again by themselves: what whoever asks has seen already is answered 304."""

import hashlib

from django.http import HttpRequest


def known_etag(request: HttpRequest) -> str:
    """The ETag that the request says it knows, without its quotes; empty when it names none."""
    return request.headers.get("If-None-Match", "").strip('"')


def short_hash(shown: object) -> str:
    """A part of an ETag that changes with what is shown; it must be told apart by its `repr`."""
    return hashlib.sha256(repr(shown).encode()).hexdigest()[:16]
