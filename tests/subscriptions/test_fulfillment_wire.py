"""Whatever the hub says to publishers keeps to the shapes of its document, to the word; the wire checklist is kept."""

import ast
import copy
import json
import re
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client as Http
from jsonschema import Draft202012Validator, FormatChecker

from accounts.policy import SYSTEM, Role
from accounts.tokens import MARKETPLACE, Version, issue
from partnerhub.runtime.bootstrap import ROOT
from publishers.models import Adapter, Policy, Pricing
from publishers.services.selftest import trial_notice
from subscriptions.enums import Acceptance
from subscriptions.fulfillment_api.openapi import BASE, document
from subscriptions.models import Operation
from subscriptions.notices import notice_of
from subscriptions.services.ending import cancel
from subscriptions.services.links import mint_link
from subscriptions.services.quantity import change_quantity
from subscriptions.services.settling import accept
from subscriptions.services.suspension import reinstate, suspend
from tests.factories.accounts import LONG_AGO, actor
from tests.factories.publishers import PlanTermFactory, PublisherFactory
from tests.factories.subscriptions import NOON, buy

pytestmark = pytest.mark.usefixtures("ready_signing_keys")
AGENT = actor(Role.ADMIN_AGENT)
DOCUMENT = document()


def strict(node):
    """A schema in which no object may hold more than it names."""
    if isinstance(node, list):
        return [strict(member) for member in node]
    if not isinstance(node, dict):
        return node
    closed = {name: strict(member) for name, member in node.items()}
    return closed | {"additionalProperties": False} if closed.get("type") == "object" else closed


STRICT = {"schemas": strict(copy.deepcopy(DOCUMENT["components"]["schemas"]))}


def check(shape: dict, said) -> None:
    schema = {**strict(shape), "components": STRICT}
    Draft202012Validator(schema, format_checker=FormatChecker()).validate(said)


class Wire:
    """Calls as a publisher's program would; each answer is held against the document."""

    def __init__(self, app):
        self.token = issue(app, audience=MARKETPLACE, version=Version.V1, at=NOON).access_token
        self.seen: set[tuple[str, str, int]] = set()

    def call(self, method, template, body=None, *, status=200, version="2018-08-31", token=None, headers=None, **ids):
        credential = {"authorization": f"Bearer {self.token if token is None else token}"} if token != "" else {}
        sent = json.dumps(body) if body is not None else ""
        address = template.format(**ids) + (f"?api-version={version}" if version else "")
        answer = Http().generic(method, address, sent, "application/json", headers=credential | (headers or {}))
        assert (method, template, answer.status_code) == (method, template, status)
        told = DOCUMENT["paths"][template][method.lower()]["responses"][str(status)]
        for name, header in told["headers"].items():
            assert name in answer.headers, header
        if "content" in told:
            check(told["content"]["application/json"]["schema"], answer.json())
        else:
            assert answer.content == b""
        self.seen.add((method, template, status))
        return answer


ONE, OPERATIONS, OPERATION = (
    f"{BASE}/{{subscription}}",
    f"{BASE}/{{subscription}}/operations",
    f"{BASE}/{{subscription}}/operations/{{operation}}",
)


