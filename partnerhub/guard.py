"""No connection to an address that is not public: checked where the socket is made, for names and literal IPs alike.

A name may resolve to something else between registration and call; what counts is the address that is connected to.
"""

import socket
from typing import TYPE_CHECKING

import aiohttp

from partnerhub.addresses import is_public_address

if TYPE_CHECKING:
    from aiohttp.connector import AddrInfoType, SocketFactoryType


class AddressNotPublic(OSError):
    """The connection was refused by the hub itself. The text names no address: several of them count as one error."""

    def __init__(self) -> None:
        super().__init__("the address is not public")


def socket_factory(*, allow_private: bool) -> "SocketFactoryType":
    """Make sockets for an aiohttp connector; each raises AddressNotPublic for a private address unless allowed."""

    def make(address: "AddrInfoType") -> socket.socket:
        family, kind, protocol, _name, where = address
        if not allow_private and not is_public_address(str(where[0])):
            raise AddressNotPublic
        return socket.socket(family=family, type=kind, proto=protocol)

    return make


def why_no_answer(error: Exception) -> str:
    """Why a call was not answered, in words that repeat nothing of the address."""
    match error:
        case TimeoutError():
            return "No answer in time."
        case aiohttp.ClientConnectorError(os_error=AddressNotPublic()):
            return "The address is not public, so this hub may not call it."
        case aiohttp.ClientSSLError():
            return "No secure connection could be made."
        case aiohttp.ClientConnectorError():
            return "No connection could be made."
        case aiohttp.InvalidURL():
            return "The address is not one that can be called."
    return "The connection broke off without an answer."
