"""What publishers' webhooks are told, through the services that make it happen and the sender; what is kept of it."""

import asyncio
import uuid
from datetime import timedelta

import pytest
from aiohttp import web
from django.db import connections
from django.test import Client as Http

from accounts.policy import SYSTEM, Role
from partnerhub.outbox.models import Event
from publishers.models import Adapter, CallTally, Policy, Publisher
from subscriptions.enums import OperationSource, OperationStatus, Status
from subscriptions.models import NoticeAttempt, Operation, Subscription
from subscriptions.operations import Sender
from subscriptions.services.acknowledging import acknowledge
from subscriptions.services.ending import cancel, void
from subscriptions.services.plans import change_plan
from subscriptions.services.publisher_changes import cancel_by_publisher, change_by_publisher
from subscriptions.services.quantity import change_quantity
from subscriptions.services.renewal import renew
from subscriptions.services.suspension import reinstate, suspend
from tests.factories.accounts import LONG_AGO, UserFactory, actor
from tests.factories.publisher_site import PublisherSite
from tests.factories.publishers import PlanTermFactory, PublisherFactory
from tests.factories.subscriptions import NOON, active, buy

pytestmark = pytest.mark.django_db(transaction=True)
SOON = NOON + timedelta(seconds=5)
AGENT = actor(Role.ADMIN_AGENT)


@pytest.fixture(autouse=True)
def _private_publishers(settings):
    settings.HUB_ALLOW_PRIVATE_PUBLISHERS = True


@pytest.fixture(scope="module")
def site():
    with PublisherSite() as running:
        yield running


@pytest.fixture
def publisher(site) -> Publisher:
    webhook = f"{site.url(uuid.uuid4().hex)}/webhook?code=hush-hush"
    return PublisherFactory(adapter=Adapter.PUSH, fulfillment_base_url="", webhook_url=webhook)


@pytest.fixture
def running(publisher) -> Subscription:
    return active(term=PlanTermFactory(plan__offer__publisher=publisher))


def allow(publisher: Publisher, name: str, value: str) -> None:
    Policy.objects.create(name=name, value=value, publisher=publisher, valid_from=LONG_AGO)


def hears(kept: list, code: int = 200, text: str = ""):
    async def answer(request: web.Request) -> web.StreamResponse:
        kept.append(await request.json())
        return web.Response(status=code, text=text)

    return answer


def send(at=SOON) -> dict[str, int]:
    return dict(Sender(SYSTEM, clock=lambda: at, chance=lambda: 0.5).run())


def state(subscription: Subscription) -> tuple[str, int]:
    subscription.refresh_from_db()
    return subscription.status, subscription.quantity


def names(subscription: Subscription) -> list[str]:
    return list(Event.objects.filter(stream_id=subscription.pk).order_by("sequence").values_list("name", flat=True))


def _other_plan(subscription: Subscription) -> None:
    other = PlanTermFactory(plan__offer=subscription.offer, plan__sku_id="0002", plan__plan_id="platinum")
    change_plan(AGENT, subscription.pk, plan_term_id=other.pk, version=None, at=NOON)


def _end_of_term(subscription: Subscription) -> None:
    Subscription.objects.filter(pk=subscription.pk).update(
        term_start="2026-10-23", term_anchor="2026-10-23", term_end="2026-11-23"
    )


def _renewed(subscription: Subscription) -> None:
    _end_of_term(subscription)
    renew(SYSTEM, subscription.pk, at=NOON)


def _expired(subscription: Subscription) -> None:
    _end_of_term(subscription)
    Subscription.objects.filter(pk=subscription.pk).update(auto_renew=False)
    renew(SYSTEM, subscription.pk, at=NOON)


