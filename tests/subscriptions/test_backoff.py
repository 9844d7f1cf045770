from datetime import UTC, datetime, timedelta

import pytest

from publishers.fulfillment.gateway import Outcome
from subscriptions.backoff import before_deadline, next_wait, resend_wait, wait_by_age

SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)


def wait(age=timedelta(), outcome=Outcome.ANSWERED, last_trouble=None, retry_after=None, chance=0.5):
    return next_wait(age=age, outcome=outcome, last_trouble=last_trouble, retry_after=retry_after, chance=chance)


@pytest.mark.parametrize(
    ("age", "expected"),
    [
        (timedelta(), 2.5 * SECOND),
        (2 * MINUTE, 2.5 * SECOND),
        (8 * MINUTE, 10 * SECOND),
        (HOUR, 75 * SECOND),
        (12 * HOUR, 15 * MINUTE),
        (30 * 24 * HOUR, 15 * MINUTE),
    ],
)
def test_the_older_a_purchase_the_longer_the_wait(age, expected):
    assert wait_by_age(age) == expected
    assert wait(age) == expected
    assert wait(age, Outcome.UNKNOWN_THERE) == expected


def test_the_wait_is_spread_by_a_fifth_to_both_sides():
    assert wait(chance=0.0) == 2 * SECOND
    assert wait(chance=1.0) == 3 * SECOND


@pytest.mark.parametrize(
    "outcome", [Outcome.FAILING, Outcome.SILENT, Outcome.THROTTLED, Outcome.FORBIDDEN, Outcome.UNREADABLE]
)
def test_trouble_after_trouble_doubles_the_wait_up_to_a_quarter_of_an_hour(outcome):
    assert wait(outcome=outcome) == 2.5 * SECOND
    assert wait(outcome=outcome, last_trouble=2.5 * SECOND) == 5 * SECOND
    assert wait(outcome=outcome, last_trouble=5 * SECOND) == 10 * SECOND
    assert wait(outcome=outcome, last_trouble=10 * MINUTE) == 15 * MINUTE


def test_trouble_never_brings_the_next_question_forward():
    assert wait(HOUR, Outcome.FAILING, last_trouble=SECOND) == 75 * SECOND


def test_what_the_publisher_asks_for_is_the_least_up_to_an_hour():
    assert wait(outcome=Outcome.THROTTLED, retry_after=7 * SECOND) == 7 * SECOND
    assert wait(outcome=Outcome.FAILING, retry_after=SECOND) == 2.5 * SECOND
    assert wait(outcome=Outcome.THROTTLED, retry_after=24 * HOUR) == HOUR


def test_a_change_is_sent_again_after_waits_that_double():
    waits = [resend_wait(attempts=n, retry_after=None, chance=0.5) for n in (1, 2, 3, 9, 5000)]

    assert waits == [5 * SECOND, 10 * SECOND, 20 * SECOND, MINUTE, MINUTE]
    assert resend_wait(attempts=1, retry_after=30 * SECOND, chance=0.5) == 30 * SECOND


@pytest.mark.parametrize(
    ("minutes_left", "wait_minutes", "asked_after"),
    [(60, 15, timedelta(minutes=15)), (10, 15, timedelta(minutes=9, seconds=30)), (0.25, 15, timedelta(minutes=15))],
)
def test_one_question_falls_just_before_the_deadline(minutes_left, wait_minutes, asked_after):
    now = datetime(2026, 11, 23, tzinfo=UTC)
    next_at, deadline = now + timedelta(minutes=wait_minutes), now + timedelta(minutes=minutes_left)
    assert before_deadline(next_at, deadline, now) - now == asked_after
