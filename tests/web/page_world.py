"""Something of everything that a page can be about, so that every address of the hub leads somewhere."""

import io
import re
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from django.contrib.auth.hashers import make_password
from django.urls import URLPattern, URLResolver, get_resolver

from accounts.models import Invitation, User
from accounts.policy import AGENT_ROLES, OPERATOR, Role
from accounts.services.clients import add_secret
from accounts.services.personal_tokens import make_token
from accounts.services.views import save_view
from billing.services.statements import import_statement
from billing.statement_file import read_statement
from partnerhub.hooks.models import Delivery as HookDelivery
from partnerhub.hooks.models import Registration
from partnerhub.mail.models import Message
from partnerhub.notifications.enums import How, Kind, Topic
from partnerhub.notifications.models import Channel, Notification
from partnerhub.notifications.sealing import sealed
from partnerhub.outbox.models import Delivery
from partnerhub.secret_tokens import hash_of
from publishers.models import Publisher
from publishers.services.secrets import make_secret
from subscriptions.changes import Change
from subscriptions.enums import DivergenceKind
from subscriptions.models import CustomerPage, Divergence, NoticeAttempt
from subscriptions.services.carts import LineRequest, create_cart
from subscriptions.services.quantity import change_quantity
from subscriptions.services.requests import ask
from tests.factories.accounts import ClientFactory, UserFactory, actor
from tests.factories.billing import ADMIN
from tests.factories.customers import CustomerFactory, ResellerFactory
from tests.factories.invoices import AFTERWARDS, finalized
from tests.factories.jobs import planned
from tests.factories.publishers import PlanTermFactory
from tests.factories.subscriptions import NOON, active, buy

TOKEN = "a-page-of-a-customer-" + "x" * 22
QUERIES = {"billing:reconciliation_file": "?month=2026-11"}
PROGRAMS = ("v1/", "api/", "webhooks/", "^(?:v1|api|webhooks")


def pages() -> dict[str, str]:
    """The route of every page by its name, without one by its route. What programs call has tables of its own."""
    return dict(_below(get_resolver(), "", ""))


def _below(resolver: URLResolver, route: str, namespace: str) -> list[tuple[str, str]]:
    found = []
    for each in resolver.url_patterns:
        path = route + str(each.pattern)
        if path.startswith(PROGRAMS):
            continue
        if isinstance(each, URLPattern):
            found.append((f"{namespace}{each.name}" if each.name else path, path))
        else:
            found += _below(each, path, f"{namespace}{each.namespace}:" if each.namespace else namespace)
    return found