TOLD = {
    # what happens: action and status; plan and quantity on top; status and quantity of the subscription inside
    "more licences": (
        lambda one: change_quantity(AGENT, one.pk, quantity=9, version=None, at=NOON),
        ("ChangeQuantity", "InProgress", 9, "Subscribed", 7),
    ),
    "another plan": (_other_plan, ("ChangePlan", "InProgress", 7, "Subscribed", 7)),
    "suspended": (
        lambda one: suspend(AGENT, one.pk, reason="", version=None, at=NOON),
        ("Suspend", "Succeeded", 7, "Suspended", 7),
    ),
    "renewed": (_renewed, ("Renew", "Succeeded", 7, "Subscribed", 7)),
    "cancelled": (
        lambda one: cancel(AGENT, one.pk, reason="", version=None, at=NOON, hold=False),
        ("Unsubscribe", "Succeeded", 7, "Unsubscribed", None),
    ),
    "expired": (_expired, ("Unsubscribe", "Succeeded", 7, "Unsubscribed", None)),
}


def test_each_action_is_told_with_its_status_and_the_subscription_as_it_is(site, publisher):
    bought = {what: active(term=PlanTermFactory(plan__offer__publisher=publisher)) for what in TOLD}
    kept = {what: [] for what in TOLD}
    for what, subscription in bought.items():
        site.behave(subscription.pk, hears(kept[what]))
        TOLD[what][0](subscription)

    send()

    for what, (_happen, expected) in TOLD.items():
        [notice], plan_id = kept[what], bought[what].plan.plan_id
        inner = notice["subscription"]
        shown = (notice["action"], notice["status"], notice["quantity"])
        assert (what, *shown, inner["saasSubscriptionStatus"], inner.get("quantity")) == (what, *expected)
        assert (notice["planId"], inner["planId"]) == ("platinum" if what == "another plan" else plan_id, plan_id)
        assert (notice["operationRequestSource"], notice["purchaseToken"]) == ("Azure", None)


def test_an_order_that_nobody_activated_is_told_as_ended(site, publisher):
    pending, kept = buy(term=PlanTermFactory(plan__offer__publisher=publisher)), []
    site.behave(pending.pk, hears(kept))
    late = pending.activate_by
    void(SYSTEM, pending.pk, at=late)

    assert send(late) == {"succeeded": 1}
    told = [(one["action"], one["subscription"]["saasSubscriptionStatus"], one["quantity"]) for one in kept]
    assert told == [("Unsubscribe", "Unsubscribed", 7)]


def taken_up_again(subscription: Subscription) -> Operation:
    suspend(AGENT, subscription.pk, reason="Unpaid", version=None, at=NOON)
    reinstate(AGENT, subscription.pk, reason="Paid", version=None, at=SOON)
    return subscription.operations.get(action="reinstate")


def test_a_reinstatement_is_told_under_way_and_stands_without_a_word(site, running):
    operation, kept = taken_up_again(running), []
    site.behave(running.pk, hears(kept))

    assert send() == {"in_progress": 1}
    assert [(one["action"], one["status"]) for one in kept] == [("Reinstate", "InProgress")]
    assert kept[0]["subscription"]["saasSubscriptionStatus"] == "Subscribed"
    assert send(SOON + timedelta(seconds=10)) == {"succeeded": 1}

    operation.refresh_from_db()
    assert (operation.accepted_by, state(running)[0]) == ("publisher", Status.SUBSCRIBED)


def _by_word(operation: Operation, publisher: Publisher) -> None:
    acknowledge(publisher.client.actor(), operation.pk, agrees=False, reason="Debts", at=SOON)


def _by_delete(operation: Operation, publisher: Publisher) -> None:
    refused = cancel_by_publisher(publisher.client.actor(), operation.subscription_id, at=SOON)
    assert refused.pk == operation.pk


@pytest.mark.parametrize("refuse", [_by_word, _by_delete, None])
def test_a_reinstatement_that_the_publisher_refuses_leaves_it_suspended_since_it_was(site, publisher, running, refuse):
    operation, kept = taken_up_again(running), []
    site.behave(running.pk, hears(kept, 200 if refuse else 400))
    send()
    if refuse:
        refuse(operation, publisher)

    operation.refresh_from_db()
    assert (operation.status, state(running)[0]) == (OperationStatus.FAILED, Status.SUSPENDED)
    assert (running.suspended_at, running.auto_renew) == (NOON, False)
    assert names(running)[-2:] == ["operation.refused", "subscription.suspended"]
    assert send(SOON + timedelta(hours=1)) == {}


