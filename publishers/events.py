"""What happens to publishers and to the hub's own policies, by name."""

from uuid import UUID

from partnerhub.outbox.recorder import Fact


class PublisherFact(Fact):
    stream_type = "publisher"


class PublisherRegistered(PublisherFact):
    name = "publisher.registered"


class PublisherChanged(PublisherFact):
    name = "publisher.changed"


class CircuitOpened(PublisherFact):
    """It failed several times in a row: nobody asks it for a while."""

    name = "publisher.circuit_opened"


class CircuitClosed(PublisherFact):
    name = "publisher.circuit_closed"


class TryRequested(PublisherFact):
    """Somebody wants it asked once before the pause is over."""

    name = "publisher.try_requested"


class SecretMade(PublisherFact):
    name = "publisher.secret_made"


class SecretRevoked(PublisherFact):
    name = "publisher.secret_revoked"


class SecretExpiring(PublisherFact):
    """Its last valid secret ends soon: without another one it cannot sign in then. Once for each secret."""

    name = "publisher.secret_expiring"


class PublisherTested(PublisherFact):
    name = "publisher.tested"


class HubPoliciesChanged(Fact):
    """Policies of every publisher that has none of its own; all on one stream."""

    name = "hub.policies_changed"
    stream_type = "hub"


HUB_STREAM = UUID("5c1e8f7a-0000-4000-8000-000000000001")
