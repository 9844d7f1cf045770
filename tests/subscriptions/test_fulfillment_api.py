"""What publishers' programs see at /api/saas/subscriptions, through Django's own HTTP stack."""

import json
from datetime import UTC, date, datetime, timedelta
from urllib.parse import parse_qs, quote, urlsplit
from uuid import UUID, uuid4

import pytest
from django.conf import settings
from django.test import Client as Http

from accounts.policy import SYSTEM, Role
from accounts.tokens import MARKETPLACE, MARKETPLACE_LEGACY, PARTNER_CENTER, Version, issue
from partnerhub.outbox.models import Event
from publishers.models import Adapter, Pricing
from subscriptions.enums import EndReason, OperationAction, OperationStatus, Status
from subscriptions.fulfillment_api import selectors
from subscriptions.models import BillingStart, Operation, PurchaseToken, Subscription
from subscriptions.services.holding import undo
from subscriptions.services.links import mint_link
from subscriptions.services.quantity import change_quantity
from subscriptions.services.suspension import suspend
from tests.factories.accounts import ClientFactory, actor
from tests.factories.customers import CustomerFactory
from tests.factories.publishers import OfferFactory, PlanFactory, PlanTermFactory, PublisherFactory
from tests.factories.subscriptions import NOON, active, buy

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("ready_signing_keys")]
BASE = "/api/saas/subscriptions"


@pytest.fixture(autouse=True)
def clock(time_machine):
    time_machine.move_to(NOON, tick=False)
    return time_machine


@pytest.fixture
def publisher():
    return PublisherFactory(adapter=Adapter.PUSH, fulfillment_base_url="")


@pytest.fixture
def term(publisher):
    return PlanTermFactory(plan__offer__publisher=publisher)


@pytest.fixture
def pending(term):
    return buy(term=term)


@pytest.fixture
def vendor(publisher):
    return Vendor(publisher.client)


class Vendor:
    """A publisher's program: every call with its token and the api-version, no CSRF token, no session."""

    def __init__(self, app, audience=MARKETPLACE, version=Version.V1, at=NOON):
        self.app, self.http = app, Http(enforce_csrf_checks=True, raise_request_exception=False)
        self.token = issue(app, audience=audience, version=version, at=at).access_token

    def call(self, method, path="", body=None, *, api_version="2018-08-31", content_type="application/json", **headers):
        sent = {"authorization": f"Bearer {self.token}", **{name.replace("_", "-"): v for name, v in headers.items()}}
        query = f"{'&' if '?' in path else '?'}api-version={api_version}" if api_version else ""
        data = body if isinstance(body, str | bytes) else "" if body is None else json.dumps(body)
        sent = {name: value for name, value in sent.items() if value is not None}
        return self.http.generic(method, f"{BASE}{path}{query}", data, content_type, headers=sent)

    def get(self, path="", **options):
        return self.call("GET", path, **options)

    def resolve(self, token, **options):
        return self.call("POST", "/resolve", content_type="", x_ms_marketplace_token=token, **options)

    def activate(self, subscription, body=None, **options):
        return self.call("POST", f"/{subscription.pk}/activate", body, **options)


def link_token(subscription, at=NOON):
    link = mint_link(actor(Role.SALES_AGENT), subscription.pk, at=at)
    return parse_qs(urlsplit(link).query)["token"][0]


def traces():
    """Everything that a refused call must leave as it was."""
    return (
        list(Subscription.objects.order_by("id").values()),
        Event.objects.count(),
        BillingStart.objects.count(),
        list(PurchaseToken.objects.order_by("token_hash").values()),
    )


def refusal(response, status, code=None):
    assert response.status_code == status
    assert response["Content-Type"] == "application/json"
    body = response.json()
    if code is not None:
        assert body["code"] == code
    return body


def end(subscription):
    Subscription.objects.filter(pk=subscription.pk).update(
        status=Status.UNSUBSCRIBED, ended_at=NOON, end_reason=EndReason.CANCELLED
    )


