"""Our own queue of what somebody must act on."""

from typing import TypedDict

from partnerhub.api.shapes import Guid, Utc, utc, utc_or_none
from publishers.pricing import first_charge
from subscriptions.models import Subscription
from subscriptions.selectors import Attention


class AtRisk(TypedDict):
    amount: float
    currency: str


class AttentionItem(TypedDict):
    """`amountAtRisk` is the first charge, which is lost when nothing happens until `dueAt`."""

    id: str
    subscriptionId: Guid
    customerId: Guid
    reason: str
    owner: str
    since: Utc
    dueAt: Utc | None
    amountAtRisk: AtRisk
    nextAction: str | None


def attention_item(found: Subscription, attention: Attention) -> AttentionItem:
    charge = first_charge(found.plan, found.unit_price, found.quantity, found.currency)
    return AttentionItem(
        id=f"{found.pk}:{attention.gate.gate}",
        subscriptionId=str(found.pk),
        customerId=str(found.customer_id),
        reason=attention.reason.value,
        owner=attention.owner.value,
        since=utc(attention.since),
        dueAt=utc_or_none(attention.due_at),
        amountAtRisk=AtRisk(amount=float(charge.amount), currency=charge.currency),
        nextAction=attention.next_action.value if attention.next_action else None,
    )
