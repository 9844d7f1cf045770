"""What notifications hear: who is mentioned in a note, and to whom something is assigned."""

from datetime import datetime
from uuid import UUID

from partnerhub.notifications.enums import Topic
from partnerhub.notifications.services.noticing import facts_of
from partnerhub.notifications.services.telling import tell_person
from partnerhub.outbox.models import Event
from partnerhub.outbox.recorder import handles
from publishers.models import Publisher
from subscriptions.models import Subscription


@handles("subscription.noted")
def mentioned(event: Event, at: datetime) -> None:
    for user_id in event.data.get("mentions", []):
        if user_id != event.actor_id:
            _tell(event, UUID(user_id), Topic.MENTIONED, at)


@handles("subscription.attention_assigned", "publisher.attention_assigned")
def assigned(event: Event, at: datetime) -> None:
    assignee = event.data.get("assignee")
    # Who takes something knows it.
    if assignee is not None and assignee["id"] != event.actor_id:
        _tell(event, UUID(assignee["id"]), Topic.ASSIGNED, at)


def _tell(event: Event, user_id: UUID, topic: Topic, at: datetime) -> None:
    subscription = publisher = None
    facts = {"who": event.actor_label}
    if event.stream_type == "publisher":
        publisher = Publisher.objects.get(pk=event.stream_id)
        facts |= {"publisher": publisher.name}
    else:
        subscription = Subscription.objects.select_related("customer", "offer").get(pk=event.stream_id)
        facts |= facts_of(subscription)
    key = f"{topic}:{event.pk}"
    tell_person(user_id, topic, key=key, facts=facts, subscription=subscription, publisher=publisher, at=at)
