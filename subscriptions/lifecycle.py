"""The state machine of a subscription: what may happen is data. Only services use it, after locking the row."""

from partnerhub.errors import StatusForbids
from subscriptions.enums import Status, Trigger

# fulfillment-v2.md section 6. A change in flight is an operation, never a status of its own.
TRANSITIONS: dict[tuple[Status, Trigger], Status] = {
    (Status.PENDING, Trigger.ACTIVATE): Status.SUBSCRIBED,
    (Status.PENDING, Trigger.VOID): Status.UNSUBSCRIBED,
    (Status.PENDING, Trigger.CANCEL): Status.UNSUBSCRIBED,
    (Status.SUBSCRIBED, Trigger.CANCEL): Status.UNSUBSCRIBED,
    (Status.SUBSCRIBED, Trigger.SUSPEND): Status.SUSPENDED,
    (Status.SUBSCRIBED, Trigger.RENEW): Status.SUBSCRIBED,
    (Status.SUBSCRIBED, Trigger.EXPIRE): Status.UNSUBSCRIBED,
    (Status.SUSPENDED, Trigger.EXPIRE): Status.UNSUBSCRIBED,
    (Status.SUSPENDED, Trigger.REINSTATE): Status.SUBSCRIBED,
    (Status.SUSPENDED, Trigger.CANCEL): Status.UNSUBSCRIBED,
}


def next_status(status: str, trigger: Trigger) -> Status:
    """The status after `trigger`. Raises StatusForbids for every pair that is not in the table."""
    try:
        return TRANSITIONS[Status(status), trigger]
    except KeyError:
        raise StatusForbids(status=str(status), trigger=trigger.value) from None
