"""Every operation does what the document says: its example is accepted, its answer has the shape, its roles may."""

import json
from collections.abc import Iterator
from functools import cache
from typing import Any

import jsonschema_rs
import pytest
import time_machine
from django.http import HttpResponse

from accounts.policy import AGENT_ROLES, Role
from tests.api.upkeep_world import OUTSIDE
from tests.api.world import BEFORE_TRADE, DOCUMENT, JSON, OPERATIONS, World, example_of
from tests.factories.invoices import AFTERWARDS

# Answers that no JSON example can show.
WITHOUT_BODY = {"discardJob", "getInvoiceStatement", "getJobResults", "removeWebhookRegistration"}


def strict(schema: Any) -> Any:
    """The same schema without room for members that it does not name."""
    if isinstance(schema, list):
        return [strict(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {name: strict(value) for name, value in schema.items()}
    is_shape = isinstance(closed.get("properties"), dict) and closed.get("type") == "object"
    return {**closed, "additionalProperties": False} if is_shape and "additionalProperties" not in closed else closed


SHAPES = {"schemas": strict(DOCUMENT["components"]["schemas"])}


@cache
def validator_of(schema: str) -> jsonschema_rs.Draft202012Validator:
    whole = {**strict(json.loads(schema)), "components": SHAPES}
    return jsonschema_rs.Draft202012Validator(whole, validate_formats=True)


def check_shape(schema: dict[str, Any], value: Any) -> None:
    """Raise where a value is not of the shape, or has more."""
    validator_of(json.dumps(schema)).validate(value)


def answered(described: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    """The status of success and its content."""
    status = next(status for status in described["responses"] if status.startswith("2"))
    return int(status), described["responses"][status].get("content", {})


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_is_described_with_roles_refusals_and_examples_of_its_shape(name: str) -> None:
    method, _, described = OPERATIONS[name]
    roles = [role for alternative in described["security"] for role in alternative["bearer"]]
    assert roles
    assert described["description"].endswith(f"Roles: {', '.join(f'`{role}`' for role in roles)}.")
    assert {"400", "401", "403", "429"} <= set(described["responses"])

    _, content = answered(described)
    if name not in WITHOUT_BODY:
        example = example_of(content)
        assert example is not None
        check_shape(content[JSON]["schema"], example)
    if body := described.get("requestBody"):
        assert example_of(body["content"]) is not None
        check_shape(body["content"][JSON]["schema"], example_of(body["content"]))
    assert method == "get" or "MS-RequestId" in {parameter["name"] for parameter in described["parameters"]}


@pytest.fixture
def world(settings: Any, billing_data: None) -> Iterator[World]:
    settings.HUB_ALLOW_PRIVATE_PUBLISHERS = True
    with time_machine.travel(AFTERWARDS, tick=False):
        yield World()


@pytest.mark.django_db
def test_each_role_may_do_what_the_document_says_and_no_other(world: World, subtests: pytest.Subtests) -> None:
    for name in sorted(OPERATIONS, key=lambda name: name not in BEFORE_TRADE):
        if name not in BEFORE_TRADE and not hasattr(world, "bought"):
            world.trade()
        for role in AGENT_ROLES:
            if name in OUTSIDE and {"bearer": [role]} in OPERATIONS[name][2]["security"]:
                continue
            with subtests.test(f"{name} as {role}"):
                check_answer(world.call(name, role), OPERATIONS[name][2], role)


def check_answer(response: HttpResponse, described: dict[str, Any], role: Role) -> None:
    """What was done answers as described, to whom it is described for; everybody else is refused."""
    status, content = answered(described)
    if {"bearer": [role]} not in described["security"]:
        status, content = 403, described["responses"]["403"]["content"]
    assert response.status_code == status, response.content
    if content:
        shown = content[response["Content-Type"]]
        if response["Content-Type"] == JSON:
            check_shape(shown["schema"], response.json())
