"""What a list tells of each subscription, whoever's it is, in one statement however many there are."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import QuerySet

from subscriptions.enums import Reason
from subscriptions.gates import blocker
from subscriptions.models import Subscription

# Written out, and looked up one by one rather than joined: Django would take longer to write a dozen joins than
# PostgreSQL to read the rows, and PostgreSQL several times as long to plan them. Ids and moments are written by
# PostgreSQL: to read them into objects that are only written again costs as much as all else. `chosen` gives keys and
# ids in the order of the list.
_ROWS = """
SELECT page.key::text, s.id::text, s.customer_id::text, (SELECT name FROM customers_customer WHERE id = s.customer_id),
       o.product_id, (SELECT sku_id FROM publishers_plan WHERE id = s.plan_id), t.availability_id, o.title, s.nickname,
       (SELECT name FROM publishers_publisher WHERE id = s.publisher_id), s.quantity,
       to_char(s.purchased_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), s.term_start, s.term_end, s.status,
       s.end_reason, s.auto_renew, t.billing_cycle, t.term, s.reseller_id,
       (SELECT order_id::text FROM subscriptions_orderline WHERE id = s.order_line_id), s.version,
       CASE WHEN s.status = 'pending_fulfillment_start' THEN
         (SELECT array_agg(ARRAY[gate, state, reason]) FROM subscriptions_gate WHERE subscription_id = s.id)
       END
  FROM (SELECT key, id, row_number() OVER () AS place FROM ({chosen}) AS chosen (key, id)) AS page
  JOIN subscriptions_subscription s ON s.id = page.id
  JOIN publishers_offer o ON o.id = s.offer_id
  JOIN publishers_planterm t ON t.id = s.plan_term_id
 ORDER BY page.place
"""


class Listed(NamedTuple):
    """One subscription; `key` is what the list is sorted by, as text. `purchased_at` is ISO 8601 in UTC with `Z` and
    microseconds; `term_end` is exclusive.
    """

    key: str | None
    id: str
    customer_id: str
    customer: str
    product_id: str
    sku_id: str
    availability_id: str
    offer: str
    nickname: str
    publisher: str
    quantity: int
    purchased_at: str
    term_start: date | None
    term_end: date | None
    status: str
    end_reason: str
    auto_renew: bool
    billing_cycle: str
    term: str
    reseller_id: str | None
    order_id: str
    version: int
    gates: list[list[str]] | None

    @property
    def attention(self) -> Reason | None:
        """Why somebody must act before it is active; None when nobody must."""
        gates = [_Gate(gate, state, reason) for gate, state, reason in self.gates or ()]
        name = blocker(gates) if gates else None
        reasons = [gate.reason for gate in gates if gate.gate == name]
        return Reason(reasons[0] or Reason.AWAITING_CUSTOMER_SETUP) if reasons else None


@dataclass(slots=True)
class _Gate:
    gate: str
    state: str
    reason: str
    satisfied_at: datetime | None = None


def listed(chosen: QuerySet[Subscription], key: str) -> list[Listed]:
    """The subscriptions of a queryset with a limit, in its order; `key` is the field or annotation it is sorted by."""
    try:
        sql, params = chosen.values_list(key, "pk").query.sql_with_params()
    except EmptyResultSet:
        return []
    with connection.cursor() as cursor:
        cursor.execute(_ROWS.format(chosen=sql), params)
        return [Listed(*row) for row in cursor.fetchall()]
