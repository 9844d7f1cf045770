"""Drift: what publishers show that is not what we hold, seen, shown, let be and gone."""

import html
import re
import uuid
from datetime import timedelta

import pytest
import time_machine
from django.db import connection
from django.db.models import F
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from rest_framework.test import APIClient

from accounts.policy import SYSTEM, Role
from billing.models import Account, Charge
from partnerhub.errors import DivergenceOver, InvalidInput, NotFound, NotPermitted
from partnerhub.outbox.delivery import deliver_due
from partnerhub.outbox.models import Event, Refusal
from publishers.fulfillment.gateway import Answer, Outcome, Said
from publishers.models import Adapter, CallTally, Circuit, Publisher
from subscriptions.divergences import Held, Values, compare, compare_billed
from subscriptions.drift import LeaseLost, Radar, apply, claim
from subscriptions.enums import Acceptance, DivergenceKind, OperationStatus, Status
from subscriptions.models import Divergence, DriftCheck, Operation, PollSchedule, Subscription
from subscriptions.services.divergences import accept_divergence
from subscriptions.services.ending import cancel
from subscriptions.services.quantity import change_quantity
from subscriptions.services.settling import accept
from subscriptions.services.watching import watch_missing
from subscriptions.window import Bounds
from tests.factories.accounts import UserFactory, actor
from tests.factories.publisher_site import PublisherSite, answers, says
from tests.factories.publishers import PlanTermFactory, PublisherFactory
from tests.factories.subscriptions import NOON, active, buy, said

A_DAY = timedelta(days=1)
LATER = NOON + timedelta(hours=1)
K = DivergenceKind


# Comparing

HELD = {"status": "Subscribed", "plan_id": "gold", "quantity": 10, "per_seat": True}
SHOWN = {"status": "Subscribed", "plan_id": "gold", "quantity": 10, "assigned_quantity": 10}


@pytest.mark.parametrize(
    ("held", "shown", "seen"),
    [
        ({}, {}, {}),
        ({}, {"quantity": 12, "assigned_quantity": 12}, {K.QUANTITY_DIFFERS: ("10", "12")}),
        ({}, {"quantity": 8, "assigned_quantity": 8}, {K.QUANTITY_DIFFERS: ("10", "8")}),
        ({}, {"assigned_quantity": 7}, {K.ASSIGNED_DIFFERS: ("10", "7")}),
        ({}, {"assigned_quantity": 11}, {K.ASSIGNED_DIFFERS: ("10", "11")}),
        (
            {},
            {"quantity": 12, "assigned_quantity": 5},
            {K.QUANTITY_DIFFERS: ("10", "12"), K.ASSIGNED_DIFFERS: ("10", "5")},
        ),
        ({}, {"plan_id": "silver"}, {K.PLAN_DIFFERS: ("gold", "silver")}),
        ({}, {"status": "Suspended"}, {K.STATUS_DIFFERS: ("Subscribed", "Suspended")}),
        ({}, {"status": "Unsubscribed", "quantity": 3}, {K.STATUS_DIFFERS: ("Subscribed", "Unsubscribed")}),
        ({}, {"status": "PendingFulfillmentStart"}, {K.STATUS_DIFFERS: ("Subscribed", "PendingFulfillmentStart")}),
        ({"status": "Suspended"}, {}, {K.STATUS_DIFFERS: ("Suspended", "Subscribed")}),
        ({"status": "Suspended"}, {"status": "Suspended"}, {}),
        ({"status": "Unsubscribed"}, {"quantity": 3}, {K.SERVES_AFTER_END: ("Unsubscribed", "Subscribed")}),
        ({"status": "Unsubscribed"}, {"status": "Suspended"}, {}),
        ({"status": "Unsubscribed"}, {"status": "Unsubscribed"}, {}),
        ({"per_seat": False}, {"quantity": 3, "assigned_quantity": 1}, {}),
        ({}, {"quantity": None, "assigned_quantity": None}, {}),
    ],
)
def test_each_difference_is_one_item(held, shown, seen):
    judged = compare(Held(**HELD | held), Answer(Outcome.ANSWERED, Said(**SHOWN | shown)))

    assert {kind: values for kind, values in judged.items() if values} == seen


