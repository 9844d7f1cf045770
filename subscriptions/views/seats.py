"""How many licences can be given back, and until when, in words."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from partnerhub.web.templatetags.hub import day_text
from subscriptions.enums import Status
from subscriptions.models import Subscription
from subscriptions.selectors import batches_of
from subscriptions.services.checks import reducible_now
from subscriptions.services.scheduling import scheduled_of
from subscriptions.tranches import open_batches
from subscriptions.views.rows import licences

NEAR = timedelta(days=6)


@dataclass(frozen=True, slots=True)
class SeatBatch:
    """Licences bought together, as the page lists them; `until` is None once they can no longer be reduced."""

    licences: str
    opened_at: datetime
    until: datetime | None


def seat_batches(subscription: Subscription, at: datetime) -> list[SeatBatch]:
    """The batches that still hold licences, oldest first."""
    opened = {row.pk: row.opened_at for row in subscription.tranches.all()}
    return [
        SeatBatch(
            licences(batch.remaining), opened[batch.id], batch.reducible_until if at < batch.reducible_until else None
        )
        for batch in batches_of(subscription)
        if batch.remaining > 0
    ]


def removable_words(subscription: Subscription, at: datetime) -> str:
    """`12 removable now: 8 until Tue 14:03, 4 until Thu 9:00; 30 more at renewal on 1 Jul 2027.` Empty before
    activation and after the end.
    """
    if subscription.status not in (Status.SUBSCRIBED, Status.SUSPENDED):
        return ""
    able = reducible_now(subscription, at)
    later = max(subscription.quantity - subscription.plan.min_quantity - able, 0)
    now_words = _now_words(subscription, able, at)
    if not later or subscription.term_end is None:
        return f"{now_words}."
    if able:
        later_words = ngettext("%(n)d more at renewal on %(day)s", "%(n)d more at renewal on %(day)s", later)
    else:
        later_words = ngettext("%(n)d at renewal on %(day)s", "%(n)d at renewal on %(day)s", later)
    return f"{now_words}; {later_words % {'n': later, 'day': day_text(subscription.term_end)}}."


def _now_words(subscription: Subscription, able: int, at: datetime) -> str:
    if not able:
        return _("None can be removed now")
    total = ngettext("%(n)d removable now", "%(n)d removable now", able) % {"n": able}
    closing = _closing(subscription, able, at)
    if len(closing) == 1:
        return _("{removable}, until {when}").format(removable=total, when=when_text(min(closing), at))
    parts = (_("{n} until {when}").format(n=n, when=when_text(until, at)) for until, n in closing.items())
    return f"{total}: {', '.join(parts)}"


def _closing(subscription: Subscription, able: int, at: datetime) -> dict[datetime, int]:
    """How many close when, the first to close first; never more than `able` together."""
    closing: dict[datetime, int] = defaultdict(int)
    for batch in open_batches(batches_of(subscription), at):
        part = min(batch.remaining, able)
        if part:
            closing[batch.reducible_until] += part
        able -= part
    return closing


def when_text(moment: datetime, at: datetime) -> str:
    """A near moment by its weekday, `Tue 14:03`; a farther one by its date, `3 Dec 2026, 14:03`."""
    local = localtime(moment)
    time = date_format(local, "H:i", use_l10n=False)
    if moment - at < NEAR:
        return f"{date_format(local, 'D', use_l10n=False)} {time}"
    return f"{day_text(local.date())}, {time}"


def reduction_choices(subscription: Subscription, wanted: int, at: datetime) -> dict[str, Any]:
    """What can be had instead of a reduction to `wanted` licences that goes too far."""
    able = reducible_now(subscription, at)
    return {
        "now": subscription.quantity - able if able else None,
        "at_renewal": wanted if subscription.auto_renew and wanted >= subscription.plan.min_quantity else None,
        "renews_on": day_text(subscription.term_end) if subscription.term_end else "",
        "plan_term": scheduled_of(subscription).get("plan_term", str(subscription.plan_term_id)),
    }
