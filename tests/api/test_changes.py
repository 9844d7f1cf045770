from datetime import timedelta

import pytest
import time_machine

from accounts.policy import SYSTEM
from billing.models import Charge
from partnerhub.outbox.delivery import deliver_due
from partnerhub.outbox.models import Event
from subscriptions.enums import Acceptance, Status
from subscriptions.models import Subscription
from subscriptions.services.settling import accept
from tests.api.conftest import path_of, refused
from tests.factories.subscriptions import NOON, active, buy

pytestmark = pytest.mark.django_db
ONCE = "0f0f4b7e-0000-4000-8000-000000000001"


def state(subscription):
    """All of a subscription and how much happened to it: equal before and after a refusal."""
    row = Subscription.objects.filter(pk=subscription.pk).values().get()
    return row, Event.objects.filter(stream_id=subscription.pk).count()


def etag_of(client, subscription) -> str:
    return client.get(path_of(subscription)).json()["attributes"]["etag"]


def test_a_nickname_is_changed(admin):
    bought = buy()
    response = admin.send("patch", path_of(bought), {"friendlyName": "Team North"})

    assert (response.status_code, response.json()["friendlyName"]) == (200, "Team North")
    assert Subscription.objects.get().nickname == "Team North"


def test_auto_renew_is_changed_and_left_alone_when_omitted(admin):
    bought = active()
    assert admin.send("patch", path_of(bought), {"autoRenewEnabled": False}).json()["autoRenewEnabled"] is False
    assert admin.send("patch", path_of(bought), {"friendlyName": "Other"}).json()["autoRenewEnabled"] is False


def test_the_whole_resource_may_be_sent_back(admin):
    bought = active()
    whole = admin.get(path_of(bought)).json() | {"friendlyName": "Other", "unknown": [1], "offerName": "read-only"}

    shown = admin.send("patch", path_of(bought), whole).json()

    assert (shown["friendlyName"], shown["offerName"], shown["quantity"]) == ("Other", bought.offer.title, 7)
    assert Subscription.objects.get().version == bought.version + 1


def test_the_same_resource_sent_back_changes_nothing(admin):
    bought = active()
    before = state(bought)
    assert admin.send("patch", path_of(bought), admin.get(path_of(bought)).json()).status_code == 200
    assert state(bought) == before


def test_two_changes_are_made_together_or_not_at_all(admin):
    bought = active()
    etag = etag_of(admin, bought)
    both = {"friendlyName": "Other", "autoRenewEnabled": False, "attributes": {"etag": etag}}
    assert admin.send("patch", path_of(bought), both).status_code == 200
    before = state(bought)

    with time_machine.travel(NOON + timedelta(days=4), tick=False):
        sentence = refused(
            admin.send("patch", path_of(bought), {"friendlyName": "Third", "status": "deleted"}), 400, 900213
        )

    assert "72-hour" in sentence
    assert state(bought) == before


@pytest.mark.parametrize("way", ["If-Match", "body"])
def test_a_stale_etag_is_refused(admin, way):
    bought = active()
    stale = etag_of(admin, bought)
    admin.send("patch", path_of(bought), {"friendlyName": "Second"})
    before = state(bought)
    body, headers = {"friendlyName": "Third"}, {}
    if way == "body":
        body["Attributes"] = {"Etag": stale}
    else:
        headers["If_Match"] = f'"{stale}"'

    refused(admin.send("patch", path_of(bought), body, **headers), 400, 2055)
    assert state(bought) == before


@pytest.mark.parametrize("change", [{}, {"friendlyName": "Second"}, {"quantity": 8}])
def test_a_stale_etag_is_refused_whatever_comes_with_it(admin, change):
    bought = active()
    stale = etag_of(admin, bought)
    admin.send("patch", path_of(bought), {"friendlyName": "Second"})
    before = state(bought)

    refused(admin.send("patch", path_of(bought), change, If_Match=f'"{stale}"'), 400, 2055)
    assert state(bought) == before


@pytest.mark.parametrize("etag", ["nonsense", "e30=", '"W10="', "eyJpZCI6IDEsICJ2ZXJzaW9uIjogMX0="])
def test_an_etag_that_is_none_of_ours_is_stale(admin, etag):
    bought = buy()
    before = state(bought)
    refused(admin.send("patch", path_of(bought), {"friendlyName": "X"}, If_Match=etag), 400, 2055)
    assert state(bought) == before


