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
    """A confirmation was taken back before billing started, or a refusal was: the publisher no longer says so."""

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


class SeatsChanged(SubscriptionFact):
    """The publisher took another quantity: billing charges or credits what is left of the cycle."""

    name = "subscription.quantity_changed"


class PlanChanged(SubscriptionFact):
    """The publisher took another plan of the same offer; the term stays (rule 67)."""

    name = "subscription.plan_changed"


class BillingFrequencyChanged(SubscriptionFact):
    name = "subscription.billing_frequency_changed"


class ResellerChanged(SubscriptionFact):
    name = "subscription.reseller_changed"


class RenewalScheduled(SubscriptionFact):
    """What the next term begins with was set; `before` and `after` name only what is scheduled."""

    name = "subscription.renewal_scheduled"


class RenewalUnscheduled(SubscriptionFact):
    name = "subscription.renewal_unscheduled"


class SubscriptionRenewed(SubscriptionFact):
    name = "subscription.renewed"


class SubscriptionExpired(SubscriptionFact):
    name = "subscription.expired"


class ChangeHeld(SubscriptionFact):
    """A change waits for some seconds in which it can be undone; nobody outside has heard of it."""

    name = "subscription.change_held"


class ChangeUndone(SubscriptionFact):
    name = "subscription.change_undone"


class ChangeRequestedOfPublisher(SubscriptionFact):
    """A change is asked of the publisher; until it answers, quantity and plan are as they were."""

    name = "subscription.change_requested_of_publisher"


class ChangeBegunByPublisher(SubscriptionFact):
    """The publisher changes the subscription by a call of its own: nobody has to agree, it takes effect shortly."""

    name = "subscription.change_begun_by_publisher"


class ChangeAsked(SubscriptionFact):
    """Somebody who may not change the subscription asks an admin agent to."""

    name = "subscription.change_asked"


class ChangeApproved(SubscriptionFact):
    name = "subscription.change_approved"


class ChangeDeclined(SubscriptionFact):
    name = "subscription.change_declined"


class ChangeRequestVoid(SubscriptionFact):
    """A change request ended by itself: its base moved, its window closed or its time ran out."""

    name = "subscription.change_request_void"


class OperationRefused(SubscriptionFact):
    """The publisher refused a change: quantity and plan are as they were."""

    name = "operation.refused"


class SubscriptionNoted(SubscriptionFact):
    """An agent left a note; nothing of the subscription changed."""

    name = "subscription.noted"


class SubscriptionReminded(SubscriptionFact):
    """A rung of the ladder was climbed while the purchase waited, or the customer was reminded by hand."""

    name = "subscription.reminded"


class PageSent(SubscriptionFact):
    """A customer's contact was sent the page on which the set-up can be finished."""

    name = "subscription.page_sent"


class PageRevoked(SubscriptionFact):
    name = "subscription.page_revoked"


class PageAskedFor(SubscriptionFact):
    """Whoever holds a page that works no more asked for another one."""

    name = "subscription.page_asked_for"


class SetupAnswered(SubscriptionFact):
    """The customer's contact answered what the publisher asks before the set-up, or changed an answer."""

    name = "subscription.setup_answered"


class LetterChanged(Fact):
    """The words in which customers are sent their page were changed, for one language."""

    stream_type = "letter"
    name = "letter.changed"


class RenewalAnnounced(SubscriptionFact):
    """The customer was told of the coming renewal, or could not be."""

    name = "subscription.renewal_announced"


class SubscriptionDiverged(SubscriptionFact):
    """The publisher shows something else than we hold, or accepted a change by silence; nothing of ours changed."""

    name = "subscription.diverged"


class DivergenceEnded(SubscriptionFact):
    """What differed is gone, or somebody lets it be."""

    name = "subscription.divergence_ended"


class AttentionAssigned(SubscriptionFact):
    """Somebody takes what must be acted on (`assignee`), or is given it; with `assignee` null nobody has it."""

    name = "subscription.attention_assigned"


class AttentionSnoozed(SubscriptionFact):
    """What must be acted on was put aside until a moment, or with `until` null until it changes."""

    name = "subscription.attention_snoozed"


class AttentionWoken(SubscriptionFact):
    name = "subscription.attention_woken"


class ChangeLetBe(SubscriptionFact):
    """Somebody has looked at a change that failed: it needs nobody any more."""

    name = "subscription.change_let_be"


class PublisherAttentionAssigned(AttentionAssigned):
    stream_type = "publisher"
    name = "publisher.attention_assigned"


class PublisherAttentionSnoozed(AttentionSnoozed):
    stream_type = "publisher"
    name = "publisher.attention_snoozed"


class PublisherAttentionWoken(AttentionWoken):
    stream_type = "publisher"
    name = "publisher.attention_woken"
