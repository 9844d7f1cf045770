import asyncio
import json
import threading
import uuid
from datetime import timedelta

import pytest
import structlog
from aiohttp import web
from django.core.management import call_command
from django.db import connection, connections, transaction
from django.test.utils import CaptureQueriesContext

from accounts.policy import SYSTEM, Role
from partnerhub.clock import now
from partnerhub.outbox.models import Event
from partnerhub.outbox.recorder import digest, fingerprint
from publishers.fulfillment.gateway import Answer, Outcome, Said
from publishers.fulfillment.registry import Lines
from publishers.models import Adapter, CallTally, Circuit, Publisher
from subscriptions.enums import GateName, Reason, Status
from subscriptions.gates import NOT_OPENED
from subscriptions.models import BillingStart, Gate, PollSchedule, Subscription
from subscriptions.polling import LEASE, Claim, LeaseLost, Poller, Reply, apply, apply_all, claim, release
from subscriptions.selectors import blocking_gate
from subscriptions.services.asking import poll_now
from subscriptions.services.confirmation import CONFIRMATIONS
from subscriptions.services.ending import cancel
from subscriptions.window import Bounds
from tests.factories.accounts import actor
from tests.factories.publisher_site import PublisherSite, answers, says
from tests.factories.publishers import PlanTermFactory, PublisherFactory
from tests.factories.subscriptions import NOON, buy, said

pytestmark = pytest.mark.django_db(transaction=True)

LATER = NOON + timedelta(seconds=5)
ONCE = Bounds(places=10, seconds=10, idle_seconds=0)


@pytest.fixture(autouse=True)
def _private_publishers(settings):
    settings.HUB_ALLOW_PRIVATE_PUBLISHERS = True


@pytest.fixture(scope="module")
def site():
    with PublisherSite() as running:
        yield running


@pytest.fixture
def shop(site):
    """Make a publisher at the test's site with one plan, `plan`, to buy from."""

    def open_shop(**publisher) -> Publisher:
        slug = uuid.uuid4().hex
        made = PublisherFactory(fulfillment_base_url=site.url(slug), **publisher)
        PlanTermFactory(plan__offer__publisher=made, plan__plan_id="plan")
        return made

    return open_shop


def buy_of(publisher: Publisher, **bought) -> Subscription:
    return buy(term=publisher.offers.get().plans.get().terms.get(), **bought)


def slug_of(publisher: Publisher) -> str:
    return publisher.fulfillment_base_url.rpartition("/")[2]


def poll(at=LATER, bounds=ONCE, **options) -> Poller:
    poller = Poller(SYSTEM, bounds, due_by=at, clock=lambda: at, chance=lambda: 0.5, **options)
    poller.run()
    return poller


def schedule_of(subscription: Subscription) -> PollSchedule:
    return PollSchedule.objects.get(pk=subscription.pk)


def status_of(subscription: Subscription) -> str:
    return Subscription.objects.get(pk=subscription.pk).status


def events_of(subscription: Subscription) -> list[str]:
    return list(Event.objects.filter(stream_id=subscription.pk).order_by("sequence").values_list("name", flat=True))


# Asking


def test_a_confirmation_is_found_out_and_proved(site, shop):
    subscription = buy_of(shop())
    site.behave(subscription.pk, says("Subscribed", planId="plan", quantity=7))

    tally = poll().tally

    assert (tally.asked, tally.activated, dict(tally.outcomes)) == (1, 1, {"answered": 1})
    assert status_of(subscription) == Status.SUBSCRIBED
    assert BillingStart.objects.get(subscription=subscription).starts_at == LATER
    schedule = schedule_of(subscription)
    assert (schedule.next_poll_at, schedule.lease, schedule.lease_until) == (None, None, None)
    evidence = Gate.objects.get(subscription=subscription, gate=GateName.LICENSES_ASSIGNED).evidence
    request = site.requests[-1]
    assert evidence["request_id"] == request.headers["x-ms-requestid"]
    activated = Event.objects.get(stream_id=subscription.pk, name="subscription.activated")
    assert activated.correlation_id == request.headers["x-ms-correlationid"]