@pytest.mark.django_db
def test_every_answer_of_a_whole_life_keeps_to_the_document(time_machine):
    time_machine.move_to(NOON, tick=False)
    publisher = PublisherFactory(adapter=Adapter.PUSH, fulfillment_base_url="")
    Policy.objects.create(name="publisher_changes", value="update_and_delete", publisher=publisher, valid_from=LONG_AGO)
    term = PlanTermFactory(plan__offer__publisher=publisher)
    flat = PlanTermFactory(plan__offer=term.plan.offer, plan__sku_id="0002", plan__pricing=Pricing.FLAT_RATE)
    one, other = buy(term=term), buy(term=flat, quantity=1)
    about, wire = {"subscription": one.pk}, Wire(publisher.client)
    purchase = parse_qs(urlsplit(mint_link(AGENT, one.pk, at=NOON)).query)["token"][0]
    stranger = Wire(PublisherFactory().client)

    wire.call("GET", BASE)
    wire.call("GET", f"{BASE}/")
    wire.call("GET", ONE, subscription=other.pk)
    wire.call("POST", f"{BASE}/resolve", headers={"x-ms-marketplace-token": purchase})
    wire.call("POST", f"{BASE}/resolve", status=400)
    wire.call("POST", f"{ONE}/activate", {"planId": term.plan.plan_id, "quantity": "7"}, **about)
    wire.call("GET", f"{ONE}/listAvailablePlans", **about)
    wire.call("GET", ONE, **about)

    asked = _asked(one, 9)
    [listed] = wire.call("GET", OPERATIONS, **about).json()["operations"]
    assert listed["id"] == str(asked.pk)
    wire.call("DELETE", ONE, status=409, **about)
    wire.call("PATCH", ONE, {"quantity": 8}, status=400, **about)
    wire.call("PATCH", OPERATION, {"status": "Maybe"}, status=400, operation=asked.pk, **about)
    wire.call("PATCH", OPERATION, {"status": "Failure"}, operation=asked.pk, **about)
    wire.call("PATCH", OPERATION, {"status": "Success"}, status=409, operation=asked.pk, **about)
    wire.call("GET", OPERATION, operation=asked.pk, **about)

    suspend(AGENT, one.pk, reason="", version=None, at=NOON)
    wire.call("GET", ONE, **about)
    wire.call("POST", f"{ONE}/activate", status=400, **about)
    reinstate(AGENT, one.pk, reason="", version=None, at=NOON)
    accept(SYSTEM, one.operations.get(action="reinstate").pk, how=Acceptance.PUBLISHER, at=NOON)
    changed = wire.call("PATCH", ONE, {"quantity": 8}, status=202, **about)
    wire.call("GET", OPERATION, operation=changed["Operation-Id"], **about)
    wire.call("DELETE", ONE, status=202, **about)
    wire.call("GET", ONE, **about)
    wire.call("POST", f"{ONE}/activate", status=404, **about)

    wire.call("GET", ONE, status=401, token="", **about)
    wire.call("GET", ONE, status=400, version="", **about)
    wire.call("GET", ONE, status=403, token="nonsense", **about)
    stranger.call("GET", ONE, status=403, **about)
    wire.call("GET", OPERATION, status=404, operation=one.pk, **about)
    assert {path for _method, path, _status in wire.seen} == set(DOCUMENT["paths"])


def _asked(subscription, quantity) -> Operation:
    change_quantity(AGENT, subscription.pk, quantity=quantity, version=None, at=NOON)
    return subscription.operations.get(completed_at=None)


@pytest.mark.django_db
def test_every_notice_keeps_to_the_document_and_has_one_shape():
    publisher = PublisherFactory(adapter=Adapter.PUSH, fulfillment_base_url="", webhook_url="https://vendor.example/h")
    flat = PlanTermFactory(plan__offer__publisher=publisher, plan__pricing=Pricing.FLAT_RATE)
    subscription = buy(term=flat, quantity=1)
    cancel(AGENT, subscription.pk, reason="", version=None, at=NOON, hold=False)
    of_a_flat_rate = notice_of(subscription.operations.get(), NOON)

    for notice in (of_a_flat_rate, trial_notice(publisher, NOON)):
        told = {name: value for name, value in notice.items() if name not in ("subscription", "purchaseToken")}
        assert (type(told["quantity"]), notice["purchaseToken"]) == (int, None)
        check({"$ref": "#/components/schemas/Operation"}, told)
        check({"$ref": "#/components/schemas/Subscription"}, notice["subscription"])


def test_each_line_of_the_wire_checklist_names_tests_that_are_there():
    told = (ROOT / "docs" / "fulfillment-api.md").read_text(encoding="utf-8")
    checklist = told.partition("## The wire checklist")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (\d+) \|.*\|(.*)\|$", checklist, re.MULTILINE)

    assert [int(number) for number, _tests in rows] == list(range(1, 17))
    for _number, tests in rows:
        named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", tests)
        assert named
        for path, name in named:
            assert name in _tests_in(ROOT / path), f"{path}::{name}"


def _tests_in(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
