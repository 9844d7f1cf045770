"""The words people read for the codes of enums.py and of publishers/models.py."""

from django.utils.translation import gettext_lazy as _

from publishers.fulfillment.gateway import Outcome
from subscriptions.attention import Inbox
from subscriptions.enums import (
    Cause,
    DivergenceKind,
    EndReason,
    GateName,
    NextAction,
    OperationAction,
    Owner,
    Reason,
    Remedy,
    Rung,
    Status,
)

STATUS = {
    Status.PENDING: _("Action required"),
    Status.SUBSCRIBED: _("Active"),
    Status.SUSPENDED: _("Suspended"),
    Status.UNSUBSCRIBED: _("Ended"),
}

END = {
    EndReason.CANCELLED: _("Cancelled"),
    EndReason.VOIDED: _("Voided"),
    EndReason.EXPIRED: _("Expired"),
}

GATE = {
    GateName.ORDERED: _("Ordered"),
    GateName.LICENSES_ASSIGNED: _("Licences assigned"),
    GateName.CONFIGURATION_CONFIRMED: _("Configuration confirmed"),
    GateName.NOT_CANCELLED: _("Not cancelled"),
}

OWNER = {
    Owner.CUSTOMER: _("Customer"),
    Owner.PARTNER: _("Our agents"),
    Owner.PUBLISHER: _("Publisher"),
    Owner.PLATFORM: _("Platform admin"),
}

REASON = {
    Reason.AWAITING_CUSTOMER_SETUP: _("The set-up has not been started on the publisher's site."),
    Reason.AWAITING_CONFIRMATION: _("The publisher has not confirmed the configuration yet."),
    Reason.PARTIAL_ASSIGNMENT: _("Not all licences are assigned yet."),
    Reason.PLAN_DIFFERS: _("The publisher shows another plan than the one that was bought."),
    Reason.PUBLISHER_ASKS: _("The publisher asks for information."),
    Reason.PUBLISHER_REFUSED: _("The publisher refused the order."),
    Reason.PUBLISHER_SILENT: _("The publisher does not answer."),
    Reason.PUBLISHER_FAILING: _("The publisher's system answers with errors."),
    Reason.PUBLISHER_UNREADABLE: _("The publisher's answer cannot be read."),
    Reason.CANCELLED: _("The subscription was cancelled."),
    Reason.EXPIRED: _("The term ended and auto-renew was off."),
    Reason.VOIDED: _("The subscription was not activated in time and is void."),
}

# Why somebody must act, besides the reasons above.
CAUSE = {
    Cause.LINK_EXPIRED: _("The link to the publisher's site has expired, and nobody has opened it."),
    Cause.ACTIVATION_DEADLINE: _("The time to activate it is running out: then it is void."),
    Cause.WINDOW_CLOSING: _("The cancellation window is closing."),
    Cause.CHANGE_WAITING: _("A change waits for the publisher."),
    Cause.CHANGE_FAILED: _("A change was not made."),
    Cause.CHANGE_ASKED: _("Somebody asks for a change."),
    Cause.DRIFT: _("The publisher shows something else than we hold."),
    Cause.RENEWAL_UNANNOUNCED: _("The customer has not been told of the renewal."),
    Cause.PAYMENT_SUSPENDED: _("It is suspended: the term is unpaid."),
    Cause.PUBLISHER_DOWN: _("The publisher's system fails: it is left alone for a while."),
    Cause.SECRET_EXPIRING: _("The publisher's last secret is about to end."),
}

# The same and the reasons above in a few words, for chips and filters.
CAUSE_NAME = {
    Reason.AWAITING_CUSTOMER_SETUP: _("Set-up not started"),
    Reason.AWAITING_CONFIRMATION: _("Not confirmed yet"),
    Reason.PARTIAL_ASSIGNMENT: _("Licences not assigned"),
    Reason.PLAN_DIFFERS: _("Another plan"),
    Reason.PUBLISHER_ASKS: _("Publisher asks"),
    Reason.PUBLISHER_REFUSED: _("Order refused"),
    Reason.PUBLISHER_SILENT: _("Publisher silent"),
    Reason.PUBLISHER_FAILING: _("Publisher's errors"),
    Reason.PUBLISHER_UNREADABLE: _("Answer unreadable"),
    Reason.CANCELLED: _("Cancelled"),
    Reason.EXPIRED: _("Expired"),
    Reason.VOIDED: _("Void"),
    Cause.LINK_EXPIRED: _("Link expired"),
    Cause.ACTIVATION_DEADLINE: _("Activation deadline"),
    Cause.WINDOW_CLOSING: _("Cancellation window"),
    Cause.CHANGE_WAITING: _("Change waiting"),
    Cause.CHANGE_FAILED: _("Change failed"),
    Cause.CHANGE_ASKED: _("Change request"),
    Cause.DRIFT: _("Divergence"),
    Cause.RENEWAL_UNANNOUNCED: _("Renewal without notice"),
    Cause.PAYMENT_SUSPENDED: _("Payment suspended"),
    Cause.PUBLISHER_DOWN: _("Publisher down"),
    Cause.SECRET_EXPIRING: _("Secret ending"),
}

INBOX = {
    Inbox.ACTION_REQUIRED: _("Action required"),
    Inbox.LINK_EXPIRING: _("Activation links about to expire"),
    Inbox.PUBLISHER_SILENT: _("Publisher silent"),
    Inbox.WINDOW_CLOSING: _("Cancellation windows closing"),
    Inbox.RENEWAL_DUE: _("Renewals due"),
    Inbox.CHANGE_REQUEST: _("Change requests waiting"),
}

