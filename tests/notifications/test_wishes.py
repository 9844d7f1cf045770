"""When and how somebody is told: pure tables."""

from datetime import UTC, datetime, time

import pytest

from accounts.policy import Role
from partnerhub.notifications.enums import CLASSES, How, Topic, topic_of
from partnerhub.notifications.wishes import Wishes, default_how, default_only_own
from subscriptions.enums import Cause, Reason

A, S, O, P = Role.ADMIN_AGENT, Role.SALES_AGENT, Role.OPS_AGENT, Role.PLATFORM_ADMIN  # noqa: E741


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def warsaw(**given) -> Wishes:
    return Wishes(roles=(O,), zone="Europe/Warsaw", digest_hour=8, **given)


NIGHT = {"quiet_from": time(22), "quiet_until": time(7)}
NOON_BREAK = {"quiet_from": time(12), "quiet_until": time(13, 30)}


@pytest.mark.parametrize(
    ("wishes", "how", "at", "due"),
    [
        (warsaw(), How.NOW, "2026-11-23T12:00", "2026-11-23T12:00"),
        (warsaw(), How.DIGEST, "2026-11-23T06:59:59", "2026-11-23T07:00"),
        (warsaw(), How.DIGEST, "2026-11-23T07:00", "2026-11-24T07:00"),
        (warsaw(), How.DIGEST, "2026-10-24T06:00", "2026-10-25T07:00"),  # the clocks go back that night
        (warsaw(), How.IN_APP, "2026-11-23T12:00", None),
        (warsaw(**NIGHT), How.NOW, "2026-11-23T20:59:59", "2026-11-23T20:59:59"),
        (warsaw(**NIGHT), How.NOW, "2026-11-23T21:00", "2026-11-24T06:00"),
        (warsaw(**NIGHT), How.NOW, "2026-11-24T05:59", "2026-11-24T06:00"),
        (warsaw(**NIGHT), How.NOW, "2026-11-24T06:00", "2026-11-24T06:00"),
        (warsaw(**NOON_BREAK), How.NOW, "2026-11-23T11:30", "2026-11-23T12:30"),
        (warsaw(**NOON_BREAK), How.NOW, "2026-11-23T12:30", "2026-11-23T12:30"),
        (warsaw(quiet_from=time(7), quiet_until=time(9)), How.DIGEST, "2026-11-23T12:00", "2026-11-24T08:00"),
        (warsaw(quiet_from=time(7), quiet_until=time(7)), How.NOW, "2026-11-23T06:30", "2026-11-23T06:30"),
    ],
)
def test_it_is_told_at_once_or_in_the_digest_but_not_in_quiet_hours(wishes, how, at, due):
    assert wishes.due_at(how, utc(at)) == (utc(due) if due else None)


@pytest.mark.parametrize(
    ("topic", "roles", "how"),
    [
        (Topic.PUBLISHER_DOWN, (O,), How.NOW),
        (Topic.PUBLISHER_DOWN, (S,), How.OFF),
        (Topic.LINK_EXPIRED, (O,), How.IN_APP),
        (Topic.LINK_EXPIRED, (O, S), How.DIGEST),
        (Topic.CHANGE_ASKED, (A,), How.NOW),
        (Topic.WAITING, (A, S, O, P), How.OFF),
        (Topic.MENTIONED, (P,), How.NOW),
    ],
)
def test_of_several_roles_the_strongest_default_holds(topic, roles, how):
    assert default_how(topic, roles) == how


def test_own_choices_come_before_roles_and_who_only_sells_hears_of_own_things():
    chosen = Wishes(roles=(S,), choices={Topic.PUBLISHER_REFUSED: How.OFF}, only_own=True)

    assert [default_only_own(roles) for roles in [(S,), (S, A), ()]] == [True, False, False]
    assert chosen.how(Topic.PUBLISHER_REFUSED, own=True) == How.OFF
    assert [chosen.how(Topic.ACTIVATION_DEADLINE, own=own) for own in (True, False)] == [How.NOW, How.OFF]
    assert chosen.how(Topic.MENTIONED, own=False) == How.NOW


def test_every_cause_has_a_topic_and_every_topic_a_class():
    assert {topic_of(cause) for cause in (*Cause, *Reason)} == set(Topic) - {Topic.MENTIONED, Topic.ASSIGNED}
    assert sorted(topic for topics in CLASSES.values() for topic in topics) == sorted(Topic)
