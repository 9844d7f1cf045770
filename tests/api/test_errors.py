import pytest
from rest_framework.exceptions import Throttled
from rest_framework.test import APIClient

from accounts.policy import Role
from partnerhub import errors
from partnerhub.api.errors import NUMBERS, answer, number_of, number_of_code
from tests.api.conftest import Program, refused

# Met by publishers (/api/saas), by people on pages or by operators' commands, never by a program of /v1.
PUBLISHERS = {
    *("token_malformed", "token_expired", "token_foreign", "foreign_subscription", "operation_final"),
    *("operation_needs_no_answer", "activation_differs", "publisher_may_not", "plan_not_available", "nothing_new"),
    "no_licences",
}
COMMANDS = {"billed_later"}
# Of a row of a job, and told there.
ROWS = {"actor_lost", "repeated_row", "row_failed", "row_too_long", "row_unfit"}
PAGES = {
    *("role_not_held", "view_name_taken", "too_many_tokens", "key_not_signing_yet"),
    "page_gone",
    *("agent_exists", "last_platform_admin", "platform_admin_limited"),
    *("invited_already", "invitation_closed", "invitation_gone"),
    *("no_role_for_groups", "address_unproven", "account_deactivated", "last_second_factor"),
}
ELSEWHERE = PUBLISHERS | COMMANDS | ROWS | PAGES


def test_every_refusal_has_a_number_of_its_own_or_is_met_elsewhere():
    kinds = (kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.HubError))
    assert {kind.code for kind in kinds} - {kind.code for kind in NUMBERS} == ELSEWHERE


@pytest.mark.parametrize(("what", "number"), [("customer", 1000), ("order", 20000), ("subscription", 20003)])
def test_what_is_missing_decides_the_number(what, number):
    assert number_of(errors.NotFound(what=what, id="1")) == (404, number)


@pytest.mark.parametrize(("window", "number"), [("72-hour", 900213), ("14-day", 900117)])
def test_a_closed_window_is_numbered_by_its_unit(window, number):
    closed = errors.CancellationWindowClosed(window=window, closed_at="yesterday", ends_on="tomorrow")
    assert number_of(closed) == (400, number)


def test_a_stored_code_finds_its_number():
    assert number_of_code("price_moved") == 400019
    assert number_of_code("nobody knows") == 800002


def test_a_program_without_a_token_is_told_where_to_get_one():
    response = APIClient().get("/v1/customers")
    refused(response, 401, 400)
    assert response["WWW-Authenticate"].startswith("Bearer ")


@pytest.mark.parametrize(
    "path",
    ["/v1/nothing", "/v1", "/v1/", "/v1/customers/1/2/3/4", "/v1//", "/webhooks/v1/nothing", "/api/usageEvent"],
)
@pytest.mark.parametrize("method", ["get", "post", "delete"])
def test_an_unknown_path_is_json(path, method):
    refused(getattr(APIClient(enforce_csrf_checks=True), method)(path), 404, 1000)


@pytest.mark.django_db
def test_a_trailing_slash_changes_nothing(admin):
    assert admin.get("/customers/").json()["items"] == admin.get("/customers").json()["items"] == []


def test_a_method_that_is_not_there_is_json(admin):
    assert refused(admin.delete("/customers"), 405, 405)


@pytest.mark.django_db
@pytest.mark.parametrize("query", ["?size=1%00", "?filter=%00"])
def test_a_nul_in_an_address_is_refused(admin, query):
    refused(admin.get(f"/customers{query}"), 400, 800002)
    refused(admin.get("/customers/a%00b"), 400, 800002)


def test_what_nobody_foresaw_answers_500_without_details():
    response = answer(ZeroDivisionError("secret detail"), {})
    assert response.status_code == 500
    assert "secret" not in str(response.data)
    assert response.data["source"] == "PartnerHub"


def test_too_many_requests_are_told_in_the_shape_of_their_own():
    response = answer(Throttled(wait=57), {})
    assert (response.status_code, response["Retry-After"]) == (429, "57")
    assert sorted(response.data) == ["message", "statusCode"]


@pytest.mark.django_db
def test_request_ids_are_echoed():
    response = Program(Role.ADMIN_AGENT).send("get", "/customers", MS_RequestId="one", MS_CorrelationId="two")
    assert (response["MS-RequestId"], response["MS-CorrelationId"]) == ("one", "two")
