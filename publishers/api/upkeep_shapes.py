"""Publishers as those who keep them see them: connection, document, secrets, and the test of the connection."""

from datetime import datetime
from typing import Any, TypedDict

from rest_framework import serializers

from accounts.models import ClientSecret
from partnerhub.api.etag import etag_of
from partnerhub.api.shapes import Attributes, Guid, Link, Utc, link, utc
from publishers.fulfillment.webhooks import without_values
from publishers.models import Publisher
from publishers.selectors import version_of
from publishers.services.register import Registration
from publishers.services.selftest import Step
from publishers.words import finding_words, heard_words

# Members of a connection by the names of a document.
MEMBERS = {
    "adapter": "adapter",
    "landingUrl": "landing_url",
    "fulfillmentBaseUrl": "fulfillment_base_url",
    "webhookUrl": "webhook_url",
    "contactEmail": "contact_email",
    "maxConcurrency": "max_concurrency",
    "maxPerSecond": "max_per_second",
    "tenantId": "tenant_id",
    "clientId": "client_id",
    "clientSecret": "client_secret",
}


class ConnectionLinks(TypedDict):
    self: Link
    health: Link
    document: Link
    secrets: Link


class PublisherConnection(TypedDict):
    """How a publisher is reached, and as whom it signs in. `webhookUrl` is without the values of its query: some hold
    a key. `maxPerSecond` is null for no limit.
    """

    id: Guid
    name: str
    adapter: str
    landingUrl: str
    fulfillmentBaseUrl: str
    webhookUrl: str
    contactEmail: str
    maxConcurrency: int
    maxPerSecond: int | None
    tenantId: Guid
    clientId: Guid
    links: ConnectionLinks
    attributes: Attributes


class PublisherChange(TypedDict):
    """What was, or with a preview would be, changed. `ignored` are members that nobody knows.

    `clientSecret` is told when it is new, this once; a repeated request is answered without it.
    """

    publisher: PublisherConnection
    changes: list[str]
    ignored: list[str]
    clientSecret: str | None


class SecretShown(TypedDict):
    """A secret by its first characters."""

    id: int
    hint: str
    createdAt: Utc
    expiresAt: Utc
    isValid: bool


class SecretMade(TypedDict):
    """`clientSecret` is told this once; a repeated request is answered without it."""

    secret: SecretShown
    clientSecret: str | None


class TestStep(TypedDict):
    """One thing that was tried: `verdict` is passed, warning or failed; `finding` says what to do about it."""

    name: str
    verdict: str
    finding: str
    sent: str
    heard: str


class ConnectionTest(TypedDict):
    publisherId: Guid
    testedAt: Utc
    steps: list[TestStep]
    attributes: Attributes


class ConnectionBody(serializers.Serializer[Any]):
    """What is left out or null stays; text of no characters, and a `maxPerSecond` of 0, removes it."""

    adapter = serializers.CharField(max_length=20, required=False, allow_null=True)
    landingUrl = serializers.CharField(max_length=500, required=False, allow_null=True)
    fulfillmentBaseUrl = serializers.CharField(max_length=500, required=False, allow_null=True, allow_blank=True)
    webhookUrl = serializers.CharField(max_length=500, required=False, allow_null=True, allow_blank=True)
    contactEmail = serializers.CharField(max_length=254, required=False, allow_null=True, allow_blank=True)
    maxConcurrency = serializers.IntegerField(min_value=1, max_value=1000, required=False, allow_null=True)
    maxPerSecond = serializers.IntegerField(min_value=0, max_value=1000, required=False, allow_null=True)
    tenantId = serializers.UUIDField(required=False, allow_null=True)
    clientId = serializers.UUIDField(required=False, allow_null=True)
    clientSecret = serializers.CharField(max_length=200, required=False, allow_null=True)


class DocumentBody(serializers.Serializer[Any]):
    """The document of `register_publisher`, by its own names; `offers` with plans, terms, prices and policies."""

    name = serializers.CharField(max_length=200)
    adapter = serializers.CharField(max_length=20)
    landing_url = serializers.CharField(max_length=500)
    fulfillment_base_url = serializers.CharField(max_length=500, required=False)
    webhook_url = serializers.CharField(max_length=500, required=False)
    contact_email = serializers.CharField(max_length=254, required=False)
    max_concurrency = serializers.IntegerField(min_value=1, max_value=1000, required=False)
    max_per_second = serializers.IntegerField(min_value=1, max_value=1000, required=False)
    tenant_id = serializers.UUIDField(required=False)
    client_id = serializers.UUIDField(required=False)
    client_secret = serializers.CharField(max_length=200, required=False)
    offers = serializers.ListField(child=serializers.DictField())
    policies = serializers.DictField(required=False)


def connection(found: Publisher) -> PublisherConnection:
    uri = f"/publishers/{found.pk}"
    return PublisherConnection(
        id=str(found.pk),
        name=found.name,
        adapter=found.adapter,
        landingUrl=found.landing_url,
        fulfillmentBaseUrl=found.fulfillment_base_url,
        webhookUrl=without_values(found.webhook_url),
        contactEmail=found.contact_email,
        maxConcurrency=found.max_concurrency,
        maxPerSecond=found.max_per_second,
        tenantId=str(found.client.tenant_id),
        clientId=str(found.client_id),
        links=ConnectionLinks(
            self=link(uri),
            health=link(f"{uri}/health"),
            document=link(f"{uri}/document"),
            secrets=link(f"{uri}/secrets"),
        ),
        attributes=Attributes(etag=etag_of(found.pk, version_of(found.pk)), objectType="PublisherConnection"),
    )


def change(done: Registration) -> PublisherChange:
    return PublisherChange(
        publisher=connection(done.publisher),
        changes=done.changes,
        ignored=done.ignored,
        clientSecret=done.client_secret,
    )


def secret(found: ClientSecret, at: datetime) -> SecretShown:
    return SecretShown(
        id=found.pk,
        hint=found.hint,
        createdAt=utc(found.created_at),
        expiresAt=utc(found.expires_at),
        isValid=found.is_valid(at),
    )


def step(found: Step) -> TestStep:
    return TestStep(
        name=found.name.value,
        verdict=found.verdict.value,
        finding=finding_words(found),
        sent=found.sent,
        heard=heard_words(found.heard),
    )