def test_what_is_not_said_is_not_judged():
    held = Held(**HELD)
    unsaid = compare(held, Answer(Outcome.ANSWERED, Said("Subscribed", "gold")))

    assert {K.QUANTITY_DIFFERS, K.ASSIGNED_DIFFERS, K.BILLED_DIFFERS, K.ACCEPTED_BY_SILENCE} & set(unsaid) == set()
    assert [compare(held, Answer(outcome)) for outcome in (Outcome.SILENT, Outcome.FAILING, Outcome.UNREADABLE)] == (
        [{}, {}, {}]
    )


def test_an_unknown_one_is_one_item_and_after_its_end_none():
    unknown = Answer(Outcome.UNKNOWN_THERE)

    runs, ended = compare(Held(**HELD), unknown), compare(Held(**HELD | {"status": "Unsubscribed"}), unknown)

    assert {kind: values for kind, values in runs.items() if values} == {K.UNKNOWN_THERE: Values("Subscribed", "")}
    assert [values for values in ended.values() if values] == []


def test_a_silent_acceptance_is_over_once_the_new_values_are_shown():
    held = Held(**HELD)

    assert compare(held, Answer(Outcome.ANSWERED, Said(**SHOWN)))[K.ACCEPTED_BY_SILENCE] is None
    for old in ({"quantity": 8}, {"plan_id": "silver"}, {"status": "Suspended", "quantity": 8}):
        assert K.ACCEPTED_BY_SILENCE not in compare(held, Answer(Outcome.ANSWERED, Said(**SHOWN | old)))


def test_what_is_billed_is_what_is_held_and_nothing_after_the_end():
    runs, ended = Held(**HELD), Held(**HELD | {"status": "Unsubscribed"})

    assert [compare_billed(one, billed)[K.BILLED_DIFFERS] for one, billed in ((runs, 10), (ended, 0))] == [None, None]
    assert compare_billed(runs, 8)[K.BILLED_DIFFERS] == ("10", "8")
    assert compare_billed(ended, 10)[K.BILLED_DIFFERS] == ("0", "10")


# Seeing


def look(subscription: Subscription, answer: Answer, at=LATER) -> bool:
    """Ask and compare once, as the radar does."""
    DriftCheck.objects.update(next_check_at=None)
    DriftCheck.objects.filter(pk=subscription.pk).update(next_check_at=at)
    [claimed] = claim(at, 10)
    return apply(SYSTEM, claimed, answer, at=at, chance=0.5)


def check_of(subscription: Subscription) -> DriftCheck:
    return DriftCheck.objects.get(pk=subscription.pk)


def open_items(subscription: Subscription) -> dict[str, tuple[str, str]]:
    found = Divergence.objects.filter(subscription=subscription, ended_at=None)
    return {row.kind: (row.ours, row.theirs) for row in found}


def told(subscription: Subscription) -> list[tuple]:
    events = Event.objects.filter(stream_id=subscription.pk, name__startswith="subscription.diverge")
    return [(one.name, one.data["kind"], one.data["theirs"]) for one in events.order_by("sequence")]


DIVERGED, ENDED = "subscription.diverged", "subscription.divergence_ended"