def test_a_fresh_etag_is_accepted_either_way(admin):
    bought = buy()
    assert (
        admin.send("patch", path_of(bought), {"friendlyName": "A"}, If_Match=f'"{etag_of(admin, bought)}"').status_code
        == 200
    )
    body = {"friendlyName": "B", "attributes": {"etag": etag_of(admin, bought)}}
    assert admin.send("patch", path_of(bought), body).status_code == 200
    assert admin.send("patch", path_of(bought), {"friendlyName": "C", "attributes": {"etag": ""}}).status_code == 200


@pytest.mark.parametrize("bought", [buy, active])
def test_deleted_cancels(admin, bought):
    subscription = bought()
    shown = admin.send("patch", path_of(subscription), {"Status": "Deleted", "cancellationReason": "Moved away"}).json()

    assert (shown["status"], shown["actions"], shown["attentionNeeded"]) == ("deleted", [], False)
    assert Subscription.objects.get().status == Status.UNSUBSCRIBED
    assert Event.objects.get(name="subscription.cancelled").reason == "Moved away"
    expected = "success" if bought is active else "failed"
    assert admin.get(f"{path_of(subscription)}/provisioningstatus").json()["status"] == expected


def test_suspended_suspends_and_active_takes_it_up_again(admin):
    subscription = active()
    suspended = admin.send("patch", path_of(subscription), {"status": "suspended"}).json()
    assert (suspended["status"], suspended["autoRenewEnabled"]) == ("suspended", False)

    shown = admin.send("patch", path_of(subscription), {"status": "active"}).json()
    assert (shown["status"], shown["autoRenewEnabled"]) == ("active", False)


def test_what_is_pending_cannot_be_suspended(admin):
    subscription = buy()
    before = state(subscription)
    refused(admin.send("patch", path_of(subscription), {"status": "suspended"}), 400, 800081)
    assert state(subscription) == before


def test_what_has_ended_cannot_be_changed(admin):
    bought = buy()
    admin.send("patch", path_of(bought), {"status": "deleted"})
    before = state(bought)
    refused(admin.send("patch", path_of(bought), {"friendlyName": "X"}), 400, 2011)
    refused(admin.send("patch", path_of(bought), {"status": "active"}), 400, 2011)
    refused(admin.send("patch", path_of(bought), {"quantity": 8}), 400, 2011)
    assert admin.send("patch", path_of(bought), {"status": "deleted"}).status_code == 200
    assert state(bought) == before


@pytest.mark.parametrize("change", [{"quantity": 8}, {"billingCycle": "annual"}, {"termDuration": "P1Y"}])
def test_what_waits_for_activation_is_refused_by_name(admin, change):
    subscription = buy()
    before = state(subscription)
    sentence = refused(admin.send("patch", path_of(subscription), {"friendlyName": "X"} | change), 400, 800081)
    assert next(iter(change)) in sentence
    assert state(subscription) == before


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"billingCycle": "annual"}, 400, 800097),
        ({"termDuration": "P1Y"}, 400, 800121),
        ({"partnerId": "123"}, 404, 800015),
        ({"quantity": 0}, 400, 2002),
        ({"quantity": 8, "quoteId": "4c4f1e6e-0000-4000-8000-000000000000"}, 404, 1000),
        ({"scheduledNextTermInstructions": {"product": {"skuId": "none"}}}, 400, 800002),
    ],
)
def test_what_cannot_be_done_is_refused_by_name(admin, change, status, code):
    subscription = active()
    before = state(subscription)
    refused(admin.send("patch", path_of(subscription), {"friendlyName": "X"} | change), status, code)
    assert state(subscription) == before
    assert not subscription.operations.exists()