def test_what_is_still_pending_is_asked_again_by_its_age(site, shop):
    subscription = buy_of(shop())

    tally = poll().tally

    assert dict(tally.outcomes) == {"unknown_there": 1}
    schedule = schedule_of(subscription)
    assert (schedule.attempts, schedule.last_polled_at, schedule.last_outcome) == (1, LATER, "unknown_there")
    assert schedule.next_poll_at == LATER + timedelta(seconds=2.5)
    assert (schedule.lease, schedule.lease_until) == (None, None)
    assert status_of(subscription) == Status.PENDING


def test_trouble_is_shown_and_asked_again_ever_later(site, shop):
    subscription = buy_of(shop())
    site.behave(subscription.pk, answers(500, text="oops"))

    waits = []
    at = LATER
    for _ in range(4):
        poll(at)
        schedule = schedule_of(subscription)
        waits.append((schedule.next_poll_at - at).total_seconds())
        at = schedule.next_poll_at

    assert waits == [2.5, 5, 10, 20]
    assert schedule_of(subscription).last_detail == "The publisher answered 500: oops"


def test_retry_after_is_honoured(site, shop):
    subscription = buy_of(shop())
    site.behave(subscription.pk, answers(429, headers={"Retry-After": "120"}))

    poll()

    assert schedule_of(subscription).next_poll_at == LATER + timedelta(seconds=120)


def test_the_last_chance_before_the_order_is_void_is_used_whatever_came_before(shop):
    subscription = buy_of(shop())
    last_chance = subscription.activate_by - timedelta(seconds=30)
    before = last_chance - timedelta(minutes=5)
    PollSchedule.objects.update(next_poll_at=before - timedelta(minutes=10))

    for at in (before - timedelta(minutes=10), before):
        [claimed] = claim(at, 1, due_by=subscription.activate_by)
        apply(SYSTEM, claimed, Answer(Outcome.UNKNOWN_THERE), at=at, chance=0.5)

    assert schedule_of(subscription).next_poll_at == last_chance


def test_the_hub_proves_who_it_is_with_a_token_for_this_publisher(site, shop):
    publisher = shop()
    buy_of(publisher)

    poll()

    scheme, _, token = site.requests[-1].headers["authorization"].partition(" ")
    assert scheme == "Bearer"
    assert token.count(".") == 2


def test_only_what_is_due_and_pending_of_polled_publishers_is_asked(site, shop):
    polled = shop()
    due, later, ended = (buy_of(polled) for _ in range(3))
    PollSchedule.objects.filter(pk=later.pk).update(next_poll_at=LATER + timedelta(seconds=1))
    Subscription.objects.filter(pk=ended.pk).update(status=Status.UNSUBSCRIBED, ended_at=LATER, end_reason="cancelled")
    pushed = buy_of(shop(adapter=Adapter.PUSH))

    assert [one.subscription_id for one in claim(LATER, 10)] == [due.pk]
    assert not PollSchedule.objects.filter(pk=pushed.pk).exists()


def test_a_question_asked_for_meanwhile_stays_due(site, shop):
    subscription = buy_of(shop())
    [claimed] = claim(LATER, 1)
    asked_at = LATER + timedelta(seconds=1)
    poll_now(SYSTEM, subscription.pk, at=asked_at)

    apply(SYSTEM, claimed, Answer(Outcome.UNKNOWN_THERE), at=LATER + timedelta(seconds=2), chance=0.5)

    assert schedule_of(subscription).next_poll_at == asked_at


def test_poll_once_asks_everything_due_once_and_prints_a_summary(site, shop, capsys):
    bought_at = now()
    first, second = (buy_of(publisher, at=bought_at) for publisher in (shop(), shop()))
    site.behave(second.pk, says("Subscribed", planId="plan", quantity=7))

    call_command("poll_once")

    assert json.loads(capsys.readouterr().out) == {
        "asked": 2,
        "activated": 1,
        "dropped": 0,
        "outcomes": {"unknown_there": 1, "answered": 1},
    }
    assert (site.asked(first.pk), site.asked(second.pk)) == (1, 1)


