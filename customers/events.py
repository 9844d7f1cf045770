"""What happens to customers and resellers, by name."""

from partnerhub.outbox.recorder import Fact


class CustomerCreated(Fact):
    name = "customer.created"
    stream_type = "customer"


class ResellerCreated(Fact):
    name = "reseller.created"
    stream_type = "reseller"
