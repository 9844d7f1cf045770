"""Reading what a person was told, and what the person wants to be told."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.db.models import Q, QuerySet

from accounts.models import User
from accounts.policy import Actor, Role
from partnerhub.errors import NotFound
from partnerhub.notifications.enums import How, Topic
from partnerhub.notifications.models import Channel, Delivery, Notification, Preference
from partnerhub.notifications.wishes import Wishes, default_only_own

DIGEST_HOUR = 8


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who may be told, with the wishes that hold."""

    user: User
    wishes: Wishes
    by_mail: bool
    language: str


def people(ids: Iterable[UUID] | None = None) -> list[Person]:
    """Those who work here, or those of them with these ids, each with wishes; by e-mail."""
    rows = User.objects.filter(is_active=True) if ids is None else User.objects.filter(is_active=True, pk__in=ids)
    told = rows.select_related("notification_preference").prefetch_related("roles_held", "notification_choices")
    return [_person(user) for user in told.order_by("email")]


def person_of(actor: Actor) -> Person:
    """The person who acts. Raises NotFound for a program."""
    found = people([UUID(actor.id)]) if actor.kind == "user" else []
    if not found:
        raise NotFound(what="person", id=actor.id)
    return found[0]


def preference_of(user: User) -> Preference:
    """What a person has chosen, or an unsaved row of the defaults."""
    found: Preference | None = getattr(user, "notification_preference", None)
    if found is not None:
        return found
    roles = [Role(held.role) for held in user.roles_held.all()]
    return Preference(
        user=user,
        only_own=default_only_own(roles),
        language=user.language or settings.HUB_MAIL_LANGUAGE,
        zone=settings.TIME_ZONE,
        digest_hour=DIGEST_HOUR,
    )


def notifications_of(actor: Actor) -> QuerySet[Notification]:
    """What a person was told in the hub, newest first."""
    return Notification.objects.filter(user_id=actor.id).select_related("sighting").order_by("-created_at", "-id")


def unread(actor: Actor) -> QuerySet[Notification]:
    """What a person has not read and what still matters."""
    return Notification.objects.filter(still_open(), user_id=actor.id, read_at=None)


def still_open() -> Q:
    """For a condition on notifications: what each tells of is open, or was never something to be settled."""
    return Q(sighting=None) | Q(sighting__over_at=None)


def channels_of(actor: Actor) -> QuerySet[Channel]:
    """The channels of a person, by name."""
    return Channel.objects.filter(user_id=actor.id).order_by("name", "id")


def deliveries_of(actor: Actor) -> QuerySet[Delivery]:
    """What a person was told outside of the hub, newest first."""
    told = Delivery.objects.filter(user_id=actor.id).select_related("channel", "message")
    return told.order_by("-created_at", "-id")


def _person(user: User) -> Person:
    chosen = preference_of(user)
    wishes = Wishes(
        roles=tuple(Role(held.role) for held in user.roles_held.all()),
        choices={Topic(one.topic): How(one.how) for one in user.notification_choices.all()},
        only_own=chosen.only_own,
        zone=chosen.zone,
        digest_hour=chosen.digest_hour,
        quiet_from=chosen.quiet_from,
        quiet_until=chosen.quiet_until,
    )
    return Person(user, wishes, chosen.by_mail, chosen.language)