def test_nothing_is_asked_inside_a_transaction(site, shop):
    subscription = buy_of(shop())

    with transaction.atomic(), pytest.raises(RuntimeError):
        poll()

    assert site.asked(subscription.pk) == 0


# Answers that are known already


def test_a_publisher_is_told_what_it_called_its_last_answer(site, shop):
    subscription = buy_of(shop())
    told = []

    async def unchanged(request: web.Request) -> web.StreamResponse:
        told.append(request.headers.get("if-none-match"))
        if told[-1] == '"v1"':
            return web.Response(status=304)
        return await says("PendingFulfillmentStart", planId="plan", quantity=7, headers={"ETag": '"v1"'})(request)

    site.behave(subscription.pk, unchanged)
    poll()
    events = events_of(subscription)
    assert poll(LATER + timedelta(minutes=1)).tally.outcomes == {"answered": 1}

    schedule = schedule_of(subscription)
    assert (told, schedule.etag, schedule.attempts) == ([None, '"v1"'], '"v1"', 2)
    assert (schedule.last_outcome, events_of(subscription)) == ("answered", events)
    assert schedule.next_poll_at > LATER + timedelta(minutes=1)


def test_what_is_said_again_without_an_etag_is_judged_now_and_then_only(site, shop):
    subscription, told = buy_of(shop()), []
    words = {"planId": "plan", "quantity": 7}

    async def pending(request: web.Request) -> web.StreamResponse:
        told.append(request.headers.get("if-none-match"))
        return await says("PendingFulfillmentStart", **words)(request)

    def judged_after(minutes: int) -> bool:
        """Whether a gate that somebody has written in by hand is put right."""
        gates = Gate.objects.filter(subscription=subscription, gate=GateName.CONFIGURATION_CONFIRMED)
        gates.update(message="By hand")
        assert poll(LATER + timedelta(minutes=minutes)).tally.outcomes == {"answered": 1}
        return gates.get().message != "By hand"

    site.behave(subscription.pk, pending)
    poll()
    assert not judged_after(1)
    words["quantity"] = 8
    assert judged_after(2)
    assert not judged_after(3)
    PollSchedule.objects.update(attempts=10)
    assert judged_after(4)
    assert told == [None] * 5

    site.behave(subscription.pk, says("Subscribed", planId="plan", quantity=7))
    poll(LATER + timedelta(minutes=5))
    assert status_of(subscription) == Status.SUBSCRIBED


def test_the_question_that_a_person_asks_now_belongs_to_the_trace_of_the_page(site, shop):
    asked_for, other = buy_of(publisher := shop()), buy_of(publisher)
    asked: dict[uuid.UUID, str] = {}
    for one in (asked_for, other):

        async def note(request: web.Request, key: uuid.UUID = one.pk) -> web.StreamResponse:
            asked[key] = request.headers["x-ms-correlationid"]
            return await says("PendingFulfillmentStart", planId="plan", quantity=7)(request)

        site.behave(one.pk, note)
    with structlog.contextvars.bound_contextvars(correlation_id="of-the-page"):
        poll_now(SYSTEM, asked_for.pk, at=LATER)

    poll(LATER)

    assert (asked[asked_for.pk], asked[other.pk] == "of-the-page") == ("of-the-page", False)


@pytest.mark.parametrize(
    ("changed", "etag"),
    [
        ({}, '"v1"'),
        ({"attempts": 20}, ""),  # now and then in full, should an ETag be wrong
        ({"attempts": 21}, '"v1"'),
    ],
)
def test_the_etag_goes_out_with_the_question_but_now_and_then(shop, changed, etag):
    subscription = buy_of(shop())
    PollSchedule.objects.update(**{"etag": '"v1"', "attempts": 1, "last_outcome": "answered"} | changed)

    assert [(one.subscription_id, one.etag) for one in claim(LATER, 1)] == [(subscription.pk, etag)]