NEXT = {
    NextAction.OPEN_PUBLISHER_SITE: _("Go to publisher's site"),
    NextAction.ANSWER_PUBLISHER: _("Answer the publisher"),
    NextAction.WAIT_FOR_PUBLISHER: _("Wait for the publisher, or ask now"),
    NextAction.ASK_NOW: _("Ask the publisher now"),
    NextAction.CANCEL: _("Cancel the subscription"),
}

# The step that clears an item, as a button says it.
REMEDY = {
    NextAction.OPEN_PUBLISHER_SITE: _("Go to publisher's site"),
    NextAction.ANSWER_PUBLISHER: _("Answer the publisher"),
    NextAction.WAIT_FOR_PUBLISHER: _("Ask the publisher now"),
    NextAction.ASK_NOW: _("Ask the publisher now"),
    NextAction.CANCEL: _("Cancel the subscription"),
    Remedy.SEND_LINK: _("Send to customer"),
    Remedy.REMIND_CUSTOMER: _("Remind the customer"),
    Remedy.DECIDE_IN_TIME: _("Look at it"),
    Remedy.HURRY_PUBLISHER: _("Ask the publisher now"),
    Remedy.LOOK_AT_CHANGE: _("Let it be"),
    Remedy.DECIDE_REQUEST: _("Decide on the request"),
    Remedy.SETTLE_DIVERGENCE: _("Settle the divergence"),
    Remedy.SEND_NOTICE: _("Tell the customer"),
    Remedy.REINSTATE: _("Reinstate"),
    Remedy.TEST_CONNECTION: _("Try it now"),
    Remedy.MAKE_SECRET: _("Make a secret"),
}

OPERATION = {
    OperationAction.UNSUBSCRIBE: _("Cancellation"),
    OperationAction.CHANGE_PLAN: _("Plan change"),
    OperationAction.CHANGE_QUANTITY: _("Quantity change"),
    OperationAction.SUSPEND: _("Suspension"),
    OperationAction.REINSTATE: _("Reinstatement"),
    OperationAction.RENEW: _("Renewal"),
    OperationAction.SUBSCRIBE: _("Notice of purchase"),
    OperationAction.SET_AUTO_RENEW: _("Auto-renew"),
    OperationAction.CHANGE_RESELLER: _("Reseller change"),
}

DIVERGENCE = {
    DivergenceKind.QUANTITY_DIFFERS: _("Another quantity at the publisher"),
    DivergenceKind.PLAN_DIFFERS: _("Another plan at the publisher"),
    DivergenceKind.STATUS_DIFFERS: _("Another status at the publisher"),
    DivergenceKind.ASSIGNED_DIFFERS: _("Licences assigned are not those bought"),
    DivergenceKind.BILLED_DIFFERS: _("Licences billed are not those held"),
    DivergenceKind.SERVES_AFTER_END: _("Still served, though it has ended"),
    DivergenceKind.UNKNOWN_THERE: _("The publisher does not know it"),
    DivergenceKind.ACCEPTED_BY_SILENCE: _("A change accepted by silence"),
}

RUNG = {
    Rung.CUSTOMER: _("Customer"),
    Rung.AGENT: _("Agent who bought it"),
    Rung.PUBLISHER: _("Publisher"),
    Rung.ADMIN: _("Admin agents"),
    Rung.CANCEL_OFFER: _("Offer to cancel free of charge"),
}

# Why a rung of the ladder has reminded nobody.
NOBODY_REMINDED = {
    "no_address": _("there is no e-mail address"),
    "refused": _("the publisher refused the order"),
    "by_hand": _("somebody has just done it by hand"),
}

ASKED = {
    Outcome.ANSWERED: _("It answered."),
    Outcome.UNKNOWN_THERE: _("It does not know the order yet."),
    Outcome.UNREADABLE: _("Its answer could not be read."),
    Outcome.FAILING: _("Its system answered with an error."),
    Outcome.SILENT: _("It did not answer."),
    Outcome.THROTTLED: _("It asked for fewer questions."),
    Outcome.FORBIDDEN: _("It did not let the hub in."),
}

# The same in a word or two, for tables.
CALL_OUTCOME = {
    Outcome.ANSWERED: _("Answered"),
    Outcome.UNKNOWN_THERE: _("Order unknown yet"),
    Outcome.UNREADABLE: _("Unreadable"),
    Outcome.FAILING: _("Error"),
    Outcome.SILENT: _("No answer"),
    Outcome.THROTTLED: _("Asked to wait"),
    Outcome.FORBIDDEN: _("Not let in"),
}

# What the webhooks of publishers may be told.
TOLD = (
    OperationAction.CHANGE_PLAN,
    OperationAction.CHANGE_QUANTITY,
    OperationAction.SUSPEND,
    OperationAction.REINSTATE,
    OperationAction.RENEW,
    OperationAction.UNSUBSCRIBE,
    OperationAction.SUBSCRIBE,
)
TEST_EVENT = _("Test event")

# What came of a notice: an outcome of the call, or that the publisher refused.
NOTICE = {
    Outcome.ANSWERED.value: _("Received"),
    "refused": _("Refused"),
    Outcome.FAILING.value: _("Error"),
    Outcome.SILENT.value: _("No answer"),
    Outcome.THROTTLED.value: _("Asked to wait"),
    Outcome.FORBIDDEN.value: _("Not let in"),
    Outcome.UNREADABLE.value: _("Unreadable"),
}

TERM = {
    "P1M": _("1 month"),
    "P1Y": _("1 year"),
    "P2Y": _("2 years"),
    "P3Y": _("3 years"),
}

CYCLE = {
    "monthly": _("billed monthly"),
    "annual": _("billed yearly"),
    "one_time": _("billed once for the term"),
}

PER_CYCLE = {
    "monthly": _("per month"),
    "annual": _("per year"),
    "one_time": _("once per term"),
}