def test_agreement_to_a_reinstatement_settles_it(site, publisher, running):
    operation = taken_up_again(running)
    site.behave(running.pk, hears([]))
    send()

    acknowledge(publisher.client.actor(), operation.pk, agrees=True, at=SOON)

    operation.refresh_from_db()
    assert (operation.status, state(running)[0]) == (OperationStatus.SUCCEEDED, Status.SUBSCRIBED)


@pytest.mark.parametrize("adapter", [Adapter.POLL, Adapter.PUSH])
def test_without_a_webhook_nobody_is_called_about_a_suspension(site, adapter):
    publisher = PublisherFactory(adapter=adapter, fulfillment_base_url=site.url(uuid.uuid4().hex))
    subscription, before = active(term=PlanTermFactory(plan__offer__publisher=publisher)), len(site.requests)
    suspend(AGENT, subscription.pk, reason="", version=None, at=NOON)
    assert send() == {"succeeded": 1}
    reinstate(AGENT, subscription.pk, reason="", version=None, at=SOON)
    assert send() == {"succeeded": 1}

    assert (len(site.requests), names(subscription)[-1]) == (before, "operation.succeeded")
    told = Event.objects.filter(stream_id=subscription.pk, name="operation.succeeded")
    assert [event.data["told"] for event in told] == [False, False]


def test_what_was_heard_and_could_be_refused_counts_as_heard_when_more_follows(site, running):
    operation = taken_up_again(running)
    site.behave(running.pk, hears([]))
    send()

    change_quantity(AGENT, running.pk, quantity=9, version=None, at=SOON)

    operation.refresh_from_db()
    assert (operation.status, state(running)[0]) == (OperationStatus.SUCCEEDED, Status.SUBSCRIBED)
    assert names(running)[-2:] == ["operation.succeeded", "subscription.change_requested_of_publisher"]


def test_what_only_tells_keeps_nobody_from_anything(site, running):
    site.behave(running.pk, hears([], 503))
    suspend(AGENT, running.pk, reason="", version=None, at=NOON)
    send()
    reinstate(AGENT, running.pk, reason="", version=None, at=SOON)
    send()

    change_quantity(AGENT, running.pk, quantity=9, version=None, at=SOON)

    in_flight = running.operations.filter(completed_at=None).values_list("action", flat=True)
    assert list(in_flight) == ["change_quantity"]


def test_a_purchase_is_told_to_those_who_want_it_with_ids_only_and_blocks_nothing(site, publisher):
    allow(publisher, "subscribe_notice", "yes")
    kept = []
    term = PlanTermFactory(plan__offer__publisher=publisher)
    bought, other = buy(term=term), buy(term=term)
    site.behave(bought.pk, hears(kept))
    site.behave(other.pk, hears([], 500))

    assert send() == {"succeeded": 1, "in_progress": 1}

    [notice] = kept
    operation = bought.operations.get()
    assert notice == {
        "id": str(operation.pk),
        "activityId": str(operation.pk),
        "operationRequestSource": "Azure",
        "subscriptionId": str(bought.pk),
        "timeStamp": "2026-11-23T12:00:00.0000000Z",
        "action": "Subscribe",
    }
    cancel(AGENT, other.pk, reason="", version=None, at=SOON, hold=False)
    assert state(other)[0] == Status.UNSUBSCRIBED


def test_a_purchase_is_not_told_by_default(publisher):
    assert not buy(term=PlanTermFactory(plan__offer__publisher=publisher)).operations.exists()


