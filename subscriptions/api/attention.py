"""Our own queue of what somebody must act on."""

from datetime import datetime
from typing import TypedDict

from django.db.models import QuerySet
from rest_framework.request import Request

from accounts.policy import Actor
from partnerhub.api.shapes import Guid, Utc, utc, utc_or_none
from partnerhub.errors import InvalidInput
from subscriptions import models
from subscriptions.attending import at_risk, attention_visible_to, ranked
from subscriptions.enums import Cause, Owner, Reason

# Neither is asked for by its subscription's state: a window that closes leaves it as it is, the rest is a publisher's.
LEFT_OUT = (Cause.WINDOW_CLOSING, Cause.PUBLISHER_DOWN, Cause.SECRET_EXPIRING)
REASONS = [cause.value for cause in (*Reason, *Cause) if cause not in (Cause.PUBLISHER_DOWN, Cause.SECRET_EXPIRING)]
QUERY = {
    "reason": f"Only those with this reason; `{Cause.WINDOW_CLOSING}` is listed only when it is asked for.",
    "owner": "Only those whose turn it is: " + ", ".join(f"`{owner}`" for owner in Owner) + ".",
}


class AtRisk(TypedDict):
    amount: float
    currency: str


class AttentionItem(TypedDict):
    """`amountAtRisk` is what one billing cycle costs before tax, of a purchase that waits its first charge."""

    id: str
    subscriptionId: Guid
    customerId: Guid
    reason: str
    owner: str
    since: Utc
    dueAt: Utc | None
    amountAtRisk: AtRisk
    nextAction: str | None


def queue_asked(actor: Actor, request: Request, at: datetime) -> QuerySet[models.AttentionItem]:
    """The open items of subscriptions that a query asks for, with their `rank`. Raises InvalidInput, NotPermitted."""
    items = attention_visible_to(actor, at).exclude(subscription=None)
    reason, owner = _word(request, "reason", REASONS), _word(request, "owner", list(Owner))
    items = items.filter(cause=reason) if reason else items.exclude(cause__in=LEFT_OUT)
    return ranked(items.filter(owner=owner) if owner else items)


def attention_item(found: models.AttentionItem) -> AttentionItem:
    money = at_risk(found)
    return AttentionItem(
        id=found.pk,
        subscriptionId=str(found.subscription_id),
        customerId=str(found.customer_id),
        reason=found.cause,
        owner=found.owner,
        since=utc(found.opened_at),
        dueAt=utc_or_none(found.deadline),
        amountAtRisk=AtRisk(amount=float(money.amount), currency=money.currency),
        nextAction=found.remedy or None,
    )


def _word(request: Request, name: str, known: list[str]) -> str:
    given = request.query_params.get(name, "")
    if given and given not in known:
        raise InvalidInput(field=name, problem=f"{', '.join(known)} are known")
    return given
