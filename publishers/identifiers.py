"""The catalogue's ids: made from a publisher's own, so that the same catalogue has the same ids on every hub."""

import base64
import hashlib


def product_id(publisher: str, offer_id: str) -> str:
    """The 12 characters that name an offer in the API."""
    return _twelve("product", publisher, offer_id)


def availability_id(publisher: str, offer_id: str, plan_id: str, term: str, billing_cycle: str) -> str:
    """The 12 characters that name one way to buy a plan in the API."""
    return _twelve("availability", publisher, offer_id, plan_id, term, billing_cycle)


def next_sku_id(taken: list[str]) -> str:
    """The number of an offer's next plan ("0001" for the first); one that was ever given is never given again."""
    return f"{max((int(sku_id) for sku_id in taken), default=0) + 1:04d}"


def _twelve(*parts: str) -> str:
    digest = hashlib.sha256("\0".join(parts).encode()).digest()
    return base64.b32encode(digest).decode()[:12]
