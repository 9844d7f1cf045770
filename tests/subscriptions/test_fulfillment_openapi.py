"""The document of what publishers call is true to the addresses, and is served beside the other one."""

import pytest
from jsonschema import Draft202012Validator

from accounts.tokens import MARKETPLACE, Version, issue
from partnerhub.clock import now
from subscriptions.fulfillment_api.openapi import document
from subscriptions.fulfillment_api.urls import urlpatterns
from tests.factories.publishers import PublisherFactory


def references(node):
    """Every $ref in a document."""
    if isinstance(node, dict):
        if "$ref" in node:
            yield node["$ref"]
        node = node.values()
    elif not isinstance(node, list):
        return
    for member in node:
        yield from references(member)


def test_it_has_each_address_and_its_references_lead_somewhere():
    shown = document()

    routes = {"/api/saas/" + str(one.pattern).replace("<str:", "{").replace(">", "}") for one in urlpatterns[:-1]}
    assert set(shown["paths"]) == routes
    for reference in references(shown):
        _hash, kind, section, name = reference.split("/", 3)
        assert name in shown[kind][section]
    for schema in shown["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)


@pytest.mark.django_db
def test_each_method_it_names_is_served_and_no_other(client):
    token = issue(PublisherFactory().client, audience=MARKETPLACE, version=Version.V1, at=now()).access_token
    for path, calls in document()["paths"].items():
        address = path.replace("{subscription}", "s").replace("{operation}", "o") + "?api-version=2018-08-31"
        refused = client.put(address, headers={"authorization": f"Bearer {token}"})

        named = {name.upper() for name in calls if name != "parameters"}
        assert (path, refused.status_code, set(refused["Allow"].split(", "))) == (path, 405, named)


@pytest.mark.django_db
def test_it_is_served_with_a_reader(client):
    shown, reader = client.get("/developers/fulfillment.json"), client.get("/developers/fulfillment/")

    assert (shown.status_code, shown.json(), reader.status_code) == (200, document(), 200)
    assert "https://" not in reader.content.decode()