def test_after_trouble_and_for_a_person_the_question_is_asked_in_full(site, shop):
    failed, asked_for = buy_of(publisher := shop()), buy_of(publisher)
    PollSchedule.objects.update(etag='"v1"', attempts=1, last_outcome="answered")
    site.behave(failed.pk, answers(500))
    site.behave(asked_for.pk, answers(304))

    poll()
    poll_now(SYSTEM, asked_for.pk, at=LATER + timedelta(seconds=1))

    assert (schedule_of(failed).etag, schedule_of(asked_for).etag) == ("", "")


# Many at once


def test_answers_of_every_kind_are_taken_in_together_each_with_its_own_effect(shop):
    publisher = shop(max_concurrency=100)
    bought = [buy_of(publisher) for _ in range(5)]
    claimed = {one.subscription_id: one for one in claim(LATER, 10)}
    ids = {"request_id": "r-1", "correlation_id": "c-1"}
    confirmed, half, refused, unknown, silent = bought
    given = {
        confirmed: Answer(Outcome.ANSWERED, Said("Subscribed", "plan", 7), evidence=ids),
        half: said(half, "PendingFulfillmentStart", assigned_quantity=3),
        refused: said(refused, "Unsubscribed", message="Not in your sector"),
        unknown: Answer(Outcome.UNKNOWN_THERE),
        silent: Answer(Outcome.SILENT),
    }

    replies = [Reply(claimed[one.pk], answer, 0.5) for one, answer in given.items()]
    with CaptureQueriesContext(connection) as together:
        statuses = apply_all(SYSTEM, replies, at=LATER)

    assert statuses == [Status.SUBSCRIBED, *[Status.PENDING] * 4]
    assert [status_of(one) for one in bought] == statuses
    assert [blocking_gate(one).reason for one in bought[1:]] == [
        Reason.PARTIAL_ASSIGNMENT,
        Reason.PUBLISHER_REFUSED,
        Reason.AWAITING_CUSTOMER_SETUP,
        Reason.PUBLISHER_SILENT,
    ]
    assert BillingStart.objects.get().subscription == confirmed
    assert list(Event.objects.filter(name="subscription.activated").values_list("request_id", "correlation_id")) == [
        ("r-1", "c-1")
    ]
    for one in bought:
        chain = list(Event.objects.filter(stream_id=one.pk).order_by("sequence"))
        assert [event.sequence for event in chain] == list(range(1, len(chain) + 1))
        hashes = ["", *(event.hash for event in chain)]
        assert [digest(fingerprint(event), before) for event, before in zip(chain, hashes, strict=False)] == hashes[1:]
    assert PollSchedule.objects.filter(lease=None, attempts=1).count() == 5
    assert len(together) <= 16


def test_the_statements_of_a_batch_do_not_grow_with_it(shop):
    publisher = shop(max_concurrency=100)
    counts = []
    for size in (1, 6):
        bought = [buy_of(publisher) for _ in range(size)]
        replies = [Reply(one, said(bought[0]), 0.5) for one in claim(LATER, 10)]
        with CaptureQueriesContext(connection) as together:
            apply_all(SYSTEM, replies, at=LATER)
        counts.append((len(replies), len(together)))

    assert counts == [(1, counts[0][1]), (6, counts[0][1])]


def test_one_lost_lease_drops_one_answer_of_many(site, shop):
    publisher = shop()
    lost, *kept = (buy_of(publisher) for _ in range(4))

    async def take_the_lease_away(request: web.Request) -> web.StreamResponse:
        await asyncio.to_thread(_lose_lease, lost)
        return await answers(404)(request)

    site.behave(lost.pk, take_the_lease_away)

    tally = poll().tally

    assert (tally.asked, tally.dropped) == (4, 1)
    assert (schedule_of(lost).attempts, [schedule_of(one).attempts for one in kept]) == (0, [1, 1, 1])


def _lose_lease(subscription: Subscription) -> None:
    try:
        PollSchedule.objects.filter(pk=subscription.pk).update(lease=uuid.uuid4())
    finally:
        connection.close()


