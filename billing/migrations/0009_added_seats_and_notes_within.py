"""Licences with a price of their own, credit notes within their invoice, and an index over the time of recording."""

import django.contrib.postgres.indexes
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("billing", "0008_rounding_kept"),
        ("customers", "0002_domain_once_and_reseller_version"),
        ("outbox", "0002_refusals"),
        ("publishers", "0007_added_seats_price"),
        ("subscriptions", "0009_trial_ends"),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="charge",
            name="charge_once_per_cause",
        ),
        migrations.RemoveConstraint(
            model_name="charge",
            name="charge_period_once",
        ),
        migrations.AddField(
            model_name="account",
            name="added",
            field=models.JSONField(db_default=[], default=list),
        ),
        migrations.AddIndex(
            model_name="charge",
            index=django.contrib.postgres.indexes.BrinIndex(
                autosummarize=True, fields=["recorded_at"], name="charge_recorded", pages_per_range=32
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="invoice",
            trigger=pgtrigger.compiler.Trigger(
                name="credit_note_within_its_invoice",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition='WHEN (NEW."credits_id" IS NOT NULL AND NEW."state" = \'finalized\')',
                    declare="DECLARE credited billing_invoice%ROWTYPE;",
                    func="\n    SELECT * INTO credited FROM billing_invoice WHERE id = NEW.credits_id FOR NO KEY UPDATE;\n    IF credited.kind <> 'invoice' OR credited.state <> 'finalized'\n       OR credited.customer_id <> NEW.customer_id OR credited.currency <> NEW.currency\n       OR credited.net + (SELECT SUM(net) FROM billing_invoice\n                           WHERE credits_id = credited.id AND state = 'finalized') < 0\n    THEN RAISE EXCEPTION 'credit_note_within_its_invoice: %', NEW.number USING ERRCODE = 'check_violation';\n    END IF;\n    RETURN NULL;\n",
                    hash="b4ffd161b2b51bc4b61c921088dffd20b72e7e82",
                    operation="INSERT OR UPDATE",
                    pgid="pgtrigger_credit_note_within_its_invoice_17251",
                    table="billing_invoice",
                    when="AFTER",
                ),
            ),
        ),
        migrations.AddConstraint(
            model_name="charge",
            constraint=models.UniqueConstraint(
                fields=("subscription", "cause", "charge_type", "reverses", "period_start", "price"),
                name="charge_once_per_cause",
                nulls_distinct=False,
            ),
        ),
        migrations.AddConstraint(
            model_name="charge",
            constraint=models.UniqueConstraint(
                condition=models.Q(("reference_id", None), ("reverses", None)),
                fields=("subscription", "period_start", "price"),
                name="charge_period_once",
            ),
        ),
    ]
