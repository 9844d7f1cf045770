"""What no program of good will sends, at each door: a refusal as JSON, never a failure of ours or a page."""

import base64
import json
from uuid import uuid4

import pytest
from django.db import InterfaceError, OperationalError
from rest_framework.test import APIClient

from accounts.models import Client
from accounts.tokens import MARKETPLACE, Version, issue
from partnerhub.api.errors import answer
from partnerhub.api.views import failed
from partnerhub.clock import now
from subscriptions.models import Subscription
from tests.api.conftest import path_of, refused
from tests.factories.publishers import PublisherFactory
from tests.factories.subscriptions import active

TENANT = uuid4()
MANY_MEMBERS = "&".join("a=1" for _ in range(1001))
VERSION = "api-version=2018-08-31"
GRANT = {"grant_type": "client_credentials"}
SOMEWHERE = "00000000-0000-0000-0000-000000000000"


@pytest.fixture
def stranger() -> APIClient:
    return APIClient(enforce_csrf_checks=True, raise_request_exception=False)


@pytest.fixture
def vendor(stranger) -> APIClient:
    token = issue(PublisherFactory().client, audience=MARKETPLACE, version=Version.V1, at=now()).access_token
    stranger.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    return stranger


def urlsafe(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode()


@pytest.mark.parametrize("path", ["/v1/a%0Ab", "/v1/%0A", "/v1/customers/1/2/3/4%0A"])
def test_an_unknown_path_with_a_line_break_is_json(stranger, path):
    refused(stranger.get(path), 404, 1000)


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/api/saas/a%0Ab", "/api/saas/%0A", "/api/saas/subscriptions/a/b/c%0A"])
def test_publishers_get_json_for_an_unknown_path_with_a_line_break_too(vendor, path):
    response = vendor.get(f"{path}?{VERSION}")

    assert (response.status_code, response.json()["code"]) == (404, "NotFound")


@pytest.mark.django_db
@pytest.mark.parametrize("version", ["1e999", "-1e999", "NaN", "[]"])
def test_an_etag_whose_version_is_no_number_is_stale(admin, version):
    bought = active()
    etag = base64.b64encode(f'{{"id": "{bought.pk}", "version": {version}}}'.encode()).decode()

    refused(admin.send("patch", path_of(bought), {"friendlyName": "Other"}, If_Match=f'"{etag}"'), 400, 2055)

    assert Subscription.objects.get().nickname == bought.nickname


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "moment", ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "2026-01-01T00:00:00+23:59:59.999999"]
)
def test_a_continuation_outside_the_calendar_was_not_given_by_this_hub(admin, moment):
    active()
    token = urlsafe(json.dumps([moment, SOMEWHERE]))

    refused(admin.send("get", "/divergences?seekOperation=Next", MS_ContinuationToken=token), 400, 800002)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_nor_was_a_publishers(vendor, moment):
    token = urlsafe(f"{moment} {SOMEWHERE}")

    response = vendor.get(f"/api/saas/subscriptions?continuationToken={token}&{VERSION}")

    assert (response.status_code, response.json()["code"]) == (400, "BadRequest")


@pytest.mark.django_db
def test_an_odd_time_zone_in_a_continuation_is_a_moment_like_others(vendor):
    token = urlsafe(f"2026-01-01T00:00:00+23:59:59.999999 {SOMEWHERE}")

    assert vendor.get(f"/api/saas/subscriptions?continuationToken={token}&{VERSION}").json() == {"subscriptions": []}


@pytest.mark.django_db
def test_more_members_than_are_read_are_refused(admin, vendor):
    refused(admin.get(f"/customers?{MANY_MEMBERS}"), 400, 800002)
    response = vendor.get(f"/api/saas/subscriptions?{MANY_MEMBERS}&{VERSION}")
    assert (response.status_code, response.json()["code"]) == (400, "BadRequest")


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("multipart/form-data", "--x"),
        ("multipart/form-data; boundary=", "--x"),
        ("application/x-www-form-urlencoded", MANY_MEMBERS),
        ("application/x-www-form-urlencoded", f"a={'x' * 3_000_000}"),
    ],
)
@pytest.mark.parametrize("path", ["oauth2/token", "oauth2/v2.0/token"])
def test_the_token_endpoint_refuses_what_is_no_form(stranger, path, content_type, body):
    response = stranger.generic("POST", f"/{TENANT}/{path}", body, content_type)

    assert (response.status_code, response.json()["error"]) == (400, "invalid_request")


@pytest.mark.parametrize("path", ["discovery/keys", "v2.0/.well-known/openid-configuration"])
def test_a_discovery_document_is_only_read_and_no_page_says_so(stranger, path):
    response = stranger.post(f"/{TENANT}/{path}")

    assert (response.status_code, response.content) == (405, b"")


@pytest.mark.parametrize("path", ["/v1/customers", "/webhooks/v1/registration", "/v1/nothing"])
def test_another_hosts_name_is_refused_as_json_to_programs(stranger, path):
    refused(stranger.get(path, headers={"host": "evil.example"}), 400, 800002)
    assert stranger.get("/accounts/sign-in/", headers={"host": "evil.example"})["Content-Type"].startswith("text/html")


@pytest.mark.parametrize("error", [OperationalError("server closed"), InterfaceError("closed")])
def test_without_its_database_the_hub_says_when_to_come_back(error):
    response = answer(error, {})
    assert (response.status_code, response["Retry-After"], response.data["data"]) == (503, "10", ["database_away"])
    assert "closed" not in str(response.data)


@pytest.mark.parametrize(("path", "content_type"), [("/v1/customers", "application/json"), ("/", "text/html")])
def test_what_breaks_outside_of_every_view_is_json_to_programs(rf, path, content_type):
    response = failed(rf.get(path))
    assert (response.status_code, response["Content-Type"].partition(";")[0]) == (500, content_type)


@pytest.mark.django_db
def test_the_token_endpoint_says_when_the_database_is_away(stranger, monkeypatch):
    def away(*args, **kwargs):
        raise OperationalError("server closed")

    monkeypatch.setattr(Client.objects, "get", away)
    answer = stranger.post(f"/{TENANT}/oauth2/token", {"client_id": str(TENANT), "client_secret": "x"} | GRANT)

    assert (answer.status_code, answer["Retry-After"], answer.json()["error"]) == (503, "10", "temporarily_unavailable")
