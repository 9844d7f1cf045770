"""Audit records: what happened and what was refused, in the dialect's words."""

import json
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
import time_machine

from accounts.policy import Role
from partnerhub.api.shapes import utc
from partnerhub.outbox.models import Entry
from subscriptions.services.edits import rename
from tests.api.conftest import LATER, Program, path_of, program, refused
from tests.factories.accounts import UserFactory
from tests.factories.subscriptions import NOON, active

pytestmark = pytest.mark.django_db


def records(caller, **query) -> list[dict]:
    response = caller.get("/auditrecords", {"size": 500, **query})
    assert response.status_code == 200, response.json()
    return response.json()["items"]


def only(field: str, value: str, operator: str) -> str:
    return json.dumps({"Field": field, "Value": value, "Operator": operator})


def test_what_happened_and_what_was_refused_are_records(admin, sales):
    subscription, agent = active(), UserFactory(active_role=Role.ADMIN_AGENT)
    rename(agent.actor(), subscription.pk, nickname="Renamed", version=None, at=LATER)
    response = sales.send("patch", path_of(subscription), {"quantity": 8}, MS_CorrelationId="chain-1")
    assert response.status_code == 403
    done, failed = records(admin)[-2:]
    about = {
        "partnerId": "1234567",
        "customerId": str(subscription.customer_id),
        "customerName": subscription.customer.name,
        "resourceType": "subscription",
        "operationType": "update_subscription",
        "operationDate": utc(LATER),
        "attributes": {"objectType": "AuditRecord"},
    }
    if done["operationStatus"] == "failed":
        done, failed = failed, done
    assert {name: done[name] for name in about} == about
    assert {name: failed[name] for name in about} == about
    assert (done["userPrincipalName"], done["applicationId"]) == (agent.email, "")
    assert (done["operationStatus"], json.loads(done["resourceNewValue"])) == ("succeeded", "Renamed")
    assert (failed["operationStatus"], failed["applicationId"]) == ("failed", "program-sales_agent")
    assert json.loads(failed["resourceNewValue"]) == {"quantity": 8}
    assert failed["originalCorrelationId"] == "chain-1"
    said = {one["key"]: one["value"] for one in failed["customizedData"]}
    assert (said["Refusal"], said["Role"], said["SubscriptionId-0"]) == (
        "not_permitted",
        "sales_agent",
        str(subscription.pk),
    )
    assert admin.get(f"/auditrecords/{done['id']}").json() == done
    refused(admin.get(f"/auditrecords/{uuid4()}"), 404, 1000)


def test_a_purchase_is_told_in_the_dialects_words(admin):
    subscription = active()
    told = {one["operationType"]: one["resourceType"] for one in records(admin)}
    assert (told["create_subscription"], told["create_order"]) == ("subscription", "order")
    assert {one["customerId"] for one in records(admin)} == {str(subscription.customer_id)}


def test_records_are_narrowed_by_customer_company_and_resource(admin):
    first, second = active(), active()
    theirs = {str(first.customer_id)}
    for narrowed in (
        only("CustomerId", str(first.customer_id), "equals"),
        only("CompanyName", first.customer.name[1:], "substring"),
    ):
        found = {one["customerId"] for one in records(admin, filter=narrowed)}
        assert str(first.customer_id) in found
        assert "CompanyName" in narrowed or found == theirs
    orders = records(admin, filter=only("ResourceType", "order", "equals"))
    assert {one["resourceType"] for one in orders} == {"order"}
    assert {one["customerId"] for one in orders} == theirs | {str(second.customer_id)}


@pytest.mark.parametrize(
    "query",
    [
        {"startDate": "2026-13-01"},
        {"startDate": f"{NOON - timedelta(days=91):%Y-%m-%d}"},
        {"startDate": f"{NOON:%Y-%m-%d}", "endDate": f"{NOON - timedelta(days=1):%Y-%m-%d}"},
        {"endDate": "0001-01-01"},
        {"filter": "{"},
        {"filter": only("Quantity", "1", "equals")},
        {"filter": only("CompanyName", "x", "equals")},
        {"size": "501"},
    ],
)
def test_what_cannot_be_asked_is_refused(admin, query):
    assert admin.get("/auditrecords", query).status_code == 400


def test_records_of_the_last_thirty_days_unless_others_are_asked_for(admin):
    active()
    made = Entry.objects.count()
    day = NOON + timedelta(days=60)
    with time_machine.travel(day, tick=False):
        assert records(admin) == []
        assert len(records(admin, startDate=f"{NOON:%Y-%m-%d}")) == made
        assert len(records(admin, endDate=f"{NOON + timedelta(days=9):%Y-%m-%d}")) == made


def test_pages_lead_on_and_cost_the_same(admin, django_assert_max_num_queries):
    active(), active()
    everything, seen, page = [one["id"] for one in records(admin)], [], admin.get("/auditrecords", {"size": 2}).json()
    while True:
        seen += [one["id"] for one in page["items"]]
        following = page["links"].get("next")
        if following is None:
            break
        token = {one["key"]: one["value"] for one in following["headers"]}
        page = admin.get(following["uri"], headers=token).json()
    assert seen == everything
    with django_assert_max_num_queries(6):
        records(admin)


def test_a_program_with_a_scope_sees_its_customers_only():
    mine, _other = active(), active()
    scoped = Program(Role.ADMIN_AGENT)
    scoped.force_authenticate(user=replace(program(Role.ADMIN_AGENT), customers=frozenset({mine.customer_id})))
    assert {one["customerId"] for one in records(scoped)} == {str(mine.customer_id)}
