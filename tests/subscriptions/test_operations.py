import asyncio
import json
import uuid
from datetime import timedelta

import jwt
import pytest
from aiohttp import web
from django.db import connections
from django.test import Client as Http

from accounts.keys import published_signer
from accounts.policy import SYSTEM, Role
from accounts.tokens import MARKETPLACE, Version, issue
from partnerhub.clock import now
from partnerhub.errors import NotPermitted
from partnerhub.outbox.models import Event
from publishers.fulfillment.gateway import Outcome, Receipt
from publishers.models import Adapter, Circuit, Policy, Publisher
from subscriptions.enums import OperationAction, OperationStatus, Status
from subscriptions.models import Operation, Subscription
from subscriptions.operations import (
    FEWEST_ATTEMPTS,
    LEASE,
    NO_WORD,
    STILL_NO_WORD,
    TOO_SLOW,
    Sender,
    Sending,
    apply,
    claim,
    release,
)
from subscriptions.services.ending import cancel
from subscriptions.services.holding import undo
from subscriptions.services.plans import change_plan
from subscriptions.services.quantity import change_quantity
from tests.factories.accounts import LONG_AGO, actor
from tests.factories.publisher_site import PublisherSite, answers, says
from tests.factories.publishers import PlanTermFactory, PublisherFactory
from tests.factories.subscriptions import NOON, active, buy

pytestmark = pytest.mark.django_db(transaction=True)

LATER = NOON + timedelta(seconds=5)
GIVE_UP_AFTER = timedelta(hours=8)  # the default of policy `change_waits`


@pytest.fixture(autouse=True)
def _private_publishers(settings):
    settings.HUB_ALLOW_PRIVATE_PUBLISHERS = True


@pytest.fixture(scope="module")
def site():
    with PublisherSite() as running:
        yield running


@pytest.fixture
def publisher(site) -> Publisher:
    return PublisherFactory(fulfillment_base_url=site.url(uuid.uuid4().hex))


def cancelled(publisher: Publisher) -> Operation:
    """The operation that tells the publisher of a cancelled subscription."""
    term = PlanTermFactory(plan__offer__publisher=publisher)
    subscription = buy(term=term)
    cancel(actor(Role.ADMIN_AGENT), subscription.pk, reason="not needed", version=None, at=NOON, hold=False)
    return Operation.objects.get(subscription=subscription)


def send(at=LATER) -> dict[str, int]:
    return dict(Sender(SYSTEM, clock=lambda: at, chance=lambda: 0.5).run())


def events_of(operation: Operation) -> list[str]:
    events = Event.objects.filter(stream_id=operation.subscription_id, name__startswith="operation.")
    return list(events.order_by("sequence").values_list("name", flat=True))


def test_a_cancelled_subscription_is_ended_at_its_publisher(site, publisher):
    operation = cancelled(publisher)
    site.behave(operation.subscription_id, answers(202, headers={"Operation-Id": "op-1"}))

    assert send() == {"succeeded": 1}

    operation.refresh_from_db()
    assert (operation.status, operation.remote_id, operation.attempts) == (OperationStatus.SUCCEEDED, "op-1", 1)
    assert (operation.completed_at, operation.lease_until) == (LATER, None)
    assert events_of(operation) == ["operation.succeeded"]
    assert [request.method for request in site.requests if str(operation.subscription_id) in request.path] == ["DELETE"]
    assert send(LATER + timedelta(hours=1)) == {}


def takes_up(*statuses: str, reason: str = ""):
    """Take the DELETE up as operation op-1, whose status is each of these in turn, then the last."""
    left = list(statuses)

    async def answer(request: web.Request) -> web.StreamResponse:
        if request.method == "DELETE":
            elsewhere = f"https://elsewhere.example{request.path}/operations/op-1?api-version=2018-08-31"
            return web.Response(status=202, headers={"Operation-Location": elsewhere})
        if "operation" not in request.match_info:
            return await says("Subscribed")(request)
        status = left.pop(0) if len(left) > 1 else left[0]
        return web.json_response({"id": "op-1", "status": status, "errorMessage": reason})

    return answer


