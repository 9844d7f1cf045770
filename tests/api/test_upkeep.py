"""Resellers, publishers and what does not go through, kept by program."""

import json
from typing import Any
from uuid import uuid4

import pytest

from accounts.models import Client
from accounts.policy import OPERATOR
from customers.models import IndirectReseller
from partnerhub.api.models import IdempotencyKey
from partnerhub.outbox.models import Event
from publishers.models import Publisher
from publishers.services.register import register_publisher
from publishers.services.secrets import MOST_SECRETS
from tests.api.conftest import LATER, Program, refused
from tests.factories.customers import ResellerFactory
from tests.factories.subscriptions import NOON

pytestmark = pytest.mark.django_db
TERM = {"term": "P1M", "billing_cycle": "monthly", "prices": {"PLN": "10.00"}}
PLAN = {
    "plan_id": "team",
    "title": "Team",
    "pricing": "per_user",
    "min_quantity": 1,
    "max_quantity": 9,
    "terms": [TERM],
}
DOCUMENT: dict[str, Any] = {
    "name": "Tailspin",
    "adapter": "saas_v2_poll",
    "fulfillment_base_url": "http://127.0.0.1:9/api",
    "landing_url": "http://127.0.0.1:9/landing",
    "webhook_url": "http://127.0.0.1:9/hook?key=secret",
    "offers": [{"offer_id": "tail", "title": "Tail", "plans": [PLAN]}],
}


@pytest.fixture(autouse=True)
def private(settings: Any) -> None:
    settings.HUB_ALLOW_PRIVATE_PUBLISHERS = True


@pytest.fixture
def known() -> str:
    return f"/publishers/{register_publisher(OPERATOR, DOCUMENT, at=NOON).publisher.pk}"


def test_a_reseller_is_taken_on_changed_suspended_and_reinstated(admin: Program, ops: Program) -> None:
    body = {"partnerId": "8765432", "name": "Proseware", "country": "pl"}
    refused(ops.send("post", "/resellers", body), 403, 900150)
    made = admin.send("post", "/resellers", body)
    assert (made.status_code, made.json()["country"], made.json()["agreementSignedDate"]) == (201, "PL", None)
    refused(admin.send("post", "/resellers", body), 400, 3000)
    refused(admin.send("post", "/resellers", body | {"partnerId": "abcd"}), 400, 800002)
    assert IndirectReseller.objects.count() == 1

    etag, path = made.json()["attributes"]["etag"], "/resellers/8765432"
    change = {"agreementSignedDate": "2026-11-02", "status": "suspended", "reason": "Invoices are open"}
    changed = admin.send("patch", path, change, If_Match=etag).json()
    assert (changed["agreementSignedDate"], changed["status"], changed["name"]) == (
        "2026-11-02", "suspended", "Proseware",
    )  # fmt: skip
    refused(admin.send("patch", path, {"name": "Other"}, If_Match=etag), 400, 2055)
    refused(admin.send("patch", path, {"name": "Other", "agreementSignedDate": "2027-01-01"}), 400, 800002)
    assert ops.get(path).json() == changed
    back = admin.send("patch", path, {"status": "active", "agreementSignedDate": ""}).json()
    assert (back["status"], back["agreementSignedDate"]) == ("active", None)
    names = Event.objects.filter(stream_type="reseller").order_by("sequence").values_list("name", flat=True)
    changes = ["reseller.changed", "reseller.suspended", "reseller.changed", "reseller.reinstated"]
    assert list(names) == ["reseller.created", *changes]


def test_resellers_are_listed_page_by_page(ops: Program) -> None:
    for name in ("Alpha", "Beta", "Gamma"):
        ResellerFactory(name=name)
    page = ops.get("/resellers?size=2").json()
    assert ([one["name"] for one in page["items"]], page["totalCount"]) == (["Alpha", "Beta"], 3)
    following = page["links"]["next"]
    headers = {one["key"]: one["value"] for one in following["headers"]}
    assert [one["name"] for one in ops.get(following["uri"], headers=headers).json()["items"]] == ["Gamma"]


