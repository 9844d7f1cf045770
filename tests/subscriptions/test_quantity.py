from datetime import timedelta

import pytest

from accounts.policy import SYSTEM, Role
from partnerhub.errors import (
    NotActivatedYet,
    NotPermitted,
    OperationPending,
    QuantityOutOfRange,
    QuantityWhileSuspended,
    ReductionWindowClosed,
    StaleVersion,
)
from partnerhub.outbox.models import Event
from subscriptions.enums import Acceptance, OperationStatus
from subscriptions.models import Subscription
from subscriptions.selectors import batches_of
from subscriptions.services.holding import hurry, release_due, undo
from subscriptions.services.quantity import change_quantity
from subscriptions.services.settling import accept, refuse
from subscriptions.services.suspension import suspend
from tests.factories.accounts import actor
from tests.factories.subscriptions import NOON, active, buy

pytestmark = pytest.mark.django_db

SOON = NOON + timedelta(hours=1)


def fresh(subscription: Subscription) -> Subscription:
    return Subscription.objects.get(pk=subscription.pk)


def ask(by, subscription, quantity, at=SOON, **kwargs):
    return change_quantity(by, subscription.pk, quantity=quantity, version=None, at=at, **kwargs)


def names_of(subscription):
    return list(Event.objects.filter(stream_id=subscription.pk).order_by("sequence").values_list("name", flat=True))


def test_more_licences_are_asked_of_the_publisher_and_come_when_it_agrees(admin_agent):
    subscription = active(quantity=10)

    ask(admin_agent, subscription, 14)

    operation = subscription.operations.get()
    assert (operation.action, operation.status, operation.held_until) == ("change_quantity", "not_started", None)
    assert operation.due_at == SOON + timedelta(hours=8)
    assert fresh(subscription).quantity == 10

    accept(SYSTEM, operation.pk, how=Acceptance.PUBLISHER, at=SOON)

    changed = fresh(subscription)
    assert changed.quantity == 14
    assert [(batch.remaining, batch.reducible_until) for batch in batches_of(changed)] == [
        (10, NOON + timedelta(days=7)),
        (4, SOON + timedelta(days=7)),
    ]
    assert names_of(subscription)[-2:] == [
        "subscription.change_requested_of_publisher",
        "subscription.quantity_changed",
    ]


def test_a_refusal_leaves_the_licences_and_says_why(admin_agent):
    subscription = active(quantity=10)
    ask(admin_agent, subscription, 14)
    operation = subscription.operations.get()

    refuse(SYSTEM, operation.pk, why="Not below the seats in use", at=SOON)

    operation.refresh_from_db()
    assert (operation.status, operation.last_error) == ("failed", "Not below the seats in use")
    assert (fresh(subscription).quantity, fresh(subscription).version) == (10, subscription.version)
    assert names_of(subscription)[-1] == "operation.refused"


def test_silence_is_told_apart_from_a_word(admin_agent):
    subscription = active(quantity=10)
    ask(admin_agent, subscription, 11)

    operation = accept(SYSTEM, subscription.operations.get().pk, how=Acceptance.SILENCE, at=SOON)

    assert operation.accepted_by == "silence"
    assert Event.objects.get(name="subscription.quantity_changed").data["accepted_by"] == "silence"


def test_what_is_final_stays_as_it_is(admin_agent):
    subscription = active(quantity=10)
    ask(admin_agent, subscription, 11)
    operation = subscription.operations.get()
    accept(SYSTEM, operation.pk, how=Acceptance.PUBLISHER, at=SOON)
    told = names_of(subscription)

    accept(SYSTEM, operation.pk, how=Acceptance.SILENCE, at=SOON)
    refuse(SYSTEM, operation.pk, why="too late", at=SOON)

    assert (fresh(subscription).quantity, names_of(subscription)) == (11, told)


def test_a_persons_reduction_is_held_and_undone_without_a_trace_outside(admin_agent):
    subscription = active(quantity=10)

    ask(admin_agent, subscription, 6)
    operation = subscription.operations.get()
    assert operation.held_until == SOON + timedelta(seconds=60)
    assert operation.due_at is None

    undo(admin_agent, subscription.pk, operation.pk, at=SOON + timedelta(seconds=59))

    operation.refresh_from_db()
    assert (operation.status, fresh(subscription).quantity) == (OperationStatus.WITHDRAWN, 10)
    assert release_due(SYSTEM, at=SOON + timedelta(hours=1)) == 0
    assert names_of(subscription)[-2:] == ["subscription.change_held", "subscription.change_undone"]


