"""What `check --deploy` says about mail."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Warning, register


@register(deploy=True)
def mail_can_leave(app_configs: Any, **_: Any) -> list[CheckMessage]:
    """Warn when mails are kept and not sent."""
    if settings.HUB_MAIL_READY:
        return []
    return [Warning("EMAIL_URL is not set: mails are written and kept, but not sent.", id="mail.W001")]