@pytest.mark.django_db
def test_a_divergence_is_seen_moves_on_and_goes_and_nothing_else_changes():
    subscription = active()
    charges = list(Charge.objects.values_list("pk", flat=True))

    assert look(subscription, said(subscription, quantity=9))
    first = Divergence.objects.get()
    assert look(subscription, said(subscription, quantity=9), LATER + A_DAY)
    assert look(subscription, Answer(Outcome.SILENT), LATER + 2 * A_DAY)
    assert open_items(subscription) == {K.QUANTITY_DIFFERS: ("7", "9")}
    assert look(subscription, said(subscription, quantity=12), LATER + 3 * A_DAY)
    moved = Divergence.objects.get()
    assert look(subscription, said(subscription), LATER + 4 * A_DAY)
    gone = Divergence.objects.get()

    assert (first.first_seen_at, first.last_seen_at) == (LATER, LATER)
    assert (first.evidence["source"], first.evidence["at"]) == ("drift", LATER.isoformat())
    assert first.evidence["said"]["quantity"] == 9
    assert (moved.pk, moved.theirs, moved.first_seen_at) == (first.pk, "12", LATER)
    assert moved.last_seen_at == LATER + 3 * A_DAY
    assert (gone.pk, gone.ended_at, gone.ended_as, gone.ended_by) == (
        first.pk,
        LATER + 4 * A_DAY,
        "gone",
        "Partner Hub",
    )
    quantity = K.QUANTITY_DIFFERS.value
    assert told(subscription) == [(DIVERGED, quantity, "9"), (DIVERGED, quantity, "12"), (ENDED, quantity, "12")]
    after = Subscription.objects.get()
    assert (after.version, after.quantity, after.status) == (subscription.version, 7, Status.SUBSCRIBED)
    assert list(Charge.objects.values_list("pk", flat=True)) == charges


@pytest.mark.django_db
def test_the_next_look_is_one_interval_away_and_sooner_after_trouble():
    subscription = active()

    waits = []
    for answer in (said(subscription), Answer(Outcome.FAILING), Answer(Outcome.UNKNOWN_THERE)):
        look(subscription, answer)
        waits.append(check_of(subscription).next_check_at - LATER)

    assert waits == [A_DAY, timedelta(hours=1), A_DAY]
    row = check_of(subscription)
    assert (row.last_checked_at, row.last_outcome, row.lease, row.lease_until) == (LATER, "unknown_there", None, None)


@pytest.mark.django_db
def test_what_moves_while_the_publisher_is_asked_is_not_judged_but_asked_again_soon():
    subscription = active()
    DriftCheck.objects.update(next_check_at=LATER)
    [claimed] = claim(LATER, 10)
    Subscription.objects.update(version=F("version") + 1)

    assert not apply(SYSTEM, claimed, said(subscription, quantity=9), at=LATER, chance=0.5)

    assert (open_items(subscription), check_of(subscription).next_check_at) == ({}, LATER + timedelta(minutes=1))


@pytest.mark.django_db
def test_a_change_in_flight_is_waited_for_without_a_question():
    subscription = active()
    change_quantity(actor(Role.ADMIN_AGENT), subscription.pk, quantity=9, version=None, at=LATER)
    DriftCheck.objects.update(next_check_at=LATER)

    assert claim(LATER, 10) == []

    assert (check_of(subscription).next_check_at, check_of(subscription).lease) == (LATER + timedelta(minutes=1), None)


@pytest.mark.django_db
def test_an_answer_under_a_lost_lease_is_dropped_altogether():
    subscription = active()
    DriftCheck.objects.update(next_check_at=LATER)
    [late], [claimed] = claim(LATER, 10), claim(LATER + timedelta(minutes=3), 10)

    with pytest.raises(LeaseLost):
        apply(SYSTEM, late, said(subscription, quantity=9), at=LATER + timedelta(minutes=3), chance=0.5)

    assert open_items(subscription) == {}
    assert check_of(subscription).lease == claimed.lease


@pytest.mark.django_db
def test_what_is_billed_is_compared_once_billing_has_heard_of_everything():
    subscription = active()
    Account.objects.update(quantity=5)

    look(subscription, said(subscription))
    item = Divergence.objects.get()
    Account.objects.update(quantity=7)
    look(subscription, said(subscription), LATER + A_DAY)

    assert (item.kind, item.ours, item.theirs) == (K.BILLED_DIFFERS, "7", "5")
    assert item.evidence["source"] == "billing"
    assert open_items(subscription) == {}


@pytest.mark.django_db
def test_what_billing_has_yet_to_hear_is_not_compared():
    subscription = active()
    change_quantity(actor(Role.ADMIN_AGENT), subscription.pk, quantity=9, version=None, at=LATER)
    operation = Operation.objects.get(status__in=(OperationStatus.NOT_STARTED, OperationStatus.IN_PROGRESS))
    accept(SYSTEM, operation.pk, how=Acceptance.PUBLISHER, at=LATER)
    subscription.refresh_from_db()

    look(subscription, said(subscription))

    assert (subscription.quantity, open_items(subscription)) == (9, {})


