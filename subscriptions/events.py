"""What happens to carts and subscriptions, by name."""

from partnerhub.outbox.recorder import Fact


class CartFact(Fact):
    stream_type = "cart"


class CartCreated(CartFact):
    name = "cart.created"


class CartReplaced(CartFact):
    name = "cart.replaced"


class CartAttested(CartFact):
    name = "cart.attested"


class CartOrdered(CartFact):
    name = "cart.ordered"


class SubscriptionFact(Fact):
    stream_type = "subscription"


class SubscriptionOrdered(SubscriptionFact):
    name = "subscription.ordered"


class LinkMinted(SubscriptionFact):
    name = "subscription.link_minted"


class LinkResolved(SubscriptionFact):
    name = "subscription.link_resolved"


class PollRequested(SubscriptionFact):
    name = "subscription.poll_requested"


class GateSatisfied(SubscriptionFact):
    name = "subscription.gate_satisfied"


class GateReopened(SubscriptionFact):
    """A confirmation was taken back before billing started: the publisher no longer says so."""

    name = "subscription.gate_reopened"


class GateFailed(SubscriptionFact):
    name = "subscription.gate_failed"


class AttentionChanged(SubscriptionFact):
    """The reason why action is required, or who is next, has changed."""

    name = "subscription.attention_changed"


class SubscriptionActivated(SubscriptionFact):
    """Every gate holds: licences assigned, configuration confirmed. Billing listens to this one."""

    name = "subscription.activated"


class SubscriptionRenamed(SubscriptionFact):
    name = "subscription.renamed"


class AutoRenewChanged(SubscriptionFact):
    name = "subscription.auto_renew_changed"


class SubscriptionSuspended(SubscriptionFact):
    name = "subscription.suspended"


class SubscriptionReinstated(SubscriptionFact):
    name = "subscription.reinstated"


class SubscriptionCancelled(SubscriptionFact):
    name = "subscription.cancelled"


class SubscriptionVoided(SubscriptionFact):
    name = "subscription.voided"


class OperationSucceeded(SubscriptionFact):
    name = "operation.succeeded"


class OperationFailed(SubscriptionFact):
    name = "operation.failed"
