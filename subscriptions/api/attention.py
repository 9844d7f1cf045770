"""Our own queue of what somebody must act on, and what is done with an item of it."""

from collections.abc import Sequence
from datetime import datetime
from typing import TypedDict
from uuid import UUID

from django.db.models import QuerySet
from rest_framework.request import Request

from accounts.models import User
from accounts.policy import Actor
from partnerhub.api.shapes import Guid, Utc, utc, utc_or_none
from partnerhub.errors import InvalidInput, NotFound
from subscriptions import models
from subscriptions.attending import CustomerSaid, at_risk, attention_visible_to, ranked, said_by_customers
from subscriptions.enums import Cause, Owner, Reason
from subscriptions.models import Triage

# Neither is asked for by its subscription's state: a window that closes leaves it as it is, the rest is a publisher's.
LEFT_OUT = (Cause.WINDOW_CLOSING, Cause.PUBLISHER_DOWN, Cause.SECRET_EXPIRING)
REASONS = [cause.value for cause in (*Reason, *Cause)]
QUERY = {
    "reason": f"Only those with this reason; {', '.join(f'`{one}`' for one in LEFT_OUT)} only when they are asked for.",
    "owner": "Only those whose turn it is: " + ", ".join(f"`{owner}`" for owner in Owner) + ".",
}
# Of the others, what stands behind an item has no id of its own, or one that is a secret.
WITH_SUBJECT = (Cause.CHANGE_WAITING, Cause.CHANGE_FAILED, Cause.CHANGE_ASKED, Cause.DRIFT)


class AtRisk(TypedDict):
    amount: float
    currency: str


class Person(TypedDict):
    id: Guid
    name: str


class AttentionItem(TypedDict):
    """`amountAtRisk` is what one billing cycle costs before tax, of a purchase that waits its first charge. `subjectId`
    is the operation, change request or divergence behind it. With `snoozed` it is put aside until `snoozedUntil`, or
    until it changes. What a publisher must be asked for names no subscription. The customer's answers are those on the
    page that it was sent, `customerAnswersComplete` when nothing that is required is missing.
    """

    id: str
    subscriptionId: Guid | None
    customerId: Guid | None
    publisherId: Guid
    reason: str
    message: str
    subjectId: Guid | None
    owner: str
    since: Utc
    dueAt: Utc | None
    amountAtRisk: AtRisk | None
    nextAction: str | None
    assignee: Person | None
    snoozed: bool
    snoozedUntil: Utc | None
    customerAnsweredAt: Utc | None
    customerAnswersComplete: bool
    customerAskedAgainAt: Utc | None


def queue_asked(actor: Actor, request: Request, at: datetime) -> QuerySet[models.AttentionItem]:
    """The open items that a query asks for, with their `rank`. Raises InvalidInput, NotPermitted."""
    reason, owner = _word(request, "reason", REASONS), _word(request, "owner", list(Owner))
    items = attention_visible_to(actor, at)
    items = items.filter(cause=reason) if reason else items.exclude(cause__in=LEFT_OUT)
    return ranked(items.filter(owner=owner) if owner else items)


def item_asked(actor: Actor, item_id: str, at: datetime) -> models.AttentionItem:
    """One open item. Raises NotFound, also once it is settled, and NotPermitted."""
    found = attention_visible_to(actor, at).filter(pk=item_id).first()
    if found is None:
        raise NotFound(what="attention item", id=item_id[:120])
    return found


def attention_items(found: Sequence[models.AttentionItem], at: datetime) -> list[AttentionItem]:
    """What is shown of items; a fixed number of queries for them all."""
    taken = Triage.objects.filter(item__in=[one.pk for one in found]).select_related("assignee")
    triages = {triage.item: triage for triage in taken}
    said = said_by_customers([one.subscription_id for one in found if one.subscription_id])
    return [_shown(one, triages.get(one.pk), _said(one, said), at) for one in found]


def person(user: User) -> Person:
    return Person(id=str(user.pk), name=user.name)


def _said(found: models.AttentionItem, said: dict[UUID, CustomerSaid]) -> CustomerSaid:
    known = said.get(found.subscription_id) if found.subscription_id else None
    return known or CustomerSaid()


def _shown(found: models.AttentionItem, triage: Triage | None, said: CustomerSaid, at: datetime) -> AttentionItem:
    aside = _is_aside(found, triage, at)
    return AttentionItem(
        id=found.pk,
        subscriptionId=str(found.subscription_id) if found.subscription_id else None,
        customerId=str(found.customer_id) if found.customer_id else None,
        publisherId=str(found.publisher_id),
        reason=found.cause,
        message=found.message,
        subjectId=found.subject_id if found.cause in WITH_SUBJECT else None,
        owner=found.owner,
        since=utc(found.opened_at),
        dueAt=utc_or_none(found.deadline),
        amountAtRisk=_money(found) if found.currency else None,
        nextAction=found.remedy or None,
        assignee=person(triage.assignee) if triage and triage.assignee else None,
        snoozed=aside,
        snoozedUntil=utc_or_none(triage.snoozed_until) if triage and aside else None,
        customerAnsweredAt=utc_or_none(said.answered_at),
        customerAnswersComplete=said.is_complete,
        customerAskedAgainAt=utc_or_none(said.asked_again_at),
    )


def _money(found: models.AttentionItem) -> AtRisk:
    money = at_risk(found)
    return AtRisk(amount=float(money.amount), currency=money.currency)


def _is_aside(found: models.AttentionItem, triage: Triage | None, at: datetime) -> bool:
    """Whether somebody has put it aside: one that came back for another reason is not."""
    if triage is None or not triage.snoozed or triage.since != found.since:
        return False
    return triage.snoozed_until is None or triage.snoozed_until > at


def _word(request: Request, name: str, known: list[str]) -> str:
    given = request.query_params.get(name, "")
    if given and given not in known:
        raise InvalidInput(field=name, problem=f"{', '.join(known)} are known")
    return given
