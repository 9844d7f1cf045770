"""The words of a subscription's life. Pure: no Django."""

from enum import StrEnum


class Status(StrEnum):
    PENDING = "pending_fulfillment_start"
    SUBSCRIBED = "subscribed"
    SUSPENDED = "suspended"
    UNSUBSCRIBED = "unsubscribed"


class Trigger(StrEnum):
    ACTIVATE = "activate"
    VOID = "void"
    CANCEL = "cancel"
    SUSPEND = "suspend"
    REINSTATE = "reinstate"
    RENEW = "renew"
    EXPIRE = "expire"


class EndReason(StrEnum):
    """Why a subscription is unsubscribed."""

    VOIDED = "voided"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


class GateName(StrEnum):
    """What must hold before billing starts, in the order in which it is asked."""

    ORDERED = "ordered"
    LICENSES_ASSIGNED = "licenses_assigned"
    CONFIGURATION_CONFIRMED = "configuration_confirmed"
    NOT_CANCELLED = "not_cancelled"


class GateState(StrEnum):
    PENDING = "pending"
    SATISFIED = "satisfied"
    FAILED = "failed"


class Owner(StrEnum):
    """Who is next."""

    CUSTOMER = "customer"
    PARTNER = "partner"
    PUBLISHER = "publisher"
    PLATFORM = "platform"


class Reason(StrEnum):
    """Why an action is required."""

    AWAITING_CUSTOMER_SETUP = "awaiting_customer_setup"
    AWAITING_CONFIRMATION = "awaiting_confirmation"
    PARTIAL_ASSIGNMENT = "partial_assignment"
    PLAN_DIFFERS = "plan_differs"
    PUBLISHER_ASKS = "publisher_asks"
    PUBLISHER_REFUSED = "publisher_refused"
    PUBLISHER_SILENT = "publisher_silent"
    PUBLISHER_FAILING = "publisher_failing"
    PUBLISHER_UNREADABLE = "publisher_unreadable"
    CANCELLED = "cancelled"
    VOIDED = "voided"
    EXPIRED = "expired"


class NextAction(StrEnum):
    """The step that would move things on, as a button where it is ours."""

    OPEN_PUBLISHER_SITE = "open_publisher_site"
    ANSWER_PUBLISHER = "answer_publisher"
    WAIT_FOR_PUBLISHER = "wait_for_publisher"
    ASK_NOW = "ask_now"
    CANCEL = "cancel"


class CartStatus(StrEnum):
    ACTIVE = "active"
    ORDERED = "ordered"


class OperationAction(StrEnum):
    UNSUBSCRIBE = "unsubscribe"
    CHANGE_PLAN = "change_plan"
    CHANGE_QUANTITY = "change_quantity"
    SUSPEND = "suspend"
    REINSTATE = "reinstate"
    RENEW = "renew"
    # Tells of a purchase, to publishers that want to hear of it before anybody opens the link.
    SUBSCRIBE = "subscribe"
    # Ours alone: no publisher hears of them.
    SET_AUTO_RENEW = "set_auto_renew"
    CHANGE_RESELLER = "change_reseller"


class OperationSource(StrEnum):
    """Who wanted it: the partner or its customer, or the publisher by a call of its own."""

    MARKETPLACE = "marketplace"
    PUBLISHER = "publisher"


class OperationStatus(StrEnum):
    NOT_STARTED = "not_started"
    IN_PROGRESS = "in_progress"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CONFLICT = "conflict"
    WITHDRAWN = "withdrawn"


class Acceptance(StrEnum):
    """How a publisher agreed to a change: in words, or by not objecting in time (rule 41)."""

    PUBLISHER = "publisher"
    SILENCE = "silence"


class TrancheCause(StrEnum):
    PURCHASE = "purchase"
    INCREASE = "increase"
    RENEWAL = "renewal"
    REDUCTION = "reduction"


class RequestStatus(StrEnum):
    """The life of a change request."""

    OPEN = "open"
    APPROVED = "approved"
    PARTLY_APPROVED = "partly_approved"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"
    VOID = "void"


class NoteCode(StrEnum):
    """What a preview adds to its figures."""

    SCHEDULE_STAYS = "schedule_stays"
    SCHEDULE_WAITS = "schedule_waits"
    SCHEDULE_GOES = "schedule_goes"
    SCHEDULE_DOES_NOT_FIT = "schedule_does_not_fit"
    PUBLISHER_DECIDES = "publisher_decides"
    AT_RENEWAL = "at_renewal"


class Control(StrEnum):
    """What a person can do with a subscription, one by one."""

    RENAME = "rename"
    INCREASE = "increase"
    REDUCE = "reduce"
    AUTO_RENEW = "auto_renew"
    BILLING_FREQUENCY = "billing_frequency"
    CHANGE_PLAN = "change_plan"
    CHANGE_RESELLER = "change_reseller"
    SCHEDULE = "schedule"
    SUSPEND = "suspend"
    REINSTATE = "reinstate"
    CANCEL = "cancel"
    POLL = "poll"
    OPEN_LINK = "open_link"
    NOTE = "note"
    ASK = "ask"


class DivergenceKind(StrEnum):
    """How what a publisher shows differs from what we hold."""

    QUANTITY_DIFFERS = "quantity_differs"
    PLAN_DIFFERS = "plan_differs"
    STATUS_DIFFERS = "status_differs"
    ASSIGNED_DIFFERS = "assigned_differs"
    BILLED_DIFFERS = "billed_differs"
    SERVES_AFTER_END = "serves_after_end"
    UNKNOWN_THERE = "unknown_there"
    ACCEPTED_BY_SILENCE = "accepted_by_silence"


class DivergenceEnd(StrEnum):
    """How a divergence ended: it is gone, or somebody has looked at it and lets it be."""

    GONE = "gone"
    ACCEPTED = "accepted"


class Rung(StrEnum):
    """Who is reminded of a purchase that waits, one after the other."""

    CUSTOMER = "customer"
    AGENT = "agent"
    PUBLISHER = "publisher"
    ADMIN = "admin"
    CANCEL_OFFER = "cancel_offer"


class Cause(StrEnum):
    """Why somebody must act: the reason of the blocking gate, or one of these. One open item for each."""

    LINK_EXPIRED = "link_expired"
    ACTIVATION_DEADLINE = "activation_deadline"
    WINDOW_CLOSING = "window_closing"
    CHANGE_WAITING = "change_waiting"
    CHANGE_FAILED = "change_failed"
    CHANGE_ASKED = "change_asked"
    DRIFT = "drift"
    RENEWAL_UNANNOUNCED = "renewal_unannounced"
    PAYMENT_SUSPENDED = "payment_suspended"
    PUBLISHER_DOWN = "publisher_down"
    SECRET_EXPIRING = "secret_expiring"  # noqa: S105 - a word, not a secret


class Remedy(StrEnum):
    """The step that clears an item: a gate's next action, or one of these. Each is a button where it is ours."""

    SEND_LINK = "send_link"
    REMIND_CUSTOMER = "remind_customer"
    DECIDE_IN_TIME = "decide_in_time"
    HURRY_PUBLISHER = "hurry_publisher"
    LOOK_AT_CHANGE = "look_at_change"
    DECIDE_REQUEST = "decide_request"
    SETTLE_DIVERGENCE = "settle_divergence"
    SEND_NOTICE = "send_notice"
    REINSTATE = "reinstate"
    TEST_CONNECTION = "test_connection"
    MAKE_SECRET = "make_secret"  # noqa: S105 - a word, not a secret