class TestDoor:
    def test_no_credential_is_401_and_says_how_to_get_one(self, vendor, pending):
        response = vendor.get(authorization=None)

        refusal(response, 401, "Unauthorized")
        assert response["WWW-Authenticate"].startswith("Bearer ")

    @pytest.mark.parametrize("credential", ["Bearer", "Bearer nonsense", "Basic eDp5"])
    def test_a_malformed_credential_is_403(self, vendor, credential):
        body = refusal(vendor.get(authorization=credential), 403, "Forbidden")

        assert body["target"] == "form"

    @pytest.mark.parametrize("mismatch", ["audience", "app", "expiry", "publisher", "signature"])
    def test_a_token_that_does_not_match_is_403_and_names_what_did_not(self, publisher, pending, mismatch):
        app = publisher.client
        if mismatch == "publisher":
            app = ClientFactory(role=Role.PUBLISHER)
        audience = PARTNER_CENTER if mismatch == "audience" else MARKETPLACE
        at = NOON - timedelta(hours=1) if mismatch == "expiry" else NOON
        caller = Vendor(app, audience=audience, at=at)
        if mismatch == "app":
            app.is_active = False
            app.save(update_fields=["is_active"])
        if mismatch == "signature":
            caller.token = caller.token[:-8] + "AAAAAAAA"
        before = traces()

        response = caller.activate(pending)

        body = refusal(response, 403, "Forbidden")
        assert body["target"] == mismatch
        assert caller.token not in body["message"]
        assert "WWW-Authenticate" not in response
        assert traces() == before

    @pytest.mark.parametrize("audience", [MARKETPLACE, MARKETPLACE_LEGACY])
    @pytest.mark.parametrize("version", list(Version))
    def test_both_audiences_and_both_shapes_of_token_enter(self, publisher, audience, version):
        assert Vendor(publisher.client, audience=audience, version=version).get().status_code == 200

    def test_the_api_version_is_required_and_must_be_known(self, vendor):
        missing, wrong = vendor.get(api_version=""), vendor.get(api_version="2017-04-15")

        assert (missing.status_code, missing.json()["Error"]["Code"]) == (400, "ApiVersionUnspecified")
        assert (wrong.status_code, wrong.json()["Error"]["Code"]) == (400, "UnsupportedApiVersion")

    def test_tracing_ids_come_back_as_sent(self, vendor):
        response = vendor.get(x_ms_requestid="any string, really", x_ms_correlationid="two")

        assert response["x-ms-requestid"] == "any string, really"
        assert response["x-ms-correlationid"] == "two"

    def test_tracing_ids_are_made_up_where_missing_and_alike_when_both_are(self, vendor):
        neither, one = vendor.get(), vendor.get(x_ms_requestid="one")

        assert neither["x-ms-requestid"] == neither["x-ms-correlationid"]
        assert UUID(neither["x-ms-requestid"])
        assert one["x-ms-requestid"] == "one"
        assert one["x-ms-correlationid"]

    def test_errors_carry_the_tracing_ids_too(self, vendor):
        assert vendor.get("/nothing", x_ms_requestid="r")["x-ms-requestid"] == "r"

    @pytest.mark.parametrize("path", ["/x/unknown", "/resolve/", "/a/b/c/d/e", "s"])
    def test_an_address_that_is_none_is_404_in_json(self, vendor, path):
        refusal(vendor.call("POST", path), 404)

    @pytest.mark.parametrize(
        ("method", "path"),
        [("PUT", ""), ("GET", "/resolve"), ("PATCH", "/4c4f1e6e-0000-4000-8000-000000000000/activate")],
    )
    def test_a_method_that_is_not_offered_is_405_in_json(self, vendor, method, path):
        response = vendor.call(method, path)

        refusal(response, 405, "MethodNotAllowed")
        assert response["Allow"]

    def test_a_failure_of_ours_is_500_in_json_and_tells_nothing(self, vendor, pending, monkeypatch):
        def explode(*_arguments):
            raise RuntimeError("the secret inside")

        monkeypatch.setattr(selectors, "subscription_of", explode)

        body = refusal(vendor.get(f"/{pending.pk}"), 500, "InternalServerError")
        assert "secret" not in body["message"]

    def test_a_body_over_64_kb_is_refused(self, vendor, pending):
        before = traces()

        refusal(vendor.activate(pending, " " * (64 * 1024 + 1)), 413, "RequestEntityTooLarge")
        assert traces() == before

    def test_no_session_and_no_cookie_are_involved(self, vendor):
        assert vendor.get().cookies == {}