def test_other_licences_wait_for_the_publisher(admin):
    subscription = active()
    response = admin.send("patch", path_of(subscription), {"quantity": 9}, Prefer="wait=5, Respond-Async")

    operation = subscription.operations.get()
    assert (response.status_code, response.json()["quantity"]) == (202, 7)
    assert response.headers["Preference-Applied"] == "respond-async"
    assert response.headers["Location"].endswith(f"/v1{path_of(subscription, 'operations', str(operation.pk))}")
    assert admin.get(path_of(subscription, "provisioningstatus")).json()["status"] == "pending"
    shown = admin.get(path_of(subscription, "operations", str(operation.pk))).json()
    assert (shown["action"], shown["after"]["quantity"], shown["heldUntil"]) == ("change_quantity", 9, None)
    refused(admin.send("patch", path_of(subscription), {"quantity": 10}), 409, 900278)

    accept(SYSTEM, operation.pk, how=Acceptance.PUBLISHER, at=NOON + timedelta(hours=1))
    assert admin.get(path_of(subscription)).json()["quantity"] == 9
    assert admin.get(path_of(subscription, "operations", str(operation.pk))).json()["acceptedBy"] == "publisher"


def test_the_next_term_is_scheduled_kept_when_omitted_and_taken_back(admin):
    subscription = active()
    wanted = {"scheduledNextTermInstructions": {"quantity": 5}}
    assert admin.send("patch", path_of(subscription), wanted).json()["scheduledNextTermInstructions"] == {"quantity": 5}

    kept = admin.send("patch", path_of(subscription), {"friendlyName": "Other"}).json()
    assert kept["scheduledNextTermInstructions"] == {"quantity": 5}
    whole = admin.get(path_of(subscription)).json()
    assert admin.send("patch", path_of(subscription), whole).json()["attributes"] == kept["attributes"]

    gone = admin.send("patch", path_of(subscription), {"scheduledNextTermInstructions": {}}).json()
    assert "scheduledNextTermInstructions" not in gone


def test_what_a_preview_quotes_is_what_happens(admin):
    subscription = active()
    shown = admin.send("post", path_of(subscription, "preview"), {"quantity": 9}).json()
    assert (shown["before"]["quantity"], shown["after"]["quantity"], len(shown["lines"])) == (7, 9, 2)

    accepted = admin.send("patch", path_of(subscription), {"quantity": 9, "quoteId": shown["quoteId"]})
    assert (accepted.status_code, accepted.json()["quantity"]) == (200, 7)
    operation = subscription.operations.get()
    assert str(operation.quote_id) == shown["quoteId"]

    accept(SYSTEM, operation.pk, how=Acceptance.PUBLISHER, at=NOON + timedelta(hours=1))
    deliver_due(NOON + timedelta(hours=1))
    charged = Charge.objects.filter(subscription=subscription).order_by("sequence")[1:]
    assert [f"{charge.amount:.2f}" for charge in charged] == [line["amount"] for line in shown["lines"]]


def test_what_begins_at_renewal_is_previewed_asked_for_and_quoted(admin, sales):
    subscription = active()
    wanted = {"scheduledNextTermInstructions": {"quantity": 5}}
    asked = sales.send("post", path_of(subscription, "changerequests"), wanted | {"reason": "Two leave"}).json()
    shown = admin.send("post", path_of(subscription, "preview"), wanted).json()
    both = admin.send("post", path_of(subscription, "preview"), wanted | {"quantity": 9})
    other = admin.send("patch", path_of(subscription), {"quantity": 5, "quoteId": shown["quoteId"]})
    done = admin.send("patch", path_of(subscription), wanted | {"quoteId": shown["quoteId"]}).json()

    assert asked["preview"]["after"]["scheduled"] == {"quantity": 5}
    assert (shown["before"]["scheduled"], shown["after"]["scheduled"], shown["lines"]) == ({}, {"quantity": 5}, [])
    refused(both, 400, 800002)
    refused(other, 404, 1000)
    assert done["scheduledNextTermInstructions"] == {"quantity": 5}


def test_a_sales_program_asks_and_an_admin_program_decides(admin, sales):
    subscription = active()
    path = path_of(subscription, "changerequests")
    response = sales.send("post", path, {"quantity": 9, "reason": "Two more people"})
    asked = response.json()
    assert (response.status_code, asked["status"], asked["changes"]) == (201, "open", {"quantity": [7, 9]})
    assert asked["baseEtag"] == etag_of(admin, subscription)

    refused(sales.send("post", f"{path}/{asked['id']}/approve", {}), 403, 900150)
    granted = admin.send("post", f"{path}/{asked['id']}/approve", {"quantity": 8, "reason": "One for now"}).json()
    assert (granted["status"], granted["decision"]) == ("partly_approved", "One for now")
    assert subscription.operations.get().payload["after"]["quantity"] == 8
    refused(admin.send("post", f"{path}/{asked['id']}/decline", {"reason": "no"}), 409, 800060)
    assert [one["status"] for one in admin.get(path).json()["items"]] == ["partly_approved"]