@pytest.mark.parametrize(
    ("code", "after", "tally"),
    [(200, 0, {"succeeded": 1}), (500, 10, {"in_progress": 1}), (400, 10, {"in_progress": 1})],
)
def test_what_the_publisher_began_holds_when_its_webhook_has_heard_or_after_ten_seconds(
    site, publisher, running, code, after, tally
):
    allow(publisher, "publisher_changes", "update")
    kept = []
    site.behave(running.pk, hears(kept, code))
    operation = change_by_publisher(publisher.client.actor(), running.pk, quantity=9, at=NOON)
    assert state(running) == (Status.SUBSCRIBED, 7)

    assert send() == tally
    if after:
        assert state(running)[1] == 7
        assert send(NOON + timedelta(seconds=9.9)) == {}
        assert send(NOON + timedelta(seconds=after)) == {"succeeded": 1}

    operation.refresh_from_db()
    assert (operation.source, operation.accepted_by, state(running)[1]) == (OperationSource.PUBLISHER, "publisher", 9)
    assert [(one["status"], one["operationRequestSource"]) for one in kept] == [("InProgress", "Partner")]


def test_each_post_is_kept_as_it_was_sent_and_answered_without_secrets(site, publisher, running):
    kept = []
    operation = _asked(running)
    site.behave(running.pk, hears(kept, 503, '{"message": "Down", "token": "sesame"}'))
    send()
    site.behave(running.pk, hears(kept, 400, '{"message": "Sold out"}'))
    operation.refresh_from_db()
    send(operation.next_attempt_at)

    first, second = NoticeAttempt.objects.filter(operation=operation).order_by("number")
    assert [first.payload, second.payload] == kept
    assert (first.number, first.outcome, first.http_status, first.sent_by) == (1, "failing", 503, "Partner Hub")
    assert (second.number, second.outcome, second.http_status) == (2, "refused", 400)
    assert (second.answer, second.detail) == ('{"message": "Sold out"}', "The publisher answered 400: Sold out")
    assert first.webhook_url.endswith("/webhook?code=…")
    assert "sesame" not in first.answer
    assert first.sent_at + timedelta(milliseconds=first.milliseconds) == SOON
    tallies = CallTally.objects.filter(publisher=publisher).order_by("outcome")
    assert list(tallies.values_list("kind", "outcome", "calls")) == [
        ("notice", "answered", 1),
        ("notice", "failing", 1),
    ]


def test_a_post_is_kept_although_the_publisher_settled_it_meanwhile(site, publisher, running):
    operation = _asked(running)

    def agree() -> None:
        try:
            acknowledge(publisher.client.actor(), operation.pk, agrees=True, at=SOON)
        finally:
            connections.close_all()

    async def answer(request: web.Request) -> web.StreamResponse:
        await asyncio.to_thread(agree)
        return web.Response(status=200)

    site.behave(running.pk, answer)

    assert send() == {"dropped": 1}
    assert [one.http_status for one in NoticeAttempt.objects.filter(operation=operation)] == [200]


def _asked(subscription: Subscription) -> Operation:
    change_quantity(AGENT, subscription.pk, quantity=9, version=None, at=NOON)
    return subscription.operations.get()


# The delivery log


def page(role: Role, publisher: Publisher, rest: str = "", *, post: bool = False):
    http = Http()
    http.force_login(UserFactory(active_role=role))
    address = f"/publishers/{publisher.pk}/notices/{rest}"
    return http.post(address, follow=True) if post else http.get(address)


def test_the_log_lists_filters_and_shows_what_was_sent(site, publisher, running):
    operation = _asked(running)
    site.behave(running.pk, hears([], 400, "Sold out"))
    send()
    attempt = operation.notice_attempts.get()

    listed = page(Role.OPS_AGENT, publisher).content.decode()
    assert (running.nickname in listed, "Quantity change" in listed, "Send a test event" in listed) == (
        True,
        True,
        True,
    )
    filters = {"outcome=refused&action=change_quantity": True, "outcome=answered": False, "action=test": False}
    for query, shown in filters.items():
        assert (f"{attempt.pk}" in page(Role.OPS_AGENT, publisher, f"?{query}").content.decode()) == shown
    detail = page(Role.SALES_AGENT, publisher, f"{attempt.pk}/").content.decode()
    assert (str(operation.pk) in detail, "Sold out" in detail, "hush-hush" in detail) == (True, True, False)
    assert page(Role.OPS_AGENT, PublisherFactory(), f"{attempt.pk}/").status_code == 404


