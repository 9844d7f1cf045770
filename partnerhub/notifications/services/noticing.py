"""Noticing what has opened, and writing down who is told of it: each open item once, whoever looks how often."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from partnerhub.notifications.enums import How, Topic, topic_of
from partnerhub.notifications.models import Notification, Sighting
from partnerhub.notifications.selectors import Person, people
from partnerhub.outbox.models import Event
from subscriptions.attending import open_items
from subscriptions.models import AttentionItem, Subscription, Triage

# What one tick takes on; the rest waits for the next.
MOST_AT_ONCE = 1000

Key = tuple[str, datetime]


def notice(*, at: datetime, limit: int = MOST_AT_ONCE) -> int:
    """Take in what has opened and what is over since the last look; returns how many items were new.

    Ticks that double write nothing twice: an item is sighted once, and a person is told of a sighting once.
    """
    open_now = set(open_items(at).order_by().values_list("pk", "since"))
    known = _known(item for item, _since in open_now)
    _close({key: row for key, row in known.items() if row.over_at is None}, open_now, at)
    _reopen([row for key, row in known.items() if row.over_at is not None and key in open_now])
    new = sorted(open_now - known.keys(), key=lambda key: key[1], reverse=True)[:limit]
    return _take_in(new, at) if new else 0


def _known(items: Iterable[str]) -> dict[Key, Sighting]:
    """The sightings that are open, and those of the items that are."""
    rows = Sighting.objects.filter(over_at=None) | Sighting.objects.filter(item__in=list(items))
    return {(row.item, row.since): row for row in rows}


def _close(shown: dict[Key, Sighting], open_now: Collection[Key], at: datetime) -> None:
    over = [row.pk for key, row in shown.items() if key not in open_now]
    if over:
        Sighting.objects.filter(pk__in=over, over_at=None).update(over_at=at)


def _reopen(rows: Sequence[Sighting]) -> None:
    if rows:
        Sighting.objects.filter(pk__in=[row.pk for row in rows]).update(over_at=None)


@transaction.atomic
def _take_in(keys: Sequence[Key], at: datetime) -> int:
    wanted = set(keys)
    found = open_items(at).filter(pk__in=[item for item, _since in keys]).select_related("publisher")
    items = [item for item in found if (item.pk, item.since) in wanted]
    subscriptions = _subscriptions(items)
    rows = [_sighting(item, subscriptions.get(item.subscription_id), at) for item in items]
    Sighting.objects.bulk_create(rows, ignore_conflicts=True)
    # What somebody else has sighted meanwhile is theirs to tell.
    mine = set(Sighting.objects.filter(pk__in=[row.pk for row in rows]).values_list("pk", flat=True))
    customers = {row.pk: row.subscription.customer_id for row in rows if row.subscription}
    _tell([row for row in rows if row.pk in mine], customers, at)
    return len(mine)


def _subscriptions(items: Iterable[AttentionItem]) -> dict[UUID | None, Subscription]:
    ids = {item.subscription_id for item in items if item.subscription_id}
    return {row.pk: row for row in Subscription.objects.filter(pk__in=ids).select_related("customer", "offer")}


def _sighting(item: AttentionItem, subscription: Subscription | None, at: datetime) -> Sighting:
    return Sighting(
        item=item.pk,
        since=item.since,
        topic=topic_of(item.cause),
        cause=item.cause,
        subscription=subscription,
        publisher_id=item.publisher_id,
        facts={"publisher": item.publisher.name} | (facts_of(subscription) if subscription else {}),
        seen_at=at,
    )


def facts_of(subscription: Subscription) -> dict[str, Any]:
    """The names that a sentence about a subscription takes."""
    return {"customer": subscription.customer.name, "offer": subscription.offer.title}


def _tell(rows: Sequence[Sighting], customers: dict[UUID, UUID], at: datetime) -> None:
    everybody, owners = people(), _owners(rows)
    told = [
        notification
        for row in rows
        for person in everybody
        if person.user.sees(customers.get(row.pk))
        and (notification := _notification(row, person, owners.get(row.pk, set()), at)) is not None
    ]
    Notification.objects.bulk_create(told, ignore_conflicts=True, batch_size=1000)


def _notification(row: Sighting, person: Person, owners: Collection[str], at: datetime) -> Notification | None:
    how = person.wishes.how(Topic(row.topic), own=str(person.user.pk) in owners)
    if how == How.OFF:
        return None
    return Notification(
        user=person.user,
        key=f"item:{row.pk}",
        topic=row.topic,
        sighting=row,
        subscription_id=row.subscription_id,
        publisher_id=row.publisher_id,
        facts=row.facts,
        how=how,
        created_at=at,
        due_at=person.wishes.due_at(how, at),
    )


def _owners(rows: Sequence[Sighting]) -> dict[UUID, set[str]]:
    """Whose own each sighting is, by user id: who bought the subscription, and who takes the item."""
    ids = {row.subscription_id for row in rows if row.subscription_id}
    ordered = Event.objects.filter(stream_id__in=ids, name="subscription.ordered", actor_kind="user")
    buyers: dict[UUID | None, str] = dict(ordered.values_list("stream_id", "actor_id"))
    taken = Triage.objects.filter(item__in=[row.item for row in rows], assignee__isnull=False)
    takers = dict(taken.values_list("item", "assignee_id"))
    found = {}
    for row in rows:
        own = (buyers.get(row.subscription_id), takers.get(row.item))
        found[row.pk] = {str(one) for one in own if one is not None}
    return found
