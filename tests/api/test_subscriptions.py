import re
from datetime import timedelta
from uuid import uuid4

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.policy import SYSTEM
from partnerhub.mail.models import Message
from publishers.fulfillment.gateway import Answer, Outcome
from publishers.models import Adapter, Pricing
from subscriptions.api.reminding import EXAMPLE
from subscriptions.models import PollSchedule
from subscriptions.services.edits import set_auto_renew
from subscriptions.services.renewal import renew_due
from tests.api.conftest import LATER, path_of, refused
from tests.factories.billing import ADMIN
from tests.factories.customers import CustomerFactory, ResellerFactory
from tests.factories.publishers import PlanTermFactory
from tests.factories.subscriptions import NOON, active, buy, hear, said

pytestmark = pytest.mark.django_db

OLD_WORDS = {"active", "suspended", "deleted"}


def test_what_waits_for_its_publisher_is_active_and_needs_attention(admin):
    bought = buy()
    shown = admin.get(path_of(bought)).json()

    assert (shown["status"], shown["attentionNeeded"], shown["actionTaken"]) == ("active", True, False)
    assert shown["attentionReason"] == "awaiting_customer_setup"
    assert "effectiveStartDate" not in shown
    assert "commitmentEndDate" not in shown
    assert shown["cancellationAllowedUntilDate"] == "2026-12-23T12:00:00Z"
    assert shown["actions"] == ["edit", "cancel"]
    assert admin.get(f"{path_of(bought)}/provisioningstatus").json()["status"] == "pending"


def test_an_active_subscription_shows_its_term(admin):
    confirmed = active()
    shown = admin.get(path_of(confirmed)).json()

    assert (shown["status"], shown["attentionNeeded"], shown["attentionReason"]) == ("active", False, "")
    assert (shown["effectiveStartDate"], shown["commitmentEndDate"]) == ("2026-11-23T00:00:00Z", "2026-12-22T00:00:00Z")
    assert shown["cancellationAllowedUntilDate"] == "2026-11-26T12:00:00Z"
    assert shown["refundOptions"] == [{"type": "Full", "expiresAt": "2026-11-26T12:00:00Z"}]
    assert (shown["termDuration"], shown["billingCycle"], shown["quantity"]) == ("P1M", "monthly", 7)
    assert shown["links"]["self"]["uri"] == path_of(confirmed)
    status = admin.get(f"{path_of(confirmed)}/provisioningstatus").json()
    assert (status["status"], status["quantity"], status["endDate"]) == ("success", 7, "2026-12-22T00:00:00Z")


def test_a_trial_is_one_until_its_last_day_or_its_end(admin):
    bought = buy(term=PlanTermFactory(plan__trial_days=14))
    trying = active(term=PlanTermFactory(plan__trial_days=14))
    paid = active()
    ended = buy(term=PlanTermFactory(plan__trial_days=14))
    admin.send("patch", path_of(ended), {"status": "deleted"})

    shown = [admin.get(path_of(one)).json()["isTrial"] for one in (bought, trying, paid, ended)]
    with time_machine.travel(NOON + timedelta(days=14), tick=False):
        later = admin.get(path_of(trying)).json()["isTrial"]

    assert (shown, later) == ([True, True, False, False], False)


def test_licences_can_be_given_back_while_they_are_active_and_their_window_is_open(admin):
    waiting, confirmed = buy(), active()
    flat = active(term=PlanTermFactory(plan__pricing=Pricing.FLAT_RATE, plan__max_quantity=1), quantity=1)
    nothing = {"totalQuantity": 0, "details": []}

    shown = [admin.get(path_of(one)).json()["refundableQuantity"] for one in (waiting, confirmed, flat)]
    closes_at = confirmed.tranches.get().reducible_until
    with time_machine.travel(closes_at, tick=False):
        later = admin.get(path_of(confirmed)).json()["refundableQuantity"]

    batch = {"quantity": 7, "allowedUntilDateTime": f"{closes_at:%Y-%m-%dT%H:%M:%SZ}"}
    assert shown == [nothing, {"totalQuantity": 7, "details": [batch]}, nothing]
    assert later == nothing


def test_the_running_billing_cycle_is_shown_with_its_last_day(admin):
    yearly = active(term=PlanTermFactory(term="P1Y"))
    trying = active(term=PlanTermFactory(plan__trial_days=14))
    whole = active(term=PlanTermFactory(term="P1Y", billing_cycle="one_time"))

    def last_day(subscription, days: int) -> str | None:
        with time_machine.travel(NOON + timedelta(days=days), tick=False):
            return admin.get(path_of(subscription)).json().get("billingCycleEndDate", "")[:10]

    assert [last_day(yearly, days) for days in (0, 29, 30, 364)] == [
        "2026-12-22",
        "2026-12-22",
        "2027-01-22",
        "2027-11-22",
    ]
    assert [last_day(trying, days) for days in (0, 13, 14)] == ["2026-12-06", "2026-12-06", ""]
    assert last_day(whole, 200) == "2027-11-22"
    assert last_day(buy(), 0) == ""


