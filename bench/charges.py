"""What a month's run finds: every active subscription of a seeded database with one charge of October 2026.

Whole sets in SQL, every constraint on. The hashes are made up: the run carries them on and does not compute them.
"""

from datetime import UTC, date, datetime

from django.db import connection

from billing.periods import Month

MONTH = Month(date(2026, 10, 1))
SEEDED_AT = datetime(2026, 11, 1, tzinfo=UTC)
BILLED_AT = datetime(2026, 11, 2, 12, tzinfo=UTC)

_EVENTS = """
INSERT INTO outbox_event
  (id, stream_type, stream_id, sequence, name, data, reason, actor_kind, actor_id, actor_label, actor_role, request_id,
   correlation_id, at, previous_hash, hash)
SELECT gen_random_uuid(), 'subscription', id, 1, 'subscription.activated', '{}', '', 'system', 'system', 'Hub',
       'system', '', '', activated_at, '', encode(sha256(id::text::bytea), 'hex')
  FROM subscriptions_subscription WHERE status = 'subscribed'
"""
_CHARGES = """
INSERT INTO billing_charge
  (id, subscription_id, customer_id, sequence, charge_type, cause_id, confirmation_id, confirmed_at, period_start,
   period_end, billing_days, cycle_days, quantity, price_id, unit_price, effective_unit_price, amount, currency,
   rounding, reseller_partner_id, recorded_at, previous_hash, hash)
SELECT gen_random_uuid(), s.id, s.customer_id, 1, 'new', e.id, b.id, b.starts_at, day, (day + interval '1 month')::date,
       31, 31, s.quantity, s.price_id, s.unit_price, s.unit_price, s.unit_price * s.quantity, s.currency, 'line', '',
       greatest(day::timestamp AT TIME ZONE 'UTC', b.starts_at), '', encode(sha256(e.id::text::bytea), 'hex')
  FROM subscriptions_subscription s
  JOIN outbox_event e ON e.stream_id = s.id
  JOIN subscriptions_billingstart b ON b.subscription_id = s.id
 CROSS JOIN LATERAL (SELECT greatest(DATE '2026-10-01', (b.starts_at AT TIME ZONE 'UTC')::date) AS day) AS began
"""


def add_charges() -> None:
    """Charge October 2026 of every active subscription, and let the database know how much there is."""
    with connection.cursor() as cursor:
        for statement in (_EVENTS, _CHARGES, "VACUUM ANALYZE"):
            cursor.execute(statement)