def test_calls_are_counted_once_for_each_outcome_of_an_hour(site, shop):
    publisher = shop()
    known, _unknown = buy_of(publisher), buy_of(publisher)
    site.behave(known.pk, says("PendingFulfillmentStart", planId="plan", quantity=7))

    poll()
    poll(LATER + timedelta(minutes=1))

    rows = CallTally.objects.filter(publisher=publisher).order_by("outcome")
    assert [(row.hour, row.kind, row.outcome, row.calls) for row in rows] == [
        (NOON, "ask", "answered", 2),
        (NOON, "ask", "unknown_there", 2),
    ]
    assert all(0 < row.slowest_milliseconds <= row.milliseconds for row in rows)


# Leases


def test_two_claimers_never_get_the_same_row(shop):
    publisher = shop(max_concurrency=100)
    bought = {buy_of(publisher).pk for _ in range(12)}
    got: list[Claim] = []
    start = threading.Barrier(4)

    def work():
        try:
            start.wait()
            while taken := claim(LATER, 2):
                got.extend(taken)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(got) == 12
    assert {one.subscription_id for one in got} == bought
    assert len({one.lease for one in got}) == 12


def test_claimers_together_keep_to_a_publishers_limit(shop):
    publisher = shop(max_concurrency=3)
    for _ in range(8):
        buy_of(publisher)
    got: list[Claim] = []
    start = threading.Barrier(4)

    def work():
        try:
            start.wait()
            got.extend(claim(LATER, 8))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(got) == 3
    assert claim(LATER, 8) == []


def test_a_worker_killed_after_its_claim_loses_nothing_and_doubles_nothing(site, shop):
    subscription = buy_of(shop())
    site.behave(subscription.pk, says("Subscribed", planId="plan", quantity=7))
    [lost] = claim(LATER, 10)

    assert poll(LATER + LEASE - timedelta(seconds=1)).tally.asked == 0
    assert status_of(subscription) == Status.PENDING

    assert poll(LATER + LEASE).tally.activated == 1
    with pytest.raises(LeaseLost):
        apply(SYSTEM, lost, said(subscription), at=LATER + LEASE, chance=0.5)

    assert status_of(subscription) == Status.SUBSCRIBED
    assert BillingStart.objects.filter(subscription=subscription).count() == 1
    assert events_of(subscription).count("subscription.activated") == 1


def test_an_answer_under_a_lost_lease_changes_nothing(shop):
    subscription = buy_of(shop())
    [lost] = claim(LATER, 10)
    [current] = claim(LATER + LEASE, 10)
    before = (schedule_of(subscription).__dict__, events_of(subscription))

    with pytest.raises(LeaseLost):
        apply(SYSTEM, lost, said(subscription), at=LATER + LEASE, chance=0.5)

    after = (schedule_of(subscription).__dict__, events_of(subscription))
    assert [after[1], {k: v for k, v in after[0].items() if k != "_state"}] == [
        before[1],
        {k: v for k, v in before[0].items() if k != "_state"},
    ]
    assert status_of(subscription) == Status.PENDING
    assert not Gate.objects.filter(subscription=subscription, evidence__isnull=False, gate="licenses_assigned").exists()
    assert schedule_of(subscription).lease == current.lease


def test_the_same_trouble_again_under_a_lost_lease_changes_nothing(shop):
    subscription = buy_of(shop())
    PollSchedule.objects.filter(pk=subscription.pk).update(last_outcome=Outcome.SILENT)
    [lost] = claim(LATER, 10)
    [current] = claim(LATER + LEASE, 10)

    with pytest.raises(LeaseLost):
        apply(SYSTEM, lost, Answer(Outcome.SILENT), at=LATER + LEASE, chance=0.5)

    schedule = schedule_of(subscription)
    assert (schedule.lease, schedule.attempts, schedule.next_poll_at) == (current.lease, 0, current.due_at)


def test_the_same_trouble_again_records_nothing_new(site, shop):
    subscription = buy_of(shop())
    site.behave(subscription.pk, answers(500))
    poll()
    before = events_of(subscription)

    poll(LATER + timedelta(minutes=1))

    assert events_of(subscription) == before
    assert schedule_of(subscription).attempts == 2


