from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from time import sleep

import pytest
from django.db import connection, transaction

from accounts.policy import SYSTEM, Role
from partnerhub.errors import NotPermitted
from partnerhub.outbox.models import Event
from publishers.fulfillment.gateway import Outcome
from publishers.models import Circuit, Publisher
from publishers.services.circuit import FIRST_PAUSE, LONGEST_PAUSE, Report, report, report_all
from tests.factories.accounts import actor
from tests.factories.publishers import PublisherFactory

pytestmark = pytest.mark.django_db
WELL = Outcome.ANSWERED
NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@pytest.fixture
def publisher() -> Publisher:
    return PublisherFactory()


def hear(publisher: Publisher, *outcomes: Outcome, at: datetime = NOON, spread: float = 1.0) -> Publisher:
    for outcome in outcomes:
        report(SYSTEM, publisher.pk, outcome, detail=f"it was {outcome}", spread=spread, at=at)
    return Publisher.objects.get(pk=publisher.pk)


def half_open(publisher: Publisher) -> Publisher:
    """As a claim leaves it when the pause is over."""
    Publisher.objects.filter(pk=publisher.pk).update(circuit=Circuit.HALF_OPEN)
    return Publisher.objects.get(pk=publisher.pk)


def events_of(publisher: Publisher) -> list[str]:
    return list(Event.objects.filter(stream_id=publisher.pk).order_by("sequence").values_list("name", flat=True))


def test_four_failures_in_a_row_leave_the_circuit_closed(publisher):
    publisher = hear(publisher, *[Outcome.FAILING] * 4)

    assert (publisher.circuit, publisher.consecutive_failures, publisher.circuit_retry_at) == (Circuit.CLOSED, 4, None)
    assert (publisher.last_failure_at, publisher.last_failure) == (NOON, "it was failing")
    assert events_of(publisher) == []


@pytest.mark.parametrize("outcome", [Outcome.FAILING, Outcome.SILENT])
def test_the_fifth_failure_opens_it_for_the_first_pause(publisher, outcome):
    publisher = hear(publisher, *[outcome] * 5)

    assert (publisher.circuit, publisher.circuit_retry_at) == (Circuit.OPEN, NOON + FIRST_PAUSE)
    assert events_of(publisher) == ["publisher.circuit_opened"]


@pytest.mark.parametrize("outcome", [Outcome.UNREADABLE, Outcome.FORBIDDEN, Outcome.THROTTLED, Outcome.UNKNOWN_THERE])
def test_what_is_about_one_subscription_never_opens_it(publisher, outcome):
    publisher = hear(publisher, *[outcome] * 20)

    assert (publisher.circuit, publisher.consecutive_failures) == (Circuit.CLOSED, 0)
    assert events_of(publisher) == []


def test_an_answer_in_between_starts_the_count_anew(publisher):
    publisher = hear(publisher, *[Outcome.FAILING] * 4, Outcome.ANSWERED, *[Outcome.SILENT] * 4)

    assert (publisher.circuit, publisher.consecutive_failures) == (Circuit.CLOSED, 4)


def test_failures_that_were_under_way_when_it_opened_prolong_nothing(publisher):
    opened = hear(publisher, *[Outcome.FAILING] * 5)
    later = hear(publisher, *[Outcome.SILENT] * 15, at=NOON + timedelta(seconds=9))

    assert (later.circuit, later.consecutive_failures) == (Circuit.OPEN, 5)
    assert later.circuit_retry_at == opened.circuit_retry_at


def test_each_failed_trial_doubles_the_pause_up_to_the_longest(publisher):
    publisher = hear(publisher, *[Outcome.FAILING] * 5)
    pauses = []
    for _ in range(7):
        half_open(publisher)
        publisher = hear(publisher, Outcome.FAILING)
        pauses.append(publisher.circuit_retry_at - NOON)

    assert pauses == [FIRST_PAUSE * 2, FIRST_PAUSE * 4, FIRST_PAUSE * 8, FIRST_PAUSE * 16, *[LONGEST_PAUSE] * 3]
    assert publisher.circuit == Circuit.OPEN
    assert events_of(publisher) == ["publisher.circuit_opened"]


def test_the_pause_is_spread(publisher):
    publisher = hear(publisher, *[Outcome.FAILING] * 5, spread=1.2)

    assert publisher.circuit_retry_at == NOON + FIRST_PAUSE * 1.2


