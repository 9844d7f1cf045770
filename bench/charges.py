"""What a month's run finds: every active subscription of a seeded database with one charge of October 2026.

Whole sets in SQL, every constraint on. The hashes are made up: the run carries them on and does not compute them.
`python -m bench.charges N` fills an empty database with N subscriptions, their charges, and how far each is charged.
"""

import sys
from datetime import UTC, date, datetime

import django
from django.db import connection

django.setup()

from django.core.management import call_command  # noqa: E402 - once Django is there

from billing.periods import Month  # noqa: E402
from subscriptions.demo.scale import seed  # noqa: E402

PUBLISHERS = 20

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
_ACCOUNTS = """
INSERT INTO billing_account
  (subscription_id, heard, opened_by_id, plan_term_id, price_id, unit_price, quantity, partner_id, rounding, added,
   term_start, term_end, paid_from, changed_on, charged_through, in_trial, is_open, next_charge_on)
SELECT s.id, 1, c.cause_id, s.plan_term_id, s.price_id, s.unit_price, s.quantity, '', 'line', '[]', s.term_start,
       s.term_end, s.term_start, s.term_start, least(c.period_end, s.term_end), false, true,
       CASE WHEN c.period_end < s.term_end THEN c.period_end END
  FROM billing_charge c JOIN subscriptions_subscription s ON s.id = c.subscription_id
"""


def fill(subscriptions: int) -> None:
    """Fill an empty database: so many subscriptions, one customer for each twenty, October 2026 of the active ones
    charged; and let the database know how much there is.
    """
    call_command("migrate", interactive=False, verbosity=0)
    customers = max(1, subscriptions // 20)
    seed(subscriptions=subscriptions, customers=customers, publishers=PUBLISHERS, at=SEEDED_AT)
    charge()
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")


def charge() -> None:
    """One charge of October 2026 for every active subscription, by what it holds now."""
    with connection.cursor() as cursor:
        for statement in (_EVENTS, _CHARGES, _ACCOUNTS):
            cursor.execute(statement)


if __name__ == "__main__":
    fill(int(sys.argv[1]))
