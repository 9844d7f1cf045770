"""What people do to the hub's own work, by name."""

from partnerhub.outbox.recorder import Fact


class DeliveryRetried(Fact):
    """A consumer is to hear an event at once that it failed to."""

    name = "delivery.retried"
    stream_type = "delivery"


class MailRetried(Fact):
    """A mail is to be sent at once that could not be."""

    name = "mail.retried"
    stream_type = "mail"