@pytest.mark.django_db
def test_what_has_ended_is_watched_for_thirty_days():
    subscription = active()
    look(subscription, said(subscription, quantity=9))
    cancel(actor(Role.ADMIN_AGENT), subscription.pk, reason="enough", version=None, at=LATER, hold=False)
    Operation.objects.update(status=OperationStatus.FAILED, completed_at=LATER)
    deliver_due(LATER)
    subscription.refresh_from_db()
    assert open_items(subscription) == {}

    look(subscription, said(subscription), LATER + A_DAY)
    assert open_items(subscription) == {K.SERVES_AFTER_END: ("Unsubscribed", "Subscribed")}
    look(subscription, Answer(Outcome.UNKNOWN_THERE), LATER + 28 * A_DAY)
    assert (open_items(subscription), check_of(subscription).next_check_at) == ({}, LATER + 29 * A_DAY)
    look(subscription, Answer(Outcome.UNKNOWN_THERE), LATER + 30 * A_DAY)
    assert check_of(subscription).next_check_at is None


# Silence


def settle(subscription: Subscription, quantity: int, how: Acceptance, at) -> None:
    change_quantity(actor(Role.ADMIN_AGENT), subscription.pk, quantity=quantity, version=None, at=at)
    operation = Operation.objects.get(subscription=subscription, completed_at=None)
    Operation.objects.update(held_until=None)
    accept(SYSTEM, operation.pk, how=how, at=at)
    deliver_due(at)


@pytest.mark.django_db
def test_a_change_accepted_by_silence_is_an_item_until_the_publisher_shows_it_or_says_so():
    subscription = active()
    silence = K.ACCEPTED_BY_SILENCE.value

    settle(subscription, 9, Acceptance.SILENCE, LATER)
    assert open_items(subscription) == {silence: ("9", "")}
    subscription.refresh_from_db()
    look(subscription, said(subscription, quantity=7), LATER + A_DAY)
    assert open_items(subscription) == {silence: ("9", ""), K.QUANTITY_DIFFERS: ("9", "7")}
    look(subscription, said(subscription), LATER + 2 * A_DAY)
    assert open_items(subscription) == {}
    settle(subscription, 11, Acceptance.SILENCE, LATER + 3 * A_DAY)
    settle(subscription, 12, Acceptance.PUBLISHER, LATER + 4 * A_DAY)
    assert open_items(subscription) == {}
    assert [name for name, kind, _ in told(subscription) if kind == silence] == [DIVERGED, ENDED, DIVERGED, ENDED]


# Letting be


@pytest.mark.django_db
def test_what_is_let_be_comes_back_only_when_it_changes_or_after_it_was_gone():
    subscription = active()
    ops = actor(Role.OPS_AGENT)

    look(subscription, said(subscription, quantity=9))
    let_be = accept_divergence(ops, subscription.pk, Divergence.objects.get().pk, note=" agreed\n by mail ", at=LATER)
    look(subscription, said(subscription, quantity=9), LATER + A_DAY)
    assert (let_be.ended_as, let_be.ended_by, let_be.note) == ("accepted", "A ops_agent", "agreed by mail")
    assert open_items(subscription) == {}

    look(subscription, said(subscription, quantity=10), LATER + 2 * A_DAY)
    assert open_items(subscription) == {K.QUANTITY_DIFFERS: ("7", "10")}
    accept_divergence(ops, subscription.pk, Divergence.objects.get(ended_at=None).pk, note="fine", at=LATER + 2 * A_DAY)
    look(subscription, said(subscription), LATER + 3 * A_DAY)
    look(subscription, said(subscription, quantity=10), LATER + 4 * A_DAY)
    assert open_items(subscription) == {K.QUANTITY_DIFFERS: ("7", "10")}
    assert Divergence.objects.count() == 3


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("role", "note", "refusal"),
    [
        (Role.SALES_AGENT, "fine", NotPermitted),
        (Role.PLATFORM_ADMIN, "fine", NotPermitted),
        (Role.ADMIN_AGENT, "  ", InvalidInput),
        (Role.ADMIN_AGENT, "x" * 501, InvalidInput),
        (Role.ADMIN_AGENT, "a\0b", InvalidInput),
    ],
)
def test_who_may_not_let_be_or_does_not_say_why_changes_nothing(role, note, refusal):
    subscription = active()
    look(subscription, said(subscription, quantity=9))
    item = Divergence.objects.get()

    with pytest.raises(refusal):
        accept_divergence(actor(role), subscription.pk, item.pk, note=note, at=LATER)

    assert Divergence.objects.filter(pk=item.pk).values().get() == {
        field: value for field, value in vars(item).items() if field != "_state"
    }
    assert len(told(subscription)) == 1


