"""Working what somebody must act on: who takes it, until when it is put aside, and what is let be.

An act is on items by their ids, as the queue shows them; those that were settled meanwhile are left out. Nothing of a
subscription changes, so its version stays.
"""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction

from accounts.models import RoleHeld, User
from accounts.policy import Action, Actor, authorize, who_can
from partnerhub.errors import AssigneeLimited, AssigneeUnfit, AttentionSettled, InvalidInput, NotFound, SnoozeOver
from partnerhub.outbox.recorder import Fact, record
from publishers.models import Publisher
from subscriptions import events
from subscriptions.attending import attention_visible_to
from subscriptions.enums import OperationStatus
from subscriptions.models import AttentionItem, Operation, Subscription, Triage
from subscriptions.services.locking import lock_subscription

# Further ahead lies the end of the calendar, which no page can show in its own zone.
FURTHEST = timedelta(days=3653)


@dataclass(frozen=True, slots=True)
class _Kind:
    """The event of an act, on a subscription's stream and on a publisher's."""

    of_subscription: type[Fact]
    of_publisher: type[Fact]


_ASSIGNED = _Kind(events.AttentionAssigned, events.PublisherAttentionAssigned)
_SNOOZED = _Kind(events.AttentionSnoozed, events.PublisherAttentionSnoozed)
_WOKEN = _Kind(events.AttentionWoken, events.PublisherAttentionWoken)


@transaction.atomic
def assign(actor: Actor, items: Collection[str], *, to: UUID | None, at: datetime) -> int:
    """Give open items to a person, or with None to nobody; returns how many there are. Idempotent.

    Raises NotPermitted, NotFound for a person there is not, AssigneeUnfit for one whose roles may not work the queue,
    AssigneeLimited for one who does not see a customer, AttentionSettled when none of the items is open any more.
    """
    authorize(actor, Action.ATTENTION_TRIAGE)
    assignee = _assignee(to)

    def given(item: AttentionItem, triage: Triage) -> bool:
        if assignee is not None and not assignee.sees(item.customer_id):
            raise AssigneeLimited(name=assignee.name)
        changes = triage.assignee_id != to
        triage.assignee = assignee
        return changes

    data = {"assignee": {"id": str(assignee.pk), "name": assignee.name} if assignee else None}
    return _act(actor, items, given, _ASSIGNED, data, at)


@transaction.atomic
def snooze(actor: Actor, items: Collection[str], *, until: datetime | None, at: datetime) -> int:
    """Put open items aside until a moment (exclusive), or with None until they change; returns how many there are.

    Raises NotPermitted, SnoozeOver for a moment that is not ahead, InvalidInput for one that nobody will see,
    AttentionSettled.
    """
    authorize(actor, Action.ATTENTION_TRIAGE)
    if until is not None and until <= at:
        raise SnoozeOver(until=f"{until:%Y-%m-%d %H:%M} UTC")
    if until is not None and until > at + FURTHEST:
        raise InvalidInput(field="until", problem=f"at most {FURTHEST.days} days ahead are possible")

    def aside(item: AttentionItem, triage: Triage) -> bool:
        wanted = (True, until, item.since)
        changes = (triage.snoozed, triage.snoozed_until, triage.since) != wanted
        triage.snoozed, triage.snoozed_until, triage.since = wanted
        return changes

    return _act(actor, items, aside, _SNOOZED, {"until": until.isoformat() if until else None}, at)


@transaction.atomic
def wake(actor: Actor, items: Collection[str], *, at: datetime) -> int:
    """Put open items aside no longer; returns how many there are. Idempotent. Raises NotPermitted, AttentionSettled."""
    authorize(actor, Action.ATTENTION_TRIAGE)

    def back(_item: AttentionItem, triage: Triage) -> bool:
        changes = triage.snoozed
        triage.snoozed, triage.snoozed_until = False, None
        return changes

    return _act(actor, items, back, _WOKEN, {}, at)


@transaction.atomic
def let_change_be(actor: Actor, subscription_id: UUID, operation_id: UUID, *, at: datetime) -> Operation:
    """Note that somebody has looked at a change that was not made: it needs nobody any more. Idempotent.

    Raises NotPermitted, NotFound, AttentionSettled for a change that has not failed.
    """
    authorize(actor, Action.ATTENTION_TRIAGE)
    subscription = lock_subscription(subscription_id, actor)
    operation = subscription.operations.filter(pk=operation_id).first()
    if operation is None:
        raise NotFound(what="operation", id=operation_id)
    if operation.status not in (OperationStatus.FAILED, OperationStatus.CONFLICT):
        raise AttentionSettled
    if operation.seen_at is None:
        operation.seen_at = at
        operation.save(update_fields=["seen_at"])
        data = {"operation": str(operation.pk), "action": operation.action}
        record(events.ChangeLetBe(subscription.pk, data), actor=actor, at=at)
    return operation


def colleagues() -> list[User]:
    """The people whose roles may work the queue, by name."""
    able = RoleHeld.objects.filter(role__in=who_can(Action.ATTENTION_TRIAGE)).values("user")
    return list(User.objects.filter(pk__in=able, is_active=True).order_by("name", "id"))


def _assignee(person: UUID | None) -> User | None:
    if person is None:
        return None
    found = User.objects.filter(pk=person, is_active=True).first()
    if found is None:
        raise NotFound(what="person", id=person)
    able = who_can(Action.ATTENTION_TRIAGE)
    if not found.roles_held.filter(role__in=able).exists():
        raise AssigneeUnfit(name=found.name, who_can=", ".join(able))
    return found


def _act(
    actor: Actor,
    items: Collection[str],
    change: Callable[[AttentionItem, Triage], bool],
    kind: _Kind,
    data: dict[str, Any],
    at: datetime,
) -> int:
    found = _locked(actor, items, at)
    known = Triage.objects.in_bulk([item.pk for item in found])
    changed = []
    for item in found:
        triage = known.get(item.pk) or Triage(item=item.pk, subscription_id=item.subscription_id, since=item.since)
        if change(item, triage):
            triage.changed_by, triage.changed_at = actor.label, at
            triage.save()
            changed.append(item)
    for subject, of_it in _by_subject(changed).items():
        fact = kind.of_publisher if of_it[0].subscription_id is None else kind.of_subscription
        told = {"items": [item.pk for item in of_it], "causes": [item.cause for item in of_it]}
        record(fact(subject, told | data), actor=actor, at=at)
    return len(found)


def _locked(actor: Actor, items: Collection[str], at: datetime) -> list[AttentionItem]:
    """Those of the items that are open once what they are about is locked. Raises AttentionSettled without any."""
    visible = attention_visible_to(actor, at).filter(pk__in=items)
    found = list(visible.order_by().values_list("subscription_id", "publisher_id"))
    subscriptions = sorted({subscription for subscription, _publisher in found if subscription})
    publishers = sorted({publisher for subscription, publisher in found if not subscription})
    _lock(Subscription.objects.select_for_update().filter(pk__in=subscriptions).order_by("pk"))
    _lock(Publisher.objects.select_for_update().filter(pk__in=publishers).order_by("pk"))
    still = list(visible) if found else []
    if not still:
        raise AttentionSettled
    return still


def _lock(rows: Any) -> None:
    list(rows.values_list("pk", flat=True))


def _by_subject(items: Iterable[AttentionItem]) -> dict[UUID, list[AttentionItem]]:
    found: dict[UUID, list[AttentionItem]] = {}
    for item in items:
        found.setdefault(item.subscription_id or item.publisher_id, []).append(item)
    return found