class TestResolve:
    def test_answers_the_whole_order_without_body_or_content_type(self, vendor, pending):
        response = vendor.resolve(link_token(pending))

        assert response.status_code == 200
        body = response.json()
        assert body["subscription"] == vendor.get(f"/{pending.pk}").json()
        assert {name: body[name] for name in body if name != "subscription"} == {
            "id": str(pending.pk),
            "subscriptionName": pending.nickname,
            "offerId": pending.offer.offer_id,
            "planId": pending.plan.plan_id,
            "quantity": 7,
        }

    def test_is_repeatable_and_works_in_every_state(self, vendor, pending):
        token = link_token(pending)

        assert vendor.resolve(token).json()["subscription"]["saasSubscriptionStatus"] == "PendingFulfillmentStart"
        vendor.activate(pending)
        assert vendor.resolve(token).json()["subscription"]["saasSubscriptionStatus"] == "Subscribed"
        end(pending)
        assert vendor.resolve(token).json()["subscription"]["saasSubscriptionStatus"] == "Unsubscribed"

    @pytest.mark.parametrize("times", [0, 1, 2])
    def test_a_token_survives_its_decodings(self, vendor, pending, times):
        token = link_token(pending)
        for _ in range(times):
            token = quote(token, safe="")

        assert vendor.resolve(token).status_code == 200

    def test_a_missing_token_is_400(self, vendor):
        assert refusal(vendor.resolve(None), 400, "HeaderNotPresent")["target"] == "x-ms-marketplace-token"

    @pytest.mark.parametrize("token", ["nonsense", "A" * 64, "%ff%fe", "ü"])
    def test_a_token_that_nobody_minted_is_400(self, vendor, pending, token):
        before = traces()

        refusal(vendor.resolve(token), 400, "InvalidValue")
        assert traces() == before

    def test_a_token_is_good_for_24_hours(self, publisher, pending, clock):
        token = link_token(pending)
        before = traces()

        clock.move_to(NOON + timedelta(hours=24), tick=False)
        late = Vendor(publisher.client, at=NOON + timedelta(hours=24)).resolve(token)
        assert "2026-11-24" in refusal(late, 400, "InvalidValue")["message"]
        assert traces() == before

        clock.move_to(NOON + timedelta(hours=23, minutes=59), tick=False)
        assert Vendor(publisher.client, at=NOON + timedelta(hours=23)).resolve(token).status_code == 200

    def test_the_token_of_another_publisher_is_403(self, pending):
        token = link_token(pending)
        other = Vendor(PublisherFactory().client)
        before = traces()

        assert refusal(other.resolve(token), 403, "Forbidden")["target"] == "publisher"
        assert traces() == before


