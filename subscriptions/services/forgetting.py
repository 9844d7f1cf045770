"""Forgetting what has been kept long enough: by dated policies, the oldest first, so many at a time.

Each batch is a transaction of its own, and what is left is found again by the next run. Events, charges, invoices and
notices to publishers are never among it: they prove what was charged (docs/personal-data.md).
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from time import monotonic

import pgtrigger
import structlog
from django.db import transaction

from partnerhub.mail.models import Message
from partnerhub.outbox.models import Delivery, Refusal
from publishers.selectors import hub_policy_duration
from subscriptions.models import CustomerPage

BATCH = 1000

log = structlog.get_logger(__name__)


def forget_old(*, at: datetime, lasting: timedelta = timedelta(seconds=20), batch: int = BATCH) -> dict[str, int]:
    """Forget, for about as long as `lasting`, what the policies of a moment keep no longer; how many of each kind."""
    until, told = monotonic() + lasting.total_seconds(), dict.fromkeys(_STEPS, 0)
    for what, forget in _STEPS.items():
        done = batch
        while done == batch and monotonic() < until:
            done = forget(at, batch)
            told[what] += done
    if any(told.values()):
        log.info("forgotten", **told)
    return told


@transaction.atomic
def _mails(at: datetime, batch: int) -> int:
    """To whom a mail went and about what; that it went stays, so that it is never sent again."""
    old = Message.objects.filter(next_attempt_at=None, created_at__lte=at - hub_policy_duration("mails_kept", at))
    some = old.exclude(recipient="").order_by("created_at").select_for_update(skip_locked=True)[:batch]
    found = Message.objects.filter(pk__in=[one.pk for one in some])
    return found.update(recipient="", reply_to="", subject="")


@transaction.atomic
def _pages(at: datetime, batch: int) -> int:
    """To whom a page was sent that works no more."""
    old = CustomerPage.objects.filter(expires_at__lte=at - hub_policy_duration("mails_kept", at)).exclude(recipient="")
    some = old.order_by("expires_at").select_for_update(skip_locked=True)[:batch]
    return CustomerPage.objects.filter(pk__in=[one.pk for one in some]).update(recipient="")


@transaction.atomic
def _deliveries(at: datetime, batch: int) -> int:
    """Who has heard of an event, long after everybody has."""
    old = Delivery.objects.filter(delivered_at__lte=at - hub_policy_duration("deliveries_kept", at))
    some = old.order_by("delivered_at").select_for_update(skip_locked=True)[:batch]
    return Delivery.objects.filter(pk__in=[one.pk for one in some]).delete()[0]


@transaction.atomic
def _refusals(at: datetime, batch: int) -> int:
    old = Refusal.objects.filter(at__lte=at - hub_policy_duration("refusals_kept", at))
    some = old.order_by("at").values_list("pk", flat=True)[:batch]
    with pgtrigger.ignore("outbox.Refusal:refusal_append_only"):
        return Refusal.objects.filter(pk__in=list(some)).delete()[0]


_STEPS: dict[str, Callable[[datetime, int], int]] = {
    "mails": _mails,
    "pages": _pages,
    "deliveries": _deliveries,
    "refusals": _refusals,
}