def methods_at(site, operation: Operation) -> list[str]:
    return [request.method for request in site.requests if str(operation.subscription_id) in request.path]


def test_an_end_that_the_publisher_works_on_is_followed_until_it_is_done(site, publisher):
    operation = cancelled(publisher)
    site.behave(operation.subscription_id, takes_up("NotStarted", "InProgress", "Succeeded"))
    at = LATER
    for _ in range(3):
        assert send(at) == {"in_progress": 1}
        operation.refresh_from_db()
        assert (operation.status, operation.remote_id, operation.last_error) == ("in_progress", "op-1", "")
        assert send(at) == {}
        at = operation.next_attempt_at
    assert events_of(operation) == []

    assert send(at) == {"succeeded": 1}

    operation.refresh_from_db()
    assert (operation.status, operation.remote_id, operation.attempts) == (OperationStatus.SUCCEEDED, "op-1", 4)
    assert events_of(operation) == ["operation.succeeded"]
    assert methods_at(site, operation) == ["DELETE", "GET", "GET", "GET"]


def test_an_end_that_the_publisher_refuses_in_the_end_has_failed_with_its_reason(site, publisher):
    operation = cancelled(publisher)
    site.behave(operation.subscription_id, takes_up("Failed", reason="An invoice is unpaid."))
    send()
    operation.refresh_from_db()

    assert send(operation.next_attempt_at) == {"failed": 1}

    operation.refresh_from_db()
    sentence = "The publisher's operation ended as Failed: An invoice is unpaid."
    assert (operation.status, operation.last_error) == (OperationStatus.FAILED, sentence)
    [failed] = Event.objects.filter(stream_id=operation.subscription_id, name="operation.failed")
    assert failed.data["detail"] == sentence


def test_an_end_that_is_worked_on_for_ever_has_failed_after_eight_hours(site, publisher):
    operation = cancelled(publisher)
    site.behave(operation.subscription_id, takes_up("InProgress"))
    send()
    Operation.objects.update(attempts=FEWEST_ATTEMPTS)

    assert send(NOON + GIVE_UP_AFTER) == {"failed": 1}

    operation.refresh_from_db()
    assert operation.last_error == "The publisher has not finished its operation."
    assert events_of(operation) == ["operation.failed"]


def test_a_failure_while_following_does_not_end_it_again(site, publisher):
    operation = cancelled(publisher)
    site.behave(operation.subscription_id, takes_up("InProgress"))
    send()
    site.behave(operation.subscription_id, answers(503))
    operation.refresh_from_db()

    assert send(operation.next_attempt_at) == {"in_progress": 1}
    operation.refresh_from_db()
    assert (operation.remote_id, operation.last_error) == ("op-1", "The publisher answered 503.")

    site.behave(operation.subscription_id, takes_up("Succeeded"))
    assert send(operation.next_attempt_at) == {"succeeded": 1}
    assert methods_at(site, operation) == ["DELETE", "GET", "GET"]


def test_a_publisher_that_never_knew_of_it_has_nothing_to_end(publisher):
    operation = cancelled(publisher)

    assert send() == {"succeeded": 1}

    operation.refresh_from_db()
    assert (operation.status, operation.remote_id) == (OperationStatus.SUCCEEDED, "")


def test_a_push_publisher_without_an_address_is_not_called(site):
    operation = cancelled(PublisherFactory(adapter=Adapter.PUSH, fulfillment_base_url=""))
    before = len(site.requests)

    assert send() == {"succeeded": 1}

    operation.refresh_from_db()
    assert (operation.status, operation.remote_id) == (OperationStatus.SUCCEEDED, "")
    assert events_of(operation) == ["operation.succeeded"]
    assert len(site.requests) == before


