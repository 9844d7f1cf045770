"""What the examples of the document are about: a customer who has bought, and what has come of it."""

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.db import transaction
from django.db.models import F
from django.http import HttpResponse
from drf_spectacular.generators import SchemaGenerator
from rest_framework.test import APIClient

from accounts.policy import AGENT_ROLES, SYSTEM, Role
from customers.api.examples import CUSTOMER_ID
from partnerhub.hooks import examples as hook_examples
from partnerhub.hooks.services import register, send_validation
from partnerhub.outbox.models import Event
from publishers.api import examples as catalogue
from publishers.api.examples import PUBLISHER_ID
from publishers.models import Offer, PlanTerm, Term
from subscriptions.api.examples import ASSIGNEE, SUBSCRIPTION_ID
from subscriptions.api.sending import LETTER, PAGE_ID
from subscriptions.changes import Change
from subscriptions.models import Divergence, Subscription
from subscriptions.services.carts import LineRequest, create_cart
from subscriptions.services.customer_pages import send_page
from subscriptions.services.edits import set_auto_renew
from subscriptions.services.plans import change_plan
from subscriptions.services.requests import ask
from subscriptions.services.scheduling import schedule_renewal
from subscriptions.services.settling import refuse
from tests.api import upkeep_world
from tests.factories.accounts import ClientFactory, UserFactory, actor
from tests.factories.billing import ADMIN
from tests.factories.customers import CustomerFactory, ResellerFactory
from tests.factories.invoices import AFTERWARDS, finalized
from tests.factories.publishers import OfferFactory, PlanFactory, PlanTermFactory
from tests.factories.subscriptions import active, buy

SALES = actor(Role.SALES_AGENT)
DOCUMENT = json.loads(json.dumps(SchemaGenerator().get_schema(request=None, public=True), default=str))
OPERATIONS = {
    described["operationId"]: (method, path, described)
    for path, methods in DOCUMENT["paths"].items()
    for method, described in methods.items()
}
JSON = "application/json"
# A customer who has bought cannot be let go of, and a program that is registered cannot be registered.
BEFORE_TRADE = {"changeCustomer", "createWebhookRegistration"}
OF_PENDING = {
    *("pollSubscription", "remindCustomer", "mintLink"),
    *("sendCustomerPage", "previewCustomerPage", "revokeCustomerPage"),
}
# Parameters of which one or another is needed.
EITHER_OR = {"getMpnProfile": {"mpnId": "7654321"}, "getAgreementStatus": {"mpnId": "7654321"}}


def example_of(content: dict[str, Any]) -> Any:
    """The one example of a request or an answer in JSON; None without one."""
    shown = [example["value"] for example in content.get(JSON, {}).get("examples", {}).values()]
    return shown[0] if shown else None