@pytest.mark.django_db
def test_what_is_over_or_of_another_subscription_cannot_be_let_be():
    subscription, other = active(), active()
    look(subscription, said(subscription, quantity=9))
    item = Divergence.objects.get()
    with pytest.raises(NotFound):
        accept_divergence(actor(Role.ADMIN_AGENT), other.pk, item.pk, note="fine", at=LATER)
    look(subscription, said(subscription), LATER + A_DAY)

    with pytest.raises(DivergenceOver):
        accept_divergence(actor(Role.ADMIN_AGENT), subscription.pk, item.pk, note="fine", at=LATER + A_DAY)

    assert Divergence.objects.get().ended_as == "gone"


# Watching


@pytest.mark.django_db
def test_every_subscription_of_a_polled_publisher_is_watched_from_its_activation():
    polled, waits = active(), buy()
    pushed = active(term=PlanTermFactory(plan__offer__publisher__adapter=Adapter.PUSH))

    rows = DriftCheck.objects.all()

    assert [row.pk for row in rows] == [polled.pk]
    assert NOON <= rows[0].next_check_at <= NOON + A_DAY
    assert (waits.status, pushed.status) == (Status.PENDING, Status.SUBSCRIBED)


@pytest.mark.django_db
def test_what_is_not_watched_and_should_be_is_found():
    runs, ended_lately, ended_long_ago, _waits = active(), active(), active(), buy()
    for one, at in ((ended_lately, NOON), (ended_long_ago, NOON - 31 * A_DAY)):
        Subscription.objects.filter(pk=one.pk).update(status=Status.UNSUBSCRIBED, ended_at=at, end_reason="cancelled")
    active(term=PlanTermFactory(plan__offer__publisher__adapter=Adapter.PUSH))
    DriftCheck.objects.all().delete()

    assert (watch_missing(SYSTEM, at=LATER), watch_missing(SYSTEM, at=LATER)) == (2, 0)

    rows = DriftCheck.objects.in_bulk()
    assert set(rows) == {runs.pk, ended_lately.pk}
    assert all(LATER <= row.next_check_at <= LATER + A_DAY for row in rows.values())


# Asking


@pytest.fixture(scope="module")
def site():
    with PublisherSite() as running:
        yield running


@pytest.fixture
def publisher(site, settings) -> Publisher:
    settings.HUB_ALLOW_PRIVATE_PUBLISHERS = True
    made = PublisherFactory(fulfillment_base_url=site.url(uuid.uuid4().hex), max_concurrency=20)
    PlanTermFactory(plan__offer__publisher=made, plan__plan_id="plan")
    return made


def due(publisher: Publisher, count: int = 1) -> list[Subscription]:
    term = publisher.offers.get().plans.get().terms.get()
    made = [active(term=term) for _ in range(count)]
    DriftCheck.objects.update(next_check_at=LATER)
    return made


def run(places: int = 10):
    radar = Radar(SYSTEM, Bounds(places=places, seconds=10, idle_seconds=0), clock=lambda: LATER, chance=lambda: 0.5)
    return dict(radar.run())


