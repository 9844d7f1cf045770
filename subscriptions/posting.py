"""Posting one notice because somebody asks for it: a notice once more, or a test event. Nothing waits in the meantime:
the call is made with no transaction open, and its result is kept in the delivery log.
"""

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime
from time import monotonic
from typing import Any
from uuid import UUID

from django.db import transaction

from accounts.policy import SYSTEM, Action, Actor, authorize
from partnerhub.clock import now
from partnerhub.errors import NotFound, NoticeNotSent
from publishers.fulfillment.calling import refuse_in_transaction
from publishers.fulfillment.gateway import Receipt
from publishers.fulfillment.registry import Lines
from publishers.models import Publisher
from publishers.selectors import publisher_for
from publishers.services.selftest import trial_notice
from subscriptions.models import NoticeAttempt, Operation
from subscriptions.notices import notice_of
from subscriptions.operations import Channel, Sending, apply, claim, release, report
from subscriptions.services.attempts import keep_attempt
from subscriptions.services.locking import lock_subscription

NO_WEBHOOK = "no webhook is registered."
RELATED = ("subscription__customer", "subscription__offer", "subscription__plan__offer", "subscription__plan_term")


def send_again(
    actor: Actor, publisher_id: UUID, operation_id: UUID, *, clock: Callable[[], datetime] = now
) -> NoticeAttempt:
    """Tell a publisher once more of an operation that its webhook was told of, with the same id.

    Where the webhook has not heard of it yet, the answer counts as any other; where it has, or the operation is final,
    this only tells. Raises NotPermitted, NotFound, NoticeNotSent, and RuntimeError in a transaction.
    """
    publisher = _publisher(actor, publisher_id)
    own = Operation.objects.select_related(*RELATED).filter(subscription__publisher=publisher)
    found = own.filter(pk=operation_id, notice_attempts__isnull=False).first()
    if found is None:
        raise NotFound(what="operation", id=operation_id)
    sending = _claimed(found, clock()) if found.is_in_flight else None
    notice = sending.notice if sending else notice_of(found, clock())
    started = monotonic()
    receipt = _post(publisher, notice, clock())
    if sending is None:
        return _keep(actor, publisher, found, notice, receipt, clock())
    apply(SYSTEM, sending, receipt, at=clock(), chance=0.5, sent_by=actor)
    report(SYSTEM, sending, receipt, monotonic() - started, 1.0, clock())
    return found.notice_attempts.order_by("-number")[0]


def send_test_event(actor: Actor, publisher_id: UUID, *, clock: Callable[[], datetime] = now) -> NoticeAttempt:
    """Tell a publisher's webhook of a renewal of a subscription that does not exist: unmodified programs ignore it.

    Raises NotPermitted, NotFound, NoticeNotSent, and RuntimeError in a transaction.
    """
    publisher = _publisher(actor, publisher_id)
    notice = trial_notice(publisher, clock())
    receipt = _post(publisher, notice, clock())
    return _keep(actor, publisher, None, notice, receipt, clock())


def _publisher(actor: Actor, publisher_id: UUID) -> Publisher:
    authorize(actor, Action.PUBLISHER_MANAGE)
    refuse_in_transaction()
    publisher = publisher_for(actor, publisher_id)
    if not publisher.webhook_url:
        raise NoticeNotSent(publisher=publisher.name, why=NO_WEBHOOK)
    return publisher


def _claimed(operation: Operation, at: datetime) -> Sending | None:
    """The operation under our lease, where its webhook is still to hear of it and no worker is telling it now."""
    claimed = claim(at, 1, only=operation.pk)
    for sending in claimed:
        if sending.calls and sending.channel == Channel.WEBHOOK:
            return sending
    release(claimed)
    return None


def _post(publisher: Publisher, notice: Mapping[str, Any], at: datetime) -> Receipt:
    lines = Lines(connections=1)
    lines.look_up({publisher.pk}, at)

    async def post() -> Receipt:
        try:
            gateway, address = lines.line_to(publisher.pk)
            return await gateway.notify(address, notice)
        finally:
            await lines.close()

    return asyncio.run(post())


@transaction.atomic
def _keep(
    actor: Actor,
    publisher: Publisher,
    operation: Operation | None,
    notice: Mapping[str, Any],
    receipt: Receipt,
    at: datetime,
) -> NoticeAttempt:
    if operation is not None:
        lock_subscription(operation.subscription_id, actor)
    return keep_attempt(actor, publisher.pk, operation.pk if operation else None, notice, receipt, at=at)
