"""Programs in every role call whatever they find, in any order: each answer is one that the document describes."""

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
import time_machine
from django.core.signals import request_finished, request_started
from django.db import close_old_connections, transaction
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error
from schemathesis.generation.stateful import APIStateMachine
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    ensure_resource_availability,
    ignored_auth,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    use_after_free,
)

from accounts.models import Client
from accounts.policy import Role
from accounts.tokens import PARTNER_CENTER, Version, issue
from partnerhub.wsgi import application
from tests.api.upkeep_world import everything
from tests.api.world import DOCUMENT, World
from tests.factories.invoices import AFTERWARDS

ROLES = (Role.ADMIN_AGENT, Role.SALES_AGENT, Role.OPS_AGENT)
# In CI a few steps of one; else several walks of each.
SOME, ALL = (ROLES[:1], 1, 6), (ROLES, 4, 12)
SCHEMA = schemathesis.openapi.from_dict(DOCUMENT)
SCHEMA.app = application
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    ignored_auth,
    use_after_free,
    ensure_resource_availability,
]


@pytest.fixture
def world(settings: Any, billing_data: None) -> Iterator[World]:
    settings.HUB_ALLOW_PRIVATE_PUBLISHERS = True
    settings.HUB_API_CALLS_A_MINUTE = settings.HUB_API_OTHER_CALLS_A_MINUTE = 0
    for signal in (request_started, request_finished):  # else a call's end closes the connection of the test
        signal.disconnect(close_old_connections)
    with time_machine.travel(AFTERWARDS, tick=False):
        world = World()
        world.trade()
        everything(world)
        yield world
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


def machine_of(role: Role, world: World) -> type[APIStateMachine]:
    """Walks along the links between operations; most of its calls are about what there is."""
    client = Client.objects.get(pk=world.clients[role].id)
    token = issue(client, audience=PARTNER_CENTER, version=Version.V1, at=AFTERWARDS).access_token

    class Walk(SCHEMA.as_state_machine()):  # type: ignore[misc]
        told = ""

        def before_call(self, case: Any) -> None:
            known = world.ids(case.operation.definition.raw["operationId"], case.operation.path, role)
            for name, value in (case.path_parameters or {}).items():
                if str(value) not in self.told:  # made up: hardly anything would be found
                    case.path_parameters[name] = str(known.get(name, value))

        def after_call(self, response: Any, case: Any) -> None:
            self.told += response.text

        def get_call_kwargs(self, case: Any) -> dict[str, Any]:
            return {"headers": {"Authorization": f"Bearer {token}"}, "base_url": "http://testserver"}

        def validate_response(self, response: Any, case: Any, *arguments: Any, **named: Any) -> None:
            case.validate_response(response, checks=CHECKS, headers={"Authorization": f"Bearer {token}"})
            allowed = {"bearer": [role.value]} in case.operation.definition.raw["security"]
            assert allowed or response.status_code >= 400, f"{role} may not {case.operation.label}"

    return Walk


@pytest.mark.django_db
@pytest.mark.parametrize("walk", [SOME, pytest.param(ALL, marks=pytest.mark.exhaustive)], ids=["some", "all"])
def test_whatever_a_program_does_is_answered_as_described(world: World, walk: Any, subtests: pytest.Subtests) -> None:
    roles, runs, steps = walk
    how = settings(
        max_examples=runs,
        stateful_step_count=steps,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    for role in roles:
        with subtests.test(role.value), transaction.atomic():
            machine_of(role, world).run(settings=how)
            transaction.set_rollback(True)
