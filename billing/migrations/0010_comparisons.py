"""Statements and the ledger side by side: both added up once, not anew for each line."""

import django.db.models.deletion
from django.db import migrations, models

# Licences are those of the lines that cover the month's last day; where none does, those that were charged last.
CREATE = """
CREATE VIEW billing_comparison AS
SELECT line.id AS line_id, line.statement_id, ours.amount AS ours, ours.currency AS our_currency,
       ours.quantity AS our_quantity, COALESCE(theirs.amount, line.amount) AS theirs,
       COALESCE(theirs.quantity, line.quantity) AS their_quantity
  FROM billing_statementline line
  LEFT JOIN (
    SELECT statement_id, subscription_id, month, SUM(amount) AS amount,
           (array_agg(quantity ORDER BY number DESC))[1] AS quantity
      FROM billing_statementline WHERE subscription_id IS NOT NULL
     GROUP BY statement_id, subscription_id, month
  ) theirs USING (statement_id, subscription_id, month)
  LEFT JOIN (
    SELECT stated.statement_id, stated.subscription_id, stated.month,
           SUM(charge.amount) FILTER (WHERE charge.recorded_at >= stated.begins) AS amount,
           MIN(charge.currency) AS currency,
           COALESCE(
             NULLIF(SUM(CASE WHEN charge.reverses_id IS NULL THEN charge.quantity ELSE -charge.quantity END)
                    FILTER (WHERE charge.period_start <= stated.last_day AND charge.period_end > stated.last_day
                              AND charge.charge_type <> 'customerCredit'), 0),
             (array_agg(charge.quantity ORDER BY charge.sequence DESC) FILTER (WHERE charge.reverses_id IS NULL))[1]
           ) AS quantity
      FROM (
        SELECT DISTINCT statement_id, subscription_id, month,
               month::timestamp AT TIME ZONE 'UTC' AS begins,
               (month + interval '1 month') AT TIME ZONE 'UTC' AS ends,
               (month + interval '1 month - 1 day')::date AS last_day
          FROM billing_statementline WHERE subscription_id IS NOT NULL
      ) stated
      JOIN billing_charge charge
        ON charge.subscription_id = stated.subscription_id AND charge.recorded_at < stated.ends
     GROUP BY stated.statement_id, stated.subscription_id, stated.month
    HAVING bool_or(charge.recorded_at >= stated.begins)
  ) ours USING (statement_id, subscription_id, month)
"""


class Migration(migrations.Migration):
    dependencies = [("billing", "0009_added_seats_and_notes_within")]

    operations = [
        migrations.RunSQL(CREATE, "DROP VIEW billing_comparison"),
        migrations.CreateModel(
            name="Comparison",
            fields=[
                (
                    "line",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        primary_key=True,
                        related_name="comparison",
                        serialize=False,
                        to="billing.statementline",
                    ),
                ),
                (
                    "statement",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.DO_NOTHING, related_name="+", to="billing.statement"
                    ),
                ),
                ("ours", models.DecimalField(decimal_places=4, max_digits=16, null=True)),
                ("our_quantity", models.PositiveIntegerField(null=True)),
                ("our_currency", models.CharField(max_length=3, null=True)),
                ("theirs", models.DecimalField(decimal_places=4, max_digits=16)),
                ("their_quantity", models.PositiveIntegerField()),
            ],
            options={"db_table": "billing_comparison", "managed": False},
        ),
    ]
