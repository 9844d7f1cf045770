"""What happens to people's channels, by name: an address that the hub sends to is worth a record."""

from partnerhub.outbox.recorder import Fact


class ChannelFact(Fact):
    stream_type = "notification_channel"


class ChannelAdded(ChannelFact):
    name = "notification_channel.added"


class ChannelRemoved(ChannelFact):
    name = "notification_channel.removed"
