"""A charge references the very moment of its confirmation: a key over several columns, which the ORM has no words for."""

from django.db import migrations

FORWARD = """
ALTER TABLE billing_charge
  ADD CONSTRAINT charge_references_its_confirmation
    FOREIGN KEY (confirmation_id, subscription_id, confirmed_at)
    REFERENCES subscriptions_billingstart (id, subscription_id, starts_at);
"""
BACKWARD = "ALTER TABLE billing_charge DROP CONSTRAINT charge_references_its_confirmation;"


class Migration(migrations.Migration):
    dependencies = [("billing", "0001_initial"), ("subscriptions", "0002_confirmations_proved")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
