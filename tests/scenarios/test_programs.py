"""What programs are given by the demo and by commands."""

import json

from tests.scenarios.client import Line, Program
from tests.scenarios.hub import Hub


def test_the_catalogue_leads_to_everything_that_demo_json_names(program: Program) -> None:
    products = f"/customers/{program.customer_id}/products"
    found = [
        availability["catalogItemId"]
        for product in program.items(products)
        for sku in program.items(f"{products}/{product['id']}/skus")
        for availability in program.items(f"{products}/{product['id']}/skus/{sku['id']}/availabilities")
    ]

    assert sorted(found) == sorted(str(item["id"]) for item in program.catalogue)


def test_a_sales_agents_program_sells_and_changes_nothing(hub: Hub) -> None:
    created = hub.manage("create_api_client", "--name", "Shop", "--role", "sales_agent")
    assert created.returncode == 0, created.stderr
    shop = Program(hub, json.loads(created.stdout))

    (purchase,) = shop.buy(Line("esign", 2))
    refused = shop.call("PATCH", shop.path(purchase), {"friendlyName": "Ours"})

    assert refused.status == 403
    assert shop.ask("GET", shop.path(purchase))["friendlyName"] == "Scenario 1"
