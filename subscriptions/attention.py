"""In which order somebody must act: by how near the deadline is, then by the money at risk. Pure.

The database orders by the same two (`subscriptions/attending.py`); a test holds them together.
"""

from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from subscriptions.enums import Cause, Reason

# An item belongs to the first band that its deadline is within; those past it, and those without one, come last.
BANDS = (timedelta(0), timedelta(days=1), timedelta(days=3), timedelta(days=14))


class Inbox(StrEnum):
    """The classes of Home, in their order; each cause belongs to one of them."""

    ACTION_REQUIRED = "action_required"
    LINK_EXPIRING = "link_expiring"
    PUBLISHER_SILENT = "publisher_silent"
    WINDOW_CLOSING = "window_closing"
    RENEWAL_DUE = "renewal_due"
    CHANGE_REQUEST = "change_request"


_CLASSES: dict[str, Inbox] = {
    Cause.LINK_EXPIRED: Inbox.LINK_EXPIRING,
    Cause.ACTIVATION_DEADLINE: Inbox.LINK_EXPIRING,
    Reason.PUBLISHER_SILENT: Inbox.PUBLISHER_SILENT,
    Reason.PUBLISHER_FAILING: Inbox.PUBLISHER_SILENT,
    Reason.PUBLISHER_UNREADABLE: Inbox.PUBLISHER_SILENT,
    Cause.CHANGE_WAITING: Inbox.PUBLISHER_SILENT,
    Cause.PUBLISHER_DOWN: Inbox.PUBLISHER_SILENT,
    Cause.WINDOW_CLOSING: Inbox.WINDOW_CLOSING,
    Cause.RENEWAL_UNANNOUNCED: Inbox.RENEWAL_DUE,
    Cause.CHANGE_ASKED: Inbox.CHANGE_REQUEST,
}
CAUSES: dict[Inbox, tuple[str, ...]] = {
    inbox: tuple(cause.value for cause in (*Reason, *Cause) if _CLASSES.get(cause, Inbox.ACTION_REQUIRED) == inbox)
    for inbox in Inbox
}

CLASS: dict[str, Inbox] = {cause: inbox for inbox, causes in CAUSES.items() for cause in causes}


def band_of(deadline: datetime | None, at: datetime) -> int:
    """0 once the deadline has passed, 1 within a day, 2 within three, 3 within two weeks, 4 later or without one."""
    if deadline is None:
        return len(BANDS)
    return next((band for band, span in enumerate(BANDS) if deadline - at <= span), len(BANDS))


def urgency(deadline: datetime | None, at_risk: Decimal, at: datetime) -> tuple[int, Decimal]:
    """What items are sorted by, the most urgent first: the band of the deadline, within it the most money.

    Amounts are compared as numbers: no exchange rate decides who is helped first.
    """
    return band_of(deadline, at), -at_risk
