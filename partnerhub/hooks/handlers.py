"""Hearing what happens: what an app announces becomes one delivery for each program that registered for it."""

from datetime import datetime

from django.db.models import QuerySet

from partnerhub import prepared
from partnerhub.hooks.bodies import body
from partnerhub.hooks.models import Delivery, Registration
from partnerhub.hooks.registry import Announcement, Place, add, announcements_of, may_hear
from partnerhub.outbox.models import Event
from partnerhub.outbox.recorder import handles

_REGISTERED = """
SELECT registration.events FROM hooks_registration AS registration
  JOIN accounts_client AS client ON client.id = registration.client_id
 WHERE registration.ended_at IS NULL AND client.is_active
"""


def announce(announcement: Announcement) -> None:
    """Let programs register for it. Call it when the app is ready."""
    add(announcement)
    handles(*announcement.of, wanted=wanted)(hear)


def wanted(names: set[str]) -> set[str]:
    """Those of the hub's events that some program is registered for now."""
    registered = {name for (events,) in prepared.rows(_REGISTERED, ()) for name in events}
    return {name for name in names if any(one.name in registered for one in announcements_of(name))}


def _standing() -> QuerySet[Registration]:
    return Registration.objects.filter(ended_at=None, client__is_active=True)


def hear(event: Event, at: datetime) -> None:
    """Write what is to be told of an event; hearing it again writes nothing more."""
    announcements = announcements_of(event.name)
    names = [one.name for one in announcements]
    listening = list(_standing().filter(created_at__lte=event.at, events__overlap=names).select_related("client"))
    for one in announcements:
        hearers = [registration for registration in listening if one.name in registration.events]
        place = one.locate(event) if hearers else None
        if place is not None:
            _tell(one, place, event, hearers, at)


def _tell(one: Announcement, place: Place, event: Event, hearers: list[Registration], at: datetime) -> None:
    told = body(one.name, one.resource, place.uri, f"/auditrecords/{event.pk}", event.at)
    Delivery.objects.bulk_create(
        [
            Delivery(
                registration=registration,
                event_id=event.pk,
                event_name=one.name,
                body=told,
                correlation_id=event.correlation_id,
                created_at=at,
                next_attempt_at=at,
            )
            for registration in hearers
            if may_hear(registration.client.actor(), one, place)
        ],
        ignore_conflicts=True,
    )
