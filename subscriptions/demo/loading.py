"""Loading the demo's world once, and writing down what programs need to use it."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction

from accounts.models import Client, User
from accounts.policy import OPERATOR, Actor, Role
from accounts.services.clients import create_api_client, rotate_secret
from customers.models import Customer
from customers.services.customers import create_customer
from customers.services.resellers import create_reseller
from publishers.models import Publisher
from publishers.services.register import catalog_items, register_publisher
from subscriptions.demo import demo_file
from subscriptions.demo.catalogue import PUBLISHERS, document
from subscriptions.demo.changes import go_on
from subscriptions.demo.customers import CUSTOMERS, RESELLERS
from subscriptions.demo.history import replay
from subscriptions.demo.people import ADMIN, API_CLIENT, PASSWORD, PEOPLE, SALES
from subscriptions.demo.purchases import LATER, PURCHASES
from subscriptions.demo.vendor import remember

# Everything that was bought was on sale before.
ON_SALE_FOR = timedelta(days=400)
# Two loads at once would both find nothing there.
_ONE_AT_A_TIME = 7_046_001

Secrets = dict[UUID, str]


@transaction.atomic
def load(path: Path, *, at: datetime) -> str:
    """Load the demo unless it is there, and keep `path` (demo.json) telling how to use it; returns what was done.

    Secrets stand nowhere but in that file: when it is lost they are replaced. When the hub's address has changed, the
    demo publishers move with it.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_ONE_AT_A_TIME])
    kept = demo_file.secrets(path, _clients())
    if not User.objects.filter(email=ADMIN).exists():
        secrets, done = _load_everything(at), "Loaded the demo data."
    elif kept is None:
        _register_publishers(at)
        secrets = {client.pk: rotate_secret(OPERATOR, client.pk, at=at) for client in _clients()}
        done = f"{path.name} was missing: replaced the demo's secrets and wrote it anew."
    elif demo_file.base_url(path) != settings.HUB_BASE_URL:
        _register_publishers(at)
        secrets, done = kept, f"Moved the demo to {settings.HUB_BASE_URL}."
    else:
        return "The demo data is there already."
    demo_file.write(path, _content(secrets))
    return done


def _load_everything(at: datetime) -> Secrets:
    started = at - ON_SALE_FOR
    people = {email: _person(email, name, roles) for email, name, roles in PEOPLE}
    client, secret = create_api_client(
        OPERATOR, name=API_CLIENT, role=Role.ADMIN_AGENT, tenant_id=UUID(settings.HUB_TENANT_ID), at=at
    )
    secrets = {client.pk: secret, **_register_publishers(started)}
    for partner_id, name, country, signed in RESELLERS:
        signed_at = started if signed else None
        create_reseller(
            people[ADMIN], partner_id=partner_id, name=name, country=country, agreement_signed_at=signed_at, at=started
        )
    customers = [
        create_customer(people[ADMIN], profile, partner_id=partner_id, at=started) for profile, partner_id in CUSTOMERS
    ]
    told = replay(PURCHASES, customers, sales=people[SALES], admin=people[ADMIN], at=at)
    bought = {(line.customer, line.offer): found for line, (_, found) in zip(PURCHASES, told, strict=True)}
    go_on(LATER, bought, sales=people[SALES], admin=people[ADMIN], at=at)
    remember(settings.HUB_DATA / "publisher", told)
    return secrets


def _person(email: str, name: str, roles: tuple[Role, ...]) -> Actor:
    return User.objects.create_user(email, PASSWORD, name=name, roles=roles).actor()


def _register_publishers(at: datetime) -> Secrets:
    """Register every demo publisher at this hub's address; the secrets of those that are new."""
    site = f"http://127.0.0.1:{settings.HUB_PORT + 1}"
    secrets = {}
    for row in PUBLISHERS:
        registration = register_publisher(OPERATOR, document(row, site), at=at)
        if registration.client_secret is not None:
            secrets[registration.publisher.client_id] = registration.client_secret
    return secrets


def _publishers() -> list[Publisher]:
    found = {publisher.name: publisher for publisher in Publisher.objects.select_related("client")}
    return [found[name] for _slug, name, _adapter, _offers in PUBLISHERS if name in found]


def _clients() -> list[Client]:
    api_client = Client.objects.filter(name=API_CLIENT, is_active=True).order_by("created_at")[:1]
    return [*api_client, *(publisher.client for publisher in _publishers())]


def _content(secrets: Secrets) -> dict[str, Any]:
    api_client, *_publisher_clients = _clients()
    return {
        "base_url": settings.HUB_BASE_URL,
        "api": _credentials(api_client, secrets),
        "publishers": [_publisher(publisher, secrets) for publisher in _publishers()],
        "customers": _customers(),
        "catalog_items": [item for publisher in _publishers() for item in _items(publisher)],
    }


def _credentials(client: Client, secrets: Secrets) -> dict[str, str]:
    return {
        "tenant_id": str(client.tenant_id),
        "client_id": str(client.pk),
        "client_secret": secrets[client.pk],
    }


def _publisher(publisher: Publisher, secrets: Secrets) -> dict[str, str]:
    return {
        "id": str(publisher.pk),
        "name": publisher.name,
        "adapter": publisher.adapter,
        **_credentials(publisher.client, secrets),
        "landing_url": publisher.landing_url,
        "webhook_url": publisher.webhook_url,
    }


def _customers() -> list[dict[str, str]]:
    names = [profile.name for profile, _partner_id in CUSTOMERS]
    found = Customer.objects.filter(name__in=names).order_by("created_at")
    ids = {customer.name: str(customer.pk) for customer in found}
    return [{"id": ids[name], "name": name} for name in names if name in ids]


def _items(publisher: Publisher) -> list[dict[str, Any]]:
    """What the first customer can buy of a publisher, at that customer's prices."""
    first, _partner_id = CUSTOMERS[0]
    items = []
    for item in catalog_items(publisher):
        price = item.pop("prices").get(first.currency)
        if price is not None:
            items.append({**item, "publisher": publisher.name, "price": price, "currency": first.currency})
    return items