def test_a_hold_that_is_over_asks_the_publisher(admin_agent):
    subscription = active(quantity=10)
    ask(admin_agent, subscription, 6)

    assert release_due(SYSTEM, at=SOON + timedelta(seconds=59)) == 0
    assert release_due(SYSTEM, at=SOON + timedelta(seconds=60)) == 1

    operation = subscription.operations.get()
    assert (operation.held_until, operation.status) == (None, "not_started")
    accept(SYSTEM, operation.pk, how=Acceptance.PUBLISHER, at=SOON + timedelta(seconds=70))
    assert [(batch.remaining) for batch in batches_of(fresh(subscription))] == [6]


def test_who_does_not_want_to_wait_need_not(admin_agent):
    subscription = active(quantity=10)
    ask(admin_agent, subscription, 6)

    operation = hurry(admin_agent, subscription.pk, subscription.operations.get().pk, at=SOON)

    assert (operation.held_until, operation.next_attempt_at) == (None, SOON)


def test_a_hold_is_skipped_when_the_window_would_close_meanwhile(admin_agent):
    subscription = active(quantity=10)

    ask(admin_agent, subscription, 6, at=NOON + timedelta(days=7, seconds=-30))

    assert subscription.operations.get().held_until is None


def test_licences_come_out_of_the_batch_that_closes_first(admin_agent):
    subscription = active(quantity=10)
    ask(admin_agent, subscription, 14)
    accept(SYSTEM, subscription.operations.get().pk, how=Acceptance.PUBLISHER, at=SOON)

    ask(admin_agent, subscription, 12, at=SOON + timedelta(minutes=1), hold=False)
    reduction = subscription.operations.latest("created_at")
    accept(SYSTEM, reduction.pk, how=Acceptance.PUBLISHER, at=SOON + timedelta(minutes=2))

    assert [batch.remaining for batch in batches_of(fresh(subscription))] == [8, 4]


def test_only_what_is_open_can_be_removed(admin_agent):
    subscription = active(quantity=10)
    ask(admin_agent, subscription, 14, at=NOON + timedelta(days=6))
    accept(SYSTEM, subscription.operations.get().pk, how=Acceptance.PUBLISHER, at=NOON + timedelta(days=6))

    with pytest.raises(ReductionWindowClosed) as refused:
        ask(admin_agent, subscription, 9, at=NOON + timedelta(days=8))

    assert (refused.value.values["asked"], refused.value.values["reducible"]) == (5, 4)
    assert fresh(subscription).quantity == 14
    assert subscription.operations.count() == 1


@pytest.mark.parametrize("role", [Role.SALES_AGENT, Role.OPS_AGENT, Role.PLATFORM_ADMIN])
def test_only_admin_agents_change_the_quantity(role):
    subscription = active(quantity=10)

    with pytest.raises(NotPermitted):
        ask(actor(role), subscription, 20)

    assert (fresh(subscription).quantity, subscription.operations.count()) == (10, 0)


def test_one_change_at_a_time(admin_agent):
    subscription = active(quantity=10)
    ask(admin_agent, subscription, 11)

    with pytest.raises(OperationPending) as refused:
        ask(admin_agent, subscription, 12)

    assert refused.value.values["action"] == "change_quantity"
    assert subscription.operations.count() == 1


def test_what_is_not_possible_is_refused_by_name(admin_agent):
    with pytest.raises(NotActivatedYet):
        ask(admin_agent, buy(quantity=10), 11)
    subscription = active(quantity=10)
    with pytest.raises(QuantityOutOfRange):
        ask(admin_agent, subscription, 10_000_000)
    with pytest.raises(StaleVersion):
        change_quantity(admin_agent, subscription.pk, quantity=11, version=1, at=SOON)
    suspend(admin_agent, subscription.pk, reason="", version=None, at=SOON)
    with pytest.raises(QuantityWhileSuspended):
        ask(admin_agent, subscription, 11)
    assert not subscription.operations.filter(action="change_quantity").exists()
