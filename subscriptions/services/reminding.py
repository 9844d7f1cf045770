"""Reminding those who keep a purchase waiting, each rung once: its row, its event and its mails are one transaction."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from itertools import islice
from typing import Any
from uuid import UUID

import structlog
from django.db import DatabaseError, transaction
from django.db.models import Exists, OuterRef, Q

from accounts.policy import Action, Actor, authorize
from partnerhub.errors import HubError, NothingToRemind, RemindedAlready
from partnerhub.mail.letters import Letter
from partnerhub.mail.services import asked_before_sending, post
from partnerhub.outbox.models import Event
from partnerhub.outbox.recorder import record
from publishers.models import PlanTerm
from publishers.selectors import Scope, policies_of, policy_book, scope_of
from subscriptions.enums import GateState, Rung, Status
from subscriptions.events import SubscriptionReminded
from subscriptions.letters import agent_letter, customer_letter, publisher_letter
from subscriptions.models import Gate, Reminder, Subscription
from subscriptions.readers import Reader, buyer_of, readers_of
from subscriptions.reminders import AGES, Step, climb, ladder, next_step
from subscriptions.selectors import blocking_gate, latest_token
from subscriptions.services.links import mint_link
from subscriptions.services.locking import lock_subscription

log = structlog.get_logger(__name__)

PURPOSE = "reminder"
# How soon a person can have the customer reminded once more.
AGAIN_AFTER = timedelta(hours=24)
NO_ADDRESS, REFUSED, BY_HAND = "no_address", "refused", "by_hand"


def remind_due(actor: Actor, *, at: datetime, limit: int = 300) -> int:
    """Climb the ladder of up to `limit` purchases that wait, each in a transaction of its own; returns how many.

    One that cannot be reminded of is logged and stops no other.
    """
    authorize(actor, Action.SUBSCRIPTION_REMIND)
    return sum(_reminded(actor, subscription_id, at) for subscription_id in list(islice(_due(at, limit), limit)))


def _reminded(actor: Actor, subscription_id: UUID, at: datetime) -> bool:
    try:
        return bool(remind(actor, subscription_id, at=at))
    except (DatabaseError, LookupError, ValueError, HubError) as error:
        log.exception("not_reminded", subscription_id=str(subscription_id), error=type(error).__name__)
        return False


@transaction.atomic
def remind(actor: Actor, subscription_id: UUID, *, at: datetime) -> list[Reminder]:
    """Climb the rungs that are due; none any more once the subscription is active, over, or past its last moment.

    Raises NotPermitted, NotFound.
    """
    authorize(actor, Action.SUBSCRIPTION_REMIND)
    subscription = lock_subscription(subscription_id, actor)
    if subscription.status != Status.PENDING or subscription.activate_by <= at:
        return []
    steps, climbed = steps_of(subscription, at), _climbed(subscription)
    found = climb(steps, climbed, at)
    if found is None:
        return []
    for rung in found.overslept:
        _keep(subscription, rung, 0, at)
    left_out = [rung.value for rung in found.overslept]
    upcoming = next_step(steps, {*climbed, *found.rungs}, at)
    return [_climb_one(actor, subscription, rung, _facts(left_out, upcoming), at) for rung in found.rungs]


@transaction.atomic
def remind_now(actor: Actor, subscription_id: UUID, *, at: datetime) -> Subscription:
    """Have the customer reminded by hand, beside the ladder. Raises NotPermitted, NotFound, NothingToRemind, and
    RemindedAlready within 24 hours after the last time.
    """
    authorize(actor, Action.SUBSCRIPTION_REMIND)
    subscription = lock_subscription(subscription_id, actor)
    check_remindable(subscription, at)
    steps = steps_of(subscription, at)
    data = _facts([], next_step(steps, _climbed(subscription), at)) | {"by_hand": True}
    sent = _write(actor, subscription, Rung.CUSTOMER, f"by_hand:{at.isoformat()}", data, at)
    record(
        SubscriptionReminded(subscription.pk, data | {"rung": Rung.CUSTOMER, "recipients": sent}), actor=actor, at=at
    )
    return subscription


def check_remindable(subscription: Subscription, at: datetime) -> None:
    """Raise what keeps the customer from being reminded by hand: NothingToRemind, RemindedAlready."""
    if subscription.status != Status.PENDING or subscription.activate_by <= at:
        raise NothingToRemind(why="the subscription waits no more")
    if is_refused(subscription):
        raise NothingToRemind(why="the publisher refused the order")
    if not readers_of(Rung.CUSTOMER, subscription):
        raise NothingToRemind(why="there is no e-mail address")
    last = last_reminded(subscription)
    if last is not None and at < last + AGAIN_AFTER:
        again = last + AGAIN_AFTER
        raise RemindedAlready(reminded_at=f"{last:%Y-%m-%d %H:%M} UTC", again_at=f"{again:%Y-%m-%d %H:%M} UTC")


def steps_of(subscription: Subscription, at: datetime) -> list[Step]:
    """The ladder of a subscription by the policies of a moment."""
    scope = scope_of(subscription.plan, subscription.plan_term.term)
    book = policies_of(subscription.plan, *AGES.values())
    ages = {rung: book.duration(name, scope, at) for rung, name in AGES.items()}
    return ladder(subscription.purchased_at, subscription.activate_by, ages)


def last_reminded(subscription: Subscription) -> datetime | None:
    """When the customer was last written to."""
    told = Event.objects.filter(stream_id=subscription.pk, name=SubscriptionReminded.name, data__recipients__gt=0)
    return told.filter(data__rung=Rung.CUSTOMER).order_by("-sequence").values_list("at", flat=True).first()


def is_refused(subscription: Subscription) -> bool:
    """Whether the publisher has refused the order: then neither it nor the customer has anything to do."""
    gate = blocking_gate(subscription)
    return gate is not None and gate.state == GateState.FAILED


def _climb_one(actor: Actor, subscription: Subscription, rung: Rung, data: dict[str, Any], at: datetime) -> Reminder:
    sent, why = 0, _why_nobody(subscription, rung, at)
    if not why:
        sent = _write(actor, subscription, rung, rung.value, data, at)
        why = "" if sent else NO_ADDRESS
    reminder = _keep(subscription, rung, sent, at)
    data |= {"rung": rung.value, "recipients": sent} | ({"why": why} if why else {})
    record(SubscriptionReminded(subscription.pk, data), actor=actor, at=at)
    return reminder


def _why_nobody(subscription: Subscription, rung: Rung, at: datetime) -> str:
    if rung in (Rung.CUSTOMER, Rung.PUBLISHER) and is_refused(subscription):
        return REFUSED
    last = last_reminded(subscription) if rung == Rung.CUSTOMER else None
    return BY_HAND if last is not None and at < last + AGAIN_AFTER else ""


def _write(
    actor: Actor, subscription: Subscription, rung: Rung, occasion: str, data: dict[str, Any], at: datetime
) -> int:
    """Post the mails of a rung; how many there are. Adds to `data` until when the customer's link works."""
    readers = readers_of(rung, subscription)
    expires_at, buyer = subscription.activate_by, buyer_of(subscription)
    reply_to = buyer.email if buyer and rung == Rung.CUSTOMER else ""
    opened, gate = was_opened(subscription), blocking_gate(subscription)
    for reader in readers:
        if rung == Rung.CUSTOMER:
            letter, expires_at = _with_link(actor, subscription, reader, gate, at)
            data["until"] = expires_at.isoformat()
        elif rung == Rung.PUBLISHER:
            letter = publisher_letter(reader, subscription, opened=opened)
        else:
            letter = agent_letter(rung, reader, subscription, gate, opened=opened, at=at)
        key = f"{PURPOSE}:{subscription.pk}:{occasion}:{reader.key}"
        post(
            key,
            to=reader.address,
            letter=letter,
            language=reader.language,
            at=at,
            reply_to=reply_to,
            expires_at=expires_at,
        )
    return len(readers)


