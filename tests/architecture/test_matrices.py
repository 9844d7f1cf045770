"""What is data is complete: every role has a row, every action an owner, every (status, trigger) an answer."""

from itertools import product

import pytest

from accounts.policy import GRANTS, Action, Role
from partnerhub.errors import StatusForbids
from subscriptions.enums import Status, Trigger
from subscriptions.lifecycle import TRANSITIONS, next_status


def test_every_role_has_a_row_and_every_action_an_owner():
    assert set(GRANTS) == set(Role)
    assert set().union(*GRANTS.values()) == set(Action)


@pytest.mark.parametrize(("status", "trigger"), list(product(Status, Trigger)))
def test_every_pair_is_in_the_table_or_refused(status, trigger):
    if (status, trigger) in TRANSITIONS:
        assert next_status(status, trigger) == TRANSITIONS[status, trigger]
    else:
        with pytest.raises(StatusForbids):
            next_status(status, trigger)


def test_an_ended_subscription_stays_ended():
    assert [pair for pair in TRANSITIONS if pair[0] == Status.UNSUBSCRIBED] == []
