"""Change requests as the pages show them: what is asked for in words and money, and where they stand."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop, pgettext_lazy

from accounts.policy import Action, Actor, who_can
from customers.models import IndirectReseller
from partnerhub.errors import HubError, NotPermitted, RequestMoved, RequestOwn
from partnerhub.money import Money
from partnerhub.web.refusals import sentence_of
from partnerhub.web.templatetags.hub import money_words, role_name
from publishers.models import PlanTerm
from subscriptions import words
from subscriptions.changes import change_from
from subscriptions.enums import RequestStatus, Status
from subscriptions.models import ChangeRequest
from subscriptions.previews import Preview, preview_from
from subscriptions.services.requests import check_decidable, is_own, moved_since
from subscriptions.views.controls import Why
from subscriptions.views.lookahead import Difference, differences
from subscriptions.views.permission import denial_of
from subscriptions.views.rows import Badge, licences, term_words

BADGES: dict[RequestStatus, tuple[str, Any]] = {
    RequestStatus.OPEN: ("wait", gettext_lazy("Waits for a decision")),
    RequestStatus.APPROVED: ("ok", pgettext_lazy("change request", "Approved")),
    RequestStatus.PARTLY_APPROVED: ("ok", pgettext_lazy("change request", "Partly approved")),
    RequestStatus.DECLINED: ("attention", pgettext_lazy("change request", "Declined")),
    RequestStatus.WITHDRAWN: ("off", pgettext_lazy("change request", "Withdrawn")),
    RequestStatus.VOID: ("off", pgettext_lazy("change request", "Void")),
}
# What the hub itself writes as a decision; people's own words stay as they are.
_OUR_WORDS = {
    gettext_noop("withdrawn"),
    gettext_noop("its time ran out"),
    gettext_noop("the subscription has changed since"),
    gettext_noop("Within the threshold of the policy auto_approve"),
}


@dataclass(frozen=True, slots=True)
class RequestRow:
    """One change request in a list. `deny` says why its reader cannot decide on it now, None when they can."""

    id: UUID
    url: str
    now_url: str
    approve_url: str
    withdraw_url: str
    subscription: str
    subscription_url: str
    offer: str
    customer: str
    customer_url: str
    what: list[Difference]
    then: Money
    reason: str
    requested_by: str
    role: str
    requested_at: datetime
    expires_at: datetime
    badge: Badge
    decided_by: str
    decided_at: datetime | None
    decision: str
    is_open: bool
    is_own: bool
    deny: Why | None


def request_row(asked: ChangeRequest, actor: Actor, at: datetime) -> RequestRow:
    """The row of a request read by `change_requests_visible_to`."""
    subscription, shown = asked.subscription, shown_of(asked)
    tone, word = BADGES[RequestStatus(asked.status)]
    is_open = asked.status == RequestStatus.OPEN
    return RequestRow(
        id=asked.pk,
        url=reverse("requests:detail", args=[asked.pk]),
        now_url=reverse("requests:now", args=[asked.pk]),
        approve_url=reverse("requests:approve", args=[asked.pk]),
        withdraw_url=reverse("requests:withdraw", args=[asked.pk]),
        subscription=subscription.nickname,
        subscription_url=reverse("subscriptions:detail", args=[subscription.pk]),
        offer=f"{subscription.offer.title}, {subscription.plan.title}",
        customer=subscription.customer.name,
        customer_url=reverse("customers:marketplace", args=[subscription.customer_id]),
        what=list(differences(shown.before, shown.after)),
        then=shown.due_today,
        reason=asked.reason,
        requested_by=asked.requested_by,
        role=asked.actor_role,
        requested_at=asked.requested_at,
        expires_at=asked.expires_at,
        badge=Badge(tone, str(word)),
        decided_by=asked.decided_by,
        decided_at=asked.decided_at,
        decision=_(asked.decision) if asked.decision in _OUR_WORDS else asked.decision,
        is_open=is_open,
        is_own=is_own(actor, asked),
        deny=why_not_decide(actor, asked, at) if is_open else None,
    )


def shown_of(asked: ChangeRequest) -> Preview:
    """What the one who asked was shown."""
    return preview_from(change_from(asked.change), asked.shown)


def why_not_decide(actor: Actor, asked: ChangeRequest, at: datetime) -> Why | None:
    """Why the actor cannot decide on it now, and who can; None when they can."""
    try:
        check_decidable(actor, asked, at)
    except NotPermitted as refusal:
        denied = denial_of(actor, Action.SUBSCRIPTION_DECIDE)
        return Why(refusal.code, denied.reason, denied.who) if denied else None
    except HubError as refusal:
        return why_refused(refusal)
    return None


def why_refused(refusal: HubError) -> Why:
    """A refusal as a disabled control tells it."""
    able = ", ".join(role_name(role) for role in who_can(Action.SUBSCRIPTION_DECIDE))
    if isinstance(refusal, RequestOwn):
        who = _("{role}, but somebody else").format(role=able)
        return Why(refusal.code, sentence_of(refusal), who, _("Ask one of them to decide on it."))
    if isinstance(refusal, RequestMoved):
        return Why(refusal.code, sentence_of(refusal), _("Nobody"), _("It can be asked for again."))
    return Why(refusal.code, sentence_of(refusal), able, _("Decline it, or approve it when it can be done again."))


def partial_range(asked: ChangeRequest) -> tuple[int, int] | None:
    """The fewest and the most licences that are a part of what was asked for; None where there is no part."""
    old, new = asked.changes.get("quantity", (None, None))
    if old is None or abs(new - old) < 2:
        return None
    return min(old, new) + 1, max(old, new) - 1


def moved_words(asked: ChangeRequest) -> list[Difference]:
    """What the request rests on and is not so any more, in words."""
    return [
        Difference(str(_BASE[name]), _base_words(asked, name, then), _base_words(asked, name, now))
        for name, (then, now) in moved_since(asked).items()
    ]


_BASE = {
    "nickname": gettext_lazy("Nickname"),
    "status": gettext_lazy("Status"),
    "quantity": gettext_lazy("Quantity"),
    "plan_term_id": gettext_lazy("Plan"),
    "unit_price": gettext_lazy("Price"),
    "auto_renew": gettext_lazy("Auto-renew"),
    "reseller_id": gettext_lazy("Indirect reseller PartnerID"),
}


def _base_words(asked: ChangeRequest, name: str, value: Any) -> str:
    if value in (None, ""):
        return str(_("none"))
    if isinstance(value, bool):
        return _("On") if value else _("Off")
    if name == "status":
        return str(words.STATUS[Status(value)])
    if name == "quantity":
        return licences(value)
    if name == "unit_price":
        return money_words(Money(Decimal(value), asked.subscription.currency))
    return next(_named(name, value), str(value))


def _named(name: str, value: str) -> Iterator[str]:
    if name == "plan_term_id":
        for term in PlanTerm.objects.select_related("plan").filter(pk=value):
            yield f"{term.plan.title}, {term_words(term)}"
    elif name == "reseller_id":
        for reseller in IndirectReseller.objects.filter(pk=value):
            yield f"{reseller.partner_id}, {reseller.name}"
