from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from subscriptions.tranches import Batch, Taken, open_batches, reducible, take, take_whole

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def batches_strategy():
    return st.lists(
        st.tuples(st.integers(0, 500), st.integers(-200, 200)).map(
            lambda pair: (pair[0], NOON + timedelta(hours=pair[1]))
        ),
        max_size=8,
    ).map(lambda rows: [Batch(number, left, until) for number, (left, until) in enumerate(rows)])


@given(batches_strategy(), st.integers(0, 2000))
def test_a_reduction_never_takes_more_than_is_reducible(batches, asked):
    able = reducible(batches, NOON)
    if asked > able:
        with pytest.raises(ValueError, match="more than can be reduced"):
            take(batches, asked, NOON)
        return

    taken = take(batches, asked, NOON)

    left = {batch.id: batch.remaining for batch in batches}
    assert sum(part.quantity for part in taken) == asked
    for part in taken:
        left[part.batch_id] -= part.quantity
    assert min(left.values(), default=0) >= 0
    assert sum(left.values()) == sum(batch.remaining for batch in batches) - asked


@given(batches_strategy(), st.integers(1, 500))
def test_what_is_left_can_be_reduced_longest(batches, asked):
    if asked > reducible(batches, NOON):
        return
    taken = {part.batch_id: part.quantity for part in take(batches, asked, NOON)}
    ordered = open_batches(batches, NOON)
    untouched = False
    for batch in ordered:
        part = taken.get(batch.id, 0)
        assert not (untouched and part), "a later batch was touched while an earlier one still held seats"
        untouched = untouched or part < batch.remaining
    assert [batch.reducible_until for batch in ordered] == sorted(batch.reducible_until for batch in ordered)


@given(batches_strategy())
def test_nothing_is_reducible_out_of_a_closed_batch(batches):
    assert all(batch.reducible_until > NOON and batch.remaining > 0 for batch in open_batches(batches, NOON))
    assert reducible(batches, NOON + timedelta(days=9)) == 0


@given(batches_strategy())
def test_a_renewal_takes_every_seat_once(batches):
    assert sum(part.quantity for part in take_whole(batches)) == sum(batch.remaining for batch in batches)


def test_the_window_is_open_to_the_last_instant_and_closed_at_its_end():
    batch = Batch(1, 8, NOON)
    assert take([batch], 8, NOON - timedelta(microseconds=1)) == [Taken(1, 8)]
    assert reducible([batch], NOON) == 0


@pytest.mark.parametrize(
    "opened",
    [
        datetime(2027, 3, 25, 14, 3, tzinfo=ZoneInfo("Europe/Warsaw")),  # summer time begins inside the window
        datetime(2026, 10, 22, 14, 3, tzinfo=ZoneInfo("Europe/Warsaw")),  # and ends inside this one
        datetime(2028, 2, 27, 14, 3, tzinfo=ZoneInfo("Europe/Warsaw")),  # 29 February lies in it
    ],
)
def test_seven_days_are_168_hours_whatever_the_clocks_on_the_wall_do(opened):
    until = opened.astimezone(UTC) + timedelta(days=7)
    batch = Batch(1, 4, until)
    assert reducible([batch], opened.astimezone(UTC) + timedelta(hours=168, seconds=-1)) == 4
    assert reducible([batch], opened.astimezone(UTC) + timedelta(hours=168)) == 0
