"""What a list tells of each subscription, whoever's it is, in one statement however many there are."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from itertools import repeat
from typing import Any, NamedTuple

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import QuerySet

from partnerhub import prepared
from subscriptions.enums import Reason
from subscriptions.gates import blocker
from subscriptions.models import Subscription

# Written out, and looked up one by one rather than joined: Django would take longer to write a dozen joins than
# PostgreSQL to read the rows, and PostgreSQL several times as long to plan them. Ids, moments and days are
# written by PostgreSQL: to read them into objects that are only written again costs as much as all else. `chosen` gives
# keys and ids in the order of the list.
_ROWS = """
SELECT page.key::text, s.id::text, s.customer_id::text, (SELECT name FROM customers_customer WHERE id = s.customer_id),
       o.product_id, (SELECT sku_id FROM publishers_plan WHERE id = s.plan_id), t.availability_id, o.title, s.nickname,
       (SELECT name FROM publishers_publisher WHERE id = s.publisher_id), s.quantity,
       to_char(s.purchased_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
       to_char(s.term_start, 'YYYY-MM-DD'), to_char(s.term_end - 1, 'YYYY-MM-DD'), s.status, s.end_reason,
       s.auto_renew, t.billing_cycle, t.term, s.reseller_id,
       (SELECT order_id::text FROM subscriptions_orderline WHERE id = s.order_line_id), s.version,
       CASE WHEN s.status = 'pending_fulfillment_start' THEN
         (SELECT string_agg(gate || ' ' || state || ' ' || reason, ',') FROM subscriptions_gate
           WHERE subscription_id = s.id)
       END
  FROM (SELECT key, id, row_number() OVER () AS place FROM ({chosen}) AS chosen (key, id)) AS page
  JOIN subscriptions_subscription s ON s.id = page.id
  JOIN publishers_offer o ON o.id = s.offer_id
  JOIN publishers_planterm t ON t.id = s.plan_term_id
 ORDER BY page.place
"""
# Pages of these sizes are prepared for each order: more texts than these would push each other out.
_PREPARED = frozenset({25, 50, 100, 200, 500})
Statement = tuple[str, tuple[Any, ...]]
_fixed_statements: dict[Hashable, Statement] = {}


class Listed(NamedTuple):
    """One subscription; `key` is what the list is sorted by, as text. `purchased_at` is ISO 8601 in UTC with `Z` and
    microseconds, `term_start` and `last_day` of the term are ISO 8601; `gates` a line of words, in no order.
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
    term_start: str | None
    last_day: str | None
    status: str
    end_reason: str
    auto_renew: bool
    billing_cycle: str
    term: str
    reseller_id: str | None
    order_id: str
    version: int
    gates: str | None

    @property
    def attention(self) -> Reason | None:
        """Why somebody must act before it is active; None when nobody must."""
        return _waits_for(self.gates) if self.gates else None


@lru_cache(256)
def _waits_for(written: str) -> Reason | None:
    """What the gates that a row was read with wait for."""
    gates = [_Gate(gate, state, reason) for gate, state, reason in map(str.split, written.split(","), repeat(" "))]
    name = blocker(gates)
    reasons = [gate.reason for gate in gates if gate.gate == name]
    return Reason(reasons[0] or Reason.AWAITING_CUSTOMER_SETUP) if reasons else None


@dataclass(slots=True)
class _Gate:
    gate: str
    state: str
    reason: str
    satisfied_at: datetime | None = None


def listed(chosen: QuerySet[Subscription], key: str, *, whole: bool = False) -> list[Listed]:
    """The subscriptions of a queryset with a limit, in its order; `key` is the field or annotation it is sorted by.

    Nothing narrows a `whole` list: whatever it is asked, PostgreSQL walks the index of its order.
    """
    if whole and _number(chosen) in _PREPARED:
        return [Listed._make(row) for row in prepared.rows(*_fixed(chosen, key))]
    try:
        statement, params = _written(chosen, key)
    except EmptyResultSet:
        return []
    with connection.cursor() as cursor:
        cursor.execute(statement, params)
        return [Listed._make(row) for row in cursor.fetchall()]


def _number(chosen: QuerySet[Subscription]) -> int:
    """The size of the page: one row more is read, which tells that there is another."""
    return (chosen.query.high_mark or 0) - chosen.query.low_mark - 1


def _fixed(chosen: QuerySet[Subscription], key: str) -> Statement:
    """The statement of a whole list. Where it begins at an end, it is the same each time, and is written once."""
    if chosen.query.where:
        return _written(chosen, key)
    order: Sequence[Any] = chosen.query.order_by
    name = (key, chosen.query.high_mark, *((one.descending, one.nulls_first) for one in order))
    if name not in _fixed_statements:
        _fixed_statements[name] = _written(chosen, key)
    return _fixed_statements[name]


def _written(chosen: QuerySet[Subscription], key: str) -> Statement:
    """SQL and its values. Raises EmptyResultSet where nothing can be found."""
    sql, params = chosen.values_list(key, "pk").query.sql_with_params()
    return _ROWS.format(chosen=sql), params
