"""Changes by a publisher's own calls, over HTTP: nothing by default, what the policy of the plan allows otherwise."""

import json
from datetime import timedelta

import pytest
from django.conf import settings
from django.test import Client as Http

from accounts.policy import AGENT_ROLES, SYSTEM, Role
from accounts.tokens import MARKETPLACE, Version, issue
from billing.models import Charge
from partnerhub.errors import ForeignSubscription, NotPermitted
from partnerhub.outbox.delivery import deliver_due
from partnerhub.outbox.models import Event, Refusal
from publishers.models import Adapter, Policy, Pricing
from subscriptions.enums import Status
from subscriptions.models import Operation, Subscription
from subscriptions.services.ending import cancel
from subscriptions.services.publisher_changes import cancel_by_publisher, change_by_publisher
from subscriptions.services.quantity import change_quantity
from subscriptions.services.suspension import suspend
from tests.factories.accounts import LONG_AGO, actor
from tests.factories.publishers import PlanTermFactory, PublisherFactory
from tests.factories.subscriptions import NOON, active, buy

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("ready_signing_keys")]
AGENT = actor(Role.ADMIN_AGENT)


@pytest.fixture(autouse=True)
def clock(time_machine):
    time_machine.move_to(NOON, tick=False)
    return time_machine


@pytest.fixture
def publisher():
    return PublisherFactory(adapter=Adapter.PUSH, fulfillment_base_url="")


@pytest.fixture
def term(publisher):
    return PlanTermFactory(plan__offer__publisher=publisher, plan__max_quantity=20)


@pytest.fixture
def running(term):
    return active(term=term)


def allow(publisher, value="update_and_delete"):
    Policy.objects.create(name="publisher_changes", value=value, publisher=publisher, valid_from=LONG_AGO)


def call(subscription, method, body=None, *, path="", client=None):
    """The publisher's call about one subscription, or about all when there is none."""
    app = client or subscription.publisher.client
    token = issue(app, audience=MARKETPLACE, version=Version.V1, at=NOON).access_token
    about = f"/{subscription.pk}{path}" if subscription else ""
    address = f"/api/saas/subscriptions{about}?api-version=2018-08-31"
    sent = json.dumps(body) if body is not None else ""
    return Http().generic(method, address, sent, "application/json", headers={"authorization": f"Bearer {token}"})


def now_is(subscription):
    subscription.refresh_from_db()
    return subscription.status, subscription.quantity, subscription.plan.plan_id


@pytest.mark.parametrize(
    ("value", "allowed", "patch", "delete"),
    [
        (None, ["Read"], 400, 400),
        ("update", ["Read", "Update"], 202, 400),
        ("update_and_delete", ["Read", "Update", "Delete"], 202, 202),
    ],
)
def test_the_policy_of_the_plan_is_told_and_holds(publisher, running, value, allowed, patch, delete):
    if value:
        allow(publisher, value)
    shown = call(running, "GET").json()["allowedCustomerOperations"]
    listed = call(None, "GET", client=publisher.client).json()["subscriptions"]

    patched, deleted = call(running, "PATCH", {"quantity": 9}), call(running, "DELETE")

    assert (shown, listed[0]["allowedCustomerOperations"]) == (allowed, allowed)
    assert (patched.status_code, deleted.status_code) == (patch, delete)
    refused = Refusal.objects.order_by("at").values_list("code", "door", "tried")
    kept = [("PATCH", patch), ("DELETE", delete)]
    tried = [f"{method} api/saas/subscriptions" for method, status in kept if status == 400]
    expected = [("publisher_may_not", "publisher", each) for each in tried]
    assert sorted(refused) == sorted(expected)


def test_an_accepted_change_has_no_body_and_says_where_to_follow_it(publisher, running):
    allow(publisher)

    answer = call(running, "PATCH", {"quantity": "9"})

    operation = Operation.objects.get(subscription=running)
    path = f"/api/saas/subscriptions/{running.pk}/operations/{operation.pk}"
    where = f"{settings.HUB_BASE_URL}{path}?api-version=2018-08-31"
    assert (answer.status_code, answer.content) == (202, b"")
    assert (answer["Operation-Location"], answer["Operation-Id"], answer["Retry-After"]) == (
        where,
        str(operation.pk),
        "10",
    )
    followed = call(running, "GET", path=f"/operations/{operation.pk}").json()
    shown = (followed["action"], followed["status"], followed["operationRequestSource"], followed["quantity"])
    assert shown == ("ChangeQuantity", "Succeeded", "Partner", 9)
    assert now_is(running)[1] == 9
    for word in ("Success", "Failure"):
        ignored = call(running, "PATCH", {"status": word}, path=f"/operations/{operation.pk}")
        assert (ignored.status_code, ignored.content, now_is(running)[1]) == (200, b"", 9)
    names = Event.objects.filter(stream_id=running.pk).order_by("sequence").values_list("name", "actor_role")
    assert list(names)[-2:] == [
        ("subscription.change_begun_by_publisher", "publisher"),
        ("subscription.quantity_changed", "publisher"),
    ]


def test_a_plan_is_changed_within_its_term_and_billed(publisher, running):
    allow(publisher, "update")
    PlanTermFactory(plan__offer=running.offer, plan__sku_id="0002", plan__plan_id="gold", amounts={"EUR": "20"})

    assert call(running, "PATCH", {"planId": "gold"}).status_code == 202

    assert (now_is(running)[2], running.unit_price) == ("gold", 20)
    deliver_due(NOON)
    assert Charge.objects.filter(subscription=running).count() == 3