def test_a_failing_publisher_is_told_again_after_waits_that_double(site, publisher):
    operation = cancelled(publisher)
    site.behave(operation.subscription_id, answers(503))
    waits, at = [], LATER
    for _ in range(3):
        assert send(at) == {"in_progress": 1}
        operation.refresh_from_db()
        waits.append((operation.next_attempt_at - at).total_seconds())
        at = operation.next_attempt_at

    assert waits == [5, 10, 20]
    assert (operation.attempts, operation.last_error) == (3, "The publisher answered 503.")
    assert events_of(operation) == []

    site.behave(operation.subscription_id, answers(200))
    assert send(at) == {"succeeded": 1}
    operation.refresh_from_db()
    assert operation.last_error == ""


def test_after_eight_hours_it_has_failed_visibly(site, publisher):
    operation = cancelled(publisher)
    site.behave(operation.subscription_id, answers(400, text="never"))

    # A hub that was down for all that time has not tried often enough yet.
    assert send(NOON + GIVE_UP_AFTER) == {"in_progress": 1}
    Operation.objects.update(attempts=FEWEST_ATTEMPTS)
    assert send(NOON + 2 * GIVE_UP_AFTER) == {"failed": 1}

    operation.refresh_from_db()
    assert (operation.status, operation.last_error) == (OperationStatus.FAILED, "The publisher answered 400: never")
    assert events_of(operation) == ["operation.failed"]
    assert Subscription.objects.get(pk=operation.subscription_id).status == Status.UNSUBSCRIBED


def test_a_worker_killed_after_its_call_is_made_good_by_the_next(site, publisher):
    operation = cancelled(publisher)
    told = []

    async def end_once(request: web.Request) -> web.StreamResponse:
        if request.method == "DELETE":
            told.append(request)
            return web.Response(status=202 if len(told) == 1 else 400)
        return await says("Unsubscribed")(request)

    site.behave(operation.subscription_id, end_once)
    [lost] = claim(LATER, 10)
    told.append("the call of the worker that was killed")

    assert send(LATER + LEASE - timedelta(seconds=1)) == {}
    assert send(LATER + LEASE) == {"succeeded": 1}
    assert apply(SYSTEM, lost, Receipt(Outcome.FAILING), at=LATER + LEASE, chance=0.5) is None

    operation.refresh_from_db()
    assert (operation.status, operation.attempts) == (OperationStatus.SUCCEEDED, 1)
    assert events_of(operation) == ["operation.succeeded"]


def test_an_answer_under_a_lost_lease_changes_nothing(publisher):
    operation = cancelled(publisher)
    [lost] = claim(LATER, 10)
    [current] = claim(LATER + LEASE, 10)

    assert apply(SYSTEM, lost, Receipt(Outcome.ANSWERED), at=LATER + LEASE, chance=0.5) is None

    operation.refresh_from_db()
    assert (operation.status, operation.attempts) == (OperationStatus.IN_PROGRESS, 0)
    assert operation.lease_until == current.lease_until
    assert events_of(operation) == []


def test_an_open_circuit_keeps_operations_waiting_and_then_one_tries(publisher):
    for _ in range(3):
        cancelled(publisher)
    Publisher.objects.filter(pk=publisher.pk).update(
        circuit=Circuit.OPEN, circuit_retry_at=LATER, consecutive_failures=5
    )

    assert claim(LATER - timedelta(seconds=1), 10) == []
    trial: list[Sending] = claim(LATER, 10)
    assert len(trial) == 1
    assert claim(LATER, 10) == []
    release(trial)
    assert send() == {"succeeded": 3}

    publisher.refresh_from_db()
    assert publisher.circuit == Circuit.CLOSED


def test_no_more_are_claimed_than_a_publisher_allows_at_once(publisher):
    for _ in range(5):
        cancelled(publisher)
    Publisher.objects.filter(pk=publisher.pk).update(max_concurrency=2)

    assert len(claim(LATER, 10)) == 2
    assert claim(LATER, 10) == []


