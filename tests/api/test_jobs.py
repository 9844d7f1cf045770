"""Jobs by program: planned, looked at, confirmed once, and theirs alone."""

import csv
import io
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from accounts.policy import Role
from customers.models import Customer
from partnerhub.jobs.models import Job
from partnerhub.jobs.working import Worker
from subscriptions.models import Subscription
from tests.api.conftest import LATER, refused
from tests.factories.accounts import ClientFactory
from tests.factories.customers import CustomerFactory, ResellerFactory
from tests.factories.publishers import PlanTermFactory
from tests.factories.subscriptions import active

pytestmark = pytest.mark.django_db
BULK = "/v1/jobs/subscriptions"


def program(role: Role = Role.ADMIN_AGENT, **given: Any) -> APIClient:
    """A program that a job can ask for again before each row."""
    client = APIClient()
    client.force_authenticate(user=ClientFactory(role=role, **given).actor())
    return client


def worked(answer: Any) -> str:
    assert answer.status_code == 202, answer.content
    Worker(60, answer.json()["id"], clock=lambda: LATER).run()
    return f"/v1/jobs/{answer.json()['id']}"


@pytest.fixture
def three() -> list[Subscription]:
    term = PlanTermFactory()
    return [active(customer=CustomerFactory(name=f"Customer {place}"), term=term) for place in range(3)]


def test_a_change_of_many_is_planned_confirmed_once_and_told_row_by_row(three: list[Subscription]) -> None:
    admin, ids = program(), [str(one.pk) for one in three]
    unknown = str(uuid4())
    body = {"subscriptionIds": [*ids, unknown], "change": {"friendlyName": "Team"}}
    answer = admin.post(BULK, body, format="json", headers={"MS-RequestId": unknown})
    job = worked(answer)
    again = admin.post(BULK, body, format="json", headers={"MS-RequestId": unknown})
    assert answer["Location"] == again["Location"]
    assert answer["Location"].endswith(job)
    assert answer["Retry-After"] == "2"
    assert Job.objects.count() == 1

    plan = admin.get(job).json()
    assert (plan["status"], plan["rows"]["pending"], plan["rows"]["refused"]) == ("planned", 3, 1)
    [row] = admin.get(f"{job}/rows?status=refused").json()["items"]
    assert (row["subject"], row["refusal"]["reason"]) == (unknown, "not_found")
    assert not Subscription.objects.filter(nickname="Team").exists()

    assert admin.post(f"{job}/confirm").json()["status"] == "running"
    assert admin.post(f"{job}/pause").json()["status"] == "paused"
    refused(admin.post(f"{job}/pause"), 409, 800060)
    refused(admin.delete(job), 409, 800060)
    assert admin.post(f"{job}/resume").json()["status"] == "running"
    Worker(60, job.rpartition("/")[2], clock=lambda: LATER).run()
    done = admin.get(job).json()
    assert (done["status"], done["rows"]["done"], Subscription.objects.filter(nickname="Team").count()) == (
        "finished", 3, 3,
    )  # fmt: skip
    results = b"".join(admin.get(f"{job}/results").streaming_content).decode("utf-8-sig")
    assert [row[7] for row in csv.reader(io.StringIO(results))][1:] == ["Done", "Done", "Done", "Refused"]


def test_cancelling_wants_its_reason_and_its_phrase(three: list[Subscription]) -> None:
    admin = program()
    body: dict[str, Any] = {"subscriptionIds": [str(three[0].pk)], "change": {"status": "deleted"}}
    refused(admin.post(BULK, body, format="json"), 400, 800002)
    job = worked(admin.post(BULK, body | {"reason": "They left"}, format="json"))
    assert admin.get(job).json()["phrase"] == "Customer 0"
    refused(admin.post(f"{job}/confirm", {"phrase": "Customer 1"}, format="json"), 400, 3000)
    assert admin.get(job).json()["status"] == "planned"
    assert admin.delete(job).status_code == 204
    refused(admin.get(job), 404, 1000)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"subscriptionIds": [], "rows": []},
        {"subscriptionIds": [str(uuid4())]},
        {"subscriptionIds": [str(uuid4())], "change": {"poll": True, "quantity": 2}},
        {"rows": [{"subscriptionId": "x"}]},
        {"csv": "nickname\nTeam"},
    ],
)
def test_what_cannot_be_planned_makes_no_job(body: dict[str, Any]) -> None:
    refused(program().post(BULK, body, format="json"), 400, 800002)
    matching = {"matching": "status=nonsense", "change": {"poll": True}}
    refused(program().post(BULK, matching, format="json"), 400, 3000)
    assert not Job.objects.exists()


