"""HTTP exchanges over kept-alive connections, without what aiohttp's session does around each of them.

aiohttp makes the connections (names, TLS, the guard) and parses answers. Its session would build an object of every
part of a request and of an answer, which takes longer than the exchange itself, and a poller does little else.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

import aiohttp
import yarl
from multidict import CIMultiDictProxy

from partnerhub.guard import socket_factory
from publishers.fulfillment.reading import excerpt

KEEP_ALIVE_SECONDS = 30
SCHEMES = frozenset({"http", "https"})
# May be sent again when a connection that was kept turns out to have been closed at the other end.
REPEATABLE = frozenset({"GET", "DELETE"})
# Plain bytes only: the size limit must not be a decompressor's problem.
ALWAYS = "user-agent: PartnerHub\r\naccept: application/json\r\naccept-encoding: identity\r\n"
MOST_SITES = 1000
# Each is about the moment, our token or our pace, not about what was asked.
PASSING_REFUSALS = frozenset({401, 408, 425, 429})


class TooLarge(Exception):
    """The body is larger than the caller reads."""


class NotHttp(Exception):
    """What came is no HTTP answer; the message says why, and may quote it."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP answer as far as we read it."""

    status: int
    headers: CIMultiDictProxy[str]
    body: bytes

    @property
    def text(self) -> str:
        return excerpt(self.body.decode("utf-8", "replace"))

    @property
    def is_refusal(self) -> bool:
        """Whether the publisher declines what was asked, for good."""
        return 400 <= self.status < 500 and self.status not in PASSING_REFUSALS


@dataclass(frozen=True, slots=True)
class Site:
    """Where an address leads: what the connector needs to connect to it, its path and query, the constant headers."""

    request: "aiohttp.ClientRequest"
    path: str
    headers: str

    @property
    def host(self) -> str:
        return self.request.url.raw_host or ""


class Exchanger:
    """Connections for all sites. Make it inside a running event loop, and close it.

    An exchange takes `seconds` at most, connecting `connect_seconds` of them; a body has `largest_body` bytes at most.
    """

    def __init__(
        self, *, allow_private: bool, connections: int, seconds: float, connect_seconds: float, largest_body: int
    ) -> None:
        self._connector = aiohttp.TCPConnector(
            limit=connections,
            limit_per_host=connections,
            keepalive_timeout=KEEP_ALIVE_SECONDS,
            socket_factory=socket_factory(allow_private=allow_private),
        )
        self._seconds, self._largest_body = seconds, largest_body
        self._timeout = aiohttp.ClientTimeout(sock_connect=connect_seconds)
        self._sites: dict[str, Site] = {}

    async def close(self) -> None:
        await self._connector.close()

    def site(self, url: str) -> Site:
        """Where an address leads; known again the next time. Raises ValueError for what is no address."""
        found = self._sites.get(url)
        if found is None:
            if len(self._sites) >= MOST_SITES:
                self._sites.clear()
            found = self._sites[url] = _site(url)
        return found

    async def exchange(
        self, method: str, site: Site, rest: str, headers: Mapping[str, str], body: bytes | None = None
    ) -> Reply:
        """Send a request to the site's path followed by `rest`, which is sent as it is, and read the answer.

        Redirects are not followed. Raises TimeoutError, aiohttp.ClientError, NotHttp, TooLarge, ValueError for headers
        that cannot be sent.
        """
        sent = _written(method, site, rest, headers, body)
        async with asyncio.timeout(self._seconds):
            try:
                return await self._once(site, sent)
            except aiohttp.ClientConnectorError:
                raise
            except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError):
                if method not in REPEATABLE:
                    raise
            return await self._once(site, sent)

    async def _once(self, site: Site, sent: bytes) -> Reply:
        connection = await self._connector.connect(site.request, [], self._timeout)
        try:
            protocol, transport = connection.protocol, connection.transport
            if protocol is None or transport is None:
                raise aiohttp.ServerDisconnectedError
            protocol.set_response_params(read_until_eof=True)
            transport.write(sent)
            message, payload = await protocol.read()
            while 100 <= message.code < 200:
                message, payload = await protocol.read()
            body = await self._whole(payload)
        except aiohttp.http.HttpProcessingError as error:
            connection.close()
            raise NotHttp(error.message) from None
        except BaseException:
            connection.close()
            raise
        connection.release()
        return Reply(message.code, message.headers, body)

    async def _whole(self, payload: "aiohttp.StreamReader") -> bytes:
        body = await payload.readany()
        while not payload.at_eof() and len(body) <= self._largest_body:
            body += await payload.readany()
        if len(body) > self._largest_body:
            raise TooLarge
        return body


def _site(url: str) -> Site:
    parsed = yarl.URL(url)
    if parsed.scheme not in SCHEMES:
        raise ValueError(url)
    request = aiohttp.ClientRequest("GET", parsed, loop=asyncio.get_running_loop())
    return Site(request, parsed.raw_path_qs, f"host: {request.headers['host']}\r\n{ALWAYS}")


def _written(method: str, site: Site, rest: str, headers: Mapping[str, str], body: bytes | None) -> bytes:
    """The request as it goes out."""
    said = [f"{name}: {value}\r\n" for name, value in headers.items()]
    if not all(value.isprintable() for value in headers.values()):
        raise ValueError("a header would break the request")
    if body is not None:
        said.append("content-type: application/json\r\n")
    if body is not None or method != "GET":
        said.append(f"content-length: {len(body or b'')}\r\n")
    head = f"{method} {site.path}{rest} HTTP/1.1\r\n{site.headers}{''.join(said)}\r\n"
    return head.encode() + (body or b"")