def _with_link(
    actor: Actor, subscription: Subscription, reader: Reader, gate: Gate | None, at: datetime
) -> tuple[Letter, datetime]:
    link = mint_link(actor, subscription.pk, at=at)
    token = latest_token(subscription)
    if token is None:
        raise LookupError("a link was minted, but there is no token")
    return customer_letter(reader, subscription, gate, link, token), token.expires_at


def was_opened(subscription: Subscription) -> bool:
    """Whether the publisher has ever resolved one of the order's links."""
    return subscription.purchase_tokens.filter(resolved_at__isnull=False).exists()


def _keep(subscription: Subscription, rung: Rung, recipients: int, at: datetime) -> Reminder:
    return Reminder.objects.create(subscription=subscription, rung=rung, reminded_at=at, recipients=recipients)


def _climbed(subscription: Subscription) -> set[str]:
    return set(subscription.reminders.values_list("rung", flat=True))


def _facts(left_out: list[str], upcoming: Step | None) -> dict[str, Any]:
    data: dict[str, Any] = {"overslept": left_out} if left_out else {}
    if upcoming is not None:
        data["next"] = {"rung": upcoming.rung.value, "at": upcoming.due_at.isoformat()}
    return data


def _due(at: datetime, limit: int) -> Iterator[UUID]:
    """Purchases that wait and whose newest due rung nobody has climbed, those bought first first.

    One query for all plan terms under the same policies: mostly one for the whole hub.
    """
    waiting = Subscription.objects.filter(status=Status.PENDING, activate_by__gt=at)
    for ages, terms in _ages_of(waiting.values("plan_term"), at).items():
        due = waiting.filter(_is_due(ages, at), plan_term__in=terms, purchased_at__lte=at - min(ages))
        yield from due.order_by("purchased_at", "id").values_list("pk", flat=True)[:limit]


Ages = tuple[timedelta, ...]


def _ages_of(plan_terms: Any, at: datetime) -> dict[Ages, list[UUID]]:
    book, found = policy_book(*AGES.values()), dict[Ages, list[UUID]]()
    rows = PlanTerm.objects.filter(pk__in=plan_terms)
    for pk, plan, offer, publisher, term in rows.values_list(
        "pk", "plan_id", "plan__offer_id", "plan__offer__publisher_id", "term"
    ):
        scope = Scope(plan, offer, publisher, term)
        ages = tuple(book.duration(name, scope, at) for name in AGES.values())
        found.setdefault(ages, []).append(pk)
    return found


def _is_due(ages: Ages, at: datetime) -> Q:
    """Whether the newest rung below a purchase's age is missing: one look-up for each purchase."""
    steps = sorted(zip(ages, AGES, strict=True), key=lambda step: step[0])
    upper: Iterable[timedelta | None] = [age for age, _rung in steps[1:]] + [None]
    due = Q(pk__in=[])
    for (age, rung), older in zip(steps, upper, strict=True):
        bought = Q(purchased_at__lte=at - age) & (Q() if older is None else Q(purchased_at__gt=at - older))
        due |= bought & Q(~Exists(Reminder.objects.filter(subscription=OuterRef("pk"), rung=rung)))
    return due


@asked_before_sending(PURPOSE)
def is_wanted(key: str) -> bool:
    """Whether the purchase that a reminder is about still waits when the mail is about to leave."""
    return Subscription.objects.filter(pk=key.split(":")[1], status=Status.PENDING).exists()
