"""The words people read for topics, ways and channels, and the sentence of a notification."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from partnerhub.notifications.enums import How, Kind, Topic

CLASS = {
    "you": gettext_lazy("For you"),
    "purchases": gettext_lazy("Purchases"),
    "changes": gettext_lazy("Changes"),
    "renewals": gettext_lazy("Renewals and payment"),
    "publishers": gettext_lazy("Publishers"),
}
TOPIC = {
    Topic.MENTIONED: gettext_lazy("Somebody mentions me in a note"),
    Topic.ASSIGNED: gettext_lazy("Something is assigned to me"),
    Topic.WAITING: gettext_lazy("A purchase waits for its set-up or confirmation"),
    Topic.PUBLISHER_ASKS: gettext_lazy("The publisher asks for information"),
    Topic.PUBLISHER_REFUSED: gettext_lazy("The publisher refused an order"),
    Topic.LINK_EXPIRED: gettext_lazy("The customer's link has expired unopened"),
    Topic.ACTIVATION_DEADLINE: gettext_lazy("An order is void soon unless it is activated"),
    Topic.WINDOW_CLOSING: gettext_lazy("A cancellation window closes soon"),
    Topic.CHANGE_ASKED: gettext_lazy("A change request waits for a decision"),
    Topic.CHANGE_WAITING: gettext_lazy("A change waits for the publisher for long"),
    Topic.CHANGE_FAILED: gettext_lazy("A change was not made"),
    Topic.DRIFT: gettext_lazy("The publisher shows something else than we hold"),
    Topic.RENEWAL_UNANNOUNCED: gettext_lazy("A renewal is near and the customer was not told"),
    Topic.PAYMENT_SUSPENDED: gettext_lazy("A subscription is suspended for payment"),
    Topic.PUBLISHER_DOWN: gettext_lazy("A publisher does not answer"),
    Topic.SECRET_EXPIRING: gettext_lazy("A publisher's secret expires soon"),
}
HOW = {
    How.NOW: gettext_lazy("At once"),
    How.DIGEST: gettext_lazy("In the daily digest"),
    How.IN_APP: gettext_lazy("In the hub only"),
    How.OFF: gettext_lazy("Not at all"),
}
KIND = {
    Kind.WEBHOOK: gettext_lazy("Webhook"),
    Kind.SLACK: gettext_lazy("Slack"),
    Kind.TEAMS: gettext_lazy("Microsoft Teams"),
    Kind.OTHER: gettext_lazy("Another service"),
}


def sentence(topic: str, facts: Mapping[str, Any]) -> str:
    """What a notification says, in the language that is active."""
    if topic == Topic.ASSIGNED and not facts.get("offer"):
        return _("{who} has assigned {publisher} to you.").format(**facts)
    known = {name: facts.get(name) or "–" for name in ("customer", "offer", "publisher", "who")}
    return _sentences()[Topic(topic)].format(**known)


def _sentences() -> dict[Topic, str]:
    return {
        Topic.MENTIONED: _("{who} mentions you in a note on {offer} of {customer}."),
        Topic.ASSIGNED: _("{who} has assigned {offer} of {customer} to you."),
        Topic.WAITING: _("{offer} of {customer} waits for its set-up or confirmation."),
        Topic.PUBLISHER_ASKS: _("{publisher} asks for information about {offer} of {customer}."),
        Topic.PUBLISHER_REFUSED: _("{publisher} refused the order of {offer} of {customer}."),
        Topic.LINK_EXPIRED: _("The link of {customer} for {offer} has expired unopened."),
        Topic.ACTIVATION_DEADLINE: _("The order of {offer} of {customer} is void soon unless it is activated."),
        Topic.WINDOW_CLOSING: _("The cancellation window of {offer} of {customer} closes soon."),
        Topic.CHANGE_ASKED: _("A change request for {offer} of {customer} waits for a decision."),
        Topic.CHANGE_WAITING: _("A change of {offer} of {customer} has been waiting for {publisher} for long."),
        Topic.CHANGE_FAILED: _("A change of {offer} of {customer} was not made."),
        Topic.DRIFT: _("{publisher} shows something else for {offer} of {customer} than we hold."),
        Topic.RENEWAL_UNANNOUNCED: _("{offer} of {customer} renews soon, and the customer was not told."),
        Topic.PAYMENT_SUSPENDED: _("{offer} of {customer} is suspended for payment."),
        Topic.PUBLISHER_DOWN: _("{publisher} does not answer: the hub has stopped asking for a while."),
        Topic.SECRET_EXPIRING: _("The secret of {publisher} expires soon."),
    }
