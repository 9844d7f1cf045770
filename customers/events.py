"""What happens to customers and resellers, by name. `before` and `after` hold the fields that changed, by name."""

from partnerhub.outbox.recorder import Fact


class CustomerCreated(Fact):
    name = "customer.created"
    stream_type = "customer"


class CustomerChanged(Fact):
    name = "customer.changed"
    stream_type = "customer"


class ContactErased(Fact):
    """Names nobody."""

    name = "customer.contact_erased"
    stream_type = "customer"


class RelationshipEnded(Fact):
    name = "customer.relationship_ended"
    stream_type = "customer"


class RelationshipResumed(Fact):
    name = "customer.relationship_resumed"
    stream_type = "customer"


class ResellerCreated(Fact):
    name = "reseller.created"
    stream_type = "reseller"


class ResellerChanged(Fact):
    name = "reseller.changed"
    stream_type = "reseller"


class ResellerSuspended(Fact):
    name = "reseller.suspended"
    stream_type = "reseller"


class ResellerReinstated(Fact):
    name = "reseller.reinstated"
    stream_type = "reseller"
