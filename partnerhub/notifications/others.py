"""Services that Apprise knows: addresses such as `discord://…`.

Only those whose host is the service's own: Apprise makes its connections itself, so no address of somebody's choosing
may be among them. What people host themselves is told by webhook.
"""

from importlib import import_module
from typing import Any

from partnerhub.errors import InvalidInput
from partnerhub.notifications.contents import Content, plain_text

SERVICES = {
    "NotifyDiscord": "Discord",
    "NotifyGoogleChat": "Google Chat",
    "NotifyOpsgenie": "Opsgenie",
    "NotifyPagerDuty": "PagerDuty",
    "NotifyPushBullet": "Pushbullet",
    "NotifyPushover": "Pushover",
    "NotifyTelegram": "Telegram",
    "NotifyWebexTeams": "Webex",
}


def check_other(address: str) -> str:
    """The name of the service that an address leads to. Raises InvalidInput for none of SERVICES."""
    plugin = _plugin(address)
    if plugin is None:
        known = ", ".join(SERVICES.values())
        raise InvalidInput(field="address", problem=f"it is no Apprise address of {known}")
    return SERVICES[type(plugin).__name__]


def send_to_other(address: str, content: Content) -> str:
    """Send by a service; an empty text once it has taken it, else why not."""
    plugin = _plugin(address)
    if plugin is None:
        return "The address is not one that can be called."
    # An address may ask for less, but it travels over the internet.
    plugin.verify_certificate = True
    taken = plugin.notify(body=plain_text(content), title=content["title"])
    return "" if taken else "The service did not take it."


def _plugin(address: str) -> Any:
    # Its import takes most of a second, and few processes ever need it.
    apprise = import_module("apprise")
    plugin = apprise.Apprise.instantiate(address, suppress_exceptions=True)
    return plugin if type(plugin).__name__ in SERVICES else None