@pytest.mark.django_db(transaction=True)
def test_publishers_are_asked_a_few_at_a_time_and_what_they_said_is_the_evidence(site, publisher):
    other, *many = due(publisher, 8)
    for one in many:
        site.behave(one.pk, says("Subscribed", quantity=7))
    site.behave(other.pk, says("Subscribed", quantity=9, headers={"x-ms-requestid": "theirs-1"}))
    first_call = len(site.requests)

    tally = run()

    assert tally == {"answered": 8, "moved": 0}
    slug = publisher.fulfillment_base_url.rpartition("/")[2]
    assert site.most_at_once[slug] <= 4
    item = Divergence.objects.get()
    sent = {request.headers["x-ms-requestid"]: request for request in site.requests[first_call:]}
    assert (item.subscription_id, item.evidence["publisher_request_id"]) == (other.pk, "theirs-1")
    assert sent[item.evidence["request_id"]].match_info["id"] == str(other.pk)
    diverged = Event.objects.get(name=DIVERGED)
    assert diverged.correlation_id == item.evidence["correlation_id"]
    assert CallTally.objects.get(publisher=publisher).calls == 8
    assert not DriftCheck.objects.exclude(lease=None).exists()
    assert run() == {}


@pytest.mark.django_db(transaction=True)
def test_nobody_asks_while_the_circuit_is_open_the_publisher_is_busy_or_another_process_looks(site, publisher):
    [subscription] = due(publisher)
    site.behave(subscription.pk, says("Subscribed", quantity=7))

    Publisher.objects.update(circuit=Circuit.OPEN, circuit_retry_at=LATER + A_DAY)
    assert run() == {}
    Publisher.objects.update(circuit=Circuit.CLOSED, circuit_retry_at=None, max_concurrency=1)
    polled = buy(term=subscription.plan_term)
    leased = {"lease": uuid.uuid4(), "lease_until": LATER + timedelta(minutes=1)}
    PollSchedule.objects.filter(pk=polled.pk).update(**leased)
    assert run() == {}
    PollSchedule.objects.filter(pk=polled.pk).update(lease=None, lease_until=None)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [0x48554244])
        assert run() == {}
        cursor.execute("SELECT pg_advisory_unlock(%s)", [0x48554244])
    assert site.asked(subscription.pk) == 0

    assert run() == {"answered": 1, "moved": 0}


@pytest.mark.django_db(transaction=True)
def test_trouble_counts_against_the_publisher_and_proves_nothing(site, publisher):
    [subscription] = due(publisher)
    site.behave(subscription.pk, answers(500, text="oops"))

    assert run() == {"failing": 1, "moved": 0}

    publisher.refresh_from_db()
    assert (publisher.consecutive_failures, open_items(subscription)) == (1, {})


@pytest.mark.django_db(transaction=True)
def test_the_rate_and_the_pause_of_a_publisher_are_those_of_all_questions(site, publisher):
    Publisher.objects.update(max_per_second=8)
    [first, *_] = due(publisher, 3)
    assert len(claim(LATER, 10)) == 2
    publisher.refresh_from_db()
    assert publisher.paced_until == LATER + timedelta(seconds=0.25)

    Publisher.objects.update(max_per_second=None, paced_until=None)
    DriftCheck.objects.exclude(pk=first.pk).update(next_check_at=None)
    DriftCheck.objects.update(lease=None, lease_until=None)
    site.behave(first.pk, answers(429, headers={"Retry-After": "40"}))
    assert run() == {"throttled": 1, "moved": 0}
    publisher.refresh_from_db()
    assert publisher.paced_until == LATER + timedelta(seconds=40)


# Shown


def signed_in(role: Role) -> Client:
    client = Client()
    client.force_login(UserFactory(active_role=role))
    return client


def text_of(response) -> str:
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", response.content.decode())))


@pytest.fixture
def differing():
    with time_machine.travel(LATER, tick=False):
        subscription = active(nickname="Signatures")
        look(subscription, said(subscription, quantity=9))
        yield subscription


