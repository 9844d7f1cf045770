"""The rows of a confirmation written by hand: what the database needs for them, whoever judges and however.

The same tables with all their keys, checks, triggers and indexes, in batches of the poller's size. Nothing is asked,
judged or locked beforehand, and what the rows say is the same for all.
"""

import hashlib
import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from partnerhub.bulk import array, insert, new_ids
from partnerhub.clock import now
from subscriptions.models import Subscription
from subscriptions.polling import LARGEST_BATCH

_EVENT = (
    "id", "stream_type", "stream_id", "sequence", "name", "data", "reason", "actor_kind", "actor_id", "actor_label",
    "actor_role", "request_id", "correlation_id", "at", "previous_hash", "hash",
)  # fmt: skip
_DELIVERY = ("event_id", "handler", "stream_id", "sequence", "attempts", "next_attempt_at", "last_error")
_START = (
    "id", "subscription_id", "licenses_assigned_at", "configuration_confirmed_at", "starts_at", "recorded_at"
)  # fmt: skip
_GATES = """
UPDATE subscriptions_gate
   SET state = 'satisfied', satisfied_at = %(at)s, evidence = %(evidence)s, reason = '', owner = 'publisher',
       next_action = '', since = %(at)s, due_at = NULL
 WHERE subscription_id = ANY(%(ids)s::uuid[]) AND gate IN ('licenses_assigned', 'configuration_confirmed')
"""
_ACTIVATE = """
UPDATE subscriptions_subscription
   SET status = 'subscribed', activated_at = %(at)s, term_start = %(day)s, term_anchor = %(day)s, term_end = %(end)s,
       version = version + 1
 WHERE id = ANY(%(ids)s::uuid[])
"""
_ASK_NO_MORE = """
UPDATE subscriptions_pollschedule
   SET lease = NULL, lease_until = NULL, attempts = attempts + 1, last_polled_at = %(at)s, last_outcome = 'answered',
       next_poll_at = NULL
 WHERE subscription_id = ANY(%(ids)s::uuid[])
"""
_SAID = {"status": "Subscribed", "plan_id": "plan-1", "quantity": 7, "assigned_quantity": None, "message": ""}


def write(order_id: UUID) -> None:
    """Confirm every purchase of an order, a transaction for each batch."""
    ids = list(Subscription.objects.filter(order_line__order=order_id).values_list("pk", flat=True))
    for first in range(0, len(ids), LARGEST_BATCH):
        _confirm([str(one) for one in ids[first : first + LARGEST_BATCH]], now())


@transaction.atomic
def _confirm(ids: Sequence[str], at: datetime) -> None:
    evidence = {"source": "poll", "id": ids[0], "at": at.isoformat(), "said": _SAID, "http_status": "200"}
    evidence |= {"request_id": ids[0], "correlation_id": ids[0]}
    day = at.date()
    told: dict[str, Any] = {
        "ids": array(ids),
        "at": at,
        "day": day,
        "end": day + timedelta(days=365),
        "evidence": json.dumps(evidence),
    }
    with connection.cursor() as cursor:
        cursor.execute(_GATES, told)
        moments = [at] * len(ids)
        insert("subscriptions_billingstart", _START, zip(new_ids(moments), ids, *[moments] * 4, strict=True))
        cursor.execute(_ACTIVATE, told)
        _insert_events(ids, json.dumps({"evidence": evidence}), at)
        cursor.execute(_ASK_NO_MORE, told)


def _insert_events(ids: Sequence[str], data: str, at: datetime) -> None:
    """Three for each, and two deliveries of the last."""
    names = ["subscription.gate_satisfied"] * 2 + ["subscription.activated"]
    author, when, rows, owed = ("system", "system", "System", "system"), at.isoformat(), [], []
    new = new_ids([at] * 3 * len(ids))
    for stream in ids:
        hashed = ""
        for sequence, name in enumerate(names, 1):
            id_, before = next(new), hashed
            hashed = hashlib.sha256(f"{before}{data}".encode()).hexdigest()
            row = id_, "subscription", stream, sequence, name, data, ""
            rows.append((*row, *author, "", stream, when, before, hashed))
        owed += [(id_, consumer, stream, 3, 0, when, "") for consumer in ("billing.handlers", "subscriptions.radar")]
    insert("outbox_event", _EVENT, rows)
    insert("outbox_delivery", _DELIVERY, owed)