class TestActivate:
    @pytest.mark.parametrize(
        ("body", "content_type"),
        [
            (None, ""),
            ("", "application/json"),
            ({}, "application/json"),
            ({"planId": "gold", "quantity": 7}, "application/json"),
            ({"planId": "gold", "quantity": "7"}, "application/json; charset=utf-8"),
            ({"planId": "gold", "quantity": None, "unknown": [1]}, ""),
            ("{'planId': 'gold', 'quantity': '7'}", "application/json; charset=application/json"),
            (b'\xef\xbb\xbf{"planId": "gold"}', "text/plain"),
        ],
    )
    def test_confirms_and_answers_an_empty_200(self, vendor, pending, body, content_type):
        response = vendor.activate(pending, body, content_type=content_type)

        assert (response.status_code, response.content) == (200, b"")
        pending.refresh_from_db()
        assert (pending.status, pending.activated_at) == (Status.SUBSCRIBED, NOON)
        assert BillingStart.objects.get(subscription=pending).starts_at == NOON

    def test_keeps_what_the_call_said_and_its_id_as_evidence(self, vendor, pending):
        vendor.activate(pending, {"planId": "other", "quantity": "9"}, x_ms_requestid="call-1")

        evidence = pending.gates.get(gate="configuration_confirmed").evidence
        assert (evidence["source"], evidence["id"]) == ("call", "call-1")
        assert evidence["said"] == {"plan_id": "other", "quantity": 9}

    def test_twice_is_200_and_once(self, vendor, pending):
        vendor.activate(pending)
        before = traces()

        assert vendor.activate(pending).status_code == 200
        assert traces() == before

    @pytest.mark.parametrize(
        "body",
        [
            "{",
            "[]",
            '"text"',
            b"\xff",
            {"planId": 5},
            {"planId": ""},
            {"planId": "a\0"},
            {"quantity": "seven"},
            {"quantity": 1.5},
            {"quantity": -1},
            {"quantity": 0},
            {"quantity": True},
            {"quantity": 2**63},
            '{"a":' * 5000,
        ],
    )
    def test_an_unreadable_body_is_400_and_confirms_nothing(self, vendor, pending, body):
        before = traces()

        refusal(vendor.activate(pending, body), 400)
        assert traces() == before

    def test_a_suspended_subscription_is_400(self, vendor, pending):
        vendor.activate(pending)
        suspend(actor(Role.ADMIN_AGENT), pending.pk, reason="Unpaid", version=None, at=NOON)
        before = traces()

        refusal(vendor.activate(pending), 400, "BadRequest")
        assert traces() == before

    def test_an_ended_or_unknown_subscription_is_404(self, vendor, pending):
        end(pending)
        before = traces()

        refusal(vendor.activate(pending), 404, "EntityNotFound")
        refusal(vendor.call("POST", f"/{uuid4()}/activate"), 404, "EntityNotFound")
        refusal(vendor.call("POST", "/no-id/activate"), 404, "EntityNotFound")
        assert traces() == before

    def test_a_foreign_subscription_is_403(self, pending):
        before = traces()

        refusal(Vendor(PublisherFactory().client).activate(pending), 403, "Forbidden")
        assert traces() == before