def test_every_answer_carries_the_dialects_headers(admin):
    path = path_of(buy())
    given = admin.send("get", path, MS_CV="tul4PUADs0mtzxu1.3")
    made_up = admin.send("get", path, MS_CV="two words")

    assert (given["MS-CV"], given["X-Locale"]) == ("tul4PUADs0mtzxu1.3", "en-US")
    assert re.fullmatch(r"[A-Za-z0-9+/]{22}\.0", made_up["MS-CV"])
    assert re.fullmatch(r"[0-9]{9}", given["MS-ServerId"])
    assert given["MS-ServerId"] == made_up["MS-ServerId"]


def test_after_the_window_it_cannot_be_cancelled_any_more(admin):
    confirmed = active()
    with time_machine.travel(NOON + timedelta(days=3), tick=False):
        shown = admin.get(path_of(confirmed)).json()
    assert (shown["cancellationAllowedUntilDate"], shown["refundOptions"], shown["actions"]) == (None, [], ["edit"])


def test_a_sales_agent_is_offered_no_action(sales):
    assert sales.get(path_of(buy())).json()["actions"] == []


def test_every_link_of_a_subscription_leads_somewhere(admin):
    shown = admin.get(path_of(buy())).json()
    assert {name: admin.get(link["uri"]).status_code for name, link in shown["links"].items()} == dict.fromkeys(
        shown["links"], 200
    )


def test_a_list_speaks_only_words_that_old_clients_know(admin):
    customer = CustomerFactory()
    waiting, confirmed = buy(customer=customer), active(customer=customer, at=NOON)
    shown = admin.get(f"/customers/{customer.pk}/subscriptions").json()

    assert shown["totalCount"] == 2
    assert {item["id"] for item in shown["items"]} == {str(waiting.pk), str(confirmed.pk)}
    assert {item["status"] for item in shown["items"]} <= OLD_WORDS
    assert shown["attributes"] == {"objectType": "Collection"}
    assert shown["links"]["self"]["uri"] == f"/customers/{customer.pk}/subscriptions"


def test_a_list_is_narrowed_by_order_and_by_reseller(admin):
    customer, reseller = CustomerFactory(), ResellerFactory()
    through, direct = buy(customer=customer, partner_id=reseller.partner_id), buy(customer=customer)
    root = f"/customers/{customer.pk}/subscriptions"

    def ids(query: str) -> list[str]:
        return [item["id"] for item in admin.get(f"{root}?{query}").json()["items"]]

    assert ids(f"mpn_id={reseller.partner_id}") == [str(through.pk)]
    assert ids(f"order_id={direct.order_line.order_id}") == [str(direct.pk)]
    assert ids("mpn_id=1") == []


def test_the_list_costs_the_same_for_one_and_for_three_plans(admin):
    customer, counts = CustomerFactory(), []
    for more in (1, 2):
        for _ in range(more):
            active(customer=customer, term=PlanTermFactory(), partner_id=ResellerFactory().partner_id)
        with CaptureQueriesContext(connection) as queries:
            listed = admin.get(f"/customers/{customer.pk}/subscriptions").json()["totalCount"]
        counts.append((listed, len(queries)))
    assert counts == [(1, counts[0][1]), (3, counts[0][1])]


@pytest.mark.parametrize("rest", ["", "/activationlinks", "/provisioningstatus", "/billinggates", "/timeline"])
def test_a_subscription_is_found_only_under_its_customer(admin, rest):
    bought = buy()
    refused(admin.get(f"/customers/{CustomerFactory().pk}/subscriptions/{bought.pk}{rest}"), 404, 20003)
    refused(admin.get(f"/customers/{bought.customer_id}/subscriptions/{uuid4()}{rest}"), 404, 20003)
    refused(admin.get(f"/customers/{bought.customer_id}/subscriptions/x{rest}"), 404, 20003)
    refused(admin.get(f"/customers/{uuid4()}/subscriptions/{bought.pk}{rest}"), 404, 1000)


def test_the_gates_name_one_blocker_with_its_next_action(ops):
    bought = buy()
    hear(bought, said(bought, "Subscribed", assigned_quantity=4), at=LATER)

    shown = ops.get(f"{path_of(bought)}/billinggates").json()
    gates = {item["gate"]: item for item in shown["items"]}

    assert (shown["subscriptionId"], shown["billingStartedAt"]) == (str(bought.pk), None)
    assert shown["blocker"] == "licenses_assigned"
    assert list(gates) == ["ordered", "licenses_assigned", "configuration_confirmed", "not_cancelled"]
    assert [gate["state"] for gate in gates.values()] == ["satisfied", "pending", "satisfied", "satisfied"]
    assert sorted(gates["ordered"]) == ["dueAt", "evidence", "gate", "nextAction", "owner", "since", "state"]
    assert gates["licenses_assigned"]["evidence"]["said"]["assigned_quantity"] == 4
    assert gates["licenses_assigned"]["dueAt"] == "2026-12-23T12:00:00Z"


