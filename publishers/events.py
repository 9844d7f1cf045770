"""What happens to publishers, by name."""

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
