from datetime import timedelta

import pytest

from accounts.policy import SYSTEM
from publishers.models import Policy
from subscriptions.enums import Acceptance
from subscriptions.models import Subscription
from subscriptions.services.settling import accept, refuse
from tests.api.conftest import path_of, refused
from tests.factories.publishers import PlanFactory, PlanTermFactory
from tests.factories.subscriptions import NOON, active, buy

pytestmark = pytest.mark.django_db

LATER = NOON + timedelta(hours=1)


def with_two_plans(make=active):
    subscription = make()
    plan = PlanFactory(offer=subscription.offer, plan_id="pro", sku_id="0002", min_quantity=1, max_quantity=50)
    return subscription, PlanTermFactory(plan=plan, amounts={"EUR": "20.00"})


def test_a_plan_change_is_asked_followed_and_done(admin):
    subscription, target = with_two_plans()
    before = subscription.plan_term.catalog_item_id
    path = path_of(subscription, "transitions")

    body = {"toCatalogItemId": target.catalog_item_id, "quantity": 7}
    response = admin.send("post", path, body, Prefer="respond-async")

    asked = response.json()
    assert response.status_code == 202
    assert response["Location"].endswith(f"/v1{path_of(subscription, 'operations', asked['operationId'])}")
    assert (asked["fromCatalogItemId"], asked["toCatalogItemId"]) == (before, target.catalog_item_id)
    assert [event["status"] for event in asked["events"]] == ["Started"]
    assert Subscription.objects.get().plan_term_id == subscription.plan_term_id

    accept(SYSTEM, asked["operationId"], how=Acceptance.PUBLISHER, at=LATER)
    followed = admin.get(path, {"operationId": asked["operationId"]}).json()["items"]
    assert [event["status"] for event in followed[0]["events"]] == ["Completed"]
    assert Subscription.objects.get().plan_term_id == target.pk


def test_another_plan_is_previewed_asked_for_and_quoted(admin, sales):
    subscription, target = with_two_plans()
    wanted = {"toCatalogItemId": target.catalog_item_id}
    asked = sales.send("post", path_of(subscription, "changerequests"), wanted | {"reason": "More room"}).json()
    shown = admin.send("post", path_of(subscription, "preview"), wanted).json()
    quote = {"quoteId": shown["quoteId"]}
    refused(admin.send("patch", path_of(subscription), {"quantity": 9} | quote), 404, 1000)
    done = admin.send("post", path_of(subscription, "transitions"), wanted | quote).json()

    assert asked["changes"] == {"plan_term_id": [str(subscription.plan_term_id), str(target.pk)]}
    assert shown["after"]["plan_term_id"] == str(target.pk)
    assert str(subscription.operations.get(pk=done["operationId"]).quote_id) == shown["quoteId"]


def test_a_refused_plan_change_says_why(admin):
    subscription, target = with_two_plans()
    path = path_of(subscription, "transitions")
    asked = admin.send("post", path, {"toCatalogItemId": target.catalog_item_id}).json()

    refuse(SYSTEM, asked["operationId"], why="No downgrades", at=LATER)

    event = admin.get(path).json()["items"][0]["events"][0]
    assert (event["status"], event["errors"]) == ("Failed", ["No downgrades"])
    assert Subscription.objects.get().plan_term_id == subscription.plan_term_id


def test_what_it_could_change_to_is_listed_with_what_stands_against_it(admin):
    subscription, target = with_two_plans()
    yearly = PlanTermFactory(plan=target.plan, term="P1Y", billing_cycle="monthly", amounts={"EUR": "18.00"})

    def eligible(kind):
        items = admin.get(path_of(subscription, "transitionEligibilities"), {"eligibilityType": kind}).json()["items"]
        return {item["catalogItemId"]: item["eligibilities"][0]["errors"] for item in items}

    assert eligible("immediate") == {target.catalog_item_id: [], yearly.catalog_item_id: ["term_fixed"]}
    assert eligible("scheduled") == {target.catalog_item_id: [], yearly.catalog_item_id: []}
    assert not subscription.operations.exists()


def test_what_cannot_be_is_refused(admin, sales):
    subscription, target = with_two_plans()
    path, elsewhere = path_of(subscription, "transitions"), PlanTermFactory()
    refused(sales.send("post", path, {"toCatalogItemId": target.catalog_item_id}), 403, 900150)
    refused(admin.send("post", path, {"toCatalogItemId": elsewhere.catalog_item_id}), 404, 400019)
    refused(admin.send("post", path, {"toCatalogItemId": target.catalog_item_id, "quantity": 3}), 400, 800002)
    refused(admin.send("get", path_of(subscription, "transitionEligibilities"), {"eligibilityType": "x"}), 400, 800002)
    assert not subscription.operations.exists()


def test_what_is_pending_does_not_change_its_plan(admin):
    subscription, target = with_two_plans(buy)
    refused(
        admin.send("post", path_of(subscription, "transitions"), {"toCatalogItemId": target.catalog_item_id}),
        400,
        800081,
    )
    assert not subscription.operations.exists()


def test_another_billing_cycle_of_the_same_plan_is_no_transition(admin):
    subscription = active(term=PlanTermFactory(term="P1Y"))
    annual = PlanTermFactory(plan=subscription.plan, term="P1Y", billing_cycle="annual")
    Policy.objects.filter(name="billing_frequency_change").update(value="now")

    path = path_of(subscription, "transitions")
    refused(admin.send("post", path, {"toCatalogItemId": annual.catalog_item_id}), 404, 400019)

    assert Subscription.objects.get().plan_term_id == subscription.plan_term_id
    assert admin.get(path_of(subscription, "transitionEligibilities")).json()["items"] == []
