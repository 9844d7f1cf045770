"""Which addresses the hub may call or send people to: the URLs of publishers and programs are user input."""

import ipaddress
import re
import socket
from urllib.parse import SplitResult, urlsplit

from partnerhub.errors import AddressNotAllowed

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_NOT_IN_A_URL = re.compile(r"[\x00-\x20\x7f\\]")
# RFC 6052: an IPv4 address travels in the last 32 bits, and a gateway will follow it.
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
# RFC 4291: all that IANA gives out. What lies outside (site-local, IPv4-compatible, translated) leads nowhere or inside
# a network.
_GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")


def is_public_address(ip: str | Address) -> bool:
    """Whether an IP address belongs to the public internet; an IPv4 address inside an IPv6 one is judged by itself.

    Raises ValueError for text that is no IP address.
    """
    address = ipaddress.ip_address(ip.partition("%")[0]) if isinstance(ip, str) else ip
    inner = _carried(address)
    if inner is not None:
        return is_public_address(inner)
    if isinstance(address, ipaddress.IPv6Address) and address not in _GLOBAL_UNICAST:
        return False
    return address.is_global and not address.is_multicast


def _carried(address: Address) -> ipaddress.IPv4Address | None:
    if isinstance(address, ipaddress.IPv4Address):
        return None
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour


def check_url(url: str, allow_private: bool) -> None:
    """Raise AddressNotAllowed unless `url` is http(s), without credentials, at a host whose every address is public.

    With `allow_private` any host will do and no name is looked up. The HTTP client checks again when it connects: a
    name may lead elsewhere by then.
    """
    host, port = _host_and_port(url)
    if allow_private:
        return
    addresses = _addresses_of(url, host, port)
    for address in addresses:
        if not is_public_address(address):
            raise AddressNotAllowed(url=_without_query(url), problem=f"its host's address {address} is not public.")


def _host_and_port(url: str) -> tuple[str, int]:
    shown = _without_query(url)
    if _NOT_IN_A_URL.search(url):
        raise AddressNotAllowed(url=shown, problem="it holds a space, a backslash or a control character.")
    parts = _split(url)
    if parts.scheme not in ("http", "https"):
        raise AddressNotAllowed(url=shown, problem="it must begin with http:// or https://.")
    if parts.username is not None or parts.password is not None:
        raise AddressNotAllowed(url=f"{parts.scheme}://{parts.hostname}", problem="it holds a user name or password.")
    if not parts.hostname:
        raise AddressNotAllowed(url=shown, problem="it names no host.")
    return parts.hostname, parts.port or (443 if parts.scheme == "https" else 80)


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise AddressNotAllowed(url=_without_query(url), problem=f"{error}.") from None
    return parts


def _addresses_of(url: str, host: str, port: int) -> set[str]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise AddressNotAllowed(url=_without_query(url), problem=f"the host {host} is not known.") from None
    return {str(entry[4][0]) for entry in found}


def _without_query(url: str) -> str:
    return url.partition("?")[0][:200]
