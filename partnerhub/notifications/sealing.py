"""Sealing the addresses of channels: whoever has one can write into somebody's chat."""

from partnerhub.sealing import Unreadable, in_column, keeps_sealed, seal, unseal

__all__ = ["Unreadable", "opened", "sealed"]

PURPOSE = "notifications/channel"
keeps_sealed("addresses of channels", in_column("notifications.Channel", "address", PURPOSE))


def sealed(address: str) -> bytes:
    return seal(PURPOSE, address.encode())


def opened(address: bytes) -> str:
    """A sealed address in clear. Raises Unreadable."""
    return unseal(PURPOSE, address).decode()
