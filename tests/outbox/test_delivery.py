"""Delivering: in order within a stream, once each, failures kept and tried again."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import transaction

from accounts.policy import SYSTEM
from partnerhub.outbox import recorder
from partnerhub.outbox.delivery import PARKED, deliver_due
from partnerhub.outbox.models import Delivery, Event
from partnerhub.outbox.recorder import Fact, Happening, digest, fingerprint, handles, record, record_many
from tests.factories.subscriptions import NOON

pytestmark = pytest.mark.django_db


class Rang(Fact):
    name = "bell.rang"
    stream_type = "bell"


@pytest.fixture
def heard(monkeypatch):
    """A handler of `bell.rang` for one test: what it heard, and which numbers it fails on."""
    monkeypatch.setattr(recorder, "_handlers", {})
    log, failing = [], set()

    @handles("bell.rang")
    def listen(event, at):
        log.append(event.data["number"])
        if event.data["number"] in failing:
            raise RuntimeError("not now")

    return log, failing


def ring(stream, *numbers):
    with transaction.atomic():
        return [record(Rang(stream, {"number": number}), actor=SYSTEM, at=NOON) for number in numbers]


def test_events_of_a_stream_are_numbered_and_chained():
    stream = uuid4()
    first, second = ring(stream, 1, 2)

    assert (first.sequence, second.sequence, second.previous_hash) == (1, 2, first.hash)
    stored = Event.objects.get(pk=second.pk)
    assert stored.hash == digest(fingerprint(stored), first.hash)


def test_many_facts_are_recorded_each_in_its_stream_in_their_order(heard):
    log, _failing = heard
    one, other = uuid4(), uuid4()
    ring(one, 1)
    odd = {
        "text": 'Zażółć "\\ \n\t\u2028\x7f',
        "other": other,
        "day": NOON.date(),
        "list": [1, None, {"b": 1.5, "a": True}],
    }
    facts = [Rang(stream, {"number": n} | odd, 'so "it" \\ is') for n, stream in enumerate((other, one, other), 2)]

    with transaction.atomic():
        record_many([Happening(fact, NOON, 'r"', "c" * 99) for fact in facts], actor=SYSTEM)

    stored = list(Event.objects.exclude(request_id="").order_by("data__number"))
    assert [(event.stream_id, event.sequence) for event in stored] == [(other, 1), (one, 2), (other, 2)]
    assert [digest(fingerprint(event), event.previous_hash) for event in stored] == [event.hash for event in stored]
    assert [(event.id.version, event.reason, event.request_id, event.correlation_id) for event in stored] == [
        (7, 'so "it" \\ is', 'r"', "c" * 64)
    ] * 3
    assert stored[0].data == {"number": 2} | odd | {"other": str(other), "day": str(NOON.date())}
    assert deliver_due(NOON) == 4
    assert (sorted(log), log.index(2) < log.index(4), log.index(1) < log.index(3)) == ([1, 2, 3, 4], True, True)


def test_an_event_is_recorded_only_inside_a_transaction(transactional_db):
    with pytest.raises(transaction.TransactionManagementError):
        record(Rang(uuid4(), {"number": 1}), actor=SYSTEM, at=NOON)


def test_each_is_delivered_once_in_order(heard):
    log, _failing = heard
    ring(uuid4(), 1, 2, 3)

    assert (deliver_due(NOON), deliver_due(NOON)) == (3, 0)
    assert log == [1, 2, 3]


def test_a_failure_waits_holds_back_its_stream_and_no_other(heard):
    log, failing = heard
    failing.add(1)
    ring(uuid4(), 1, 2)
    ring(uuid4(), 7)

    assert deliver_due(NOON) == 1
    assert sorted(log) == [1, 7]
    failed = Delivery.objects.get(attempts=1, delivered_at=None)
    assert (failed.last_error, failed.next_attempt_at > NOON) == ("RuntimeError: not now", True)

    failing.clear()
    assert deliver_due(NOON + timedelta(minutes=1)) == 2
    assert log[-2:] == [1, 2]


class ProcessDied(BaseException):
    """Stands for SIGKILL: nothing of ours runs any more."""


def test_what_kills_its_process_is_heard_alone_then_parked_and_holds_up_nobody(monkeypatch):
    monkeypatch.setattr(recorder, "_handlers", {})
    heard, deadly = [], {2}

    @handles("bell.rang")
    def listen(event, at):
        if event.data["number"] in deadly:
            raise ProcessDied
        heard.append(event.data["number"])

    for number in (1, 2, 3):
        ring(uuid4(), number)

    def hear(seconds):
        at = NOON + timedelta(seconds=seconds)
        try:
            return deliver_due(at)
        except ProcessDied:
            return "died"

    assert [hear(0), hear(1), heard] == ["died", 0, [1]]
    # The others of its batch are not to blame, though each is heard alone now.
    assert [hear(31), hear(31), heard] == ["died", 1, [1, 3]]
    assert [hear(62), hear(93), hear(94)] == ["died", 0, 0]
    parked = Delivery.objects.get(delivered_at=None)
    waits = parked.next_attempt_at - NOON - timedelta(seconds=93)
    assert (parked.attempts, parked.last_error, waits) == (3, PARKED, timedelta(minutes=15))

    deadly.clear()
    assert (hear(93 + 15 * 60), heard) == (1, [1, 3, 2])


def test_a_handler_that_fails_leaves_nothing_behind(monkeypatch):
    monkeypatch.setattr(recorder, "_handlers", {})

    @handles("bell.rang")
    def writes_then_fails(event, at):
        record(Rang(uuid4(), {"number": 99}), actor=SYSTEM, at=at)
        raise RuntimeError("after writing")

    ring(uuid4(), 1)
    deliver_due(NOON)

    assert list(Event.objects.values_list("data__number", flat=True)) == [1]


def test_a_consumer_hears_a_stream_in_order_whatever_the_names_of_its_events(monkeypatch):
    monkeypatch.setattr(recorder, "_handlers", {})
    heard = []

    @handles("bell.rang")
    def first(event, at):
        raise RuntimeError("not now")

    @handles("bell.fell")
    def second(event, at):
        heard.append(event.name)

    class Fell(Rang):
        name = "bell.fell"

    stream = uuid4()
    ring(stream, 1)
    with transaction.atomic():
        record(Fell(stream), actor=SYSTEM, at=NOON)

    assert (deliver_due(NOON), heard) == (0, [])