def test_an_ended_purchase_is_not_asked_again_after_an_answer_that_was_under_way(shop):
    subscription = buy_of(shop())
    PollSchedule.objects.filter(pk=subscription.pk).update(last_outcome=Outcome.SILENT)
    [claimed] = claim(LATER, 10)
    cancel(actor(Role.ADMIN_AGENT), subscription.pk, reason="", version=None, at=LATER, hold=False)

    apply(SYSTEM, claimed, Answer(Outcome.SILENT), at=LATER, chance=0.5)

    assert schedule_of(subscription).next_poll_at is None


def test_released_claims_are_due_again_at_once(shop):
    subscription = buy_of(shop())
    [claimed] = claim(LATER, 10)

    release([claimed.lease])

    assert [one.subscription_id for one in claim(LATER, 10)] == [subscription.pk]


def test_what_is_not_answered_when_the_worker_must_stop_is_given_back(site, shop, monkeypatch):
    monkeypatch.setattr("subscriptions.window.LAST_ANSWERS_WHEN_STOPPING_SECONDS", 0.1)
    subscription = buy_of(shop())
    asked = threading.Event()

    async def say_nothing(_request: web.Request) -> web.Response:
        asked.set()
        await asyncio.sleep(8)
        return web.Response()

    site.behave(subscription.pk, say_nothing)

    tally = poll(bounds=Bounds(places=10, seconds=10, stopping=asked.is_set)).tally

    assert tally.asked == 0
    assert [one.subscription_id for one in claim(LATER, 10)] == [subscription.pk]


def test_one_poller_works_per_node(site, shop):
    subscription = buy_of(shop())
    node = "celery@test"
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s, hashtext(%s))", [0x4855424C, node])
        assert poll(node=node).tally.asked == 0
        assert poll(node="celery@other").tally.asked == 1
        cursor.execute("SELECT pg_advisory_unlock(%s, hashtext(%s))", [0x4855424C, node])
    assert poll(schedule_of(subscription).next_poll_at, node=node).tally.asked == 1


def test_the_next_poller_goes_on_while_the_last_answers_are_awaited(site, shop, monkeypatch):
    monkeypatch.setattr("subscriptions.window.LAST_ANSWERS_WHEN_STOPPING_SECONDS", 10)
    silent, prompt = buy_of(shop()), buy_of(shop())
    PollSchedule.objects.filter(pk=prompt.pk).update(next_poll_at=LATER + timedelta(hours=1))
    asked, go_on = threading.Event(), threading.Event()

    async def wait_for_the_other(_request: web.Request) -> web.Response:
        asked.set()
        while not go_on.is_set():
            await asyncio.sleep(0.01)
        return web.Response(status=404)

    site.behave(silent.pk, wait_for_the_other)
    first = Poller(SYSTEM, Bounds(stopping=asked.is_set), node="celery@test", clock=lambda: LATER)
    draining = threading.Thread(target=lambda: (first.run(), connection.close()))
    draining.start()
    assert asked.wait(10)
    PollSchedule.objects.filter(pk=prompt.pk).update(next_poll_at=LATER)

    asked_meanwhile = 0
    for _ in range(100):
        asked_meanwhile += poll(node="celery@test").tally.asked
        if asked_meanwhile or not draining.is_alive():
            break
    still_waiting = draining.is_alive() and not go_on.is_set()
    go_on.set()
    draining.join(10)

    assert (asked_meanwhile, still_waiting) == (1, True)
    assert (first.tally.asked, draining.is_alive()) == (1, False)


# Publishers beside one another


def test_rows_go_out_in_turns_over_the_publishers(shop):
    long, short = shop(), shop()
    many = [buy_of(long, at=NOON) for _ in range(6)]
    one = buy_of(short, at=NOON + timedelta(seconds=1))

    claimed = {each.subscription_id for each in claim(LATER, 3)}

    assert one.pk in claimed
    assert len(claimed & {each.pk for each in many}) == 2