@pytest.mark.parametrize("outcome", [Outcome.ANSWERED, Outcome.UNKNOWN_THERE, Outcome.UNREADABLE, Outcome.FORBIDDEN])
def test_any_answer_closes_it(publisher, outcome):
    hear(publisher, *[Outcome.FAILING] * 5)
    half_open(publisher)
    publisher = hear(publisher, outcome, at=NOON + FIRST_PAUSE)

    assert (publisher.circuit, publisher.consecutive_failures, publisher.circuit_retry_at) == (Circuit.CLOSED, 0, None)
    assert events_of(publisher) == ["publisher.circuit_opened", "publisher.circuit_closed"]


def test_a_good_answer_and_a_bad_one_are_noted_each_on_its_side(publisher):
    publisher = hear(publisher, Outcome.ANSWERED)
    publisher = hear(publisher, Outcome.UNREADABLE, at=NOON + timedelta(seconds=1))

    assert publisher.last_success_at == NOON
    assert (publisher.last_failure_at, publisher.last_failure) == (NOON + timedelta(seconds=1), "it was unreadable")


def test_a_healthy_publisher_is_not_written_for_every_answer(publisher):
    publisher = hear(publisher, Outcome.ANSWERED)
    publisher = hear(publisher, Outcome.ANSWERED, at=NOON + timedelta(seconds=4))
    assert publisher.last_success_at == NOON

    publisher = hear(publisher, Outcome.ANSWERED, at=NOON + timedelta(seconds=6))
    assert publisher.last_success_at == NOON + timedelta(seconds=6)


def test_many_calls_are_taken_in_as_if_one_after_the_other(publisher):
    other = PublisherFactory()
    failed, well = [Report(one.pk, Outcome.FAILING, "down") for one in (publisher, other)], Report(other.pk, WELL)

    changed = report_all(SYSTEM, [*failed * 3, well, *failed * 3], at=NOON)

    publisher.refresh_from_db()
    other.refresh_from_db()
    assert changed == {publisher.pk: Circuit.OPEN}
    assert (publisher.circuit, publisher.consecutive_failures) == (Circuit.OPEN, 5)
    assert (other.circuit, other.consecutive_failures) == (Circuit.CLOSED, 3)
    assert events_of(publisher) == ["publisher.circuit_opened"]


def test_a_circuit_that_opens_and_closes_among_many_calls_tells_both(publisher):
    calls = [*[Report(publisher.pk, Outcome.FAILING, "down")] * 5, Report(publisher.pk, WELL)]

    assert report_all(SYSTEM, calls, at=NOON) == {}

    publisher.refresh_from_db()
    assert (publisher.circuit, publisher.circuit_retry_at) == (Circuit.CLOSED, None)
    assert events_of(publisher) == ["publisher.circuit_opened", "publisher.circuit_closed"]


@pytest.mark.parametrize(
    ("asked", "pause"), [(None, 1), (timedelta(seconds=7), 7), (timedelta(0), 1), (timedelta(hours=9), 300)]
)
def test_who_asks_for_fewer_questions_is_asked_none_for_as_long_as_it_says(publisher, asked, pause):
    report(SYSTEM, publisher.pk, Outcome.THROTTLED, detail="slow down", retry_after=asked, at=NOON)
    report(SYSTEM, publisher.pk, Outcome.THROTTLED, detail="slow down", at=NOON)

    publisher.refresh_from_db()
    assert (publisher.circuit, publisher.paced_until) == (Circuit.CLOSED, NOON + timedelta(seconds=pause))


def test_only_the_hub_itself_reports(publisher):
    with pytest.raises(NotPermitted):
        report(actor(Role.ADMIN_AGENT), publisher.pk, Outcome.FAILING, detail="", at=NOON)

    publisher.refresh_from_db()
    assert publisher.consecutive_failures == 0


@pytest.mark.django_db(transaction=True)
def test_a_failure_that_waits_for_the_one_that_opens_it_prolongs_nothing(publisher):
    hear(publisher, *[Outcome.FAILING] * 4)

    def fail_too() -> Circuit | None:
        try:
            return report(SYSTEM, publisher.pk, Outcome.FAILING, detail="", at=NOON + timedelta(seconds=1))
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as other_worker:
        with transaction.atomic():
            hear(publisher, Outcome.FAILING)
            late = other_worker.submit(fail_too)
            sleep(0.3)
        assert late.result() is None

    publisher.refresh_from_db()
    assert (publisher.circuit, publisher.circuit_retry_at) == (Circuit.OPEN, NOON + FIRST_PAUSE)
    assert publisher.consecutive_failures == 5
