"""Telling customers of coming renewals, with proof: each notice's row, event and mail are one transaction."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from typing import Any
from uuid import UUID

import structlog
from django.db import DatabaseError, transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet

from accounts.policy import Action, Actor, authorize
from partnerhub.errors import HubError, NothingToRemind, RemindedAlready
from partnerhub.mail.models import Message
from partnerhub.mail.services import asked_before_sending, post
from partnerhub.outbox.recorder import record
from publishers.models import PlanTerm
from publishers.selectors import Scope, policies_of, policy_book, scope_of
from subscriptions.enums import Rung, Status
from subscriptions.events import RenewalAnnounced
from subscriptions.letters import renewal_letter
from subscriptions.models import RenewalNotice, Subscription
from subscriptions.readers import Reader, buyer_of, readers_of
from subscriptions.renewal_days import days_of, due_on, is_told, that_fit
from subscriptions.services.locking import lock_subscription
from subscriptions.services.renewal import next_term
from subscriptions.terms import midnight

log = structlog.get_logger(__name__)

PURPOSE = "renewal"
POLICY = "renewal_notice_days"
# How soon a person can have the customer told once more.
AGAIN_AFTER = timedelta(hours=24)
NO_ADDRESS = "no_address"


def send_due_notices(actor: Actor, *, at: datetime, limit: int = 1000) -> int:
    """Tell the customers of up to `limit` renewals whose newest notice is due, each in a transaction of its own.

    Returns how many notices were written. One that cannot be written is logged and stops no other.
    """
    authorize(actor, Action.SUBSCRIPTION_REMIND)
    return sum(_sent(actor, subscription_id, at) for subscription_id in list(islice(_due(at, limit), limit)))


def _sent(actor: Actor, subscription_id: UUID, at: datetime) -> bool:
    try:
        return send_due_notice(actor, subscription_id, at=at) is not None
    except (DatabaseError, LookupError, ValueError, HubError) as error:
        log.exception("renewal_not_announced", subscription_id=str(subscription_id), error=type(error).__name__)
        return False


@transaction.atomic
def send_due_notice(actor: Actor, subscription_id: UUID, *, at: datetime) -> RenewalNotice | None:
    """Write the notice that is due, once; None when none is. Raises NotPermitted, NotFound."""
    authorize(actor, Action.SUBSCRIPTION_REMIND)
    subscription = lock_subscription(subscription_id, actor)
    term_end = renews_on(subscription)
    if term_end is None:
        return None
    days = days_for(subscription, at)
    due = due_on(days, term_end, _day(at))
    told = set(notices_of(subscription).values_list("days_before", flat=True))
    if due is None or is_told(days, due, told):
        return None
    return _write(actor, subscription, term_end, due, {}, at)


@transaction.atomic
def send_notice(actor: Actor, subscription_id: UUID, *, at: datetime) -> RenewalNotice:
    """Have the customer told of the renewal by hand, whatever day it is.

    Raises NotPermitted, NotFound, NothingToRemind, and RemindedAlready within 24 hours after the last notice, unless
    that one could not be delivered.
    """
    authorize(actor, Action.SUBSCRIPTION_REMIND)
    subscription = lock_subscription(subscription_id, actor)
    term_end = check_noticeable(subscription, at)
    return _write(actor, subscription, term_end, (term_end - _day(at)).days, {"by_hand": True}, at)


def check_noticeable(subscription: Subscription, at: datetime) -> date:
    """The day of the renewal that the customer can be told of by hand. Raises NothingToRemind, RemindedAlready."""
    term_end = renews_on(subscription)
    if term_end is None or term_end <= _day(at):
        raise NothingToRemind(why="the subscription does not renew")
    if not readers_of(Rung.CUSTOMER, subscription):
        raise NothingToRemind(why="there is no e-mail address")
    written = notices_of(subscription).filter(message__isnull=False, message__failed_at=None)
    last = written.order_by("-noticed_at").first()
    if last is not None and at < last.noticed_at + AGAIN_AFTER:
        again = last.noticed_at + AGAIN_AFTER
        raise RemindedAlready(
            reminded_at=f"{last.noticed_at:%Y-%m-%d %H:%M} UTC", again_at=f"{again:%Y-%m-%d %H:%M} UTC"
        )
    return term_end


def renews_on(subscription: Subscription) -> date | None:
    """The UTC day on which the next term begins by itself; None where it does not."""
    renews = subscription.status == Status.SUBSCRIBED and subscription.auto_renew
    return subscription.term_end if renews else None


def notices_of(subscription: Subscription) -> QuerySet[RenewalNotice]:
    """The notices of the coming renewal."""
    return subscription.renewal_notices.filter(term_end=F("subscription__term_end"))


def days_for(subscription: Subscription, at: datetime) -> list[int]:
    """How many days before the end of its running term the customer is told, by the policies of a moment."""
    scope = scope_of(subscription.plan, subscription.plan_term.term)
    days = days_of(policies_of(subscription.plan, POLICY).text(POLICY, scope, at))
    if subscription.term_start is None or subscription.term_end is None:
        return []
    return that_fit(days, subscription.term_start, subscription.term_end)


def _write(
    actor: Actor, subscription: Subscription, term_end: date, days: int, data: dict[str, Any], at: datetime
) -> RenewalNotice:
    readers = readers_of(Rung.CUSTOMER, subscription)
    message = _post(subscription, readers[0], term_end, at) if readers else None
    notice, _made = RenewalNotice.objects.update_or_create(
        subscription=subscription,
        term_end=term_end,
        days_before=days,
        reader=readers[0].key if readers else "",
        defaults={"message": message, "why": "" if message else NO_ADDRESS, "noticed_at": at},
    )
    data |= {"term_end": str(term_end), "days_before": days, "recipients": len(readers)}
    if notice.why:
        data["why"] = notice.why
    record(RenewalAnnounced(subscription.pk, data), actor=actor, at=at)
    return notice


def _post(subscription: Subscription, reader: Reader, term_end: date, at: datetime) -> Message:
    key = f"{PURPOSE}:{subscription.pk}:{term_end}:{at.isoformat()}:{reader.key}"
    buyer = buyer_of(subscription)
    quantity, offered, _dropped = next_term(subscription)
    post(
        key,
        to=reader.address,
        letter=renewal_letter(reader, subscription, quantity, offered.plan_term, offered.price),
        language=reader.language,
        at=at,
        reply_to=buyer.email if buyer else "",
        expires_at=midnight(term_end),
    )
    return Message.objects.get(key=key)


def _day(at: datetime) -> date:
    return at.astimezone(UTC).date()


def _due(at: datetime, limit: int) -> Iterator[UUID]:
    """Subscriptions that renew and whose newest due notice is missing, those that renew first first.

    One query for all plan terms under the same policy: mostly one for the whole hub.
    """
    today = _day(at)
    renewing = Subscription.objects.filter(status=Status.SUBSCRIBED, auto_renew=True, term_end__gt=today)
    for days, terms in _days_of(renewing.values("plan_term"), at).items():
        if days:
            due = renewing.filter(_is_due(days, today), plan_term__in=terms)
            yield from due.order_by("term_end", "id").values_list("pk", flat=True)[:limit]


def _days_of(plan_terms: Any, at: datetime) -> dict[tuple[int, ...], list[UUID]]:
    book, found = policy_book(POLICY), dict[tuple[int, ...], list[UUID]]()
    rows = PlanTerm.objects.filter(pk__in=plan_terms)
    for pk, plan, offer, publisher, term in rows.values_list(
        "pk", "plan_id", "plan__offer_id", "plan__offer__publisher_id", "term"
    ):
        found.setdefault(days_of(book.text(POLICY, Scope(plan, offer, publisher, term), at)), []).append(pk)
    return found


def _is_due(days: tuple[int, ...], today: date) -> Q:
    """Whether the newest notice that is due, and lies in the term's second half, is missing."""
    due = Q(pk__in=[])
    for one, below in zip(days, (*days[1:], 0), strict=True):
        told = RenewalNotice.objects.filter(
            subscription=OuterRef("pk"), term_end=OuterRef("term_end"), days_before__gt=below, days_before__lte=one
        )
        between = Q(term_end__gt=today + timedelta(days=below), term_end__lte=today + timedelta(days=one))
        due |= between & Q(term_start__lte=F("term_end") - timedelta(days=2 * one)) & Q(~Exists(told))
    return due


@asked_before_sending(PURPOSE)
def is_wanted(key: str) -> bool:
    """Whether the renewal that a notice tells of is still to come when the mail is about to leave."""
    _purpose, subscription_id, term_end, _rest = key.split(":", 3)
    renewing = Subscription.objects.filter(pk=subscription_id, status=Status.SUBSCRIBED, auto_renew=True)
    return renewing.filter(term_end=term_end).exists()