def test_a_publisher_is_asked_no_more_at_once_than_it_allows(site, shop):
    publisher = shop(max_concurrency=2)

    async def take_a_moment(_request: web.Request) -> web.Response:
        await asyncio.sleep(0.05)
        return web.Response(status=404)

    for _ in range(7):
        buy_of(publisher)
    site.behave(slug_of(publisher), take_a_moment)

    assert poll().tally.asked == 7
    assert site.most_at_once[slug_of(publisher)] == 2


def test_room_that_is_made_while_a_claim_looks_is_filled(site, shop):
    publisher = shop(max_concurrency=1)
    bought = [buy_of(publisher) for _ in range(2)]
    site.behave(slug_of(publisher), answers(404))
    looked = threading.Event()

    def chance() -> float:
        # The writer asks too, before it writes: only once a claim has found no room.
        assert threading.current_thread() is threading.main_thread() or looked.wait(5)
        return 0.5

    class Looking(Lines):
        def look_up(self, publisher_ids, at):
            super().look_up(publisher_ids, at)
            if not publisher_ids:
                looked.set()
                while poller.tally.asked == 0:
                    pass

    poller = Poller(SYSTEM, ONCE, due_by=LATER, clock=lambda: LATER, chance=chance, make_lines=Looking)

    assert poller.run().asked == 2
    assert [site.asked(one.pk) for one in bought] == [1, 1]


def test_a_slow_publisher_keeps_nobody_waiting(site, shop):
    slow, quick = shop(), shop(max_concurrency=1)
    applied = []
    go_on = threading.Event()
    waiting = buy_of(slow)
    others = [buy_of(quick) for _ in range(5)]

    async def wait_for_the_others(_request: web.Request) -> web.Response:
        while not go_on.is_set():
            await asyncio.sleep(0.01)
        return web.Response(status=404)

    site.behave(waiting.pk, wait_for_the_others)

    def watched_clock():
        # Read before each claim and each batch: all the others are taken in while the slow one is still asked.
        rows = PollSchedule.objects.filter(attempts=1).values_list("pk", flat=True)
        applied.append(set(rows))
        if len(applied[-1]) == len(others):
            go_on.set()
        return LATER

    Poller(SYSTEM, ONCE, due_by=LATER, clock=watched_clock).run()

    assert {one.pk for one in others} in applied
    assert schedule_of(waiting).attempts == 1


def test_an_open_circuit_is_left_alone_while_others_go_on(site, shop):
    broken, well = shop(), shop()
    skipped, asked = buy_of(broken), buy_of(well)
    Publisher.objects.filter(pk=broken.pk).update(
        circuit=Circuit.OPEN, circuit_retry_at=LATER + timedelta(seconds=1), consecutive_failures=5
    )

    poll()

    assert (site.asked(skipped.pk), site.asked(asked.pk)) == (0, 1)
    assert schedule_of(skipped).lease is None


def test_after_the_pause_one_question_tries_the_publisher_again(site, shop):
    broken = shop()
    bought = [buy_of(broken) for _ in range(3)]
    Publisher.objects.filter(pk=broken.pk).update(circuit=Circuit.OPEN, circuit_retry_at=LATER, consecutive_failures=5)

    trial = claim(LATER, 10)
    assert len(trial) == 1
    assert claim(LATER, 10) == []
    broken.refresh_from_db()
    assert broken.circuit == Circuit.HALF_OPEN
    release(one.lease for one in trial)

    assert poll().tally.asked == 3
    broken.refresh_from_db()
    assert broken.circuit == Circuit.CLOSED
    assert [site.asked(one.pk) for one in bought] == [1, 1, 1]


def test_a_failing_publisher_opens_its_circuit_and_is_spared(site, shop):
    broken = shop(max_concurrency=1)
    for _ in range(9):
        buy_of(broken)
    site.behave(slug_of(broken), answers(500))

    assert poll().tally.asked == 5

    broken.refresh_from_db()
    assert broken.circuit == Circuit.OPEN
    assert broken.circuit_retry_at == LATER + timedelta(seconds=15)


