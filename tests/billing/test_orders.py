"""What is charged depends on days, not on how often somebody looks."""

from copy import deepcopy
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from billing.reckoning import charge_until
from tests.billing.test_reckoning import lives


@settings(max_examples=60, deadline=None)
@given(lives(), st.lists(st.integers(0, 40), max_size=6))
def test_however_often_the_tick_comes_the_lines_are_the_same(life, waits):
    often, once = deepcopy(life.account), deepcopy(life.account)
    day, found = life.today, []
    for days in waits:
        day += timedelta(days=days)
        found += charge_until(often, day)

    assert found == list(charge_until(once, day))
    assert often == once
