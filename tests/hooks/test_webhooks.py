"""Programs that want to be told: registering, what is told to whom, and how it reaches them."""

import base64
import json
import uuid
from datetime import timedelta

import pytest
import time_machine
from aiohttp import web
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.x509.oid import NameOID
from django.conf import settings as live
from django.test import Client as Browser
from rest_framework.test import APIClient

from accounts.policy import Actor, Role
from customers.api import examples
from partnerhub.api.shapes import utc
from partnerhub.errors import AddressNotAllowed
from partnerhub.hooks import services
from partnerhub.hooks.models import Attempt, Delivery, Registration
from partnerhub.hooks.sending import WAITS, send_due
from partnerhub.outbox.delivery import deliver_due
from partnerhub.outbox.models import Delivery as Owed
from partnerhub.outbox.models import Event
from subscriptions.services.edits import rename
from tests.factories.accounts import ClientFactory, UserFactory
from tests.factories.customers import ResellerFactory
from tests.factories.publisher_site import PublisherSite, answers
from tests.factories.subscriptions import NOON, active

pytestmark = pytest.mark.django_db(transaction=True)
LATER = NOON + timedelta(hours=1)
REGISTRATION = "/webhooks/v1/registration"
AGENT = Actor(kind="user", id="agent", label="Agent", role=Role.ADMIN_AGENT, roles=(Role.ADMIN_AGENT,))


@pytest.fixture(autouse=True)
def _at_noon(settings):
    settings.HUB_ALLOW_PRIVATE_PUBLISHERS = True
    with time_machine.travel(NOON, tick=False):
        yield


@pytest.fixture(scope="module")
def site():
    with PublisherSite() as running:
        yield running


class Program(APIClient):
    """An API client with a registration at a path of its own."""

    def __init__(self, site=None, role=Role.ADMIN_AGENT, **fields):
        super().__init__()
        self.row = ClientFactory(role=role, **fields)
        self.force_authenticate(user=self.row.actor())
        self.slug = uuid.uuid4().hex
        self.url = f"{site.url(self.slug)}/webhook?code=hush" if site else "http://127.0.0.1:9/"

    def register(self, *events, method="post", **members):
        body = {"WebhookUrl": self.url, "WebhookEvents": list(events or ["subscription-updated"])} | members
        return getattr(self, method)(REGISTRATION, body, format="json")


def send(at=LATER) -> int:
    return send_due(lambda: at)


def rename_one(subscription, name="Renamed", at=LATER):
    rename(AGENT, subscription.pk, nickname=name, version=None, at=at)
    deliver_due(at)


# Registering


def test_a_registration_is_made_read_replaced_and_removed():
    program = Program()
    assert program.get(REGISTRATION).status_code == 404

    made = program.register("subscription-updated", "test-created")
    assert made.status_code == 201
    assert made.json() == {
        "SubscriberId": str(Registration.objects.get().pk),
        "WebhookUrl": program.url,
        "WebhookEvents": ["subscription-updated", "test-created"],
        "SignatureTokenToMsSignatureHeader": False,
    }
    assert program.get(REGISTRATION).json() == made.json()
    again = program.register()
    assert (again.status_code, again.json()["data"]) == (409, ["hook_registered_already"])

    changed = program.register("order-created", method="put", SignatureTokenToMsSignatureHeader=True)
    expected = {"WebhookEvents": ["order-created"], "SignatureTokenToMsSignatureHeader": True}
    assert (changed.status_code, changed.json()) == (200, made.json() | expected)

    assert program.delete(REGISTRATION).status_code == 204
    assert program.get(REGISTRATION).status_code == 404
    assert program.register().status_code == 201
    names = ["webhook.registered", "webhook.changed", "webhook.removed", "webhook.registered"]
    assert sorted(Event.objects.values_list("name", flat=True)) == sorted(names)
    assert "hush" not in json.dumps(list(Event.objects.values_list("data", flat=True)))


def test_the_events_are_those_that_the_role_may_read():
    events = [
        "change-request-updated",
        "customer-created",
        "customer-updated",
        "invoice-ready",
        "order-created",
        "subscription-activated",
        "subscription-attention-changed",
        "subscription-created",
        "subscription-updated",
        "test-created",
    ]
    assert Program().get(f"{REGISTRATION}/events").json() == events
    sales = Program(role=Role.SALES_AGENT)
    assert sales.get(f"{REGISTRATION}/events").json() == [one for one in events if one != "invoice-ready"]
    refused = sales.register("invoice-ready")
    assert (refused.status_code, refused.json()["code"]) == (403, 900150)
    assert Registration.objects.count() == 0


