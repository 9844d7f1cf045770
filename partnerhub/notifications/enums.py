"""The words of notifications. Pure: no Django."""

from enum import StrEnum


class Topic(StrEnum):
    """What somebody may want to be told of: something for this person, or a cause that somebody must act on."""

    MENTIONED = "mentioned"
    ASSIGNED = "assigned"
    WAITING = "waiting"
    PUBLISHER_ASKS = "publisher_asks"
    PUBLISHER_REFUSED = "publisher_refused"
    LINK_EXPIRED = "link_expired"
    ACTIVATION_DEADLINE = "activation_deadline"
    WINDOW_CLOSING = "window_closing"
    CHANGE_ASKED = "change_asked"
    CHANGE_WAITING = "change_waiting"
    CHANGE_FAILED = "change_failed"
    DRIFT = "drift"
    RENEWAL_UNANNOUNCED = "renewal_unannounced"
    PAYMENT_SUSPENDED = "payment_suspended"
    PUBLISHER_DOWN = "publisher_down"
    SECRET_EXPIRING = "secret_expiring"  # noqa: S105 - a word, not a secret


class How(StrEnum):
    """How somebody is told: in the hub and outside at once, or outside once a day; in the hub alone; or not at all."""

    NOW = "now"
    DIGEST = "digest"
    IN_APP = "in_app"
    OFF = "off"


class Kind(StrEnum):
    """Where else than by e-mail somebody is told."""

    WEBHOOK = "webhook"
    SLACK = "slack"
    TEAMS = "teams"
    OTHER = "other"


# Causes by their class, as the settings show them.
CLASSES: dict[str, tuple[Topic, ...]] = {
    "you": (Topic.MENTIONED, Topic.ASSIGNED),
    "purchases": (
        Topic.WAITING,
        Topic.PUBLISHER_ASKS,
        Topic.PUBLISHER_REFUSED,
        Topic.LINK_EXPIRED,
        Topic.ACTIVATION_DEADLINE,
        Topic.WINDOW_CLOSING,
    ),
    "changes": (Topic.CHANGE_ASKED, Topic.CHANGE_WAITING, Topic.CHANGE_FAILED, Topic.DRIFT),
    "renewals": (Topic.RENEWAL_UNANNOUNCED, Topic.PAYMENT_SUSPENDED),
    "publishers": (Topic.PUBLISHER_DOWN, Topic.SECRET_EXPIRING),
}
# Told to the one person whom they are about, whichever subscriptions that person wants to hear of.
PERSONAL = frozenset(CLASSES["you"])


def topic_of(cause: str) -> Topic:
    """The topic of an open item's cause; what still waits for a set-up or a confirmation is one topic."""
    return Topic(cause) if cause in Topic._value2member_map_ else Topic.WAITING
