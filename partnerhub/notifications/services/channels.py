"""A person's channels: add, try out, remove; and forgetting what is long over."""

from datetime import datetime, timedelta
from urllib.parse import urlsplit
from uuid import UUID

from django.db import transaction

from accounts.policy import Actor
from partnerhub.errors import InvalidInput, NotFound
from partnerhub.hooks.services import check_webhook_url
from partnerhub.notifications.contents import test_content
from partnerhub.notifications.enums import Kind
from partnerhub.notifications.events import ChannelAdded, ChannelRemoved
from partnerhub.notifications.models import Channel, Delivery, Notification, Sighting
from partnerhub.notifications.others import check_other
from partnerhub.notifications.sealing import sealed
from partnerhub.notifications.selectors import person_of
from partnerhub.outbox.recorder import record

LONGEST_ADDRESS, LONGEST_NAME, MOST_CHANNELS = 2000, 80, 10
# Of what was told; what is open stays.
KEPT = timedelta(days=90)


def add_channel(actor: Actor, *, kind: Kind, name: str, address: str, at: datetime) -> Channel:
    """Tell a person by another way from now on. It may ask a name server, so call it outside of transactions.

    Raises NotFound for a program, InvalidInput, and AddressNotAllowed for an address that the hub may not call.
    """
    user = person_of(actor).user
    name = name.strip()
    if not 1 <= len(name) <= LONGEST_NAME:
        raise InvalidInput(field="name", problem=f"{len(name)} characters, allowed are 1 to {LONGEST_NAME}")
    if not 1 <= len(address) <= LONGEST_ADDRESS:
        raise InvalidInput(field="address", problem=f"{len(address)} characters, allowed are 1 to {LONGEST_ADDRESS}")
    if kind == Kind.OTHER:
        shown = check_other(address)
    else:
        check_webhook_url(address)
        shown = f"{urlsplit(address).scheme}://{urlsplit(address).hostname}/…"
    return _added(actor, Channel(user=user, kind=kind, name=name, shown=shown[:200], created_at=at), address, at)


@transaction.atomic
def _added(actor: Actor, channel: Channel, address: str, at: datetime) -> Channel:
    if Channel.objects.filter(user=channel.user).count() >= MOST_CHANNELS:
        raise InvalidInput(field="name", problem=f"there are {MOST_CHANNELS} channels already")
    channel.address = sealed(address)
    channel.save()
    record(ChannelAdded(channel.pk, {"kind": channel.kind, "name": channel.name}), actor=actor, at=at)
    return channel


@transaction.atomic
def remove_channel(actor: Actor, channel_id: UUID, *, at: datetime) -> Channel:
    """Tell a person by this way no more; what waits for it is dropped. Raises NotFound."""
    channel = _own(actor, channel_id)
    record(ChannelRemoved(channel.pk, {"kind": channel.kind, "name": channel.name}), actor=actor, at=at)
    Channel.objects.filter(pk=channel.pk).delete()
    return channel


@transaction.atomic
def try_channel(actor: Actor, channel_id: UUID, *, at: datetime) -> Delivery:
    """Send a test by a channel, once: a worker does within seconds. Raises NotFound."""
    channel = _own(actor, channel_id)
    content = test_content(person_of(actor).language)
    return Delivery.objects.create(
        user_id=channel.user_id, channel=channel, is_test=True, content=content, created_at=at, next_attempt_at=at
    )


def forget_told(at: datetime) -> None:
    """Forget what was told, delivered and over long ago."""
    before = at - KEPT
    Delivery.objects.filter(created_at__lt=before, next_attempt_at=None).delete()
    Notification.objects.filter(created_at__lt=before, sighting=None).delete()
    Sighting.objects.filter(over_at__lt=before).delete()


def _own(actor: Actor, channel_id: UUID) -> Channel:
    found = Channel.objects.select_for_update().filter(pk=channel_id, user=person_of(actor).user).first()
    if found is None:
        raise NotFound(what="channel", id=channel_id)
    return found
