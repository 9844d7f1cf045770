"""The words people read for the codes of publishers, and for how long and how often."""

from datetime import timedelta

from django.utils.formats import number_format
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from publishers.calls import DAY, HOUR, WEEK
from publishers.models import Adapter, CallKind

ADAPTER = {
    Adapter.POLL: _("The hub asks the publisher"),
    Adapter.PUSH: _("The publisher calls the hub"),
    Adapter.BOTH: _("Licences are asked for, the set-up is called in"),
}
CALL_KIND = {
    CallKind.ASK: _("Questions"),
    CallKind.CHANGE: _("Changes"),
    CallKind.NOTICE: _("Notices"),
}
PERIOD = {HOUR: _("Last hour"), DAY: _("Last 24 hours"), WEEK: _("Last 7 days")}


def share_words(share: float | None) -> str:
    """A share as whole percents, one decimal where rounding would claim all or nothing; a dash for none."""
    if share is None:
        return "–"
    percent = share * 100
    is_close = 0 < percent < 1 or 99 < percent < 100
    return f"{number_format(percent if is_close else round(percent), decimal_pos=1 if is_close else 0)} %"


def milliseconds_words(milliseconds: int | None) -> str:
    if milliseconds is None:
        return "–"
    if milliseconds < 1000:
        return f"{milliseconds} ms"
    return f"{number_format(milliseconds / 1000, decimal_pos=1)} s"


def duration_words(duration: timedelta) -> str:
    """How long, rounded up to the unit one would say: minutes, then hours, then days."""
    minutes = -(-int(duration.total_seconds()) // 60)
    if minutes < 90:
        return ngettext("%(n)d minute", "%(n)d minutes", max(minutes, 1)) % {"n": max(minutes, 1)}
    hours = -(-minutes // 60)
    if hours < 48:
        return ngettext("%(n)d hour", "%(n)d hours", hours) % {"n": hours}
    days = -(-hours // 24)
    return ngettext("%(n)d day", "%(n)d days", days) % {"n": days}


def adapter_words(adapter: str) -> str:
    return str(ADAPTER[Adapter(adapter)])
