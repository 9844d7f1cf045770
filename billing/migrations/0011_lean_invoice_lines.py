"""Invoice lines without indexes that others make up for, and with two over the few lines that those leave out."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("billing", "0010_comparisons"),
    ]

    operations = [
        # By its name: Django takes away every index of the column, the unique one with a condition as well, which is
        # what keeps a charge on one invoice.
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(
                    "DROP INDEX billing_invoiceline_charge_id_1cf04bcb",
                    "CREATE INDEX billing_invoiceline_charge_id_1cf04bcb ON billing_invoiceline (charge_id)",
                )
            ],
            state_operations=[
                migrations.AlterField(
                    model_name="invoiceline",
                    name="charge",
                    field=models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="invoice_lines",
                        to="billing.charge",
                    ),
                )
            ],
        ),
        migrations.AlterField(
            model_name="invoiceline",
            name="credits",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="credit_lines",
                to="billing.invoiceline",
            ),
        ),
        migrations.AlterField(
            model_name="invoiceline",
            name="invoice",
            field=models.ForeignKey(
                db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="lines", to="billing.invoice"
            ),
        ),
        migrations.AddIndex(
            model_name="invoiceline",
            index=models.Index(condition=models.Q(("stands", False)), fields=["charge"], name="invoice_line_freed"),
        ),
        migrations.AddIndex(
            model_name="invoiceline",
            index=models.Index(
                condition=models.Q(("credits__isnull", False)), fields=["credits"], name="invoice_line_credits"
            ),
        ),
    ]
