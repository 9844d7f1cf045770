"""Publishers and how they answer, as the hub's workers see it."""

from typing import TypedDict

from partnerhub.api.shapes import Attributes, Guid, Link, Utc, link, utc_or_none
from publishers.models import Publisher


class PublisherLinks(TypedDict):
    health: Link


class PublisherShown(TypedDict):
    """`adapter` says how its confirmation reaches the hub: saas_v2_poll, saas_v2_push or both."""

    id: Guid
    name: str
    adapter: str
    landingUrl: str
    links: PublisherLinks
    attributes: Attributes


class PublisherHealth(TypedDict):
    """`circuit` closed: asked as usual; open: not asked until `retryAt`; half_open: one question goes through."""

    publisherId: Guid
    circuit: str
    retryAt: Utc | None
    consecutiveFailures: int
    lastSuccessAt: Utc | None
    lastFailureAt: Utc | None
    lastFailure: str
    attributes: Attributes


def publisher(found: Publisher) -> PublisherShown:
    return PublisherShown(
        id=str(found.pk),
        name=found.name,
        adapter=found.adapter,
        landingUrl=found.landing_url,
        links=PublisherLinks(health=link(f"/publishers/{found.pk}/health")),
        attributes=Attributes(objectType="Publisher"),
    )


def health(found: Publisher) -> PublisherHealth:
    return PublisherHealth(
        publisherId=str(found.pk),
        circuit=found.circuit,
        retryAt=utc_or_none(found.circuit_retry_at),
        consecutiveFailures=found.consecutive_failures,
        lastSuccessAt=utc_or_none(found.last_success_at),
        lastFailureAt=utc_or_none(found.last_failure_at),
        lastFailure=found.last_failure,
        attributes=Attributes(objectType="PublisherHealth"),
    )
