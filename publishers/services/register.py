"""Registering a publisher with its credentials, catalogue and policies, as one document says."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_DOWN, Decimal
from typing import Any
from uuid import UUID, uuid4

from django.conf import settings
from django.db import transaction

from accounts.models import Client
from accounts.policy import Action, Actor, Role, authorize_for_all
from accounts.services.clients import create_client, replace_secrets, verify_secret
from partnerhub.addresses import check_url
from partnerhub.errors import (
    AddressNotAllowed,
    ClientTaken,
    NotFound,
    PublisherNameFixed,
    PublisherNameTaken,
    StaleVersion,
)
from partnerhub.money import smallest_unit
from partnerhub.outbox.recorder import record
from publishers.events import PublisherChanged, PublisherFact, PublisherRegistered
from publishers.models import PlanTerm, Publisher
from publishers.selectors import version_of
from publishers.services.catalogue import write_catalogue
from publishers.services.changes import Changes
from publishers.services.document import Document, read_document
from publishers.services.policies import write_policies

# What a document says of a publisher by the names of its columns.
PLAIN_MEMBERS = (
    "adapter",
    "fulfillment_base_url",
    "landing_url",
    "webhook_url",
    "contact_email",
    "max_concurrency",
    "max_per_second",
)


@dataclass(frozen=True, slots=True)
class Registration:
    """What came of it. `client_secret` only when it is new: the hub cannot tell it again."""

    publisher: Publisher
    client_secret: str | None
    changes: list[str]
    ignored: list[str]


def register_publisher(actor: Actor, document: Mapping[str, Any], *, at: datetime) -> Registration:
    """Create the publisher of this name, or change it to what the document says; prices and policies change at `at`.

    The same document twice changes nothing. Raises InvalidInput (with the member's path), AddressNotAllowed or
    OverlappingPrice, and then nothing was changed.
    """
    wanted = check_document(actor, document)
    with transaction.atomic():
        return _register(actor, wanted, at)


def create_publisher(actor: Actor, document: Mapping[str, Any], *, at: datetime) -> Registration:
    """As `register_publisher`, for a name that nobody has yet. Raises PublisherNameTaken beside its refusals."""
    wanted = check_document(actor, document)
    if Publisher.objects.filter(name=wanted.name).exists():
        raise PublisherNameTaken(name=wanted.name)
    with transaction.atomic():
        return _register(actor, wanted, at)


def change_publisher(
    actor: Actor,
    publisher_id: UUID,
    document: Mapping[str, Any],
    *,
    seen: int | None = None,
    only_try: bool = False,
    at: datetime,
) -> Registration:
    """As `register_publisher`, for one that is known, as somebody saw it (`version_of`). With `only_try` nothing is
    kept: its `changes` tell what would come of it.

    Raises NotFound, PublisherNameFixed and StaleVersion beside its refusals.
    """
    wanted = check_document(actor, document)
    with transaction.atomic():
        publisher = _locked(publisher_id, seen)
        if wanted.name != publisher.name:
            raise PublisherNameFixed(name=wanted.name, expected=publisher.name)
        registration = _register(actor, wanted, at)
        transaction.set_rollback(only_try)
    return registration


def change_connection(
    actor: Actor, publisher_id: UUID, members: Mapping[str, Any], *, seen: int | None = None, at: datetime
) -> Registration:
    """Change how a publisher is reached and as whom it signs in, by the members of a document; what it sells and its
    policies stay. Raises NotFound and StaleVersion beside the refusals of `register_publisher`.
    """
    authorize_for_all(actor, Action.PUBLISHER_MANAGE)
    with transaction.atomic():
        publisher, changes = _locked(publisher_id, seen), Changes()
        wanted = check_document(actor, {**members, "name": publisher.name, "offers": []})
        secret = _change(publisher, wanted, changes, at)
        return _recorded(actor, PublisherChanged, publisher, secret, changes, wanted, at)


def check_document(actor: Actor, document: Mapping[str, Any]) -> Document:
    """What a document says, its addresses looked up. Raises NotPermitted, ConcernsEveryCustomer, InvalidInput and
    AddressNotAllowed.
    """
    authorize_for_all(actor, Action.PUBLISHER_MANAGE)
    wanted = read_document(document)
    _check_addresses(wanted)
    return wanted


def _locked(publisher_id: UUID, seen: int | None) -> Publisher:
    publisher = Publisher.objects.select_for_update(of=("self",)).filter(pk=publisher_id).first()
    if publisher is None:
        raise NotFound(what="publisher", id=publisher_id)
    current = version_of(publisher.pk)
    if seen not in (None, current):
        raise StaleVersion(seen=seen, current=current)
    return publisher


def _check_addresses(wanted: Document) -> None:
    for member in ("fulfillment_base_url", "landing_url", "webhook_url"):
        url = getattr(wanted, member)
        try:
            if url:
                check_url(url, settings.HUB_ALLOW_PRIVATE_PUBLISHERS)
        except AddressNotAllowed as refusal:
            raise AddressNotAllowed(
                url=f"{member} {refusal.values['url']}", problem=refusal.values["problem"]
            ) from None


def _register(actor: Actor, wanted: Document, at: datetime) -> Registration:
    changes = Changes()
    publisher = Publisher.objects.select_for_update(of=("self",)).filter(name=wanted.name).first()
    known = publisher is not None
    secret: str | None
    if publisher is None:
        publisher, secret = _create(wanted, at)
        changes.append("publisher: added")
    else:
        secret = _change(publisher, wanted, changes, at)
    write_catalogue(publisher, wanted.offers, changes, at)
    write_policies({"publisher": publisher}, publisher.policies.all(), {"": wanted.policies}, "", changes, at)
    fact = PublisherChanged if known else PublisherRegistered
    return _recorded(actor, fact, publisher, secret, changes, wanted, at)


def _recorded(
    actor: Actor,
    fact: type[PublisherFact],
    publisher: Publisher,
    secret: str | None,
    changes: Changes,
    wanted: Document,
    at: datetime,
) -> Registration:
    if changes:
        record(fact(publisher.pk, {"name": publisher.name, "changes": changes}), actor=actor, at=at)
    return Registration(publisher, secret, list(changes), wanted.ignored)


def _create(wanted: Document, at: datetime) -> tuple[Publisher, str]:
    client, secret = _new_client(wanted, at)
    addresses = _plain_members(wanted)
    return Publisher.objects.create(name=wanted.name, client=client, created_at=at, **addresses), secret


def _plain_members(wanted: Document) -> dict[str, Any]:
    return {name: getattr(wanted, name) for name in PLAIN_MEMBERS}


def _new_client(wanted: Document, at: datetime) -> tuple[Client, str]:
    taken = wanted.client_id and Client.objects.filter(pk=wanted.client_id).first()
    if taken:
        raise ClientTaken(field="client_id", problem=f"{wanted.client_id} already belongs to {taken.name}.")
    tenant_id = wanted.tenant_id or uuid4()
    return create_client(wanted.name, Role.PUBLISHER, tenant_id, at, wanted.client_id, wanted.client_secret)


def _change(publisher: Publisher, wanted: Document, changes: Changes, at: datetime) -> str | None:
    changes.assign(publisher, "", _plain_members(wanted))
    if wanted.client_id not in (None, publisher.client_id):
        return _replace_client(publisher, wanted, changes, at)
    client = publisher.client
    if wanted.tenant_id is not None:
        changes.assign(client, "", {"tenant_id": wanted.tenant_id})
    if wanted.client_secret is None or verify_secret(client, wanted.client_secret, at):
        return None
    changes.append("client_secret: replaced")
    return replace_secrets(client, at, wanted.client_secret)


def _replace_client(publisher: Publisher, wanted: Document, changes: Changes, at: datetime) -> str:
    old = publisher.client
    client, secret = _new_client(wanted, at)
    if wanted.tenant_id is None:
        client.tenant_id = old.tenant_id
        client.save(update_fields=["tenant_id"])
    old.is_active = False
    old.save(update_fields=["is_active"])
    changes.append(f"client_id: {old.pk} -> {client.pk}")
    publisher.client = client
    publisher.save(update_fields=["client"])
    return secret


def describe(registration: Registration) -> dict[str, Any]:
    """The registration as its command prints it; the secret is in it only when it is new."""
    publisher = registration.publisher
    told: dict[str, Any] = {
        "id": str(publisher.pk),
        "name": publisher.name,
        "adapter": publisher.adapter,
        "tenant_id": str(publisher.client.tenant_id),
        "client_id": str(publisher.client_id),
    }
    if registration.client_secret is not None:
        told["client_secret"] = registration.client_secret
    told |= {
        "fulfillment_base_url": publisher.fulfillment_base_url,
        "landing_url": publisher.landing_url,
        "webhook_url": publisher.webhook_url,
        "changed": bool(registration.changes),
        "changes": registration.changes,
        "ignored": registration.ignored,
        "catalog_items": catalog_items(publisher),
    }
    return told


def catalog_items(publisher: Publisher) -> list[dict[str, Any]]:
    """Everything of a publisher that is on sale, with its current price in each currency (decimals as text)."""
    on_sale = PlanTerm.objects.filter(
        plan__offer__publisher=publisher, withdrawn_at=None, plan__withdrawn_at=None, plan__offer__withdrawn_at=None
    )
    terms = on_sale.select_related("plan__offer").prefetch_related("prices")
    return [
        _catalog_item(term) for term in terms.order_by("plan__offer__offer_id", "plan__sku_id", "term", "billing_cycle")
    ]


def _catalog_item(term: PlanTerm) -> dict[str, Any]:
    prices = sorted((row.currency, row.amount) for row in term.prices.all() if row.valid_to is None)
    return {
        "id": term.catalog_item_id,
        "offer": term.plan.offer.offer_id,
        "plan": term.plan.plan_id,
        "term": term.term,
        "billing_cycle": term.billing_cycle,
        "min": term.plan.min_quantity,
        "max": term.plan.max_quantity,
        "prices": {currency: written_price(amount, currency) for currency, amount in prices},
    }


def written_price(amount: Decimal, currency: str) -> str:
    """A price with its currency's digits, or with as many more as it has."""
    short = amount.quantize(smallest_unit(currency), ROUND_DOWN)
    return f"{short if short == amount else amount.normalize():f}"