def test_a_row_that_cannot_be_applied_stops_no_other(site, shop):
    publisher = shop()
    poisoned, *well = (buy_of(publisher) for _ in range(4))
    for one in well:
        site.behave(one.pk, says("Subscribed", planId="plan", quantity=7))
    # As no code leaves it: what it shows already is told again, without what was said.
    Gate.objects.filter(subscription=poisoned, gate__in=CONFIRMATIONS).update(
        evidence={"source": "poll"}, **{name: getattr(NOT_OPENED, name) or "" for name in NOT_OPENED.__slots__}
    )

    tally = poll().tally

    assert (tally.asked, tally.activated, tally.dropped) == (4, 3, 0)
    assert [status_of(one) for one in well] == [Status.SUBSCRIBED] * 3
    schedule = schedule_of(poisoned)
    assert (schedule.attempts, schedule.lease, schedule.lease_until) == (0, None, None)
    assert schedule.next_poll_at == LATER + timedelta(minutes=15)


def test_a_publisher_is_asked_no_faster_than_it_allows(shop):
    publisher = shop(max_concurrency=100, max_per_second=8)
    for _ in range(12):
        buy_of(publisher)
    quick = buy_of(shop())

    got = []
    for tick in range(9):
        at = LATER + tick * timedelta(seconds=0.125)
        got.append(sum(one.publisher_id == publisher.pk for one in claim(at, 100)))

    # A quarter of a second's worth at once, then what a second allows.
    assert (got[0], sum(got)) == (2, 10)
    assert PollSchedule.objects.get(pk=quick.pk).lease is not None


def test_one_that_allows_one_question_in_a_second_gets_one(shop):
    publisher = shop(max_per_second=1)
    for _ in range(5):
        buy_of(publisher)

    assert [len(claim(LATER + tick * timedelta(seconds=0.5), 100)) for tick in range(5)] == [1, 0, 1, 0, 1]


def test_a_storm_of_429_slows_its_publisher_only(site, shop):
    busy, well = shop(max_concurrency=1), shop(max_concurrency=1)
    for _ in range(3):
        buy_of(busy)
    others = [buy_of(well) for _ in range(3)]
    site.behave(slug_of(busy), answers(429, headers={"Retry-After": "40"}))

    tally = poll().tally

    assert dict(tally.outcomes) == {"throttled": 1, "unknown_there": 3}
    assert [schedule_of(one).attempts for one in others] == [1, 1, 1]
    busy.refresh_from_db()
    assert (busy.circuit, busy.paced_until) == (Circuit.CLOSED, LATER + timedelta(seconds=40))
    assert [one.publisher_id for one in claim(LATER + timedelta(seconds=39), 10)].count(busy.pk) == 0
    assert [one.publisher_id for one in claim(LATER + timedelta(seconds=40), 10)].count(busy.pk) == 1


def test_a_long_queue_leaves_places_for_publishers_that_nobody_is_asking(shop):
    long, short = shop(max_concurrency=1000), shop()
    for _ in range(12):
        buy_of(long)
    late = [buy_of(short, at=NOON + timedelta(seconds=1)) for _ in range(2)]

    first = claim(LATER, 10, reserve=2)
    full = claim(LATER, 2, reserve=2)

    # The newcomer's first is claimed with the others, its second only where there is more than the reserve.
    assert ([one.publisher_id for one in first].count(long.pk), len(first)) == (8, 10)
    assert {one.subscription_id for one in first} >= {one.pk for one in late}
    assert full == []
    newcomer = buy_of(shop())
    [claimed] = claim(LATER, 2, reserve=2)
    assert (claimed.subscription_id, claimed.is_first) == (newcomer.pk, True)


def test_doubled_ticks_do_not_double_questions(site, shop):
    publisher = shop(max_concurrency=100)
    bought = [buy_of(publisher) for _ in range(12)]
    start = threading.Barrier(3)

    def tick() -> None:
        try:
            start.wait()
            poll()
        finally:
            connections.close_all()

    beats = [threading.Thread(target=tick) for _ in range(3)]
    for beat in beats:
        beat.start()
    for beat in beats:
        beat.join()

    assert [site.asked(one.pk) for one in bought] == [1] * 12
    assert set(PollSchedule.objects.values_list("attempts", flat=True)) == {1}
