"""What happens to programs with credentials, to the hub's signing keys and to saved views, by name."""

from partnerhub.outbox.recorder import Fact


class ClientFact(Fact):
    stream_type = "client"


class ClientCreated(ClientFact):
    name = "client.created"


class ClientSecretRotated(ClientFact):
    name = "client.secret_rotated"


class SigningKeyRotated(Fact):
    """All on one stream."""

    name = "signing_key.rotated"
    stream_type = "signing_key"


class SavedViewFact(Fact):
    stream_type = "saved_view"


class SavedViewAdded(SavedViewFact):
    name = "saved_view.added"


class SavedViewChanged(SavedViewFact):
    name = "saved_view.changed"


class SavedViewDeleted(SavedViewFact):
    name = "saved_view.deleted"
