"""Every subscription that was charged before accounts were kept gets one: so far there was one first charge each."""

from django.db import migrations

FORWARD = """
INSERT INTO billing_account
  (subscription_id, heard, opened_by_id, plan_term_id, price_id, unit_price, quantity, partner_id, term_start, term_end,
   paid_from, changed_on, charged_through, in_trial, is_open, next_charge_on)
SELECT s.id, heard.sequence, c.cause_id, o.plan_term_id, o.price_id, o.unit_price, o.quantity,
       coalesce(o.reseller_id, ''), s.term_start, s.term_end,
       CASE WHEN p.trial_days > 0 THEN c.period_end ELSE s.term_start END, c.period_start, c.period_end,
       p.trial_days > 0, heard.is_open, CASE WHEN heard.is_open AND c.period_end < s.term_end THEN c.period_end END
  FROM billing_charge c
  JOIN subscriptions_subscription s ON s.id = c.subscription_id
  JOIN subscriptions_orderline o ON o.id = s.order_line_id
  JOIN publishers_planterm t ON t.id = o.plan_term_id
  JOIN publishers_plan p ON p.id = t.plan_id
 CROSS JOIN LATERAL (
   SELECT max(d.sequence) AS sequence, bool_and(e.name <> 'subscription.cancelled') AS is_open
     FROM outbox_delivery d JOIN outbox_event e ON e.id = d.event_id
    WHERE d.stream_id = s.id AND d.handler = 'billing.handlers' AND d.delivered_at IS NOT NULL
 ) AS heard
 WHERE c.charge_type = 'new';
"""


class Migration(migrations.Migration):
    dependencies = [("billing", "0003_changes_and_cycles"), ("subscriptions", "0006_changes_in_flight")]
    operations = [migrations.RunSQL(FORWARD, migrations.RunSQL.noop)]