class TestGet:
    def test_a_pending_subscription_has_no_dates(self, vendor, pending):
        customer = pending.customer

        body = vendor.get(f"/{pending.pk}").json()

        purchaser = body.pop("purchaser")
        assert purchaser["tenantId"] == settings.HUB_TENANT_ID
        assert UUID(purchaser["objectId"])
        assert body == {
            "id": str(pending.pk),
            "publisherId": str(pending.publisher_id),
            "offerId": pending.offer.offer_id,
            "planId": pending.plan.plan_id,
            "name": pending.nickname,
            "saasSubscriptionStatus": "PendingFulfillmentStart",
            "beneficiary": {
                "emailId": customer.beneficiary_email,
                "objectId": str(customer.beneficiary_object_id),
                "tenantId": str(customer.tenant_id),
                "puid": customer.beneficiary_object_id.hex[:16],
            },
            "quantity": 7,
            "term": {"termUnit": "P1M"},
            "autoRenew": True,
            "isTest": False,
            "isFreeTrial": False,
            "allowedCustomerOperations": ["Read"],
            "sandboxType": "None",
            "sessionMode": "None",
            "created": "2026-11-23T12:00:00.0000000Z",
            "lastModified": "0001-01-01T00:00:00",
        }

    @pytest.mark.parametrize(
        ("activated", "end_date"),
        [(datetime(2026, 11, 23, 23, 59, tzinfo=UTC), "2026-12-22"), (datetime(2027, 1, 31, tzinfo=UTC), "2027-02-27")],
    )
    def test_an_active_one_has_midnights_and_an_inclusive_end(self, term, clock, activated, end_date):
        subscription = buy(term=term, at=activated)
        clock.move_to(activated, tick=False)
        vendor = Vendor(term.plan.offer.publisher.client, at=activated)
        vendor.activate(subscription)

        body = vendor.get(f"/{subscription.pk}").json()

        assert body["saasSubscriptionStatus"] == "Subscribed"
        assert body["term"] == {
            "termUnit": "P1M",
            "startDate": f"{activated:%Y-%m-%d}T00:00:00Z",
            "endDate": f"{end_date}T00:00:00Z",
        }

    def test_a_flat_rate_has_no_quantity(self, vendor, publisher):
        flat = PlanTermFactory(plan__offer__publisher=publisher, plan__pricing=Pricing.FLAT_RATE)
        subscription = buy(term=flat, quantity=1)

        assert "quantity" not in vendor.get(f"/{subscription.pk}").json()
        assert "quantity" not in vendor.resolve(link_token(subscription)).json()

    def test_an_ended_one_has_no_quantity_any_more(self, vendor, pending):
        end(pending)

        body = vendor.get(f"/{pending.pk}").json()

        assert body["saasSubscriptionStatus"] == "Unsubscribed"
        assert "quantity" not in body

    def test_a_trial_is_one_until_its_last_day(self, publisher, clock):
        subscription = buy(term=PlanTermFactory(plan__offer__publisher=publisher, plan__trial_days=14))
        vendor = Vendor(publisher.client)
        assert vendor.get(f"/{subscription.pk}").json()["isFreeTrial"] is True
        vendor.activate(subscription)

        after = NOON + timedelta(days=14)
        clock.move_to(after, tick=False)
        assert Vendor(publisher.client, at=after).get(f"/{subscription.pk}").json()["isFreeTrial"] is False

    def test_ids_may_be_in_capitals(self, vendor, pending):
        assert vendor.get(f"/{str(pending.pk).upper()}").status_code == 200

    def test_a_foreign_one_is_403_and_an_unknown_one_404(self, vendor, pending):
        refusal(Vendor(PublisherFactory().client).get(f"/{pending.pk}"), 403, "Forbidden")
        refusal(vendor.get(f"/{uuid4()}"), 404, "EntityNotFound")

    def test_nothing_anywhere_is_null(self, vendor, pending):
        assert "null" not in vendor.get(f"/{pending.pk}").content.decode()