class World:
    """What the examples are about, at the moment when November has been invoiced."""

    def __init__(self) -> None:
        self.role, self.found = Role.ADMIN_AGENT, dict[str, Any]()
        self.clients = {role: ClientFactory(role=role, name=f"Program {role}").actor() for role in AGENT_ROLES}
        reseller = ResellerFactory(partner_id="7654321", name="Litware Partnerzy", country="PL")
        self.customer = CustomerFactory(id=UUID(CUSTOMER_ID), country="PL", currency="PLN", reseller=reseller)

    def trade(self) -> None:
        offer = OfferFactory(product_id=catalogue.PRODUCT_ID)
        term = self._term(offer, catalogue.SKU_ID, catalogue.AVAILABILITY_ID)
        other = self._term(offer, catalogue.OTHER_SKU_ID, catalogue.OTHER_AVAILABILITY_ID)
        self.bought = active(customer=self.customer, term=term)
        self.invoice = finalized()
        self.pending = buy(customer=self.customer, term=term, at=AFTERWARDS)
        self.changing = active(AFTERWARDS, customer=self.customer, term=term)
        change_plan(ADMIN, self.changing.pk, plan_term_id=other.pk, version=None, at=AFTERWARDS)
        asker = self.clients[Role.SALES_AGENT]
        self.request = ask(asker, self.bought.pk, Change(quantity=9), reason="A new team", at=AFTERWARDS)
        self.divergence = differing(self.bought)
        UserFactory(id=UUID(ASSIGNEE["id"]), name=ASSIGNEE["name"], roles=[Role.OPS_AGENT])
        line = LineRequest(term.catalog_item_id, 5)
        self.cart = create_cart(SALES, self.customer.pk, [line], attested=True, at=AFTERWARDS)
        url, events = hook_examples.REQUEST["webhookUrl"], hook_examples.REQUEST["webhookEvents"]
        for client in self.clients.values():
            register(client, url=url, events=events, at=AFTERWARDS)

    def _term(self, offer: Offer, sku_id: str, availability_id: str) -> PlanTerm:
        plan = PlanFactory(offer=offer, sku_id=sku_id)
        return PlanTermFactory(plan=plan, term=Term.P1Y, availability_id=availability_id, amounts={"PLN": "10.08"})

    def call(self, name: str, role: Role) -> HttpResponse:
        """Do what the operation's example says, in a role, and forget it."""
        method, path, described = OPERATIONS[name]
        caller = APIClient()
        caller.force_authenticate(user=self.clients[role])
        with transaction.atomic():
            self.role, self.found = role, dict[str, Any]()
            PREPARED.get(name, lambda world: None)(self)
            address = path.format_map(self.ids(name, path, role)) + query_of(name, described)
            body = self.body(example_of(described.get("requestBody", {"content": {}})["content"]))
            response: HttpResponse = getattr(caller, method)(address, body, format="json")
            transaction.set_rollback(True)
        return response

    def body(self, example: Any) -> Any:
        """An example about what is here."""
        if not hasattr(self, "bought"):
            return example
        publisher = self.bought.publisher
        names = {
            PUBLISHER_ID: publisher.pk,
            SUBSCRIPTION_ID: self.bought.pk,
            '"name": "Contoso"': f'"name": "{publisher.name}"',
        }
        text = json.dumps(example)
        for shown, here in names.items():
            text = text.replace(shown, str(here))
        return json.loads(text)

    def ids(self, name: str, path: str, role: Role) -> dict[str, Any]:
        ids: dict[str, Any] = {"customer_id": self.customer.pk}
        if name in BEFORE_TRADE:
            return ids
        if "{correlation_id}" in path and "correlation_id" not in self.found:
            self.found["correlation_id"] = send_validation(self.clients[role], at=AFTERWARDS).pk
        about = self.changing if "{operation_id}" in path else self.pending if name in OF_PENDING else self.bought
        known = {
            "subscription_id": about.pk,
            "operation_id": self.changing.operations.latest(F("completed_at").asc(nulls_last=True)).pk,
            "request_id": self.request.pk,
            "item_id": f"{self.pending.pk}:licenses_assigned",
            "divergence_id": self.divergence.pk,
            "page_id": PAGE_ID,
            "language": LETTER["language"],
            "order_id": self.pending.order_line.order_id,
            "number": 0,
            "cart_id": self.cart.pk,
            "product_id": catalogue.PRODUCT_ID,
            "sku_id": catalogue.SKU_ID,
            "availability_id": catalogue.AVAILABILITY_ID,
            "invoice_id": self.invoice.number,
            "provider": "onetime",
            "line_type": "billinglineitems",
            "partner_id": "7654321",
            "month": "2026-11",
            "publisher_id": self.pending.publisher.pk,
            "record_id": Event.objects.filter(stream_type="subscription").earliest("sequence").pk,
        }
        return ids | known | self.found


def differing(found: Subscription) -> Divergence:
    """A publisher that shows one licence more than was bought."""
    return Divergence.objects.create(
        subscription=found,
        publisher=found.publisher,
        kind="quantity_differs",
        ours=str(found.quantity),
        theirs=str(found.quantity + 1),
        evidence={"source": "poll", "at": AFTERWARDS.isoformat()},
        first_seen_at=AFTERWARDS,
        last_seen_at=AFTERWARDS,
    )


def _fail(world: World) -> None:
    refuse(SYSTEM, world.changing.operations.get().pk, why="No more licences", at=AFTERWARDS)


def _hold(world: World) -> None:
    _fail(world)
    set_auto_renew(ADMIN, world.changing.pk, auto_renew=False, version=None, at=AFTERWARDS)


def _schedule(world: World) -> None:
    schedule_renewal(ADMIN, world.bought.pk, quantity=6, version=None, at=AFTERWARDS)


def _send(world: World) -> None:
    send_page(ADMIN, world.pending.pk, page_id=UUID(PAGE_ID), **LETTER, at=AFTERWARDS)


# What has to be so before a call, and is forgotten with it.
PREPARED: dict[str, Callable[[World], object]] = {
    "undoOperation": _hold,
    "hurryOperation": _hold,
    "letOperationBe": _fail,
    "unscheduleRenewal": _schedule,
    "revokeCustomerPage": _send,
    **upkeep_world.PREPARED,
}


def query_of(name: str, described: dict[str, Any]) -> str:
    """The query with the first value that the document names for each parameter that is needed."""
    asked = dict(EITHER_OR.get(name, {}))
    for parameter in described["parameters"]:
        if parameter["in"] == "query" and parameter.get("required"):
            asked[parameter["name"]] = [*parameter["schema"].get("examples", ()), *parameter["schema"].get("enum", ())][
                0
            ]
    return f"?{urlencode(asked)}" if asked else ""
