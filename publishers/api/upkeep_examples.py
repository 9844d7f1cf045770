"""What the document shows of the upkeep of publishers."""

from typing import Any
from uuid import UUID

from partnerhub.api.etag import etag_of
from partnerhub.api.shapes import Attributes, collection, link
from publishers.api.examples import HEALTH, PUBLISHER_ID
from publishers.api.upkeep_shapes import (
    ConnectionLinks,
    ConnectionTest,
    PublisherChange,
    PublisherConnection,
    SecretMade,
    SecretShown,
    TestStep,
)

_URI = f"/publishers/{PUBLISHER_ID}"
CONNECTION = PublisherConnection(
    id=PUBLISHER_ID,
    name="Contoso",
    adapter="saas_v2_poll",
    landingUrl="https://contoso.example/landing",
    fulfillmentBaseUrl="https://contoso.example/api",
    webhookUrl="",
    contactEmail="partners@contoso.example",
    maxConcurrency=20,
    maxPerSecond=None,
    tenantId="7f5f2a7e-2a4c-4c1f-8d2e-2f3a1b0c9d8e",
    clientId="2b9c6b1e-8b1a-4a4b-9c1d-5d3f6a7b8c9d",
    links=ConnectionLinks(
        self=link(_URI),
        health=link(f"{_URI}/health"),
        document=link(f"{_URI}/document"),
        secrets=link(f"{_URI}/secrets"),
    ),
    attributes=Attributes(etag=etag_of(UUID(PUBLISHER_ID), 1), objectType="PublisherConnection"),
)
CONNECTION_CHANGE = {"contactEmail": "partners@contoso.example"}
CHANGED = PublisherChange(
    publisher=CONNECTION,
    changes=["contact_email:  -> partners@contoso.example"],
    ignored=[],
    clientSecret=None,
)
_TERM = {"term": "P1M", "billing_cycle": "monthly", "prices": {"PLN": "10.08"}, "policies": {"cancel_within": "P3D"}}
_PLAN = {
    "plan_id": "team",
    "title": "Team",
    "pricing": "per_user",
    "min_quantity": 1,
    "max_quantity": 100,
    "terms": [_TERM],
}
DOCUMENT: dict[str, Any] = {
    "name": "Contoso",
    "adapter": "saas_v2_poll",
    "fulfillment_base_url": "https://contoso.example/api",
    "landing_url": "https://contoso.example/landing",
    "offers": [{"offer_id": "contoso-sign", "title": "Contoso Sign", "plans": [_PLAN]}],
}
NEW_DOCUMENT: dict[str, Any] = DOCUMENT | {"name": "Tailspin"}
CREATED: dict[str, Any] = {**CHANGED, "changes": ["publisher: added"], "clientSecret": "uT4~example~not~a~secret"}
_SECRET = SecretShown(
    id=7, hint="uT4", createdAt="2026-12-07T09:00:00Z", expiresAt="2028-12-06T09:00:00Z", isValid=True
)
SECRETS = collection([_SECRET], f"{_URI}/secrets")
SECRET_MADE = SecretMade(secret=_SECRET, clientSecret="uT4~example~not~a~secret")
REVOKED: dict[str, Any] = {**_SECRET, "expiresAt": "2026-12-07T09:30:00Z", "isValid": False}
TEST = ConnectionTest(
    publisherId=PUBLISHER_ID,
    testedAt="2026-12-07T09:00:00Z",
    steps=[
        TestStep(
            name="landing",
            verdict="passed",
            finding="The landing page answers.",
            sent="GET https://contoso.example/landing",
            heard="200 · 41 ms",
        )
    ],
    attributes=Attributes(objectType="ConnectionTest"),
)
TRIED: dict[str, Any] = {**HEALTH, "circuit": "open", "retryAt": "2026-12-07T09:00:00Z"}
