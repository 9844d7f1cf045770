"""Trying out a publisher's connection against real sockets: each fault is named, nothing of it is kept or sent on."""

import asyncio
import json
import socket
import ssl
from datetime import datetime, timedelta
from uuid import uuid4

import jwt
import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from django.core.management import CommandError, call_command
from django.db import transaction
from django.urls import reverse

from accounts.keys import signer
from accounts.policy import OPERATOR, Role
from accounts.services.clients import add_secret
from partnerhub.clock import now
from partnerhub.errors import NotPermitted
from partnerhub.outbox.models import Event
from publishers.fulfillment.probing import Prober
from publishers.services.selftest import try_out
from publishers.words import FINDING, finding_words
from tests.factories.accounts import actor
from tests.factories.publisher_site import PublisherSite, answers, says
from tests.factories.publishers import PublisherFactory
from tests.publishers.conftest import signed_in, text_of

LANDING = uuid4()


@pytest.fixture(scope="module")
def site():
    with PublisherSite() as running:
        yield running


@pytest.fixture
def publisher(site, settings):
    """A publisher whose site serves its landing page where it would serve a subscription."""
    settings.HUB_ALLOW_PRIVATE_PUBLISHERS = True
    site.behaviours.clear()
    publisher = PublisherFactory(
        fulfillment_base_url=site.url(),
        landing_url=f"{site.url('site')}/api/saas/subscriptions/{LANDING}",
        webhook_url=f"{site.url('hook')}/webhook",
    )
    add_secret(publisher.client, now() - timedelta(hours=1))
    return publisher


def verifying(key):
    """A webhook that does what the marketplace asks of it: it verifies the signature."""

    async def answer(request: web.Request) -> web.Response:
        token = request.headers["authorization"].removeprefix("Bearer ")
        try:
            jwt.decode(token, key, algorithms=["RS256"], options={"verify_aud": False})
        except jwt.PyJWTError:
            return web.json_response({"code": "Forbidden", "message": f"not signed by the hub: {token}"}, status=403)
        return web.Response(status=200)

    return answer


def found(steps):
    return {step.name.value: f"{step.verdict} {step.finding}" for step in steps}


@pytest.mark.django_db(transaction=True)
class TestSelfTest:
    def test_a_good_publisher_passes_and_nothing_secret_is_told_or_kept(self, publisher, site):
        site.behave(LANDING, answers(200, text="Welcome"))
        site.behave("hook", verifying(signer(now()).private.public_key()))

        answer = signed_in(Role.PLATFORM_ADMIN).post(reverse("publisher-test", args=[publisher.pk]))

        assert [(str(row["name"]), row["tone"]) for row in answer.context["rows"]] == [
            ("Address", "ok"),
            ("Address", "ok"),
            ("Address", "ok"),
            ("Landing page", "ok"),
            ("Fulfillment API", "ok"),
            ("Webhook, signed by the hub", "ok"),
            ("Webhook, forged signature", "ok"),
            ("Sign-in at the hub", "wait"),
        ]
        event = Event.objects.get(name="publisher.tested")
        assert (event.data["passed"], event.data["warned"], event.data["failed"]) == (7, 1, 0)
        assert "eyJ" not in text_of(answer) + json.dumps(event.data)
        landing = next(request for request in site.requests if request.match_info.get("id") == str(LANDING))
        assert "authorization" not in landing.headers

    @pytest.mark.parametrize(
        ("behaviours", "findings"),
        [
            (
                {str(LANDING): answers(404), "publisher": answers(401), "hook": answers(403)},
                {
                    "landing": "failed nothing_there",
                    "status": "failed token_refused",
                    "webhook": "failed token_refused",
                    "forgery": "warning forgery_unclear",
                },
            ),
            (
                {str(LANDING): answers(302), "publisher": says(), "hook": answers(200)},
                {
                    "landing": "passed landing_redirects",
                    "status": "warning status_knows_too_much",
                    "webhook": "passed webhook_accepts",
                    "forgery": "warning forgery_accepted",
                },
            ),
            (
                {str(LANDING): answers(500), "publisher": answers(301), "hook": answers(404)},
                {
                    "landing": "failed fails",
                    "status": "failed redirects",
                    "webhook": "warning webhook_declines",
                    "forgery": "warning forgery_unclear",
                },
            ),
        ],
    )
    def test_each_fault_is_named(self, publisher, site, behaviours, findings):
        site.behaviours.update(behaviours)

        steps = found(try_out(OPERATOR, publisher.pk, at=now()))

        assert {name: steps[name] for name in findings} == findings

    def test_where_nobody_answers_the_command_says_so_and_fails(self, publisher, capsys):
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))
            nowhere = f"http://127.0.0.1:{closed.getsockname()[1]}"
            publisher.landing_url, publisher.webhook_url = f"{nowhere}/landing", ""
            publisher.fulfillment_base_url = "http://publisher.invalid"
            publisher.save()
            with pytest.raises(CommandError, match="2 of 5 steps failed"):
                call_command("test_publisher", publisher.name)

        said = capsys.readouterr().out
        assert f"FAILED   Landing page: {FINDING['refuses_connections']}\n         GET {nowhere}/landing\n" in said
        assert f"FAILED   Fulfillment API: {FINDING['name_unknown']}\n" in said

    def test_a_private_address_is_not_called_and_who_may_not_calls_nobody(self, publisher, site, settings):
        settings.HUB_ALLOW_PRIVATE_PUBLISHERS = False
        before = len(site.requests)

        steps = try_out(OPERATOR, publisher.pk, at=now())
        with pytest.raises(NotPermitted):
            try_out(actor(Role.OPS_AGENT), publisher.pk, at=now())
        with pytest.raises(RuntimeError), transaction.atomic():
            try_out(OPERATOR, publisher.pk, at=now())

        assert len(site.requests) == before
        told = {step.name.value: finding_words(step) for step in steps}
        assert told["addresses"] == "This hub may not call it: its host's address 127.0.0.1 is not public."
        assert told["landing"] == told["status"] == told["webhook"] == FINDING["not_public"]


def certificate_files(folder, ends_at: datetime):
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    place = x509.SubjectAlternativeName([x509.DNSName("localhost")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, ends_at - timedelta(days=90), ends_at)
    own = builder.add_extension(place, False).sign(key, hashes.SHA256())
    (folder / "own.pem").write_bytes(own.public_bytes(serialization.Encoding.PEM))
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    (folder / "key.pem").write_bytes(key.private_bytes(encoding, form, serialization.NoEncryption()))
    return folder / "own.pem", folder / "key.pem"


def test_a_certificate_is_verified_and_its_end_is_known(tmp_path, monkeypatch):
    ends_at = now().replace(microsecond=0) + timedelta(days=10)
    own, key = certificate_files(tmp_path, ends_at)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(own, key)

    async def look(allow_private=True):
        server = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", 0, ssl=context)
        prober = Prober(allow_private=allow_private, seconds=5)
        try:
            port = server.sockets[0].getsockname()[1]
            return await prober.certificate_ends(f"https://localhost:{port}/landing")
        finally:
            await prober.close()
            server.close()

    assert asyncio.run(look()) == "certificate_not_trusted"
    assert asyncio.run(look(allow_private=False)) == "not_public"
    monkeypatch.setenv("SSL_CERT_FILE", str(own))
    assert asyncio.run(look()) == ends_at