REFUSED = {
    "nothing": (lambda one: {}, ""),
    "both": (lambda one: {"planId": "gold", "quantity": 9}, ""),
    "the same quantity": (lambda one: {"quantity": 7}, ""),
    "the same plan": (lambda one: {"planId": one.plan.plan_id}, ""),
    "an unknown plan": (lambda one: {"planId": "platinum"}, "planId"),
    "too many": (lambda one: {"quantity": 21}, "quantity"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_a_change_cannot_be_is_400_and_changes_nothing(publisher, running, what):
    allow(publisher)
    body, target = REFUSED[what]
    events = Event.objects.count()

    answer = call(running, "PATCH", body(running))

    assert (answer.status_code, answer.json()["code"]) == (400, "BadRequest")
    assert (answer.json().get("target", ""), Event.objects.count()) == (target, events)
    assert not running.operations.exists()


def _suspended(term):
    one = active(term=term)
    suspend(AGENT, one.pk, reason="", version=None, at=NOON)
    return one


def _ended(term):
    one = active(term=term)
    cancel(AGENT, one.pk, reason="", version=None, at=NOON, hold=False)
    return one


def _held(term):
    one = active(term=term)
    change_quantity(AGENT, one.pk, quantity=5, version=None, at=NOON)
    return one


def _closed(term):
    return active(term=term, at=NOON - timedelta(days=8))


def _flat(term):
    flat = PlanTermFactory(plan__offer=term.plan.offer, plan__sku_id="0009", plan__pricing=Pricing.FLAT_RATE)
    return active(term=flat, quantity=1)


@pytest.mark.parametrize(
    ("state", "body", "code"),
    [
        (lambda term: buy(term=term), {"quantity": 9}, "not_activated_yet"),
        (_suspended, {"quantity": 9}, "quantity_while_suspended"),
        (_ended, {"quantity": 9}, "subscription_ended"),
        (_held, {"quantity": 9}, "operation_pending"),
        (_closed, {"quantity": 6}, "reduction_window_closed"),
        (_flat, {"quantity": 2}, "no_licences"),
    ],
)
def test_what_the_state_forbids_is_400_and_kept_as_an_attempt(publisher, term, state, body, code):
    allow(publisher)
    subscription = state(term)
    before = now_is(subscription)

    answer = call(subscription, "PATCH", body)

    assert (answer.status_code, now_is(subscription)) == (400, before)
    assert list(Refusal.objects.values_list("code", flat=True)) == [code]
    assert "held" not in answer.json()["message"]


@pytest.mark.parametrize(("age", "refund"), [(timedelta(hours=71), "full"), (timedelta(days=8), "none")])
def test_an_end_by_the_publisher_pays_back_inside_the_window_and_is_never_blocked(publisher, term, age, refund):
    allow(publisher)
    subscription = active(term=term, at=NOON - age)

    answer = call(subscription, "DELETE")

    assert (answer.status_code, now_is(subscription)[0]) == (202, Status.UNSUBSCRIBED)
    [event] = Event.objects.filter(stream_id=subscription.pk, name="subscription.cancelled")
    assert (event.data["refund"], event.actor_role) == (refund, "publisher")
    deliver_due(NOON)
    credits = Charge.objects.filter(subscription=subscription, amount__lt=0).count()
    assert credits == (1 if refund == "full" else 0)
    told = call(subscription, "GET", path=f"/operations/{answer['Operation-Id']}").json()
    assert (told["action"], told["operationRequestSource"]) == ("Unsubscribe", "Partner")


def test_an_end_waits_for_what_is_pending_with_409_and_knows_the_end(publisher, term):
    allow(publisher)

    assert call(_held(term), "DELETE").status_code == 409
    assert call(_ended(term), "DELETE").status_code == 400


def test_nobody_but_the_publisher_itself_may_act_in_its_name(publisher, running):
    allow(publisher)
    stranger = PublisherFactory().client.actor()
    for who in (*(actor(role) for role in AGENT_ROLES), SYSTEM):
        with pytest.raises(NotPermitted):
            change_by_publisher(who, running.pk, quantity=9, at=NOON)
        with pytest.raises(NotPermitted):
            cancel_by_publisher(who, running.pk, at=NOON)
    with pytest.raises(ForeignSubscription):
        cancel_by_publisher(stranger, running.pk, at=NOON)
    assert now_is(running)[:2] == (Status.SUBSCRIBED, 7)


@pytest.mark.parametrize(
    ("body", "target"), [({"planId": "other"}, "planId"), ({"quantity": 9}, "quantity"), ({}, None), (None, None)]
)
def test_an_activation_that_differs_can_be_refused(publisher, term, body, target):
    Policy.objects.create(name="activate_differing", value="refuse", publisher=publisher, valid_from=LONG_AGO)
    pending = buy(term=term)

    answer = call(pending, "POST", body, path="/activate")

    assert answer.status_code == (400 if target else 200)
    assert now_is(pending)[0] == (Status.PENDING if target else Status.SUBSCRIBED)
    if target:
        assert answer.json()["message"].startswith(target)
        assert Subscription.objects.get(pk=pending.pk).gates.filter(state="satisfied").count() == 2