def test_what_is_asked_for_is_listed_for_all_customers_until_it_is_decided(admin, sales):
    first, second = active(), active()
    for minutes, subscription in enumerate((first, second)):
        with time_machine.travel(NOON + timedelta(hours=1, minutes=minutes), tick=False):
            sales.send("post", path_of(subscription, "changerequests"), {"quantity": 9, "reason": "Two more people"})
    asked = admin.get("/changerequests").json()
    request = first.change_requests.get()
    admin.send("post", path_of(first, "changerequests", str(request.pk), "decline"), {"reason": "Later"})

    def ids(query: str) -> list[str]:
        return [one["subscriptionId"] for one in admin.get(f"/changerequests?{query}").json()["items"]]

    assert asked["totalCount"] == 2
    assert asked["items"][0] == admin.get(path_of(first, "changerequests", str(request.pk))).json() | {
        "status": "open",
        "decidedBy": "",
        "decidedAt": None,
        "decision": "",
    }
    assert (ids(""), ids("status=declined"), ids("size=1")) == ([str(second.pk)], [str(first.pk)], [str(second.pk)])
    assert (ids(f"customerId={first.customer_id}"), ids(f"customerId={second.customer_id}")) == ([], [str(second.pk)])
    refused(admin.get("/changerequests?status=new"), 400, 800002)


@pytest.mark.parametrize(
    "change", [{}, {"friendlyName": "X"}, {"autoRenewEnabled": False}, {"status": "deleted"}, {"quantity": 8}]
)
@pytest.mark.parametrize("role", ["sales", "ops", "platform"])
@pytest.mark.parametrize("bought", [buy, active])
def test_only_an_admin_agent_changes_anything(request, role, bought, change):
    subscription = bought()
    before = state(subscription)
    refused(request.getfixturevalue(role).send("patch", path_of(subscription), change), 403, 900150)
    assert state(subscription) == before


@pytest.mark.parametrize(
    "change",
    [
        {"status": "expired"},
        {"status": 7},
        {"autoRenewEnabled": "perhaps"},
        {"quantity": "many"},
        {"friendlyName": ""},
        {"friendlyName": "x" * 201},
        {"friendlyName": ["x"]},
        [],
    ],
)
def test_a_value_that_is_none_is_refused(admin, change):
    bought = buy()
    before = state(bought)
    refused(admin.send("patch", path_of(bought), change), 400, 800002)
    assert state(bought) == before


def test_a_repeated_request_leads_to_the_same_operation(admin):
    subscription = active()
    first, again = (
        admin.send("patch", path_of(subscription), {"quantity": 9}, MS_RequestId=ONCE, Prefer="respond-async")
        for _ in range(2)
    )

    told = [(answer.status_code, answer["Location"], answer["Retry-After"], answer.json()) for answer in (first, again)]
    assert told[0] == told[1]
    assert told[0][:2] == (202, f"http://127.0.0.1:8000/v1{first.json()['links']['operation']['uri']}")
    assert subscription.operations.count() == 1


def test_who_prefers_nothing_is_answered_200_with_the_change_in_sight(admin):
    subscription = active()
    response = admin.send("patch", path_of(subscription), {"quantity": 9}, Prefer="return=minimal")

    operation = subscription.operations.get()
    assert (response.status_code, response.json()["quantity"]) == (200, 7)
    assert response.json()["links"]["operation"]["uri"] == path_of(subscription, "operations", str(operation.pk))
    assert not {"Location", "Preference-Applied"} & set(response.headers)


def test_what_is_done_at_once_is_done_though_another_change_waits(admin):
    subscription = active()
    admin.send("patch", path_of(subscription), {"quantity": 9})

    response = admin.send("patch", path_of(subscription), {"friendlyName": "Other"})

    assert (response.status_code, response.json()["friendlyName"]) == (200, "Other")
    assert "Location" not in response.headers
