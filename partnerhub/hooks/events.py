"""What happens to the registrations of programs, by name."""

from partnerhub.outbox.recorder import Fact


class HookFact(Fact):
    stream_type = "webhook"


class HookRegistered(HookFact):
    name = "webhook.registered"


class HookChanged(HookFact):
    name = "webhook.changed"


class HookRemoved(HookFact):
    name = "webhook.removed"


class HookSentAgain(HookFact):
    """A delivery is tried anew by hand."""

    name = "webhook.sent_again"