def test_rows_and_files_give_each_its_own_values(three: list[Subscription]) -> None:
    admin, first = program(), three[0].pk
    rows = {"rows": [{"subscriptionId": str(first), "friendlyName": "A"}, {"subscriptionId": "x", "quantity": 2}]}
    file = {"csv": f"id,nickname,auto_renew\n{first},B,off\n"}
    for body, counts in ((rows, (1, 1)), (file, (1, 0))):
        found = admin.get(worked(admin.post(BULK, body, format="json"))).json()["rows"]
        assert (found["pending"], found["refused"]) == counts


def test_jobs_are_their_own_programs_and_roles_reach_as_far_as_for_one(three: list[Subscription]) -> None:
    admin, ops = program(), program(Role.OPS_AGENT)
    ids = {"subscriptionIds": [str(three[0].pk)]}
    refused(ops.post(BULK, ids | {"change": {"friendlyName": "X"}}, format="json"), 403, 900150)
    refused(program(Role.SALES_AGENT).post(BULK, ids | {"change": {"poll": True}}, format="json"), 403, 900150)
    job = worked(admin.post(BULK, ids | {"change": {"friendlyName": "X"}}, format="json"))
    for method, path in (("get", job), ("post", f"{job}/confirm"), ("delete", job), ("get", f"{job}/rows")):
        refused(getattr(ops, method)(path), 404, 1000)
    overseer = program(Role.PLATFORM_ADMIN)
    assert overseer.get("/v1/jobs").json()["totalCount"] == 1
    refused(overseer.post(f"{job}/pause"), 409, 800060)


def test_who_sees_only_some_customers_changes_only_theirs(three: list[Subscription]) -> None:
    limited = program(customers=[three[0].customer_id])
    body = {"matching": "", "change": {"friendlyName": "Mine"}}
    job = worked(limited.post(BULK, body, format="json"))
    assert limited.post(f"{job}/confirm").status_code == 200
    Worker(60, job.rpartition("/")[2], clock=lambda: LATER).run()
    assert list(Subscription.objects.filter(nickname="Mine")) == [three[0]]
    for kind in ("customers", "resellers"):
        refused(limited.post(f"/v1/jobs/{kind}", {"rows": [{"domain": "x"}]}, format="json"), 403, 900308)


def test_customers_and_resellers_are_imported_all_or_none() -> None:
    admin, customer = program(), CustomerFactory(city="Berlin")
    rows = [{"domain": customer.domain, "city": "Bonn"}, {"domain": "new.example", "name": "New"}]
    job = worked(admin.post("/v1/jobs/customers", {"rows": rows, "allOrNone": True}, format="json"))
    counts = admin.get(job).json()["rows"]
    assert (counts["pending"], counts["refused"]) == (1, 1)
    refused(admin.post(f"{job}/confirm"), 400, 3000)
    assert Customer.objects.get().city == "Berlin"

    reseller = ResellerFactory(name="Old")
    file = {"csv": f"partner_id,name\n{reseller.pk},New name\n"}
    job = worked(admin.post("/v1/jobs/resellers", file, format="json"))
    admin.post(f"{job}/confirm")
    with time_machine.travel(LATER, tick=False):
        Worker(60, job.rpartition("/")[2], clock=lambda: LATER).run()
    reseller.refresh_from_db()
    assert reseller.name == "New name"
    refused(admin.post("/v1/jobs/customers", {"rows": [{"dmain": "x"}]}, format="json"), 400, 800002)
    refused(admin.post("/v1/jobs/customers", {"csv": "x"}, format="json"), 400, 800002)


def test_three_jobs_cost_what_one_does() -> None:
    admin, counts = program(), []
    for more in (1, 2):
        for _ in range(more):
            admin.post("/v1/jobs/customers", {"rows": [{"domain": "new.example"}]}, format="json")
        with CaptureQueriesContext(connection) as queries:
            listed = len(admin.get("/v1/jobs").json()["items"])
        counts.append((listed, len(queries)))
    assert counts[1] == (3, counts[0][1])
