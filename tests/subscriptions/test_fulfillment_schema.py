"""What publishers call does what its OpenAPI document says, whatever is sent: calls that nobody thought of."""

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from accounts.policy import Role
from accounts.tokens import MARKETPLACE, Version, issue
from partnerhub.clock import now
from partnerhub.wsgi import application
from publishers.models import Adapter, Policy
from subscriptions.fulfillment_api.openapi import document
from subscriptions.models import Operation
from subscriptions.services.links import mint_link
from subscriptions.services.quantity import change_quantity
from tests.factories.accounts import LONG_AGO, actor
from tests.factories.publishers import PlanTermFactory, PublisherFactory
from tests.factories.subscriptions import active, buy

EXAMPLES = 10
# Generated ones are hardly ever of use.
USEFUL = [{"quantity": 8}, {"quantity": "9"}, {"planId": "other"}, {"status": "Success"}, {"status": "Failure"}]
SCHEMA = schemathesis.openapi.from_dict(document())
SCHEMA.app = application
CALLS = {found.ok().label: found.ok() for found in SCHEMA.get_all_operations()}
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


@pytest.fixture
def known() -> dict[str, Any]:
    """A publisher's token, and ids and purchase tokens that stand for something."""
    at = now()
    publisher = PublisherFactory(adapter=Adapter.PUSH, fulfillment_base_url="", webhook_url="")
    Policy.objects.create(name="publisher_changes", value="update_and_delete", publisher=publisher, valid_from=LONG_AGO)
    term = PlanTermFactory(plan__offer__publisher=publisher)
    PlanTermFactory(plan__offer=term.plan.offer, plan__plan_id="other", plan__sku_id="0002")
    pending, running, changing, foreign = (
        buy(term=term, at=at),
        active(at, term=term),
        active(at, term=term),
        buy(at=at),
    )
    change_quantity(actor(Role.ADMIN_AGENT), changing.pk, quantity=9, version=None, hold=False, at=at)
    link = mint_link(actor(Role.SALES_AGENT), pending.pk, at=at)
    token = issue(publisher.client, audience=MARKETPLACE, version=Version.V1, at=at).access_token
    return {
        "authorization": f"Bearer {token}",
        "subscription": [str(one.pk) for one in (pending, running, changing, foreign)],
        "operation": [str(Operation.objects.get().pk)],
        "changing": [str(changing.pk)],
        "x-ms-marketplace-token": [link.partition("token=")[2]],
    }


@pytest.fixture
def _one_connection() -> Iterator[None]:
    """A request's end would close the connection, and with it the test's transaction."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.mark.django_db
@pytest.mark.usefixtures("_one_connection")
def test_every_answer_is_one_that_is_documented(known: dict[str, Any], subtests: pytest.Subtests) -> None:
    for label, operation in CALLS.items():
        with subtests.test(label):
            call_it_in_many_ways(operation, known)


def call_it_in_many_ways(operation: schemathesis.APIOperation, known: dict[str, Any]) -> None:
    modes = st.one_of(*(operation.as_strategy(generation_mode=mode) for mode in GenerationMode))

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=modes, data=st.data())
    def call(case: Any, data: Any) -> None:
        make_useful(case, known, data)
        response = case.call(base_url="http://testserver", headers={"authorization": known["authorization"]})
        case.validate_response(response, checks=CHECKS)

    call()


def make_useful(case: Any, known: dict[str, Any], data: Any) -> None:
    """Let most calls be about something that there is, and some ask for what is possible."""
    if "operation" in case.path_parameters:
        known = known | {"subscription": known["changing"]}
    for place in (case.path_parameters, case.headers):
        for name in sorted({*(place or ())} & {"subscription", "operation", "x-ms-marketplace-token"}):
            place[name] = data.draw(st.sampled_from([*known[name], *known[name], place[name]]))
    if isinstance(case.body, dict):
        case.body = data.draw(st.sampled_from([*USEFUL, case.body, case.body]))
