"""What happens to publishers, by name."""

from partnerhub.outbox.recorder import Fact


class PublisherFact(Fact):
    stream_type = "publisher"


class PublisherRegistered(PublisherFact):
    name = "publisher.registered"


class PublisherChanged(PublisherFact):
    name = "publisher.changed"
