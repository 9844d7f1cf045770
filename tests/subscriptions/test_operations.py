import uuid
from datetime import timedelta

import pytest
from aiohttp import web

from accounts.policy import SYSTEM, Role
from partnerhub.errors import NotPermitted
from partnerhub.outbox.models import Event
from publishers.fulfillment.gateway import Outcome, Receipt
from publishers.models import Adapter, Circuit, Publisher
from subscriptions.enums import OperationStatus, Status
from subscriptions.models import Operation, Subscription
from subscriptions.operations import FEWEST_ATTEMPTS, LEASE, Sender, Sending, apply, claim, release
from subscriptions.services.ending import cancel
from tests.factories.accounts import actor
from tests.factories.publisher_site import PublisherSite, answers, says
from tests.factories.publishers import PlanTermFactory, PublisherFactory
from tests.factories.subscriptions import NOON, buy

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


def test_only_the_hub_itself_takes_in_a_receipt(publisher):
    operation = cancelled(publisher)
    [sending] = claim(LATER, 10)

    with pytest.raises(NotPermitted):
        apply(actor(Role.ADMIN_AGENT), sending, Receipt(Outcome.ANSWERED), at=LATER, chance=0.5)

    operation.refresh_from_db()
    assert operation.status == OperationStatus.IN_PROGRESS
