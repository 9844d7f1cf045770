"""Single calls that only look how an address answers: bounded in time and size, redirects not followed."""

import asyncio
import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from partnerhub.guard import AddressNotPublic, socket_factory
from publishers.fulfillment.reading import excerpt

SECONDS = 8.0
LARGEST_READ = 4096


@dataclass(frozen=True, slots=True)
class Heard:
    """What came back: an HTTP status with the beginning of the text, or why nothing did (a code of `publishers.words`).

    `milliseconds` is the time until then; the text is free of what might be a secret.
    """

    status: int | None = None
    content_type: str = ""
    text: str = ""
    problem: str = ""
    milliseconds: int = 0


class Prober:
    """Make it inside a running event loop, and close it. Private addresses are refused unless allowed."""

    def __init__(self, *, allow_private: bool, seconds: float = SECONDS) -> None:
        self._sockets, self._seconds = socket_factory(allow_private=allow_private), seconds
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(force_close=True, socket_factory=self._sockets),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=seconds),
            headers={"user-agent": "PartnerHub", "accept-encoding": "identity"},
        )

    async def close(self) -> None:
        await self._session.close()

    async def call(
        self, method: str, url: str, *, token: str = "", query: Mapping[str, str] | None = None, body: Any = None
    ) -> Heard:
        """Call once; whatever the other side does is told, nothing is raised for it."""
        headers = {"authorization": f"Bearer {token}"} if token else {}
        begun = time.monotonic()
        try:
            async with self._session.request(
                method, url, params=query, headers=headers, json=body, allow_redirects=False
            ) as response:
                read = await response.content.read(LARGEST_READ)
                text = excerpt(read.decode("utf-8", "replace"))
                return Heard(response.status, response.content_type, text, "", _since(begun))
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return Heard(problem=_problem(error), milliseconds=_since(begun))

    async def certificate_ends(self, url: str) -> datetime | str:
        """When the verified certificate of an https address ends (UTC), or the code of what is wrong with it."""
        try:
            async with asyncio.timeout(self._seconds):
                return await self._certificate_ends(urlsplit(url).hostname or "", urlsplit(url).port or 443)
        except (OSError, ValueError, TimeoutError) as error:
            return _problem(error)

    async def _certificate_ends(self, host: str, port: int) -> datetime:
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        plain = self._sockets(found[0])
        plain.setblocking(False)
        try:
            await loop.sock_connect(plain, found[0][4])
            _reader, writer = await asyncio.open_connection(
                sock=plain, ssl=ssl.create_default_context(), server_hostname=host
            )
        except BaseException:
            plain.close()
            raise
        ends = str(writer.get_extra_info("peercert")["notAfter"])
        writer.close()
        return datetime.fromtimestamp(ssl.cert_time_to_seconds(ends), UTC)


def _since(begun: float) -> int:
    return round((time.monotonic() - begun) * 1000)


def _problem(error: Exception) -> str:
    match error:
        case TimeoutError():
            return "silent"
        case AddressNotPublic() | aiohttp.ClientConnectorError(os_error=AddressNotPublic()):
            return "not_public"
        case aiohttp.ClientConnectorCertificateError() | ssl.SSLCertVerificationError():
            return "certificate_not_trusted"
        case aiohttp.ClientSSLError() | ssl.SSLError():
            return "no_tls"
        case aiohttp.ClientConnectorDNSError() | socket.gaierror():
            return "name_unknown"
        case aiohttp.ClientConnectorError() | ConnectionRefusedError():
            return "refuses_connections"
        case aiohttp.InvalidURL() | ValueError():
            return "not_an_address"
        case aiohttp.ClientResponseError():
            return "not_http"
    return "hangs_up"
