"""The same change to many subscriptions: what one row of a job does, and what it would do."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from django.db import transaction

from accounts.policy import Action, Actor, authorize
from partnerhub.errors import QuoteMoved
from partnerhub.money import Money
from subscriptions.changes import Change
from subscriptions.enums import Status
from subscriptions.models import Subscription
from subscriptions.models.operation import WAITED_FOR
from subscriptions.previews import Preview
from subscriptions.services.asking import poll_now
from subscriptions.services.changing import perform
from subscriptions.services.locking import check_version, lock_subscription
from subscriptions.services.quoting import preview


class Act(StrEnum):
    """What can be done to many at once."""

    NICKNAME = "nickname"
    AUTO_RENEW = "auto_renew"
    PARTNER_ID = "partner_id"
    QUANTITY = "quantity"
    POLL = "poll"
    CANCEL = "cancel"


ACTIONS: dict[Act, Action] = {
    Act.NICKNAME: Action.SUBSCRIPTION_RENAME,
    Act.AUTO_RENEW: Action.SUBSCRIPTION_AUTO_RENEW,
    Act.PARTNER_ID: Action.SUBSCRIPTION_CHANGE,
    Act.QUANTITY: Action.SUBSCRIPTION_CHANGE,
    Act.POLL: Action.SUBSCRIPTION_POLL,
    Act.CANCEL: Action.SUBSCRIPTION_CANCEL,
}


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What a change would do: the version it was rehearsed on, and the values that differ, before and after, by act."""

    version: int
    before: dict[str, Any]
    after: dict[str, Any]
    preview: Preview | None


@dataclass(frozen=True, slots=True)
class InFlight:
    """What is not final yet after a change: held until a moment, or with the publisher (None)."""

    action: str
    held_until: datetime | None


# What is charged or credited today.
_PRICED = {Act.QUANTITY.value, Act.CANCEL.value}


def authorize_bulk(actor: Actor, acts: list[Act]) -> None:
    """Raise NotPermitted unless the actor's role may do each of these to many at once."""
    authorize(actor, Action.SUBSCRIPTION_BULK)
    for act in acts:
        authorize(actor, ACTIONS[act])


@transaction.atomic
def change(
    actor: Actor, subscription_id: UUID, asked: Mapping[str, Any], *, reason: str, version: int | None, at: datetime
) -> Subscription:
    """Do everything that is asked of one subscription, or nothing of it, by the ordinary services.

    Raises what they raise; NotPermitted for a role that may not change many at once.
    """
    authorize_bulk(actor, [Act(name) for name in asked])
    if Act.POLL in asked:  # changes nothing, so it does not matter what has moved
        return poll_now(actor, subscription_id, at=at)
    return perform(actor, subscription_id, change_of(asked), reason=reason, version=version, at=at)


def change_of(asked: Mapping[str, Any]) -> Change:
    """What is asked, as the one door for changes takes it."""
    values = {name: value for name, value in asked.items() if name != Act.CANCEL}
    return Change(**values, status="deleted" if Act.CANCEL in asked else None)


@transaction.atomic
def change_as_shown(
    actor: Actor,
    subscription_id: UUID,
    asked: Mapping[str, Any],
    *,
    reason: str,
    version: int,
    due_today: Money | None,
    at: datetime,
) -> Subscription:
    """As `change`, provided that it costs what was shown (None for what has no price). Raises QuoteMoved, too."""
    if due_today is not None:
        authorize_bulk(actor, [Act(name) for name in asked])
        check_version(lock_subscription(subscription_id, actor), version)
        current = preview(actor, subscription_id, change_of(asked), at=at).due_today
        if current != due_today:
            raise QuoteMoved(shown=_in_digits(due_today), current=_in_digits(current))
    return change(actor, subscription_id, asked, reason=reason, version=version, at=at)


@transaction.atomic
def rehearse(actor: Actor, subscription_id: UUID, asked: Mapping[str, Any], *, reason: str, at: datetime) -> Rehearsal:
    """Do what is asked and take it back: the verdict is that of the very services that will do it.

    Raises what `change` raises.
    """
    subscription = lock_subscription(subscription_id, actor)
    version, before = subscription.version, values_of(subscription, asked)
    after = {name: _value_after(Act(name), value) for name, value in asked.items()}
    differing = {name: value for name, value in asked.items() if before[name] != after[name]}
    if differing:
        with transaction.atomic():
            change(actor, subscription_id, differing, reason=reason, version=version, at=at)
            transaction.set_rollback(True)
    return Rehearsal(
        version,
        {name: before[name] for name in differing},
        {name: after[name] for name in differing},
        preview(actor, subscription_id, change_of(differing), at=at) if _PRICED & set(differing) else None,
    )


def in_flight(subscription: Subscription) -> InFlight | None:
    """The change of a subscription that is held or waits for the publisher."""
    operation = subscription.operations.filter(WAITED_FOR).first()
    return InFlight(operation.action, operation.held_until) if operation else None


def values_of(subscription: Subscription, asked: Mapping[str, Any]) -> dict[str, Any]:
    """What a subscription has now of the values that are asked, by act."""
    return {name: _value_of(subscription, Act(name)) for name in asked}


def _in_digits(money: Money) -> str:
    return f"{money.amount} {money.currency}"


def _value_of(subscription: Subscription, act: Act) -> Any:
    match act:
        case Act.PARTNER_ID:
            return subscription.reseller_id or ""
        case Act.POLL:
            return None
        case Act.CANCEL:
            return subscription.status
        case _:
            return getattr(subscription, act.value)


def _value_after(act: Act, value: Any) -> Any:
    match act:
        case Act.NICKNAME:
            return " ".join(str(value).split())
        case Act.CANCEL:
            return Status.UNSUBSCRIBED.value
        case _:
            return value
