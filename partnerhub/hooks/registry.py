"""What programs may be told of: the apps say which of their events, and where the thing stands that has changed."""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from accounts.policy import Action, Actor
from partnerhub.outbox.models import Event

TEST = "test-created"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a program reads the thing, relative and without `/v1`, and whose it is (None: nobody's in particular)."""

    uri: str
    customer_id: UUID | None


@dataclass(frozen=True, slots=True)
class Announcement:
    """An event as programs know it. `of` are the hub's events behind it, `action` is what reading the thing takes;
    `locate` finds the thing of an event, and None where there is nothing to read.
    """

    name: str
    resource: str
    action: Action
    of: tuple[str, ...]
    locate: Callable[[Event], Place | None]


_known: dict[str, Announcement] = {}


def add(announcement: Announcement) -> None:
    _known[announcement.name] = announcement


def announcements_of(event_name: str) -> list[Announcement]:
    """The announcements that an event of the hub is behind."""
    return [one for one in _known.values() if event_name in one.of]


def names_for(actor: Actor) -> list[str]:
    """The events that a program may register for, by name: what it may read."""
    return sorted([TEST, *(name for name, one in _known.items() if actor.may(one.action))])


def action_of(name: str) -> Action | None:
    """What reading the thing of an event takes; None for an event that is unknown or anybody's."""
    return _known[name].action if name in _known else None


def may_hear(actor: Actor, announcement: Announcement, place: Place) -> bool:
    """Whether a program may read the thing that it would be told of."""
    return actor.may(announcement.action) and (actor.customers is None or place.customer_id in actor.customers)
