"""Who was reminded of a purchase that waits, who is next, and until when it can be cancelled free of charge."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from accounts.middleware import actor_of
from accounts.policy import Action, Actor
from partnerhub.clock import now
from partnerhub.errors import HubError, NothingToRemind, RemindedAlready
from partnerhub.mail.selectors import Fate, fates
from partnerhub.web.refusals import refused as keep_refused
from partnerhub.web.refusals import sentence_of
from partnerhub.web.templatetags.hub import absolute
from partnerhub.web.toasts import Told, tell
from subscriptions import words
from subscriptions.enums import Rung, Status
from subscriptions.models import Reminder, Subscription
from subscriptions.reminders import Step, next_step
from subscriptions.services.reminding import PURPOSE, check_remindable, remind_now, steps_of
from subscriptions.views.controls import Why
from subscriptions.views.permission import denial_of


@dataclass(frozen=True, slots=True)
class RungView:
    """One rung: `at` is when it was climbed, or is due; `note` says what became of it."""

    who: str
    tone: str
    at: datetime
    is_done: bool
    note: str


@dataclass(frozen=True, slots=True)
class LadderView:
    """The ladder of a purchase that waits. `cancel_offer` is said once cancelling is offered."""

    rungs: list[RungView]
    opened_at: datetime | None
    remind_url: str
    remind_why: Why | None
    cancel_offer: str
    cancel_url: str


class Climbed(NamedTuple):
    """The rungs that were climbed, and the keys of the ladder's mails with their fates."""

    reminders: list[Reminder]
    mails: list[tuple[str, Fate]]


def climbed_of(subscription: Subscription) -> Climbed:
    """What of the ladder can change while a page is open; nothing unless the subscription waits to be activated."""
    if subscription.status != Status.PENDING:
        return Climbed([], [])
    return Climbed(list(subscription.reminders.all()), list(fates(_prefix(subscription))))


def ladder_of(actor: Actor, subscription: Subscription, climbed: Climbed, at: datetime) -> LadderView | None:
    """What `subscriptions/_reminders.html` shows; None unless the subscription waits to be activated."""
    if subscription.status != Status.PENDING:
        return None
    steps = steps_of(subscription, at)
    offer = next((step.due_at for step in steps if step.rung == Rung.CANCEL_OFFER), None)
    offered = offer is not None and offer <= at < subscription.activate_by
    may_cancel = actor.may(Action.SUBSCRIPTION_CANCEL)
    return LadderView(
        rungs=_rungs(steps, climbed, at),
        opened_at=_opened_at(subscription),
        remind_url=reverse("subscriptions:remind", args=[subscription.pk]),
        remind_why=_why_not(actor, subscription, at),
        cancel_offer=_offer(subscription) if offered else "",
        cancel_url=reverse("subscriptions:cancel", args=[subscription.pk]) if may_cancel else "",
    )


def _offer(subscription: Subscription) -> str:
    return _("Cancel free of charge until {until}").format(until=absolute(subscription.activate_by))


@require_POST
@login_required
def remind(request: HttpRequest, subscription_id: UUID) -> HttpResponse:
    """Have the customer reminded now. The page stays as it is and says so."""
    try:
        remind_now(actor_of(request), subscription_id, at=now())
        told: Told = {"level": "success", "text": _("The customer is being reminded by e-mail.")}
    except (NothingToRemind, RemindedAlready) as refusal:
        keep_refused(request, refusal)
        told = {"level": "error", "text": sentence_of(refusal)}
    return tell(request, told, reverse("subscriptions:detail", args=[subscription_id]))


def _why_not(actor: Actor, subscription: Subscription, at: datetime) -> Why | None:
    denied = denial_of(actor, Action.SUBSCRIPTION_REMIND)
    if denied is not None:
        return Why("not_permitted", denied.reason, denied.who)
    try:
        check_remindable(subscription, at)
    except HubError as refusal:
        return Why(refusal.code, sentence_of(refusal))
    return None


def _opened_at(subscription: Subscription) -> datetime | None:
    opened = subscription.purchase_tokens.filter(resolved_at__isnull=False).order_by("resolved_at")
    return opened.values_list("resolved_at", flat=True).first()


def _rungs(steps: list[Step], climbed: Climbed, at: datetime) -> list[RungView]:
    mailed = _mailed(climbed.mails)
    done = [_climbed(reminder, mailed) for reminder in sorted(climbed.reminders, key=lambda one: one.pk)]
    rungs = {reminder.rung for reminder in climbed.reminders}
    upcoming = next_step(steps, rungs, at)
    due = [step for step in steps if step.rung not in rungs]
    return done + [_due(step, is_next=step == upcoming) for step in due if step.due_at > at]


def _climbed(reminder: Reminder, mailed: Mapping[str, list[Fate]]) -> RungView:
    who = str(words.RUNG[Rung(reminder.rung)])
    tone, note = _fate(mailed.get(reminder.rung, [])) if reminder.recipients else ("off", _("nobody was written to"))
    return RungView(who, tone, reminder.reminded_at, is_done=True, note=note)


def _fate(mails: list[Fate]) -> tuple[str, str]:
    if Fate.FAILED in mails:
        return "attention", _("could not be delivered")
    if Fate.WAITING in mails:
        note = _("being sent") if settings.HUB_MAIL_READY else _("waits: the hub has no mail server")
        return "wait", note
    return "ok", _("sent")


def _due(step: Step, *, is_next: bool) -> RungView:
    return RungView(str(words.RUNG[step.rung]), "off", step.due_at, is_done=False, note=_("next") if is_next else "")


def _mailed(mails: list[tuple[str, Fate]]) -> dict[str, list[Fate]]:
    """The fates of the ladder's mails, by rung; those written by hand stand beside it."""
    found: dict[str, list[Fate]] = {}
    for key, fate in mails:
        found.setdefault(key.split(":")[2], []).append(fate)
    return found


def _prefix(subscription: Subscription) -> str:
    return f"{PURPOSE}:{subscription.pk}:"
