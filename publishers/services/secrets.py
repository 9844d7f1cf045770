"""The secrets with which a publisher's programs sign in: several may be valid while one is being replaced."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Max, QuerySet

from accounts.models import ClientSecret
from accounts.policy import Action, Actor, authorize, authorize_for_all
from accounts.services.clients import add_secret, end_secret
from partnerhub.errors import NotFound, TooManySecrets
from partnerhub.outbox.models import Event
from partnerhub.outbox.recorder import record
from publishers.events import SecretExpiring, SecretMade, SecretRevoked
from publishers.models import Publisher
from publishers.selectors import Scope, policy_book

MOST_SECRETS = 5


@dataclass(frozen=True, slots=True)
class Ending:
    """A publisher whose last valid secret ends soon, or has ended: from `ends_at` on it cannot sign in."""

    publisher: Publisher
    ends_at: datetime


@transaction.atomic
def make_secret(actor: Actor, publisher_id: UUID, *, at: datetime) -> str:
    """Give a publisher another secret; those it has stay valid. Returns it: the hub cannot tell it again.

    Raises TooManySecrets when MOST_SECRETS are valid, NotFound, NotPermitted.
    """
    authorize_for_all(actor, Action.PUBLISHER_MANAGE)
    publisher = _locked(publisher_id)
    valid = valid_secrets(publisher, at).count()
    if valid >= MOST_SECRETS:
        raise TooManySecrets(count=valid)
    secret = add_secret(publisher.client, at)
    made = publisher.client.secrets.latest("pk")
    record(
        SecretMade(publisher.pk, {"secret": made.pk, "hint": made.hint, "expires_at": made.expires_at.isoformat()}),
        actor=actor,
        at=at,
    )
    return secret


@transaction.atomic
def revoke_secret(actor: Actor, publisher_id: UUID, secret_id: int, *, at: datetime) -> ClientSecret:
    """End a secret now; one that has ended already stays as it is. Raises NotFound, NotPermitted."""
    authorize_for_all(actor, Action.PUBLISHER_MANAGE)
    publisher = _locked(publisher_id)
    secret = publisher.client.secrets.filter(pk=secret_id).first()
    if secret is None:
        raise NotFound(what="secret", id=secret_id)
    if secret.is_valid(at):
        end_secret(secret, at)
        record(SecretRevoked(publisher.pk, {"secret": secret.pk, "hint": secret.hint}), actor=actor, at=at)
    return secret


def _locked(publisher_id: UUID) -> Publisher:
    publisher = (
        Publisher.objects.select_for_update(of=("self",)).select_related("client").filter(pk=publisher_id).first()
    )
    if publisher is None:
        raise NotFound(what="publisher", id=publisher_id)
    return publisher


def valid_secrets(publisher: Publisher, at: datetime) -> QuerySet[ClientSecret]:
    return publisher.client.secrets.filter(created_at__lte=at, expires_at__gt=at)


def last_end(publisher: Publisher) -> datetime | None:
    """When a publisher's longest-lived secret ends, or ended; None when it never had one."""
    ends_at: datetime | None = publisher.client.secrets.aggregate(last=Max("expires_at"))["last"]
    return ends_at


def endings(publishers: Iterable[Publisher], at: datetime) -> dict[UUID, Ending]:
    """Those whose longest-lived secret ends within their policy `warn_secret_within`, or has ended."""
    wanted = {publisher.client_id: publisher for publisher in publishers}
    last = ClientSecret.objects.filter(client__in=wanted).values("client").annotate(ends_at=Max("expires_at"))
    policies = policy_book("warn_secret_within")
    found = {}
    for row in last:
        publisher = wanted[row["client"]]
        if row["ends_at"] - at <= policies.duration("warn_secret_within", Scope(publisher_id=publisher.pk), at):
            found[publisher.pk] = Ending(publisher, row["ends_at"])
    return found


def warn_of_endings(actor: Actor, *, at: datetime) -> int:
    """Put on record that a publisher's last secret ends soon, once for each secret. Returns how many were new."""
    authorize(actor, Action.SUBSCRIPTION_CONFIRM)
    return sum(_warn(actor, ending, at) for ending in endings(Publisher.objects.all(), at).values())


@transaction.atomic
def _warn(actor: Actor, ending: Ending, at: datetime) -> bool:
    publisher = _locked(ending.publisher.pk)
    secret = publisher.client.secrets.order_by("expires_at", "pk").last()
    told = Event.objects.filter(
        stream_id=publisher.pk, name=SecretExpiring.name, data__secret=secret.pk if secret else None
    )
    if secret is None or secret.expires_at > ending.ends_at or told.exists():
        return False
    data = {"secret": secret.pk, "hint": secret.hint, "expires_at": secret.expires_at.isoformat()}
    record(SecretExpiring(publisher.pk, data), actor=actor, at=at)
    return True
