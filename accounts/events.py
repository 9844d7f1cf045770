"""What happens to programs with credentials, by name."""

from partnerhub.outbox.recorder import Fact


class ClientFact(Fact):
    stream_type = "client"


class ClientCreated(ClientFact):
    name = "client.created"


class ClientSecretRotated(ClientFact):
    name = "client.secret_rotated"