def test_a_publishers_rate_and_the_pause_that_it_asked_for_hold_for_changes_too(publisher):
    for _ in range(4):
        cancelled(publisher)
    Publisher.objects.filter(pk=publisher.pk).update(max_per_second=1)

    assert [len(claim(LATER + tick * timedelta(seconds=0.5), 10)) for tick in range(4)] == [1, 0, 1, 0]
    publisher.refresh_from_db()
    assert publisher.paced_until == LATER + timedelta(seconds=2)

    Operation.objects.update(lease_until=None)
    Publisher.objects.filter(pk=publisher.pk).update(max_per_second=None, paced_until=LATER + timedelta(minutes=1))
    assert claim(LATER + timedelta(seconds=30), 10) == []
    assert len(claim(LATER + timedelta(minutes=1), 10)) == 4


def test_a_publisher_that_is_too_slow_for_a_whole_exchange_is_no_endless_loop(site, publisher):
    operation = asked(ready(publisher))

    async def slowly(_request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(0.2)
        return web.Response(status=200)

    site.behave(operation.subscription_id, slowly)
    slow = Sender(SYSTEM, clock=lambda: LATER, chance=lambda: 0.5, longest=0.3)

    assert dict(slow.run()) == {"in_progress": 1}

    operation.refresh_from_db()
    assert (operation.attempts, operation.last_error, operation.lease_until) == (1, TOO_SLOW, None)
    assert operation.next_attempt_at == LATER + timedelta(seconds=5)


def test_a_receipt_that_cannot_be_taken_in_is_put_off(site, publisher):
    operation = asked(ready(publisher), quantity=5)
    operation.payload["after"]["taken"] = [[0, 2]]  # a batch that is not there
    operation.save(update_fields=["payload"])
    site.behave(operation.subscription_id, says("Subscribed", quantity=5))

    assert send() == {}

    operation.refresh_from_db()
    assert (operation.status, operation.lease_until) == (OperationStatus.IN_PROGRESS, None)
    assert operation.next_attempt_at == LATER + timedelta(minutes=1)
    assert send(LATER + timedelta(seconds=30)) == {}
    assert site.asked(operation.subscription_id) == 2


def test_only_the_hub_itself_takes_in_a_receipt(publisher):
    operation = cancelled(publisher)
    [sending] = claim(LATER, 10)

    with pytest.raises(NotPermitted):
        apply(actor(Role.ADMIN_AGENT), sending, Receipt(Outcome.ANSWERED), at=LATER, chance=0.5)

    operation.refresh_from_db()
    assert operation.status == OperationStatus.IN_PROGRESS


# Changes: at publishers that are called


def ready(publisher: Publisher, **more) -> Subscription:
    """An active subscription of seven licences, with nothing of its operations sent yet."""
    return active(term=PlanTermFactory(plan__offer__publisher=publisher), **more)


def asked(subscription: Subscription, quantity: int = 10, *, hold: bool = False) -> Operation:
    """The operation that asks the publisher for another quantity."""
    agent = actor(Role.ADMIN_AGENT)
    change_quantity(agent, subscription.pk, quantity=quantity, version=None, at=NOON, hold=hold)
    return Operation.objects.get(subscription=subscription)


def as_it_is(operation: Operation) -> tuple[str, str, int, str]:
    """Status, by whom accepted, the subscription's quantity and plan."""
    operation.refresh_from_db()
    subscription = Subscription.objects.get(pk=operation.subscription_id)
    return operation.status, operation.accepted_by, subscription.quantity, subscription.plan.plan_id


def facts_of(operation: Operation) -> list[str]:
    """What was recorded of the subscription since the change was asked for."""
    names = list(
        Event.objects.filter(stream_id=operation.subscription_id).order_by("sequence").values_list("name", flat=True)
    )
    return names[names.index("subscription.change_requested_of_publisher") + 1 :]


def works_on(operations: list[str], shows: list[int], plan: str = "plan", reason: str = ""):
    """Take a PATCH up as op-1; the operation's statuses and the quantities shown, in turn, then the last."""

    async def answer(request: web.Request) -> web.StreamResponse:
        if request.method == "PATCH":
            return web.Response(
                status=202, headers={"Operation-Location": f"https://elsewhere.example{request.path}/op-1"}
            )
        if "operation" in request.match_info:
            status = operations.pop(0) if len(operations) > 1 else operations[0]
            return web.json_response({"id": "op-1", "status": status, "errorMessage": reason})
        return await says(quantity=shows.pop(0) if len(shows) > 1 else shows[0], planId=plan)(request)

    return answer


def send_next(operation: Operation) -> dict[str, int]:
    operation.refresh_from_db()
    return send(operation.next_attempt_at)


def test_a_change_is_accepted_when_its_value_is_seen(site, publisher):
    operation = asked(ready(publisher))
    site.behave(operation.subscription_id, works_on(["InProgress", "Succeeded"], [7, 10]))
    plan = operation.subscription.plan.plan_id

    for _ in range(3):
        assert send_next(operation) == {"in_progress": 1}
        assert as_it_is(operation) == ("in_progress", "", 7, plan)

    assert send_next(operation) == {"succeeded": 1}
    assert as_it_is(operation) == ("succeeded", "publisher", 10, plan)
    assert facts_of(operation) == ["subscription.quantity_changed"]
    assert methods_at(site, operation) == ["PATCH", "GET", "GET", "GET", "GET", "GET"]
    assert send(NOON + timedelta(days=1)) == {}


def test_an_operation_that_fails_leaves_quantity_and_plan(site, publisher):
    operation = asked(ready(publisher), 5)
    reason = "Not below the seats in use: 6"
    site.behave(operation.subscription_id, works_on(["Failed"], [7], reason=reason))
    before = as_it_is(operation)
    send()

    assert send_next(operation) == {"failed": 1}

    assert as_it_is(operation) == ("failed", "", *before[2:])
    assert operation.last_error == f"The publisher's operation ended as Failed: {reason}"
    assert facts_of(operation) == ["operation.refused"]


def test_a_change_that_is_declined_at_once_is_refused(site, publisher):
    operation = asked(ready(publisher))
    site.behave(operation.subscription_id, answers(400, text='{"message": "Sold out."}'))

    assert send() == {"failed": 1}

    assert as_it_is(operation)[:3] == ("failed", "", 7)
    assert (operation.last_error, facts_of(operation)) == (
        "The publisher answered 400: Sold out.",
        ["operation.refused"],
    )


def test_a_plan_change_is_asked_for_by_the_plans_id(site, publisher):
    subscription = ready(publisher)
    other = PlanTermFactory(plan__offer=subscription.offer, plan__sku_id="0002", plan__plan_id="platinum")
    change_plan(actor(Role.ADMIN_AGENT), subscription.pk, plan_term_id=other.pk, version=None, at=NOON)
    operation = Operation.objects.get(subscription=subscription)
    bodies = []

    async def answer(request: web.Request) -> web.StreamResponse:
        if request.method == "PATCH":
            bodies.append(await request.json())
            return web.Response(status=200)
        return await says(planId="platinum", quantity=7)(request)

    site.behave(subscription.pk, answer)

    assert send() == {"succeeded": 1}
    assert (bodies, as_it_is(operation)) == ([{"planId": "platinum"}], ("succeeded", "publisher", 7, "platinum"))


def test_a_change_that_nobody_finishes_has_failed_after_eight_hours(site, publisher):
    operation = asked(ready(publisher))
    site.behave(operation.subscription_id, works_on(["Succeeded"], [7]))
    send()
    Operation.objects.update(attempts=FEWEST_ATTEMPTS)

    assert send(NOON + GIVE_UP_AFTER) == {"failed": 1}

    assert as_it_is(operation)[:3] == ("failed", "", 7)
    assert facts_of(operation) == ["operation.failed"]


def test_what_is_held_reaches_no_publisher_until_the_moment_is_over(site, publisher):
    operation = asked(ready(publisher), 5, hold=True)
    site.behave(operation.subscription_id, works_on(["Succeeded"], [5]))
    held_until = operation.held_until

    assert send(held_until - timedelta(seconds=1)) == {}
    assert methods_at(site, operation) == []
    assert send(held_until) == {"in_progress": 1}
    assert send_next(operation) == {"succeeded": 1}
    assert as_it_is(operation)[:3] == ("succeeded", "publisher", 5)


def test_what_is_undone_was_never_sent(site, publisher):
    subscription = ready(publisher)
    operation = asked(subscription, 5, hold=True)
    undo(actor(Role.ADMIN_AGENT), subscription.pk, operation.pk, at=NOON + timedelta(seconds=59))

    assert send(NOON + timedelta(hours=1)) == {}

    assert (as_it_is(operation)[:3], methods_at(site, operation)) == (("withdrawn", "", 7), [])


# Changes: at publishers that are notified


@pytest.fixture
def notified(site) -> Publisher:
    """A publisher that calls us and has a webhook."""
    webhook = f"{site.url(uuid.uuid4().hex)}/webhook"
    return PublisherFactory(adapter=Adapter.PUSH, fulfillment_base_url="", webhook_url=webhook)


def hears(code: int = 200, *, kept: list | None = None, text: str = ""):
    async def answer(request: web.Request) -> web.StreamResponse:
        if kept is not None:
            kept.append(await request.json())
        return web.Response(status=code, text=text)

    return answer


def called_back(operation: Operation, status: str) -> int:
    """The publisher's PATCH over HTTP; what it was answered."""
    client = operation.subscription.publisher.client
    token = issue(client, audience=MARKETPLACE, version=Version.V1, at=now()).access_token
    path = f"/api/saas/subscriptions/{operation.subscription_id}/operations/{operation.pk}?api-version=2018-08-31"
    headers = {"authorization": f"Bearer {token}"}
    return Http().patch(path, json.dumps({"status": status}), "application/json", headers=headers).status_code


def test_the_notice_of_a_change_holds_the_new_value_and_the_old_subscription(site, notified):
    operation, kept = asked(ready(notified)), []
    site.behave(operation.subscription_id, hears(kept=kept))

    assert send() == {"in_progress": 1}

    [notice] = kept
    inner = notice.pop("subscription")
    assert notice == {
        "id": str(operation.pk),
        "activityId": str(operation.pk),
        "subscriptionId": str(operation.subscription_id),
        "offerId": operation.subscription.offer.offer_id,
        "publisherId": str(notified.pk),
        "planId": operation.subscription.plan.plan_id,
        "quantity": 10,
        "action": "ChangeQuantity",
        "timeStamp": "2026-11-23T12:00:00.0000000Z",
        "status": "InProgress",
        "operationRequestSource": "Azure",
        "purchaseToken": None,
    }
    assert (inner["id"], inner["quantity"]) == (str(operation.subscription_id), 7)
    assert inner["saasSubscriptionStatus"] == "Subscribed"


def test_the_notice_is_signed_as_verifiers_of_both_versions_want_it(site, notified):
    operation, tokens = asked(ready(notified)), []

    async def answer(request: web.Request) -> web.StreamResponse:
        tokens.append(request.headers["authorization"].removeprefix("Bearer "))
        return web.Response()

    site.behave(operation.subscription_id, answer)
    Sender(SYSTEM, chance=lambda: 0.5, clock=lambda: LATER).run()

    [token] = tokens
    signer = published_signer(jwt.get_unverified_header(token)["kid"], LATER)
    options = {"verify_exp": False, "verify_nbf": False, "verify_iat": False}
    public = signer.private.public_key()
    claims = jwt.decode(token, public, algorithms=["RS256"], audience=str(notified.client_id), options=options)
    assert (claims["appid"], claims["azp"], claims["tid"]) == (MARKETPLACE, MARKETPLACE, str(notified.client.tenant_id))


def test_silence_of_ten_seconds_accepts(site, notified):
    operation = asked(ready(notified))
    site.behave(operation.subscription_id, hears())
    send()
    operation.refresh_from_db()
    assert (operation.notified_at, operation.due_at) == (LATER, LATER + timedelta(seconds=10))

    assert send(LATER + timedelta(seconds=9.9)) == {}
    assert send(LATER + timedelta(seconds=10)) == {"succeeded": 1}

    assert as_it_is(operation)[:3] == ("succeeded", "silence", 10)
    assert facts_of(operation) == ["subscription.quantity_changed"]
    assert called_back(operation, "Failure") == 409
    assert as_it_is(operation)[:3] == ("succeeded", "silence", 10)


@pytest.mark.parametrize(
    ("status", "outcome", "fact"),
    [
        ("Success", ("succeeded", "publisher", 10), "subscription.quantity_changed"),
        ("Failure", ("failed", "", 7), "operation.refused"),
    ],
)
def test_a_word_after_9_9_seconds_counts(site, notified, time_machine, status, outcome, fact):
    operation = asked(ready(notified))
    site.behave(operation.subscription_id, hears())
    send()
    time_machine.move_to(LATER + timedelta(seconds=9.9), tick=False)

    assert called_back(operation, status) == 200

    assert as_it_is(operation)[:3] == outcome
    assert facts_of(operation) == [fact]
    assert send(LATER + timedelta(seconds=10)) == {}
    assert called_back(operation, status) == 409


@pytest.mark.parametrize(
    ("status", "outcome"), [("Success", ("succeeded", "publisher", 10)), ("Failure", ("failed", "", 7))]
)
@pytest.mark.parametrize("answered_with", [200, 400, 503])
def test_a_word_that_comes_before_the_webhook_is_answered_decides(site, notified, status, outcome, answered_with):
    operation, statuses = asked(ready(notified)), []

    def call_back() -> None:
        try:
            statuses.append(called_back(operation, status))
        finally:
            connections.close_all()

    async def answer(request: web.Request) -> web.StreamResponse:
        await asyncio.to_thread(call_back)
        return web.Response(status=answered_with)

    site.behave(operation.subscription_id, answer)

    assert send() == {"dropped": 1}
    assert (statuses, as_it_is(operation)[:3]) == ([200], outcome)
    assert send(NOON + timedelta(days=1)) == {}


def test_a_webhook_that_answers_4xx_refuses_with_its_reason(site, notified):
    operation = asked(ready(notified), 5)
    site.behave(operation.subscription_id, hears(400, text='{"message": "Not below the seats in use: 6"}'))

    assert send() == {"failed": 1}

    assert as_it_is(operation)[:3] == ("failed", "", 7)
    assert operation.last_error == "The publisher answered 400: Not below the seats in use: 6"
    assert facts_of(operation) == ["operation.refused"]


def test_a_failing_webhook_is_told_again_until_it_hears_the_same_notice(site, notified):
    operation, kept = asked(ready(notified)), []
    site.behave(operation.subscription_id, hears(503, kept=kept))
    send()
    assert send_next(operation) == {"in_progress": 1}
    site.behave(operation.subscription_id, hears(200, kept=kept))
    assert send_next(operation) == {"in_progress": 1}

    assert (len(kept), kept[0]) == (3, kept[2])
    assert send_next(operation) == {"succeeded": 1}
    assert as_it_is(operation)[:3] == ("succeeded", "silence", 10)


def test_a_webhook_that_never_hears_fails_after_eight_hours(site, notified):
    operation = asked(ready(notified))
    site.behave(operation.subscription_id, hears(500))
    send()
    Operation.objects.update(attempts=FEWEST_ATTEMPTS)

    assert send(NOON + GIVE_UP_AFTER) == {"failed": 1}

    assert as_it_is(operation)[:3] == ("failed", "", 7)
    assert (operation.last_error, facts_of(operation)) == ("The publisher answered 500.", ["operation.failed"])


def test_silence_can_mean_a_refusal(site, notified):
    operation = asked(ready(notified))
    Policy.objects.create(name="silence_means", value="refuse", publisher=notified, valid_from=LONG_AGO)
    site.behave(operation.subscription_id, hears())
    send()

    assert send_next(operation) == {"failed": 1}

    assert (as_it_is(operation)[:3], operation.last_error) == (("failed", "", 7), NO_WORD)
    assert facts_of(operation) == ["operation.refused"]


def test_silence_can_mean_to_wait_until_the_time_is_over(site, notified):
    operation = asked(ready(notified))
    Policy.objects.create(name="silence_means", value="wait", publisher=notified, valid_from=LONG_AGO)
    site.behave(operation.subscription_id, hears())
    send()
    assert send_next(operation) == {"in_progress": 1}
    assert as_it_is(operation)[:3] == ("in_progress", "", 7)
    assert operation.due_at == NOON + GIVE_UP_AFTER

    assert send(NOON + GIVE_UP_AFTER) == {"failed": 1}

    assert (as_it_is(operation)[:3], operation.last_error) == (("failed", "", 7), STILL_NO_WORD)
    assert facts_of(operation) == ["operation.failed"]


def test_a_publisher_that_only_reads_has_ten_seconds_too(site):
    operation = asked(ready(PublisherFactory(adapter=Adapter.PUSH, fulfillment_base_url="")))
    before = len(site.requests)

    assert send() == {"in_progress": 1}
    assert send(LATER + timedelta(seconds=9)) == {}
    assert send(LATER + timedelta(seconds=10)) == {"succeeded": 1}

    assert as_it_is(operation)[:3] == ("succeeded", "silence", 10)
    assert len(site.requests) == before


def test_a_silence_that_is_over_does_not_wait_for_the_circuit(site, notified):
    operation = asked(ready(notified))
    site.behave(operation.subscription_id, hears())
    send()
    Publisher.objects.update(circuit=Circuit.OPEN, circuit_retry_at=NOON + timedelta(days=1), consecutive_failures=5)

    assert send(LATER + timedelta(seconds=10)) == {"succeeded": 1}

    notified.refresh_from_db()
    assert notified.circuit == Circuit.OPEN


@pytest.mark.parametrize(
    ("action", "word", "status"),
    [
        (OperationAction.SUSPEND, "Suspend", "Succeeded"),
        (OperationAction.RENEW, "Renew", "Succeeded"),
        (OperationAction.UNSUBSCRIBE, "Unsubscribe", "Succeeded"),
    ],
)
def test_what_has_happened_is_told_and_2xx_is_enough(site, notified, action, word, status):
    subscription, kept = ready(notified), []
    operation = Operation.objects.create(
        subscription=subscription, action=action, requested_by="hub", created_at=NOON, next_attempt_at=NOON
    )
    site.behave(subscription.pk, hears(503, kept=kept))
    assert send() == {"in_progress": 1}
    site.behave(subscription.pk, hears(200, kept=kept))

    assert send_next(operation) == {"succeeded": 1}

    assert [(one["action"], one["status"], one["quantity"]) for one in kept] == [(word, status, 7)] * 2
    assert events_of(operation) == ["operation.succeeded"]


def test_a_renewal_with_another_quantity_is_brought_into_line_at_a_called_publisher(site, publisher):
    subscription = ready(publisher)
    plan_id = subscription.plan.plan_id
    payload = {"before": {"quantity": 9, "plan_id": plan_id}, "after": {"quantity": 7, "plan_id": plan_id}}
    operation = Operation.objects.create(
        subscription=subscription,
        action=OperationAction.RENEW,
        payload=payload,
        requested_by="hub",
        created_at=NOON,
        next_attempt_at=NOON,
    )
    site.behave(subscription.pk, works_on(["Succeeded"], [9, 7], plan=plan_id))

    assert send() == {"in_progress": 1}
    assert send_next(operation) == {"succeeded": 1}
    assert methods_at(site, operation) == ["GET", "PATCH", "GET"]


def test_a_renewal_that_changes_nothing_is_not_sent_to_a_called_publisher(site, publisher):
    subscription = ready(publisher)
    operation = Operation.objects.create(
        subscription=subscription,
        action=OperationAction.RENEW,
        payload={"before": {"quantity": 7}, "after": {"quantity": 7}},
        requested_by="hub",
        created_at=NOON,
        next_attempt_at=NOON,
    )

    assert send() == {"succeeded": 1}
    assert methods_at(site, operation) == []
