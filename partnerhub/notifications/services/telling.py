"""Telling people outside of the hub: what is due for one person goes out in one message, by each way of that person."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from django.db import DatabaseError, transaction

from accounts.models import User
from partnerhub.mail.models import Message
from partnerhub.mail.services import post
from partnerhub.notifications.contents import content_of, letter_of
from partnerhub.notifications.enums import How, Topic
from partnerhub.notifications.models import Channel, Delivery, Notification
from partnerhub.notifications.selectors import Person, people, still_open
from publishers.models import Publisher
from subscriptions.models import Subscription

log = structlog.get_logger(__name__)

PURPOSE = "notification"
# News that could not leave for so long is in the hub anyway.
MAIL_EXPIRES_AFTER = timedelta(days=2)


def tell_due(*, at: datetime, limit: int = 200) -> int:
    """Tell up to `limit` people what is due for them, each in a transaction of its own; returns how many were told.

    What was read or is over meanwhile is left out.
    """
    due = Notification.objects.filter(due_at__lte=at, told_at=None)
    ids = list(due.order_by("user").values_list("user", flat=True).distinct()[:limit])
    return sum(_told(person, at) for person in people(ids)) if ids else 0


def _told(person: Person, at: datetime) -> bool:
    try:
        return tell(person, at=at)
    except (DatabaseError, LookupError, ValueError) as error:
        log.exception("not_notified", user_id=str(person.user.pk), error=type(error).__name__)
        return False


@transaction.atomic
def tell(person: Person, *, at: datetime) -> bool:
    """Write the deliveries of what is due for a person; False when nothing is, or somebody else is just telling it."""
    rows = Notification.objects.select_for_update(skip_locked=True).filter(
        user=person.user, due_at__lte=at, told_at=None
    )
    taken = list(rows.order_by("created_at", "id"))
    if not taken:
        return False
    ids = [row.pk for row in taken]
    Notification.objects.filter(pk__in=ids).update(told_at=at)
    matter = list(Notification.objects.filter(still_open(), pk__in=ids, read_at=None).order_by("created_at", "id"))
    if not matter:
        return False
    _deliver(person, matter, at)
    return True


def _deliver(person: Person, matter: Sequence[Notification], at: datetime) -> None:
    content = content_of(matter, person.language)
    if person.by_mail:
        delivery = Delivery(user=person.user, content=content, created_at=at)
        delivery.message = _post(person, delivery, at)
        delivery.save()
    channels = Channel.objects.filter(user=person.user)
    Delivery.objects.bulk_create(
        Delivery(user=person.user, channel=channel, content=content, created_at=at, next_attempt_at=at)
        for channel in channels
    )


def _post(person: Person, delivery: Delivery, at: datetime) -> Message:
    key = f"{PURPOSE}:{delivery.pk}"
    letter = letter_of(delivery.content, person.user.name, person.language)
    expires_at = at + MAIL_EXPIRES_AFTER
    post(key, to=person.user.email, letter=letter, language=person.language, at=at, expires_at=expires_at)
    return Message.objects.get(key=key)


def tell_person(
    user_id: UUID,
    topic: Topic,
    *,
    key: str,
    facts: Mapping[str, Any],
    subscription: Subscription | None,
    publisher: Publisher | None = None,
    at: datetime,
) -> bool:
    """Note something for one person; False when that person does not want to know, or was told of it before."""
    found = people([user_id])
    how = found[0].wishes.how(topic, own=True) if found else How.OFF
    if how == How.OFF:
        return False
    row = Notification(
        user=User(pk=user_id),
        key=key,
        topic=topic,
        subscription=subscription,
        publisher=publisher,
        facts=dict(facts),
        how=how,
        created_at=at,
        due_at=found[0].wishes.due_at(how, at),
    )
    Notification.objects.bulk_create([row], ignore_conflicts=True)
    return Notification.objects.filter(pk=row.pk).exists()