def test_a_publisher_is_taken_on_and_its_secret_is_told_once(platform: Program, admin: Program) -> None:
    refused(admin.send("post", "/publishers", DOCUMENT), 403, 900150)
    request_id = str(uuid4())
    first, again = (platform.send("post", "/publishers", DOCUMENT, MS_RequestId=request_id) for _ in range(2))
    secret = first.json()["clientSecret"]
    assert (first.status_code, again.json()) == (201, first.json() | {"clientSecret": None})
    assert secret
    assert not [key for key in IdempotencyKey.objects.all() if secret in key.body]
    refused(platform.send("post", "/publishers", DOCUMENT), 400, 3000)
    assert Publisher.objects.count() == 1
    assert "key=secret" not in json.dumps(first.json())


def test_a_connection_changes_by_etag_and_keeps_what_is_not_named(platform: Program, known: str) -> None:
    seen = platform.get(known).json()
    etag = seen["attributes"]["etag"]
    changed = platform.send("patch", known, {"contactEmail": "a@b.example", "maxPerSecond": 5}, If_Match=etag).json()
    assert len(changed["changes"]) == 2
    assert changed["clientSecret"] is None
    stale = platform.send("patch", known, {"contactEmail": ""}, If_Match=etag, Accept="application/problem+json")
    assert stale.status_code == 412
    refused(platform.send("patch", known, {"landingUrl": "nowhere"}), 400, 3000)
    found = Publisher.objects.get()
    assert (found.contact_email, found.max_per_second, found.webhook_url) == (
        "a@b.example", 5, DOCUMENT["webhook_url"],
    )  # fmt: skip
    emptied = platform.send("patch", known, {"contactEmail": "", "maxPerSecond": 0, "webhookUrl": ""}).json()
    told = emptied["publisher"]
    assert (told["contactEmail"], told["maxPerSecond"], told["webhookUrl"]) == ("", None, "")


def test_a_document_is_previewed_and_applied(platform: Program, admin: Program, known: str) -> None:
    refused(admin.get(f"{known}/document"), 403, 900150)
    document = platform.get(f"{known}/document").json()
    assert document["offers"][0]["plans"][0]["terms"][0]["prices"] == {"PLN": "10.00"}
    document["offers"][0]["title"] = "Tailor"
    looked = platform.send("post", f"{known}/document/preview", document).json()
    assert len(looked["changes"]) == 1
    assert Publisher.objects.get().offers.get().title == "Tail"
    assert platform.send("put", f"{known}/document", document).json()["changes"] == looked["changes"]
    assert Publisher.objects.get().offers.get().title == "Tailor"
    refused(platform.send("put", f"{known}/document", document | {"name": "Other"}), 400, 3000)
    refused(platform.send("put", f"{known}/document", document | {"offers": [{}]}), 400, 800002)
    refused(platform.put(f"{known}/document", "[]", content_type="application/json"), 400, 800002)


def test_secrets_overlap_end_and_are_counted(platform: Program, known: str) -> None:
    for _ in range(MOST_SECRETS - 1):
        made = platform.send("post", f"{known}/secrets").json()
    assert made["clientSecret"].startswith(made["secret"]["hint"])
    refused(platform.send("post", f"{known}/secrets"), 400, 3000)
    revoke = f"{known}/secrets/{made['secret']['id']}/revoke"
    assert platform.send("post", revoke).json()["isValid"] is False
    listed = platform.get(f"{known}/secrets").json()["items"]
    assert [one["isValid"] for one in listed] == [False, True, True, True, True]
    refused(platform.send("post", f"{known}/secrets/999/revoke"), 404, 1000)
    assert Client.objects.get().secrets.filter(expires_at__gt=LATER).count() == MOST_SECRETS - 1


@pytest.mark.django_db(transaction=True)
def test_what_asks_a_publisher_is_done_once_for_one_request(platform: Program, known: str) -> None:
    """Nobody is there: the post is on record as it failed, and repeated only by another request."""
    request_id = str(uuid4())
    first, again = (platform.send("post", f"{known}/notices/test", MS_RequestId=request_id) for _ in range(2))
    assert first.json() == again.json()
    assert first.json()["httpStatus"] is None
    [told] = platform.get(f"{known}/notices").json()["items"]
    assert told == first.json() == platform.get(f"{known}/notices/{told['id']}").json()
    refused(platform.send("post", f"{known}/notices/{told['id']}/again"), 404, 1000)
    refused(platform.send("post", f"{known}/test", MS_RequestId=request_id), 400, 3000)
    steps = platform.send("post", f"{known}/test").json()["steps"]
    assert ("landing", "failed") in [(step["name"], step["verdict"]) for step in steps]
    refused(platform.send("post", f"{known}/try"), 400, 800096)
