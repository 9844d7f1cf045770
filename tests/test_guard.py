"""What is connected to, however an address was written and whatever its name led to when it was registered."""

import asyncio
import socket
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from partnerhub.addresses import check_url
from partnerhub.errors import AddressNotAllowed
from partnerhub.guard import socket_factory, why_no_answer

REFUSED = "The address is not public, so this hub may not call it."


class Rebinding(AbstractResolver):
    """A name server that tells each asker the next of its addresses."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = list(addresses)

    async def resolve(self, host: str, port: int = 0, family: int = socket.AF_INET) -> list[ResolveResult]:
        address = self.addresses.pop(0)
        kind = socket.AF_INET6 if ":" in address else socket.AF_INET
        return [{"hostname": host, "host": address, "port": port, "family": kind, "proto": 0, "flags": 0}]

    async def close(self) -> None:
        pass


async def called(url: str, *, allow_private: bool, resolver: AbstractResolver | None = None) -> str:
    """The status of the answer, or why there was none."""
    connector = aiohttp.TCPConnector(
        socket_factory=socket_factory(allow_private=allow_private), resolver=resolver, use_dns_cache=False
    )
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=5)) as session:
        try:
            async with session.get(url, allow_redirects=False) as response:
                return str(response.status)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return why_no_answer(error)


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "10.0.0.5", "169.254.169.254", "::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "fd00::7"]
)
def test_a_name_that_leads_inside_after_its_registration_is_not_connected_to(address, monkeypatch):
    told = [(2, 1, 6, "", ("93.184.215.14", 443))]
    monkeypatch.setattr("socket.getaddrinfo", lambda *_args, **_options: told)
    check_url("https://rebind.example/", allow_private=False)

    assert asyncio.run(called("http://rebind.example/", allow_private=False, resolver=Rebinding(address))) == REFUSED


@pytest.mark.parametrize("host", ["2130706433", "0x7f000001", "0177.0.0.1", "127.1", "127.0.0.1.", "[::ffff:7f00:1]"])
def test_other_spellings_of_an_inner_address_lead_nowhere(host):
    with pytest.raises(AddressNotAllowed):
        check_url(f"http://{host}/", allow_private=False)

    assert asyncio.run(called(f"http://{host}:9/", allow_private=False)) in (
        REFUSED, "No connection could be made.", "The address is not one that can be called."
    )  # fmt: skip


def certificate(folder: Path) -> ssl.SSLContext:
    """A server's certificate that nobody vouches for."""
    key, born = ec.generate_private_key(ec.SECP256R1()), datetime(2026, 1, 1, tzinfo=UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, born, born + timedelta(days=3650))
    file = folder / "server.pem"
    plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    signed = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    file.write_bytes(key.private_bytes(serialization.Encoding.PEM, *plain) + signed)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


def test_whom_nobody_vouches_for_is_not_talked_to(tmp_path):
    async def ask() -> str:
        runner = web.AppRunner(web.Application(), access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=certificate(tmp_path))
        await site.start()
        try:
            port = site._server.sockets[0].getsockname()[1]
            return await called(f"https://localhost:{port}/", allow_private=True)
        finally:
            await runner.cleanup()

    assert asyncio.run(ask()) == "No secure connection could be made."