@pytest.mark.parametrize(
    "members",
    [{"WebhookEvents": []}, {"WebhookEvents": ["unheard-of"]}, {"WebhookUrl": ""}, {"WebhookUrl": "ftp://x.example"}],
)
def test_a_registration_that_is_none_is_refused(members):
    assert Program().register(**members).status_code == 400
    assert Registration.objects.count() == 0


@pytest.mark.parametrize(
    "url", ["https://127.0.0.1/", "http://93.184.216.34/", "https://[::1]/", "https://u:p@x.example/"]
)
def test_an_address_is_public_and_secure(settings, url):
    settings.HUB_ALLOW_PRIVATE_PUBLISHERS = False
    with pytest.raises(AddressNotAllowed):
        services.check_webhook_url(url)
    refused = Program().register(WebhookUrl=url)
    assert (refused.status_code, refused.json()["code"]) == (400, 3000)
    services.check_webhook_url("https://93.184.216.34/hook")


def test_a_person_has_no_registration():
    person = APIClient()
    person.force_authenticate(user=AGENT)
    refused = person.get(REGISTRATION)
    assert (refused.status_code, refused.json()["data"]) == (403, ["only_programs"])
    assert APIClient().get(REGISTRATION).status_code == 401


# What is told, and to whom


def test_only_what_was_registered_for_is_told_once_and_in_scope():
    subscription, other = active(), active()
    Program().register("order-created")
    everything = Program()
    everything.register("subscription-updated")
    Program(customers=[other.customer_id]).register("subscription-updated")
    removed = Program()
    removed.register("subscription-updated")
    removed.delete(REGISTRATION)
    deliver_due(LATER)
    Delivery.objects.all().delete()

    rename_one(subscription)
    event = Event.objects.get(name="subscription.renamed")
    uri = f"{live.HUB_BASE_URL}/v1/customers/{subscription.customer_id}/subscriptions/{subscription.pk}"
    delivery = Delivery.objects.get()
    assert delivery.registration.client == everything.row
    assert json.loads(delivery.body) == {
        "EventName": "subscription-updated",
        "ResourceUri": uri,
        "ResourceName": "subscription",
        "AuditUri": f"{live.HUB_BASE_URL}/v1/auditrecords/{event.pk}",
        "ResourceChangeUtcDate": LATER.isoformat(),
    }


def test_a_customer_is_told_of_when_it_is_taken_on_and_when_it_changes():
    ResellerFactory(partner_id="7654321")
    everybody, other = Program(), Program(customers=[uuid.uuid4()])
    for program in (everybody, other):
        program.register("customer-created", "customer-updated")
    customer = everybody.post("/v1/customers", examples.NEW_CUSTOMER, format="json").json()["id"]
    everybody.patch(f"/v1/customers/{customer}", {"relationshipToPartner": "none"}, format="json")
    deliver_due(LATER)

    bodies = [json.loads(text) for text in Delivery.objects.values_list("body", flat=True)]
    assert {one["ResourceUri"] for one in bodies} == {f"{live.HUB_BASE_URL}/v1/customers/{customer}"}
    assert sorted(one["EventName"] for one in bodies) == ["customer-created", "customer-updated", "customer-updated"]
    assert {delivery.registration.client for delivery in Delivery.objects.all()} == {everybody.row}


def test_what_nobody_is_registered_for_is_owed_to_nobody():
    subscription = active()
    owed = Owed.objects.filter(handler="partnerhub.hooks.handlers", stream_id=subscription.pk)
    Program().register("order-created")
    ended = Program()
    ended.register("subscription-updated")
    ended.delete(REGISTRATION)
    rename(AGENT, subscription.pk, nickname="Unheard", version=None, at=LATER)
    assert list(owed) == []

    Program().register("subscription-updated")
    rename(AGENT, subscription.pk, nickname="Heard", version=None, at=LATER)
    assert owed.get().event.pk == Event.objects.filter(name="subscription.renamed").latest("sequence").pk


# How it is delivered