def test_only_a_platform_admin_sends(site, publisher, running):
    operation, kept = _asked(running), []
    site.behave(running.pk, hears(kept))
    send()
    again = f"{operation.notice_attempts.get().pk}/again/"

    for role in (Role.ADMIN_AGENT, Role.SALES_AGENT, Role.OPS_AGENT):
        assert page(role, publisher, again, post=True).status_code == 403
        assert page(role, publisher, "test/", post=True).status_code == 403

    assert (len(kept), NoticeAttempt.objects.count()) == (1, 1)


def test_what_failed_for_good_is_told_again_and_stays_as_it_is(site, publisher, running):
    operation, kept = _asked(running), []
    site.behave(running.pk, hears(kept, 400))
    send()
    site.behave(running.pk, hears(kept))

    shown = page(Role.PLATFORM_ADMIN, publisher, f"{operation.notice_attempts.get().pk}/again/", post=True)

    assert "Sent, and received." in shown.content.decode()
    operation.refresh_from_db()
    assert (operation.status, state(running)[1]) == (OperationStatus.FAILED, 7)
    assert [one["id"] for one in kept] == [str(operation.pk)] * 2
    assert [one["status"] for one in kept] == ["InProgress", "Failed"]
    assert [one.number for one in operation.notice_attempts.order_by("number")] == [1, 2]
    assert operation.notice_attempts.get(number=2).sent_by.startswith("Agent ")


@pytest.mark.parametrize(("code", "outcome"), [(200, ("in_progress", 7)), (400, ("failed", 7))])
def test_what_waits_to_be_heard_counts_when_it_is_sent_again(site, publisher, running, code, outcome):
    operation = _asked(running)
    site.behave(running.pk, hears([], 503))
    send()
    Publisher.objects.update(circuit="open", circuit_retry_at=NOON + timedelta(days=300), consecutive_failures=5)
    site.behave(running.pk, hears([], code))

    page(Role.PLATFORM_ADMIN, publisher, f"{operation.notice_attempts.get().pk}/again/", post=True)

    operation.refresh_from_db()
    publisher.refresh_from_db()
    assert (operation.status, state(running)[1]) == outcome
    assert (operation.attempts, operation.notified_at is not None, publisher.circuit) == (2, code == 200, "closed")


def test_a_test_event_has_the_shape_of_a_notice_and_no_subscription(site, publisher, running):
    real, trial = [], []
    operation = _asked(running)
    site.behave(running.pk, hears(real))
    send()
    site.behave(publisher.webhook_url.split("/")[-2], hears(trial, 202))

    shown = page(Role.PLATFORM_ADMIN, publisher, "test/", post=True)

    assert "Sent, and received." in shown.content.decode()
    assert (set(trial[0]), set(trial[0]["subscription"])) == (set(real[0]), set(real[0]["subscription"]))
    assert not Subscription.objects.filter(pk=trial[0]["subscriptionId"]).exists()
    attempt = NoticeAttempt.objects.exclude(operation=operation).get()
    assert (attempt.operation_id, attempt.http_status, attempt.payload) == (None, 202, trial[0])


def test_without_a_webhook_nothing_is_sent_and_it_says_so():
    publisher = PublisherFactory(adapter=Adapter.PUSH, fulfillment_base_url="")

    shown = page(Role.PLATFORM_ADMIN, publisher, "test/", post=True).content.decode()

    assert "no webhook is registered" in shown
    assert not NoticeAttempt.objects.exists()
