"""What a person wants to be told, and marking what was read. Nobody else's."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from accounts.models import User
from accounts.policy import Actor
from partnerhub.errors import NotFound
from partnerhub.notifications.enums import How, Topic
from partnerhub.notifications.models import Choice, Notification, Preference
from partnerhub.notifications.selectors import person_of
from partnerhub.notifications.wishes import default_how


@dataclass(frozen=True, slots=True)
class Chosen:
    """What the settings hold; quiet hours are both given or both None. Times of day are those of `zone`."""

    only_own: bool
    by_mail: bool
    language: str
    zone: str
    digest_hour: int
    quiet_from: time | None
    quiet_until: time | None


@transaction.atomic
def choose(actor: Actor, chosen: Chosen, hows: Mapping[Topic, How]) -> Preference:
    """Keep what a person has chosen; a topic that is as the roles have it follows them later. Raises NotFound."""
    person = person_of(actor)
    # Two windows of one person take turns.
    user = User.objects.select_for_update().get(pk=person.user.pk)
    preference, _made = Preference.objects.update_or_create(
        user=user, defaults={name: getattr(chosen, name) for name in chosen.__slots__}
    )
    own = {topic: how for topic, how in hows.items() if how != default_how(topic, person.wishes.roles)}
    Choice.objects.filter(user=user).exclude(topic__in=own).delete()
    for topic, how in own.items():
        Choice.objects.update_or_create(user=user, topic=topic, defaults={"how": how})
    return preference


def mark_read(actor: Actor, notification_id: UUID | None, *, at: datetime) -> int:
    """Mark one of one's own notifications as read, or with None all; returns how many were not. Idempotent.

    Raises NotFound for one that there is not.
    """
    mine = Notification.objects.filter(user_id=actor.id)
    one = Q() if notification_id is None else Q(pk=notification_id)
    if notification_id is not None and not mine.filter(one).exists():
        raise NotFound(what="notification", id=notification_id)
    return mine.filter(one, read_at=None).update(read_at=at)
