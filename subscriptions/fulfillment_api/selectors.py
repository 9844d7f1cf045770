"""What a publisher may read: all subscriptions of its own offers, in every state."""

import base64
import binascii
from datetime import UTC, datetime
from uuid import UUID

from django.db.models import Prefetch, Q, QuerySet

from accounts.policy import Action, Actor, authorize
from partnerhub.api.shapes import guid
from partnerhub.errors import ForeignSubscription, InvalidInput, NotFound
from publishers.models import Plan, PlanTerm, Price
from subscriptions.enums import OperationStatus
from subscriptions.marketplace import HAPPENED, TOLD_ONLY_BY_WEBHOOK
from subscriptions.models import Operation, Subscription
from subscriptions.models.operation import IN_FLIGHT, OURS_ALONE

PAGE = 100


def subscriptions_of(publisher: Actor) -> QuerySet[Subscription]:
    """A publisher's subscriptions, oldest first, so that what is bought meanwhile lands on the last page."""
    authorize(publisher, Action.SUBSCRIPTION_CONFIRM)
    related = ("customer", "publisher", "offer", "plan", "plan_term", "order_line__plan_term__plan")
    own = Subscription.objects.filter(publisher__client_id=publisher.id)
    return own.select_related(*related).order_by("purchased_at", "id")


def subscription_of(publisher: Actor, subscription_id: str) -> Subscription:
    """One of a publisher's subscriptions. Raises ForeignSubscription for another publisher's, NotFound."""
    key = guid(subscription_id, "subscription")
    found = subscriptions_of(publisher).filter(pk=key).first()
    if found is not None:
        return found
    if Subscription.objects.filter(pk=key).exists():
        raise ForeignSubscription(id=key)
    raise NotFound(what="subscription", id=key)


def page_of(publisher: Actor, continuation: str) -> tuple[list[Subscription], str]:
    """At most PAGE subscriptions after a continuation ("" for the first), and the next one ("" on the last page).

    Raises InvalidInput for a continuation that is none.
    """
    listed = subscriptions_of(publisher)
    if continuation:
        purchased_at, last = _read_continuation(continuation)
        listed = listed.filter(Q(purchased_at__gt=purchased_at) | Q(purchased_at=purchased_at, id__gt=last))
    rows = list(listed[: PAGE + 1])
    following = _continuation(rows[PAGE - 1]) if len(rows) > PAGE else ""
    return rows[:PAGE], following


def plans_on_sale(subscription: Subscription, at: datetime) -> QuerySet[Plan]:
    """The plans of the subscription's offer, each with `terms_on_sale` and their `valid_prices` in its currency."""
    valid = Q(valid_to=None) | Q(valid_to__gt=at)
    prices = Price.objects.filter(valid, valid_from__lte=at, currency=subscription.currency)
    terms = PlanTerm.objects.filter(withdrawn_at=None).order_by("term", "billing_cycle")
    priced = terms.prefetch_related(Prefetch("prices", queryset=prices, to_attr="valid_prices"))
    on_sale = Plan.objects.filter(offer_id=subscription.offer_id, withdrawn_at=None).order_by("sku_id")
    return on_sale.prefetch_related(Prefetch("terms", queryset=priced, to_attr="terms_on_sale"))


def operations_in_flight(subscription: Subscription) -> QuerySet[Operation]:
    """The subscription's operations that wait for the publisher; there is one at most."""
    waiting = _that_left(subscription).filter(status__in=IN_FLIGHT).exclude(action__in=HAPPENED)
    return waiting.order_by("created_at")


def operation_of(subscription: Subscription, operation_id: str) -> Operation:
    """One operation of a subscription, final or not. Raises NotFound, also for one that can still be undone."""
    key = guid(operation_id, "operation")
    found = _that_left(subscription).filter(pk=key).first()
    if found is None:
        raise NotFound(what="operation", id=key)
    return found


def _that_left(subscription: Subscription) -> QuerySet[Operation]:
    """What publishers read of: not what concerns us alone, is held, was undone before it left, or has a word that their
    programs do not know.
    """
    hidden = (*OURS_ALONE, *TOLD_ONLY_BY_WEBHOOK)
    ours = Q(action__in=hidden) | Q(held_until__isnull=False) | Q(status=OperationStatus.WITHDRAWN)
    return subscription.operations.exclude(ours)


def _continuation(last: Subscription) -> str:
    return base64.urlsafe_b64encode(f"{last.purchased_at.isoformat()} {last.id}".encode()).rstrip(b"=").decode()


def _read_continuation(text: str) -> tuple[datetime, UUID]:
    try:
        padded = text + "=" * (-len(text) % 4)
        purchased_at, _, last = base64.b64decode(padded, b"-_", validate=True).decode().partition(" ")
        moment = datetime.fromisoformat(purchased_at)
        if moment.tzinfo is None:
            raise ValueError("a moment without its zone")
        return moment.astimezone(UTC), UUID(last)
    except (ValueError, OverflowError, binascii.Error):
        raise InvalidInput(field="continuationToken", problem="it is not one that this hub gave.") from None
