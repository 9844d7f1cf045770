"""Tokens that are the only key to something, in links to publishers, customers and new agents; only hashes are kept."""

import hashlib
import secrets

# 384 bits in 64 characters of [A-Za-z0-9_-]: URL-decoding it any number of times changes nothing.
_BYTES = 48


def new_token() -> str:
    """A token that nobody can guess."""
    return secrets.token_urlsafe(_BYTES)


def hash_of(token: str) -> str:
    """How a token is kept."""
    return hashlib.sha256(token.encode()).hexdigest()
