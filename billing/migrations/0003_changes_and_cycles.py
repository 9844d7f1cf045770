"""Pairs of a change, cycles and renewals in the ledger; and an account that says how far each subscription is charged."""

import django.db.models.deletion
import django.db.models.functions.datetime
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("billing", "0002_charge_proved"),
        ("outbox", "0001_initial"),
        ("publishers", "0001_initial"),
        ("subscriptions", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="Account",
            fields=[
                (
                    "subscription",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="billing_account",
                        serialize=False,
                        to="subscriptions.subscription",
                    ),
                ),
                ("heard", models.PositiveIntegerField()),
                ("unit_price", models.DecimalField(decimal_places=4, max_digits=14)),
                ("quantity", models.PositiveIntegerField()),
                ("partner_id", models.CharField(blank=True, max_length=16)),
                ("term_start", models.DateField()),
                ("term_end", models.DateField()),
                ("paid_from", models.DateField()),
                ("changed_on", models.DateField()),
                ("charged_through", models.DateField()),
                ("in_trial", models.BooleanField(default=False)),
                ("is_open", models.BooleanField(default=True)),
                ("next_charge_on", models.DateField(null=True)),
            ],
        ),
        migrations.RemoveConstraint(
            model_name="charge",
            name="charge_type_known",
        ),
        migrations.RemoveConstraint(
            model_name="charge",
            name="charge_once_per_cause",
        ),
        migrations.RemoveConstraint(
            model_name="charge",
            name="charge_period_once",
        ),
        migrations.AddField(
            model_name="charge",
            name="billing_days",
            field=models.PositiveSmallIntegerField(null=True),
        ),
        migrations.AddField(
            model_name="charge",
            name="cycle_days",
            field=models.PositiveSmallIntegerField(null=True),
        ),
        migrations.AddField(
            model_name="charge",
            name="reference_id",
            field=models.UUIDField(null=True),
        ),
        migrations.AlterField(
            model_name="charge",
            name="reverses",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="reversals", to="billing.charge"
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="charge",
            trigger=pgtrigger.compiler.Trigger(
                name="charge_credit_within_its_charge",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition='WHEN (NEW."reverses_id" IS NOT NULL)',
                    declare="DECLARE charged billing_charge%ROWTYPE;",
                    func="\n    SELECT * INTO charged FROM billing_charge WHERE id = NEW.reverses_id FOR NO KEY UPDATE;\n    IF charged.reverses_id IS NOT NULL OR charged.subscription_id <> NEW.subscription_id\n       OR charged.currency <> NEW.currency\n       OR NEW.period_start < charged.period_start OR NEW.period_end > charged.period_end\n       OR charged.amount + (SELECT SUM(amount) FROM billing_charge WHERE reverses_id = charged.id) < 0\n    THEN RAISE EXCEPTION 'charge_credit_within_its_charge: %', NEW.id USING ERRCODE = 'check_violation';\n    END IF;\n    RETURN NULL;\n",
                    hash="e87bac8f0a465b64774e7b5bb2af0ebac417491b",
                    operation="INSERT",
                    pgid="pgtrigger_charge_credit_within_its_charge_368d8",
                    table="billing_charge",
                    when="AFTER",
                ),
            ),
        ),
        migrations.AddConstraint(
            model_name="charge",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "charge_type__in",
                        [
                            "new",
                            "cycleCharge",
                            "renew",
                            "addQuantity",
                            "removeQuantity",
                            "convert",
                            "changeBillingPlan",
                            "cancelImmediate",
                        ],
                    )
                ),
                name="charge_type_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="charge",
            constraint=models.CheckConstraint(
                condition=models.Q(("period_start__lte", django.db.models.functions.datetime.TruncDate("recorded_at"))),
                name="charge_period_has_begun",
            ),
        ),
        migrations.AddConstraint(
            model_name="charge",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("billing_days", None), ("cycle_days", None)),
                    models.Q(("billing_days__gte", 1), ("billing_days__lte", models.F("cycle_days"))),
                    _connector="OR",
                ),
                name="charge_days_within_cycle",
            ),
        ),
        migrations.AddConstraint(
            model_name="charge",
            constraint=models.UniqueConstraint(
                fields=("subscription", "cause", "charge_type", "reverses", "period_start"),
                name="charge_once_per_cause",
                nulls_distinct=False,
            ),
        ),
        migrations.AddConstraint(
            model_name="charge",
            constraint=models.UniqueConstraint(
                condition=models.Q(("reference_id", None), ("reverses", None)),
                fields=("subscription", "period_start"),
                name="charge_period_once",
            ),
        ),
        migrations.AddField(
            model_name="account",
            name="opened_by",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="outbox.event"),
        ),
        migrations.AddField(
            model_name="account",
            name="plan_term",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="publishers.planterm"
            ),
        ),
        migrations.AddField(
            model_name="account",
            name="price",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="publishers.price"
            ),
        ),
        migrations.AddIndex(
            model_name="account",
            index=models.Index(
                condition=models.Q(("next_charge_on__isnull", False)), fields=["next_charge_on"], name="account_due"
            ),
        ),
        migrations.AddConstraint(
            model_name="account",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("next_charge_on", None),
                    models.Q(
                        ("is_open", True),
                        ("next_charge_on", models.F("charged_through")),
                        ("next_charge_on__lt", models.F("term_end")),
                    ),
                    _connector="OR",
                ),
                name="account_charged_next_where_it_ended",
            ),
        ),
        migrations.AddConstraint(
            model_name="account",
            constraint=models.CheckConstraint(
                condition=models.Q(("term_end__gt", models.F("term_start"))), name="account_term_not_empty"
            ),
        ),
    ]
