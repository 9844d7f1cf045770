"""The delivery log: each post to a publisher's webhook, kept as it was sent and answered."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from accounts.policy import Actor
from publishers.fulfillment.gateway import Progress, Receipt
from subscriptions.models import NoticeAttempt

REFUSED = "refused"


def keep_attempt(
    actor: Actor,
    publisher_id: UUID,
    operation_id: UUID | None,
    notice: Mapping[str, Any],
    receipt: Receipt,
    *,
    at: datetime,
) -> NoticeAttempt:
    """Keep a post that was answered, or given up, at `at`; the operation's subscription is locked.

    A test event has no operation. Raises ValueError for a receipt of anything but a post.
    """
    posted = receipt.posted
    if posted is None:
        raise ValueError("nothing was posted")
    earlier = NoticeAttempt.objects.filter(operation_id=operation_id).count() if operation_id else 0
    return NoticeAttempt.objects.create(
        publisher_id=publisher_id,
        operation_id=operation_id,
        number=earlier + 1,
        sent_at=at - timedelta(milliseconds=posted.milliseconds),
        sent_by=actor.label,
        webhook_url=posted.webhook_url,
        payload=dict(notice),
        outcome=REFUSED if receipt.progress == Progress.REFUSED else receipt.outcome.value,
        http_status=posted.http_status,
        milliseconds=posted.milliseconds,
        answer=posted.answer,
        detail=receipt.detail[:300],
    )