def test_when_all_gates_hold_billing_has_started(ops):
    shown = ops.get(f"{path_of(active())}/billinggates").json()
    assert (shown["billingStartedAt"], shown["blocker"]) == ("2026-11-23T12:00:00Z", None)
    assert {item["state"] for item in shown["items"]} == {"satisfied"}


def test_the_timeline_tells_who_did_what_with_which_request(admin):
    bought = buy()
    admin.send(
        "patch", path_of(bought), {"friendlyName": "Renamed"}, MS_RequestId=str(bought.pk), MS_CorrelationId="c-1"
    )

    entries = admin.get(f"{path_of(bought)}/timeline").json()["items"]

    assert [entry["name"] for entry in entries] == ["subscription.renamed", "subscription.ordered"]
    assert entries[0]["actor"]["label"] == "Program admin_agent"
    assert (entries[0]["requestId"], entries[0]["correlationId"]) == (str(bought.pk), "c-1")
    assert entries[0]["at"] == "2026-11-23T13:00:00Z"


def test_only_who_asks_for_every_status_is_told_more_than_three_words(admin):
    bought, expired = buy(), active()
    set_auto_renew(ADMIN, expired.pk, auto_renew=False, version=None, at=NOON, hold=False)
    later = NOON + timedelta(days=30)
    renew_due(SYSTEM, at=later)
    with time_machine.travel(later, tick=False):
        told = [
            (
                admin.send("get", path_of(one), **headers).json()["status"],
                admin.send("get", path_of(one).rpartition("/")[0], **headers).json()["items"][0]["status"],
            )
            for one in (bought, expired)
            for headers in ({}, {"Prefer": "respond-async, Every-Status"})
        ]
    assert told == [("active", "active"), ("pending", "pending"), ("deleted", "deleted"), ("expired", "expired")]


def test_a_status_of_the_larger_vocabulary_is_sent_back_unchanged(admin):
    bought = buy()
    whole = admin.send("get", path_of(bought), Prefer="every-status").json()
    del whole["attributes"]
    answer = admin.send("patch", path_of(bought), whole | {"friendlyName": "Other"}, Prefer="every-status").json()
    assert (answer["status"], answer["friendlyName"]) == ("pending", "Other")
    assert admin.send("patch", path_of(bought), whole | {"friendlyName": "Third"}).json()["status"] == "active"


def test_the_customer_is_reminded_once_a_day(admin):
    waiting, confirmed = buy(), active()
    path = path_of(waiting, "remind")
    assert admin.send("post", path).json() == EXAMPLE | {"subscriptionId": str(waiting.pk)}
    assert admin.send("post", path).json()["data"] == ["reminded_already"]
    assert admin.send("post", path_of(confirmed, "remind")).json()["data"] == ["nothing_to_remind"]
    assert Message.objects.count() == 1


def test_asking_now_makes_the_poll_due(ops):
    bought = buy()
    PollSchedule.objects.update(next_poll_at=LATER + timedelta(hours=9))

    response = ops.send("post", f"{path_of(bought)}/poll")

    assert (response.status_code, response.json()["subscriptionId"]) == (202, str(bought.pk))
    assert PollSchedule.objects.get().next_poll_at == LATER


def test_a_publisher_that_calls_us_is_not_asked(ops):
    bought = buy(term=PlanTermFactory(plan__offer__publisher__adapter=Adapter.PUSH))
    refused(ops.send("post", f"{path_of(bought)}/poll"), 400, 800096)
    assert not PollSchedule.objects.exists()


def test_a_platform_admin_may_not_ask(platform):
    bought = buy()
    refused(platform.send("post", f"{path_of(bought)}/poll"), 403, 900150)
    assert PollSchedule.objects.get().next_poll_at == NOON


def test_the_queue_lists_what_must_be_acted_on_by_deadline(ops):
    later, sooner, confirmed = buy(at=NOON), buy(at=NOON - timedelta(hours=2)), active()
    hear(later, Answer(Outcome.SILENT), at=LATER)

    shown = ops.get("/attention").json()

    assert [item["subscriptionId"] for item in shown["items"]] == [str(sooner.pk), str(later.pk)]
    assert str(confirmed.pk) not in str(shown)
    assert shown["items"][1]["reason"] == "publisher_silent"
    assert shown["items"][0]["amountAtRisk"] == {"amount": 70.56, "currency": "EUR"}
    assert (shown["items"][0]["owner"], shown["items"][0]["nextAction"]) == ("customer", "open_publisher_site")
    read_by_others = "id subscriptionId customerId reason owner since dueAt amountAtRisk nextAction"
    assert set(read_by_others.split()) <= set(shown["items"][0])


def test_the_queue_is_paged(ops):
    for hours in range(3):
        buy(at=NOON - timedelta(hours=hours))
    first = ops.get("/attention?size=2").json()
    headers = {header["key"].replace("-", "_"): header["value"] for header in first["links"]["next"]["headers"]}
    second = ops.send("get", first["links"]["next"]["uri"], **headers).json()

    assert (first["totalCount"], len(first["items"]), len(second["items"])) == (3, 2, 1)
    assert second["items"][0]["id"] not in {item["id"] for item in first["items"]}
