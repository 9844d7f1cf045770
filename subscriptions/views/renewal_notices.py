"""When the customer was told of the coming renewal, when it will be, and telling it now."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from accounts.middleware import actor_of
from accounts.policy import Action, Actor
from partnerhub.clock import now
from partnerhub.errors import HubError, NothingToRemind, RemindedAlready
from partnerhub.web.refusals import refused as keep_refused
from partnerhub.web.refusals import sentence_of
from partnerhub.web.toasts import Told, tell
from subscriptions import words
from subscriptions.models import RenewalNotice, Subscription
from subscriptions.renewal_days import next_on
from subscriptions.services.renewal_notices import check_noticeable, days_for, notices_of, renews_on, send_notice
from subscriptions.views.controls import Why
from subscriptions.views.permission import denial_of


@dataclass(frozen=True, slots=True)
class NoticeView:
    """One notice: what it was, what became of it, and when it was written."""

    label: str
    tone: str
    note: str
    at: datetime


@dataclass(frozen=True, slots=True)
class NoticesView:
    """The notices of the coming renewal; `next_on` is the UTC day of the next one, None when none is to come."""

    renews_on: date
    rows: list[NoticeView]
    next_on: date | None
    send_url: str
    send_why: Why | None


def notices_read(subscription: Subscription) -> list[RenewalNotice]:
    """The notices of the coming renewal with their mails, the oldest first; none unless it renews by itself."""
    if renews_on(subscription) is None:
        return []
    return list(notices_of(subscription).select_related("message").order_by("noticed_at"))


def notices_view(
    actor: Actor, subscription: Subscription, notices: list[RenewalNotice], at: datetime
) -> NoticesView | None:
    """What `subscriptions/_renewal_notices.html` shows; None unless the subscription renews by itself."""
    term_end = renews_on(subscription)
    if term_end is None:
        return None
    return NoticesView(
        renews_on=term_end,
        rows=[_row(notice) for notice in notices],
        next_on=next_on(days_for(subscription, at), term_end, at.astimezone(UTC).date()),
        send_url=reverse("subscriptions:renewal_notice", args=[subscription.pk]),
        send_why=_why_not(actor, subscription, at),
    )


def notices_state(notices: list[RenewalNotice]) -> list[tuple[Any, ...]]:
    """What of the notices can change while a page is open."""
    return [(one.noticed_at, one.message and (one.message.sent_at, one.message.failed_at)) for one in notices]


@require_POST
@login_required
def send(request: HttpRequest, subscription_id: UUID) -> HttpResponse:
    """Have the customer told of the renewal now. The page stays as it is and says so."""
    try:
        send_notice(actor_of(request), subscription_id, at=now())
        told: Told = {"level": "success", "text": _("The customer is being told of the renewal by e-mail.")}
    except (NothingToRemind, RemindedAlready) as refusal:
        keep_refused(request, refusal)
        told = {"level": "error", "text": sentence_of(refusal)}
    return tell(request, told, reverse("subscriptions:detail", args=[subscription_id]))


def _row(notice: RenewalNotice) -> NoticeView:
    days = notice.days_before
    label = ngettext("%(n)d day before", "%(n)d days before", days) % {"n": days}
    tone, note = _fate(notice)
    return NoticeView(label, tone, note, notice.noticed_at)


def _fate(notice: RenewalNotice) -> tuple[str, str]:
    message = notice.message
    if message is None:
        return "attention", str(words.NOBODY_REMINDED.get(notice.why, notice.why))
    if message.sent_at is not None:
        return "ok", _("sent")
    if message.failed_at is not None:
        return "attention", _("could not be delivered")
    return "wait", _("being sent") if settings.HUB_MAIL_READY else _("waits: the hub has no mail server")


def _why_not(actor: Actor, subscription: Subscription, at: datetime) -> Why | None:
    denied = denial_of(actor, Action.SUBSCRIPTION_REMIND)
    if denied is not None:
        return Why("not_permitted", denied.reason, denied.who)
    try:
        check_noticeable(subscription, at)
    except HubError as refusal:
        return Why(refusal.code, sentence_of(refusal))
    return None