class TestList:
    @pytest.mark.parametrize("path", ["", "/"])
    def test_both_spellings_answer_the_publishers_own_without_redirect(self, vendor, pending, path):
        buy()

        response = vendor.get(path)

        assert response.status_code == 200
        assert response.json() == {"subscriptions": [vendor.get(f"/{pending.pk}").json()]}

    def test_pages_follow_an_absolute_link_to_the_end(self, vendor, term, monkeypatch):
        monkeypatch.setattr(selectors, "PAGE", 2)
        customer = CustomerFactory()
        bought = [buy(term=term, customer=customer, at=NOON - timedelta(days=n // 2)) for n in range(5)]

        page, listed, pages = vendor.get().json(), [], 1
        while "@nextLink" in page:
            listed += page["subscriptions"]
            assert page["@nextLink"].startswith(f"{settings.HUB_BASE_URL}{BASE}?")
            assert "api-version=2018-08-31" in page["@nextLink"]
            page = vendor.get("?" + urlsplit(page["@nextLink"]).query, api_version="").json()
            pages += 1
        listed += page["subscriptions"]

        assert pages == 3
        in_order = sorted(bought, key=lambda one: (one.purchased_at, one.id))
        assert [one["id"] for one in listed] == [str(one.id) for one in in_order]

    def test_a_full_last_page_has_no_link(self, vendor, term, monkeypatch):
        monkeypatch.setattr(selectors, "PAGE", 2)
        for _ in range(2):
            buy(term=term)

        assert sorted(vendor.get().json()) == ["subscriptions"]

    @pytest.mark.parametrize("token", ["nonsense", "====", "MjAyNi0xMS0yMyB4", "%00"])
    def test_a_continuation_of_ones_own_making_is_400(self, vendor, token):
        refusal(vendor.get(f"?continuationToken={token}"), 400, "BadRequest")

    def test_costs_the_same_queries_for_one_row_and_for_three(self, vendor, term, django_assert_num_queries):
        for count in (1, 2):
            for _ in range(count):
                buy(term=term)
            with django_assert_num_queries(4):
                assert vendor.get().status_code == 200


class TestPlans:
    def test_lists_the_offers_plans_with_prices_in_the_subscriptions_currency(self, vendor, pending, term):
        flat = PlanFactory(offer=term.plan.offer, sku_id="0002", pricing=Pricing.FLAT_RATE, trial_days=30)
        PlanTermFactory(plan=flat, term="P1Y", billing_cycle="annual", amounts={"USD": "5", "EUR": "99.5"})
        PlanFactory(offer=term.plan.offer, sku_id="0003", withdrawn_at=NOON)
        OfferFactory(publisher=term.plan.offer.publisher)

        seats, flat_rate = vendor.get(f"/{pending.pk}/listAvailablePlans").json()["plans"]

        assert (seats["planId"], seats["isPricePerSeat"]) == (term.plan.plan_id, True)
        assert (seats["minQuantity"], seats["maxQuantity"], seats["market"]) == (1, 100, "DE")
        assert seats["planComponents"]["recurrentBillingTerms"] == [
            {
                "currency": "EUR",
                "price": 10.08,
                "termUnit": "P1M",
                "termDescription": "1 month, billed monthly",
                "meteredQuantityIncluded": [],
            }
        ]
        assert (flat_rate["isPricePerSeat"], flat_rate["hasFreeTrials"]) == (False, True)
        assert "minQuantity" not in flat_rate
        assert [one["price"] for one in flat_rate["planComponents"]["recurrentBillingTerms"]] == [99.5]

    def test_filters_by_plan_and_knows_no_others(self, vendor, pending):
        def ids(plan_id):
            plans = vendor.get(f"/{pending.pk}/listAvailablePlans?planId={plan_id}").json()["plans"]
            return [plan["planId"] for plan in plans]

        assert ids(pending.plan.plan_id) == [pending.plan.plan_id]
        assert ids("unknown") == []
        assert ids("%00") == []

    def test_a_foreign_subscription_is_403(self, pending):
        refusal(Vendor(PublisherFactory().client).get(f"/{pending.pk}/listAvailablePlans"), 403, "Forbidden")


class TestChanges:
    @pytest.mark.parametrize(
        ("method", "body"), [("PATCH", {"quantity": 9}), ("PATCH", {"planId": "other"}), ("DELETE", None)]
    )
    def test_a_resellers_purchase_is_not_the_publishers_to_change(self, vendor, pending, method, body):
        vendor.activate(pending)
        before = traces()

        answered = refusal(vendor.call(method, f"/{pending.pk}", body), 400, "BadRequest")

        assert answered["target"] == "allowedCustomerOperations"
        assert "[Read]" in answered["message"]
        assert traces() == before

    @pytest.mark.parametrize("body", [{}, {"planId": "other", "quantity": 9}])
    def test_a_change_names_one_thing(self, vendor, pending, body):
        assert "one only" in refusal(vendor.call("PATCH", f"/{pending.pk}", body), 400, "BadRequest")["message"]

    def test_a_foreign_or_unknown_subscription_comes_first(self, vendor, pending):
        refusal(Vendor(PublisherFactory().client).call("DELETE", f"/{pending.pk}"), 403, "Forbidden")
        refusal(vendor.call("DELETE", f"/{uuid4()}"), 404, "EntityNotFound")


class TestOperations:
    def operation(self, subscription, **different):
        known = {"action": OperationAction.REINSTATE, "requested_by": SYSTEM.label}
        return Operation.objects.create(
            subscription=subscription, created_at=NOON, next_attempt_at=NOON, **known | different
        )

    def test_lists_only_what_is_in_flight_inside_an_object(self, vendor, pending):
        self.operation(pending, status=OperationStatus.SUCCEEDED, completed_at=NOON)
        running = self.operation(pending, status=OperationStatus.IN_PROGRESS)

        body = vendor.get(f"/{pending.pk}/operations").json()

        assert body == {
            "operations": [
                {
                    "id": str(running.id),
                    "activityId": str(running.id),
                    "subscriptionId": str(pending.pk),
                    "offerId": pending.offer.offer_id,
                    "publisherId": str(pending.publisher_id),
                    "planId": pending.plan.plan_id,
                    "quantity": 7,
                    "action": "Reinstate",
                    "timeStamp": "2026-11-23T12:00:00.0000000Z",
                    "status": "InProgress",
                    "operationRequestSource": "Azure",
                }
            ]
        }

    @pytest.mark.parametrize("action", ["Unsubscribe", "Suspend", "Renew"])
    def test_what_has_happened_is_read_as_done_and_waits_for_nobody(self, vendor, pending, action):
        told = self.operation(pending, action=action.lower(), status=OperationStatus.IN_PROGRESS)

        assert vendor.get(f"/{pending.pk}/operations").json() == {"operations": []}
        assert vendor.get(f"/{pending.pk}/operations/{told.id}").json()["status"] == "Succeeded"

    def test_reads_one_by_its_id_final_or_not(self, vendor, pending):
        done = self.operation(pending, status=OperationStatus.FAILED, completed_at=NOON, last_error="It said no.")

        body = vendor.get(f"/{pending.pk}/operations/{done.id}").json()

        assert (body["status"], body["errorMessage"]) == ("Failed", "It said no.")
        refusal(vendor.get(f"/{pending.pk}/operations/{uuid4()}"), 404, "EntityNotFound")

    def test_an_operation_of_another_subscription_is_404(self, vendor, pending, term):
        foreign = self.operation(buy(term=term))

        refusal(vendor.get(f"/{pending.pk}/operations/{foreign.id}"), 404, "EntityNotFound")


class TestAcknowledging:
    @pytest.fixture
    def running(self, term):
        return active(term=term)

    def change(self, subscription, quantity=10, *, hold=False):
        agent = actor(Role.ADMIN_AGENT)
        change_quantity(agent, subscription.pk, quantity=quantity, version=None, at=NOON, hold=hold)
        return Operation.objects.get(subscription=subscription)

    def acknowledge(self, vendor, operation, body, **options):
        return vendor.call("PATCH", f"/{operation.subscription_id}/operations/{operation.pk}", body, **options)

    def state(self, operation):
        operation.refresh_from_db()
        quantity = Subscription.objects.get(pk=operation.subscription_id).quantity
        return operation.status, operation.accepted_by, quantity, Event.objects.count()

    def test_a_change_in_flight_is_listed_with_the_new_value_beside_the_old_subscription(self, vendor, running):
        operation = self.change(running)

        [listed] = vendor.get(f"/{running.pk}/operations").json()["operations"]

        assert (listed["id"], listed["action"], listed["status"]) == (str(operation.pk), "ChangeQuantity", "NotStarted")
        assert (listed["quantity"], listed["planId"]) == (10, running.plan.plan_id)
        assert vendor.get(f"/{running.pk}").json()["quantity"] == 7

    @pytest.mark.parametrize(
        "body", [{"status": "Success"}, {"status": "Success", "planId": "other", "quantity": "3", "more": None}]
    )
    def test_success_lets_it_take_effect(self, vendor, running, body):
        operation = self.change(running)

        response = self.acknowledge(vendor, operation, body, content_type="")

        assert (response.status_code, response.content) == (200, b"")
        assert self.state(operation)[:3] == ("succeeded", "publisher", 10)
        assert vendor.get(f"/{running.pk}").json()["quantity"] == 10
        assert vendor.get(f"/{running.pk}/operations").json() == {"operations": []}
        assert vendor.get(f"/{running.pk}/operations/{operation.pk}").json()["status"] == "Succeeded"

    def test_failure_leaves_all_as_it_was_and_keeps_the_reason(self, vendor, running):
        operation = self.change(running)

        response = self.acknowledge(vendor, operation, {"status": "Failure", "errorMessage": "Sold\nout."})

        assert (response.status_code, self.state(operation)[:3]) == (200, ("failed", "", 7))
        assert operation.last_error == "The publisher refused: Sold out."
        shown = vendor.get(f"/{running.pk}/operations/{operation.pk}").json()
        assert (shown["status"], shown["errorMessage"]) == ("Failed", "The publisher refused: Sold out.")

    @pytest.mark.parametrize("first", ["Success", "Failure"])
    @pytest.mark.parametrize("second", ["Success", "Failure"])
    def test_what_is_final_stays(self, vendor, running, first, second):
        operation = self.change(running)
        self.acknowledge(vendor, operation, {"status": first})
        before = self.state(operation)

        body = refusal(self.acknowledge(vendor, operation, {"status": second}), 409, "Conflict")

        assert (str(operation.pk) in body["message"], self.state(operation)) == (True, before)

    @pytest.mark.parametrize("body", [None, {}, {"status": "Succeeded"}, {"status": None}, {"status": ["Success"]}])
    def test_any_other_word_is_400(self, vendor, running, body):
        operation = self.change(running)
        before = self.state(operation)

        assert refusal(self.acknowledge(vendor, operation, body), 400)["target"] == "status"
        assert self.state(operation) == before

    @pytest.mark.parametrize("action", ["unsubscribe", "suspend", "renew"])
    def test_what_is_only_told_needs_no_word(self, vendor, running, action):
        operation = Operation.objects.create(
            subscription=running, action=action, requested_by="hub", created_at=NOON, next_attempt_at=NOON
        )
        before = self.state(operation)

        refusal(self.acknowledge(vendor, operation, {"status": "Success"}), 400, "BadRequest")

        assert self.state(operation) == before

    def test_what_is_held_or_undone_or_ours_alone_is_not_there(self, vendor, running):
        held = self.change(running, 5, hold=True)
        before = self.state(held)
        path = f"/{running.pk}/operations"
        assert vendor.get(path).json() == {"operations": []}
        refusal(vendor.get(f"{path}/{held.pk}"), 404, "EntityNotFound")
        refusal(self.acknowledge(vendor, held, {"status": "Success"}), 404, "EntityNotFound")
        assert self.state(held) == before

        undo(actor(Role.ADMIN_AGENT), running.pk, held.pk, at=NOON)
        ours = Operation.objects.create(
            subscription=running, action="set_auto_renew", requested_by="hub", created_at=NOON, next_attempt_at=NOON
        )
        assert vendor.get(path).json() == {"operations": []}
        refusal(vendor.get(f"{path}/{held.pk}"), 404, "EntityNotFound")
        refusal(vendor.get(f"{path}/{ours.pk}"), 404, "EntityNotFound")

    def test_another_publisher_and_another_subscription_are_refused(self, vendor, running, term):
        operation, other = self.change(running), buy(term=term)
        before = self.state(operation)
        stranger = Vendor(PublisherFactory(adapter=Adapter.PUSH).client)

        refusal(self.acknowledge(stranger, operation, {"status": "Success"}), 403, "Forbidden")
        elsewhere = vendor.call("PATCH", f"/{other.pk}/operations/{operation.pk}", {"status": "Success"})
        refusal(elsewhere, 404, "EntityNotFound")
        unknown = vendor.call("PATCH", f"/{running.pk}/operations/{uuid4()}", {"status": "Success"})
        refusal(unknown, 404, "EntityNotFound")

        assert self.state(operation) == before


def test_a_whole_activation_with_a_token_of_the_token_endpoint(publisher, pending):
    """The path of a real publisher's program: sign in, resolve, activate, read."""
    from accounts.services.clients import add_secret

    http, app = Http(enforce_csrf_checks=True), publisher.client
    form = {"grant_type": "client_credentials", "client_id": app.id, "client_secret": add_secret(app, NOON)}
    vendor = Vendor(app)
    vendor.token = http.post(f"/{app.tenant_id}/oauth2/token", form | {"resource": MARKETPLACE}).json()["access_token"]

    order = vendor.resolve(link_token(pending)).json()
    assert vendor.activate(pending, {"planId": order["planId"], "quantity": order["quantity"]}).status_code == 200

    pending.refresh_from_db()
    assert (pending.status, pending.term_start) == (Status.SUBSCRIBED, date(2026, 11, 23))