def test_a_delivery_is_signed_so_that_its_certificate_proves_it(site):
    heard = []

    async def listen(request: web.Request) -> web.Response:
        heard.append((dict(request.headers), await request.read()))
        return web.Response(text="thanks")

    program = Program(site)
    site.behave(program.slug, listen)
    subscription = active()
    program.register("subscription-updated")
    rename_one(subscription)
    assert send() == 1
    program.register("subscription-updated", method="put", SignatureTokenToMsSignatureHeader=True)
    rename_one(subscription, "Again")
    assert (send(), send()) == (1, 0)

    (first, body), (second, second_body) = heard
    assert first["X-MS-Signature-Algorithm"] == "rsa-sha256"
    assert first["Authorization"].startswith("Signature ")
    assert "Authorization" not in second
    path = first["X-MS-Certificate-Url"].removeprefix(live.HUB_BASE_URL)
    certificate = x509.load_der_x509_certificate(Browser().get(path).content)
    organisation = certificate.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)[0].value
    assert organisation == live.HUB_SELLER_NAME
    certificate.verify_directly_issued_by(certificate)
    for signature, signed in ((first["Authorization"].split()[1], body), (second["x-ms-signature"], second_body)):
        proof = (base64.b64decode(signature), signed, padding.PKCS1v15(), hashes.SHA256())
        certificate.public_key().verify(*proof)
    with pytest.raises(InvalidSignature):
        certificate.public_key().verify(proof[0], body, *proof[2:])
    assert Browser().get("/webhooks/v1/certificates/none.cer").status_code == 404
    done = Delivery.objects.get(pk=first["MS-RequestId"])
    assert (done.attempts, done.delivered_at) == (1, LATER)


def test_what_is_not_received_is_tried_ten_times_then_parked_and_sent_again_by_hand(site):
    program = Program(site)
    site.behave(program.slug, answers(302, headers={"Location": "http://127.0.0.1:9/"}))
    program.register("test-created")
    correlation = program.post(f"{REGISTRATION}/validationEvents").json()["correlationId"]
    at = NOON
    for wait in (*WAITS, timedelta()):
        assert send(at) == 0
        assert send(at) == 0
        at += wait
    delivery = Delivery.objects.get()
    assert (delivery.attempts, delivery.parked_at is not None, Attempt.objects.count()) == (10, True, 10)
    result = program.get(f"{REGISTRATION}/validationEvents/{correlation}").json()
    assert (result["status"], len(result["results"])) == ("failed", 10)
    assert result["results"][0] == {
        "responseCode": "Found",
        "responseMessage": "",
        "systemError": False,
        "dateTimeUtc": utc(NOON),
    }

    agent, browser = UserFactory(active_role=Role.PLATFORM_ADMIN), Browser()
    browser.force_login(agent)
    site.behave(program.slug, answers(200))
    page = f"/developers/hooks/{delivery.pk}/"
    assert b"Given up" in browser.get("/developers/hooks/").content
    assert b"hush" not in browser.get(page).content
    assert browser.post(f"{page}again/").status_code == 302
    assert browser.post(f"{page}again/").status_code == 302
    assert Event.objects.filter(name="webhook.sent_again").count() == 1
    assert send(at) == 1
    delivery.refresh_from_db()
    assert (delivery.attempts, delivery.parked_at) == (1, None)
    assert program.get(f"{REGISTRATION}/validationEvents/{correlation}").json()["status"] == "completed"
    browser.force_login(UserFactory(active_role=Role.ADMIN_AGENT))
    assert browser.get("/developers/hooks/").status_code == 403


def test_one_that_cannot_be_reached_keeps_nobody_waiting(site):
    silent, well = Program(), Program(site)
    site.behave(well.slug, answers(204))
    for program in (silent, well):
        program.register("test-created")
        program.post(f"{REGISTRATION}/validationEvents")
    assert send(NOON) == 1
    assert Attempt.objects.get(http_status=None).detail == "No connection could be made."


def test_two_validation_events_a_minute():
    program = Program()
    program.register("subscription-updated")
    sent = [program.post(f"{REGISTRATION}/validationEvents").status_code for _ in range(3)]
    assert sent == [200, 200, 429]
    third = program.post(f"{REGISTRATION}/validationEvents")
    assert third.json()["statusCode"] == 429
    assert third["Retry-After"] == "60"
    assert Delivery.objects.count() == 2
    result = f"{REGISTRATION}/validationEvents/{Delivery.objects.first().pk}"
    assert program.get(result).json()["status"] == "pending"
    assert Program().get(result).status_code == 404
    with time_machine.travel(NOON + timedelta(days=7), tick=False):
        assert program.get(result).status_code == 404


def test_a_removed_registration_is_told_nothing_more_and_the_log_is_kept_for_a_month():
    program = Program()
    program.register("test-created")
    program.post(f"{REGISTRATION}/validationEvents")
    program.delete(REGISTRATION)
    delivery = Delivery.objects.get()
    assert delivery.parked_at == NOON
    assert send() == 0
    assert Attempt.objects.count() == 0
    assert services.forget_deliveries(NOON + timedelta(days=6)) == 0
    assert services.forget_deliveries(NOON + timedelta(days=7)) == 1
