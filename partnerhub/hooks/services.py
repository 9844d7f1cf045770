"""Registering for what happens, trying a registration out, and sending a delivery again."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from math import ceil
from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings
from django.db import transaction

from accounts.models import Client
from accounts.policy import Action, Actor, authorize
from partnerhub.addresses import check_url
from partnerhub.errors import (
    AddressNotAllowed,
    DeliveryUnderWay,
    HookRegisteredAlready,
    HookRemovedMeanwhile,
    InvalidInput,
    NotFound,
)
from partnerhub.hooks.bodies import body
from partnerhub.hooks.events import HookChanged, HookRegistered, HookRemoved, HookSentAgain
from partnerhub.hooks.models import LONGEST_URL, Delivery, Registration
from partnerhub.hooks.registry import TEST, action_of, names_for
from partnerhub.hooks.selectors import RESULTS_KEPT, program_id, registration_of
from partnerhub.outbox.recorder import record

VALIDATIONS_A_MINUTE = 2
MINUTE = timedelta(minutes=1)
# Of what is over; the results of validation events are kept for RESULTS_KEPT.
LOG_KEPT = timedelta(days=30)


class ValidationsTooOften(Exception):
    """More validation events than two a minute; another is answered in `seconds`."""

    def __init__(self, seconds: int) -> None:
        super().__init__(f"in {seconds} s")
        self.seconds = seconds


def check_webhook_url(url: str) -> None:
    """Raise AddressNotAllowed unless the hub may post there: https at a public host, anything where private addresses
    are allowed. It may ask a name server, so call it outside of transactions.
    """
    allow_private = settings.HUB_ALLOW_PRIVATE_PUBLISHERS
    if not allow_private and urlsplit(url[:8]).scheme != "https":
        raise AddressNotAllowed(url=url.partition("?")[0][:200], problem="it must begin with https://.")
    check_url(url, allow_private)


@transaction.atomic
def register(
    actor: Actor, *, url: str, events: Iterable[str], in_ms_header: bool = False, at: datetime
) -> Registration:
    """Tell a program from now on of the named events, at a checked address.

    Raises OnlyPrograms for a person, InvalidInput, NotPermitted for an event whose thing it may not read, and
    HookRegisteredAlready.
    """
    client = Client.objects.select_for_update().filter(pk=program_id(actor)).first()
    if client is None:
        raise NotFound(what="API client", id=actor.id)
    names = _checked(actor, url, events)
    if Registration.objects.filter(client=client, ended_at=None).exists():
        raise HookRegisteredAlready(name=client.name)
    made = Registration.objects.create(client=client, url=url, events=names, in_ms_header=in_ms_header, created_at=at)
    record(HookRegistered(made.pk, {"program": client.name, "host": _host(url), "events": names}), actor=actor, at=at)
    return made


@transaction.atomic
def change_registration(
    actor: Actor, *, url: str, events: Iterable[str], in_ms_header: bool | None, at: datetime
) -> Registration:
    """Replace address and events; `in_ms_header` stays where it is None. What waits already goes to the new address.

    Raises NotFound, and as `register` does.
    """
    found = _locked(actor)
    names = _checked(actor, url, events)
    wanted = {"url": url, "events": names, "in_ms_header": found.in_ms_header if in_ms_header is None else in_ms_header}
    if all(getattr(found, name) == value for name, value in wanted.items()):
        return found
    for name, value in wanted.items():
        setattr(found, name, value)
    found.save(update_fields=list(wanted))
    facts = {"program": actor.label, "host": _host(url), "events": names}
    record(HookChanged(found.pk, facts), actor=actor, at=at)
    return found


@transaction.atomic
def remove_registration(actor: Actor, *, at: datetime) -> None:
    """Tell a program no more; what waits is parked. Raises NotFound, OnlyPrograms."""
    found = _locked(actor)
    found.ended_at = at
    found.save(update_fields=["ended_at"])
    park_waiting(found, at)
    record(HookRemoved(found.pk, {"program": actor.label}), actor=actor, at=at)


def park_waiting(registration: Registration, at: datetime) -> None:
    """Give up what waits for a registration whose program is not told any more."""
    waiting = registration.deliveries.filter(next_attempt_at__isnull=False)
    waiting.update(parked_at=at, next_attempt_at=None, lease_until=None)


@transaction.atomic
def send_validation(actor: Actor, *, at: datetime) -> Delivery:
    """Send the event test-created to the caller's address; `validation_of` tells what came of it.

    Raises NotFound, OnlyPrograms, and ValidationsTooOften after two within a minute.
    """
    found = _locked(actor)
    recent = found.deliveries.filter(event_name=TEST, created_at__gt=at - MINUTE).order_by("created_at")
    sent = list(recent.values_list("created_at", flat=True))
    if len(sent) >= VALIDATIONS_A_MINUTE:
        raise ValidationsTooOften(max(1, ceil((sent[-VALIDATIONS_A_MINUTE] + MINUTE - at).total_seconds())))
    told = body(TEST, "test", "/webhooks/registration/test", None, at)
    return Delivery.objects.create(registration=found, event_name=TEST, body=told, created_at=at, next_attempt_at=at)


@transaction.atomic
def send_again(actor: Actor, delivery_id: UUID, *, at: datetime) -> Delivery:
    """Try a delivery anew that is over, with all its attempts.

    Raises NotPermitted, NotFound, DeliveryUnderWay while it waits, and HookRemovedMeanwhile.
    """
    authorize(actor, Action.CLIENT_MANAGE)
    rows = Delivery.objects.select_for_update(of=("self",)).select_related("registration__client")
    found = rows.filter(pk=delivery_id).first()
    if found is None:
        raise NotFound(what="delivery", id=delivery_id)
    if found.next_attempt_at is not None:
        raise DeliveryUnderWay
    if found.registration.ended_at is not None:
        raise HookRemovedMeanwhile(name=found.registration.client.name)
    found.next_attempt_at, found.delivered_at, found.parked_at, found.attempts = at, None, None, 0
    found.save(update_fields=["next_attempt_at", "delivered_at", "parked_at", "attempts"])
    facts = {"program": found.registration.client.name, "event": found.event_name, "delivery": str(found.pk)}
    record(HookSentAgain(found.registration_id, facts), actor=actor, at=at)
    return found


def forget_deliveries(at: datetime) -> int:
    """Delete what has been over for 30 days, and validation events after seven; returns how many."""
    over = Delivery.objects.filter(next_attempt_at=None)
    old = over.filter(created_at__lte=at - LOG_KEPT) | over.filter(event_name=TEST, created_at__lte=at - RESULTS_KEPT)
    _, deleted = old.delete()
    return deleted.get("hooks.Delivery", 0)


def _locked(actor: Actor) -> Registration:
    return Registration.objects.select_for_update().get(pk=registration_of(actor).pk)


def _checked(actor: Actor, url: str, events: Iterable[str]) -> list[str]:
    if not 1 <= len(url) <= LONGEST_URL:
        raise InvalidInput(field="webhookUrl", problem=f"1 to {LONGEST_URL} characters are expected")
    names = sorted(set(events))
    allowed = names_for(actor)
    for name in names:
        if (action := action_of(name)) is not None:
            authorize(actor, action)
        if name not in allowed:
            raise InvalidInput(field="webhookEvents", problem=f"{name[:64]!r} is not one of {', '.join(allowed)}")
    if not names:
        raise InvalidInput(field="webhookEvents", problem=f"one or more of {', '.join(allowed)} are expected")
    return names


def _host(url: str) -> str:
    """The part of an address that goes on record: the rest may hold a secret."""
    return urlsplit(url).hostname or ""
