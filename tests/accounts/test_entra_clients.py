"""The clients that publishers' programs sign in with, unmodified, over TLS: MSAL and azure-identity."""

import ipaddress
import ssl
import threading
from contextlib import contextmanager
from datetime import timedelta
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

import msal
import pytest
import requests
from azure.identity import ClientSecretCredential
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from django.core.wsgi import get_wsgi_application
from django.db import connections

from accounts.services.clients import add_secret
from accounts.tokens import MARKETPLACE
from partnerhub.clock import now
from tests.factories.publishers import PlanTermFactory, PublisherFactory
from tests.factories.subscriptions import buy

pytestmark = pytest.mark.django_db(transaction=True)
SCOPE = f"{MARKETPLACE}/.default"
HOUR = timedelta(hours=1)


class QuietHandler(WSGIRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


class Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True

    def process_request_thread(self, *args):
        try:
            super().process_request_thread(*args)
        finally:
            connections.close_all()


def name(common):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def certificate(subject, key, issuer, issuer_key, *extensions):
    builder = x509.CertificateBuilder(
        subject_name=subject,
        issuer_name=issuer,
        public_key=key.public_key(),
        serial_number=x509.random_serial_number(),
        not_valid_before=now() - HOUR,
        not_valid_after=now() + HOUR,
    )
    builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key())
    builder = builder.add_extension(authority, critical=False)
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    return builder.sign(issuer_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


@pytest.fixture(scope="module")
def tls(tmp_path_factory):
    """A certification authority of the test's own and a context that serves `localhost` under it."""
    folder = tmp_path_factory.mktemp("tls")
    root_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    root, place = name("Test CA"), x509.DNSName("localhost")
    usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
    authority = (x509.BasicConstraints(ca=True, path_length=0), True)
    alternative = x509.SubjectAlternativeName([place, x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    (folder / "ca.pem").write_bytes(certificate(root, root_key, root, root_key, authority, (usage, True)))
    (folder / "server.pem").write_bytes(certificate(name("localhost"), key, root, root_key, (alternative, False)))
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "server.pem", folder / "key.pem")
    return str(folder / "ca.pem"), context


@contextmanager
def serving(context):
    server = Server(("127.0.0.1", 0), QuietHandler)
    server.set_app(get_wsgi_application())
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"https://localhost:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def with_msal(base, tenant, app, secret):
    client = msal.ConfidentialClientApplication(
        str(app), secret, authority=f"{base}/{tenant}", instance_discovery=False
    )
    return client.acquire_token_for_client([SCOPE])["access_token"]


def with_azure_identity(base, tenant, app, secret):
    with ClientSecretCredential(
        str(tenant), str(app), secret, authority=base, disable_instance_discovery=True
    ) as credential:
        return credential.get_token(SCOPE).token


@pytest.mark.parametrize("sign_in", [with_msal, with_azure_identity])
def test_an_unmodified_client_signs_in_and_reads_its_subscriptions(sign_in, tls, settings, monkeypatch):
    publisher = PublisherFactory()
    secret = add_secret(publisher.client, now() - HOUR)
    bought = buy(term=PlanTermFactory(plan__offer__publisher=publisher), at=now())
    bundle, context = tls
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", bundle)
    with serving(context) as base:
        settings.HUB_BASE_URL = base

        token = sign_in(base, publisher.client.tenant_id, publisher.client_id, secret)
        address = f"{base}/api/saas/subscriptions?api-version=2018-08-31"
        answer = requests.get(address, headers={"authorization": f"Bearer {token}"}, timeout=10)

    assert answer.status_code == 200
    assert [each["id"] for each in answer.json()["subscriptions"]] == [str(bought.pk)]