@pytest.mark.django_db
def test_it_is_shown_where_people_look(differing):
    ops = signed_in(Role.OPS_AGENT)
    publisher = differing.publisher

    for url in (
        reverse("divergences"),
        reverse("publisher-divergences", args=[publisher.pk]),
        reverse("subscriptions:detail", args=[differing.pk]),
    ):
        shown = text_of(ops.get(url))
        assert "Another quantity at the publisher" in shown
        assert "7 licences" in shown
        assert "9 licences" in shown
    assert "Divergences 1 What publishers show that is not what we hold." in text_of(ops.get(reverse("home")))
    timeline = "Another quantity at the publisher. We hold: 7 licences. It shows: 9 licences"
    assert timeline in text_of(ops.get(reverse("subscriptions:detail", args=[differing.pk])))
    nothing = {"kind": "plan_differs"}
    assert "No divergence matches" in text_of(ops.get(reverse("divergences"), nothing))
    elsewhere = reverse("publisher-divergences", args=[PublisherFactory().pk])
    assert "Nothing differs" in text_of(ops.get(elsewhere))


@pytest.mark.django_db
def test_an_agent_lets_it_be_on_the_page_with_a_note(differing):
    item = Divergence.objects.get()
    url = reverse("subscriptions:accept_divergence", args=[differing.pk, item.pk])
    ops, sales = signed_in(Role.OPS_AGENT), signed_in(Role.SALES_AGENT)

    assert sales.post(url, {"note": "fine"}).status_code == 403
    empty = ops.post(url, {"note": " "})
    assert (empty.status_code, empty.content.decode().count("<details open>")) == (422, 1)
    assert Divergence.objects.get().ended_at is None

    done = ops.post(url, {"note": "The customer knows."}, follow=True)

    assert "The divergence is let be. It comes back when it changes." in text_of(done)
    assert "Another quantity at the publisher: let be." in text_of(done)
    assert 'id="divergences"' not in done.content.decode()
    again = ops.post(url, {"note": "The customer knows."}, follow=True)
    assert "The divergence has ended already: nothing was changed." in text_of(again)
    assert Refusal.objects.filter(code="divergence_over").count() == 1


@pytest.mark.django_db
def test_a_list_costs_the_same_for_one_and_for_three(differing):
    ops = signed_in(Role.OPS_AGENT)
    ops.get(reverse("divergences"))
    counts = []
    for _ in range(2):
        with CaptureQueriesContext(
            connection,
        ) as queries:
            ops.get(reverse("divergences"))
        counts.append(len(queries))
        for _more in range(2):
            more = active()
            look(more, said(more, quantity=9))

    assert counts[0] == counts[1]


@pytest.mark.django_db
def test_programs_read_what_differs_page_by_page(differing):
    other = active()
    look(other, said(other, status="Suspended"), LATER + A_DAY)
    program = APIClient()
    program.force_authenticate(user=actor(Role.OPS_AGENT))

    first = program.get("/v1/divergences?size=1").json()
    following = first["links"]["next"]
    second = program.get(
        f"/v1{following['uri']}", headers={following["headers"][0]["key"]: following["headers"][0]["value"]}
    )

    assert first["totalCount"] == 2
    item = Divergence.objects.get(subscription=differing)
    assert first["items"] == [
        {
            "id": str(item.pk),
            "subscriptionId": str(differing.pk),
            "customerId": str(differing.customer_id),
            "publisherId": str(differing.publisher_id),
            "kind": "quantity_differs",
            "ours": "7",
            "theirs": "9",
            "firstSeenAt": "2026-11-23T13:00:00Z",
            "lastSeenAt": "2026-11-23T13:00:00Z",
            "evidence": item.evidence,
            "endedAt": None,
            "endedAs": "",
            "endedBy": "",
            "note": "",
            "attributes": {"objectType": "Divergence"},
        }
    ]
    assert [one["kind"] for one in second.json()["items"]] == ["status_differs"]
    for narrowed in (f"publisherId={differing.publisher_id}", f"subscriptionId={differing.pk}"):
        assert [one["id"] for one in program.get(f"/v1/divergences?{narrowed}").json()["items"]] == [str(item.pk)]
    assert program.get("/v1/divergences?publisherId=nobody").status_code == 404