class PageWorld:
    """One customer who has bought, and what has come of it, at AFTERWARDS; a person for each role."""

    def __init__(self) -> None:
        self.password = make_password("a password that nobody types")
        self.people: dict[Role, User] = {role: UserFactory(active_role=role) for role in AGENT_ROLES}
        self.ids: dict[str, Any] = {}
        self._trade()
        self._surroundings()
        self.own = {role: self._belongings(user) for role, user in self.people.items()}

    def path(self, name: str, route: str, role: Role) -> str:
        """An address of a page, with ids of what there is; a person's own things are those of the role's person."""
        values = self.ids | self.own[role] | self.of_page.get(name, {})
        route = route.replace(r"^import/(?P<content>template|current)\.csv\Z", "import/template.csv")
        address = re.sub(r"<(?:\w+:)?(\w+)>", lambda found: str(values[found[1]]), route)
        return f"/{address}{QUERIES.get(name, '')}"

    def _trade(self) -> None:
        reseller = ResellerFactory()
        customer = CustomerFactory(reseller=reseller)
        self.term = term = PlanTermFactory()
        bought = active(customer=customer, term=term)
        invoice = finalized()
        pending = buy(customer=customer, term=term, at=AFTERWARDS)
        wish = ask(self.people[Role.SALES_AGENT].actor(), bought.pk, Change(quantity=8), reason="More", at=AFTERWARDS)
        change_quantity(ADMIN, bought.pk, quantity=9, version=None, at=AFTERWARDS)
        line = LineRequest(term.catalog_item_id, 5)
        cart = create_cart(actor(Role.SALES_AGENT), customer.pk, [line], attested=True, at=AFTERWARDS)
        publisher = bought.publisher
        text = f"Subscription ID,period,quantity,amount,currency\n{bought.pk},2026-11,7,70.56,EUR\n"
        rows = read_statement(io.BytesIO(text.encode()), "november.csv")
        statement = import_statement(ADMIN, publisher.pk, "2026-11", rows, at=AFTERWARDS).statement
        self.ids |= {
            "customer_id": customer.pk,
            "partner_id": reseller.pk,
            "subscription_id": bought.pk,
            "pending_id": pending.pk,
            "order_id": pending.order_line.order_id,
            "catalog_item_id": term.catalog_item_id,
            "cart_id": cart.pk,
            "operation_id": bought.operations.latest("created_at").pk,
            "request_id": wish.pk,
            "invoice_id": invoice.pk,
            "position": 1,
            "statement_id": statement.pk,
            "progress_id": uuid4(),
            "publisher_id": publisher.pk,
            "job_id": planned(self.people[Role.ADMIN_AGENT].actor(), [bought], AFTERWARDS, nickname="New").pk,
        }

    def _surroundings(self) -> None:
        client = ClientFactory(role=Role.ADMIN_AGENT)
        add_secret(client, NOON)
        hook = Registration.objects.create(client=client, url="https://x.example/", events=["test"], created_at=NOON)
        over = {"created_at": NOON, "delivered_at": NOON}
        told = HookDelivery.objects.create(registration=hook, event_name="test-created", body="{}", **over)
        make_secret(OPERATOR, self.ids["publisher_id"], at=AFTERWARDS)
        mail = Message.objects.create(
            key="x:1", recipient="jan@example.com", language="pl", subject="X", body=b"x", created_at=AFTERWARDS,
            next_attempt_at=AFTERWARDS + timedelta(hours=1), attempts=2,
        )  # fmt: skip
        page = CustomerPage.objects.create(
            subscription_id=self.ids["pending_id"], token_hash=hash_of(TOKEN), recipient="jan@example.com",
            language="pl", message=mail, made_at=AFTERWARDS, made_by="Anna", expires_at=AFTERWARDS + timedelta(days=7),
        )  # fmt: skip
        seen = {"first_seen_at": AFTERWARDS, "last_seen_at": AFTERWARDS, "publisher_id": self.ids["publisher_id"]}
        divergence = Divergence.objects.create(
            subscription_id=self.ids["subscription_id"],
            kind=DivergenceKind.QUANTITY_DIFFERS,
            ours="7",
            theirs="9",
            **seen,
        )
        attempt = NoticeAttempt.objects.create(
            publisher_id=self.ids["publisher_id"], operation_id=self.ids["operation_id"], number=1, sent_by="Anna",
            sent_at=AFTERWARDS, webhook_url="https://x.example/", payload={"id": "x", "action": "Renew"},
            outcome="answered", http_status=200, milliseconds=9,
        )  # fmt: skip
        self.ids |= {
            "client_id": client.pk,
            "message_id": mail.pk,
            "page_id": page.pk,
            "divergence_id": divergence.pk,
            "attempt_id": attempt.pk,
            "token": TOKEN,
            "delivery_id": Delivery.objects.values_list("pk", flat=True).first(),
            "secret_id": client.secrets.get().pk,
            "tenant": client.tenant_id,
            "language": "en",
            "kind": "quantity",
            "month": "2026-11",
            "form": "csv",
            "key": self.ids["subscription_id"],
            "user_id": self.people[Role.SALES_AGENT].pk,
            "invitation_id": self._invitation(),
            "public_id": uuid4(),
            "factor_id": 1,
            "provider_id": "directory",
            "uidb64": "MQ",
        }
        self.of_page: dict[str, dict[str, Any]] = {
            "billing:act": {"name": "hold"},
            "billing:forecast_file": {"name": "lines"},
            "insight:page": {"name": "waiting"},
            "insight:file": {"name": "waiting", "table": "waiting-by-age"},
            "subscriptions:revoke_page": {"subscription_id": self.ids["pending_id"]},
            "hook": {"delivery_id": told.pk},
            "hook-again": {"delivery_id": told.pk},
            "publisher-revoke": {"secret_id": Publisher.objects.get().client.secrets.get().pk},
        }

    def _invitation(self) -> UUID:
        given = {"email": "new@partnerhub.example", "name": "New", "roles": [Role.SALES_AGENT], "language": "en"}
        moments = {"created_at": AFTERWARDS, "sent_at": AFTERWARDS, "expires_at": AFTERWARDS + timedelta(days=7)}
        return Invitation.objects.create(**given, **moments, token_hash="0" * 64).pk

    def _belongings(self, user: User) -> dict[str, Any]:
        who = user.actor()
        ends = AFTERWARDS + timedelta(days=30)
        token, _text = make_token(who, name="T", role=who.role, expires_at=ends, at=AFTERWARDS)
        view = save_view(who, page="subscriptions", name="V", query="q=x", shared=False, at=AFTERWARDS)
        hook = {"kind": Kind.WEBHOOK, "name": "W", "address": sealed("https://x.example/"), "shown": "x.example"}
        channel = Channel.objects.create(user=user, created_at=AFTERWARDS, **hook)
        told = Notification.objects.create(
            user=user, key="k", topic=Topic.MENTIONED, facts={"who": "Anna", "offer": "X", "customer": "Y"},
            how=How.NOW, created_at=AFTERWARDS, subscription_id=self.ids["subscription_id"],
        )  # fmt: skip
        return {"token_id": token.pk, "view_id": view.pk, "channel_id": channel.pk, "notification_id": told.pk}
