"""What two generators make of our document lives a whole life with a hub: from the catalogue to the audit."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from customers.api.examples import NEW_CUSTOMER
from partnerhub.drills.waiting import eventually
from tests.scenarios import generated
from tests.scenarios.client import Gates, Program, Visitor
from tests.scenarios.generated import Call
from tests.scenarios.hub import Hub

OFFER = "helpdesk-lite--prompt"
SETTLED = 60.0
UNBILLED = {
    "provider": "onetime",
    "invoicelineitemtype": "billinglineitems",
    "currency_code": "pln",
    "period": "current",
}
MAKERS = (generated.with_openapi_python_client, generated.with_clientele)


@pytest.fixture(params=MAKERS, ids=lambda maker: maker.__name__)
def call(
    request: pytest.FixtureRequest, program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Call]:
    monkeypatch.syspath_prepend(tmp_path)
    document = tmp_path / "openapi.json"
    document.write_text(json.dumps(program.ask("GET", "/openapi.json")), encoding="utf-8")
    with request.param(document, tmp_path, program.hub.base_url, program.token) as made:
        yield made


class Life:
    """One customer of its own, and what it buys."""

    def __init__(self, call: Call, hub: Hub) -> None:
        self._call, self._hub = call, hub
        name = uuid4().hex[:12]
        company = NEW_CUSTOMER["companyProfile"] | {"tenantId": str(uuid4()), "domain": f"{name}.example"}
        body = NEW_CUSTOMER | {"companyProfile": company | {"organizationRegistrationNumber": ""}}
        body.pop("associatedPartnerId")
        self.customer = self.done("create_customer", body)["id"]

    def done(self, operation: str, body: Any = None, **parameters: Any) -> Any:
        """The answer of a call that is not refused."""
        status, answer = self._call(operation, body, **parameters)
        assert status < 400, answer
        return answer

    def of_customer(self, operation: str, body: Any = None, **parameters: Any) -> Any:
        return self.done(operation, body, customer_id=self.customer, **parameters)

    def of_subscription(self, operation: str, body: Any = None, **parameters: Any) -> Any:
        return self.of_customer(operation, body, subscription_id=self.subscription, **parameters)

    def refused_change(self, body: Any) -> int:
        ids = {"customer_id": self.customer, "subscription_id": self.subscription}
        status, answer = self._call("change_subscription", body, **ids)
        assert status == 400
        return int(answer["code"])

    def find(self, product_id: str) -> tuple[str, str]:
        """The catalogue items of a product's two plans, monthly."""
        products = {item["id"] for item in self.of_customer("list_customer_products")["items"]}
        assert product_id in products
        found = {
            sku["id"]: item["catalogItemId"]
            for sku in self.of_customer("list_customer_skus", product_id=product_id)["items"]
            for item in self.of_customer("list_customer_availabilities", product_id=product_id, sku_id=sku["id"])[
                "items"
            ]
            if item["isPurchasable"] and item["terms"][0]["billingCycle"] == "monthly"
        }
        return found["0001"], found["0002"]

    def buy(self, item: str, quantity: int) -> None:
        line = {"catalogItemId": item, "quantity": quantity, "friendlyName": "Desk"}
        body = {"lineItems": [line], "partnerOnRecordAttestationAccepted": True}
        cart = self.of_customer("create_cart", body)["id"]
        assert self.of_customer("get_cart", cart_id=cart)["lineItems"][0]["quantity"] == quantity
        (order,) = self.of_customer("checkout_cart", cart_id=cart)["orders"]
        self.subscription = order["lineItems"][0]["subscriptionId"]
        assert self.of_subscription("get_provisioning")["status"] == "pending"

    def set_up(self) -> None:
        """The customer opens the link, and the publisher does the rest."""
        (link,) = self.of_subscription("mint_link")["items"]
        self._hub.secrets.add(link["link"]["uri"].partition("token=")[2])
        Visitor(self._hub, link["link"]["uri"])
        self.until("get_provisioning", lambda shown: shown["status"] == "success")
        assert Gates.read(self.of_subscription("get_billing_gates")).blocker is None

    def change(self, **body: Any) -> Any:
        """With the etag of now."""
        etag = self.of_subscription("get_subscription")["attributes"]["etag"]
        return self.of_subscription("change_subscription", body | {"attributes": {"etag": etag}})

    def until(self, operation: str, holds: Callable[[Any], bool]) -> None:
        eventually(lambda: holds(self.of_subscription(operation)), within=SETTLED, what=operation)


@pytest.mark.exhaustive
def test_a_generated_client_lives_the_whole_life(call: Call, program: Program) -> None:
    product = next(item["id"] for item in program.catalogue if item["offer"] == OFFER).partition(":")[0]
    life = Life(call, program.hub)
    lite, plus = life.find(product)
    life.buy(lite, 3)
    life.set_up()

    seen = life.of_subscription("get_subscription")["attributes"]
    renamed = life.change(friendlyName="Front desk", autoRenewEnabled=False)
    assert (renamed["friendlyName"], renamed["autoRenewEnabled"]) == ("Front desk", False)
    assert life.refused_change({"friendlyName": "Back desk", "attributes": seen}) == 2055

    quote = life.of_subscription("preview_change", {"quantity": 5})["quoteId"]
    life.change(quantity=5, quoteId=quote)
    life.until("get_subscription", lambda shown: shown["quantity"] == 5)
    (eligible,) = (
        found
        for found in life.of_subscription("list_transition_eligibilities")["items"]
        if found["catalogItemId"] == plus
    )
    assert eligible["eligibilities"][0]["isEligible"]
    life.of_subscription("change_plan", {"toCatalogItemId": plus})
    life.until("list_transitions", lambda shown: shown["items"][0]["events"][0]["status"] == "Completed")
    assert life.of_subscription("get_subscription")["offerId"] == plus

    assert life.change(status="deleted", cancellationReason="The desk is closed")["status"] == "deleted"
    unbilled = life.done("list_unbilled_line_items", **UNBILLED)["items"]
    assert life.customer in {line["customerId"] for line in unbilled}
    number = life.done("list_invoices")["items"][0]["id"]
    assert life.done("get_invoice", invoice_id=number)["id"] == number
    asked = json.dumps({"Field": "CustomerId", "Value": life.customer, "Operator": "equals"})
    kept = [record["operationType"] for record in life.done("list_audit_records", filter=asked)["items"]]
    assert kept[0] == "add_customer"
