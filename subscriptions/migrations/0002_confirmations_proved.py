"""Foreign keys over several columns, which the ORM has no words for: what was confirmed is referenced as it stood."""

from django.db import migrations

FORWARD = """
ALTER TABLE subscriptions_billingstart
  ADD CONSTRAINT billing_start_licenses_assigned
    FOREIGN KEY (subscription_id, licenses_gate, licenses_assigned_at)
    REFERENCES subscriptions_gate (subscription_id, gate, satisfied_at),
  ADD CONSTRAINT billing_start_configuration_confirmed
    FOREIGN KEY (subscription_id, configuration_gate, configuration_confirmed_at)
    REFERENCES subscriptions_gate (subscription_id, gate, satisfied_at);
ALTER TABLE subscriptions_subscription
  ADD CONSTRAINT subscription_activated_by_its_confirmation
    FOREIGN KEY (id, activated_at) REFERENCES subscriptions_billingstart (subscription_id, starts_at)
    DEFERRABLE INITIALLY DEFERRED;
"""
BACKWARD = """
ALTER TABLE subscriptions_subscription DROP CONSTRAINT subscription_activated_by_its_confirmation;
ALTER TABLE subscriptions_billingstart
  DROP CONSTRAINT billing_start_licenses_assigned,
  DROP CONSTRAINT billing_start_configuration_confirmed;
"""


class Migration(migrations.Migration):
    dependencies = [("subscriptions", "0001_initial")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
