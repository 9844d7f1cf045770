"""Invoices and credit notes, their lines, series and runs; rates of tax and of exchange."""

import uuid

import django.contrib.postgres.constraints
import django.contrib.postgres.fields.ranges
import django.db.models.deletion
import django.db.models.expressions
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models

import billing.enums


class Migration(migrations.Migration):
    dependencies = [
        ("billing", "0004_accounts_of_charged"),
        ("customers", "0002_domain_once_and_reseller_version"),
        ("outbox", "0002_refusals"),
        ("publishers", "0006_watching_and_billing_policies"),
        ("subscriptions", "0008_publishers_watched"),
    ]

    operations = [
        migrations.CreateModel(
            name="BillingRun",
            fields=[
                ("month", models.DateField(primary_key=True, serialize=False)),
                ("started_at", models.DateTimeField()),
                ("finished_at", models.DateTimeField(null=True)),
                ("chunks", models.PositiveIntegerField(default=0)),
                ("invoices", models.PositiveIntegerField(default=0)),
                ("lines", models.PositiveIntegerField(default=0)),
                ("failures", models.JSONField(default=list)),
            ],
        ),
        migrations.CreateModel(
            name="ExchangeRate",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("currency", models.CharField(max_length=3)),
                ("into", models.CharField(max_length=3)),
                ("published_on", models.DateField()),
                ("rate", models.DecimalField(decimal_places=6, max_digits=14)),
                ("source", models.CharField(max_length=100)),
            ],
        ),
        migrations.CreateModel(
            name="Invoice",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("kind", models.CharField(default=billing.enums.InvoiceKind["INVOICE"], max_length=16)),
                ("currency", models.CharField(max_length=3)),
                ("period_start", models.DateField()),
                ("period_end", models.DateField()),
                ("state", models.CharField(default=billing.enums.InvoiceState["DRAFT"], max_length=16)),
                ("net", models.DecimalField(decimal_places=4, max_digits=16)),
                ("tax", models.DecimalField(decimal_places=4, max_digits=16)),
                ("gross", models.DecimalField(decimal_places=4, max_digits=16)),
                ("buyer", models.JSONField()),
                ("seller", models.JSONField()),
                ("language", models.CharField(max_length=5)),
                ("drafted_at", models.DateTimeField()),
                ("review_until", models.DateTimeField()),
                ("reason", models.CharField(blank=True, max_length=500)),
                ("serial", models.PositiveIntegerField(null=True)),
                ("number", models.CharField(max_length=20, null=True, unique=True)),
                ("issued_on", models.DateField(null=True)),
                ("due_on", models.DateField(null=True)),
                ("finalized_at", models.DateTimeField(null=True)),
                ("finalized_by", models.CharField(blank=True, max_length=200)),
                ("local_currency", models.CharField(blank=True, max_length=3)),
                ("local_rate", models.DecimalField(decimal_places=6, max_digits=14, null=True)),
                ("local_rate_on", models.DateField(null=True)),
                ("local_rate_source", models.CharField(blank=True, max_length=100)),
                ("local_net", models.DecimalField(decimal_places=4, max_digits=16, null=True)),
                ("local_tax", models.DecimalField(decimal_places=4, max_digits=16, null=True)),
                ("previous_hash", models.CharField(blank=True, max_length=64)),
                ("hash", models.CharField(blank=True, max_length=64)),
                ("paid_at", models.DateTimeField(null=True)),
                ("paid_by", models.CharField(blank=True, max_length=200)),
                ("payment_reference", models.CharField(blank=True, max_length=200)),
            ],
        ),
        migrations.CreateModel(
            name="InvoiceLine",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("position", models.PositiveIntegerField()),
                ("stands", models.BooleanField(default=True)),
                ("description", models.JSONField()),
                ("net", models.DecimalField(decimal_places=4, max_digits=14)),
                ("tax_rate", models.DecimalField(decimal_places=2, max_digits=5)),
                ("tax", models.DecimalField(decimal_places=4, max_digits=14)),
                ("tax_reason", models.CharField(max_length=16)),
            ],
        ),
        migrations.CreateModel(
            name="InvoiceSeries",
            fields=[
                ("kind", models.CharField(max_length=16, primary_key=True, serialize=False)),
                ("prefix", models.CharField(max_length=8, unique=True)),
                ("last_serial", models.PositiveIntegerField(default=0)),
            ],
        ),
        migrations.CreateModel(
            name="TaxRate",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("country", models.CharField(max_length=2)),
                ("rate", models.DecimalField(decimal_places=2, max_digits=5)),
                ("valid_from", models.DateField()),
                ("valid_to", models.DateField(null=True)),
            ],
        ),
        migrations.RemoveConstraint(
            model_name="charge",
            name="charge_type_known",
        ),
        migrations.AddConstraint(
            model_name="charge",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "charge_type__in",
                        [
                            billing.enums.ChargeType["NEW"],
                            billing.enums.ChargeType["CYCLE_CHARGE"],
                            billing.enums.ChargeType["RENEW"],
                            billing.enums.ChargeType["ADD_QUANTITY"],
                            billing.enums.ChargeType["REMOVE_QUANTITY"],
                            billing.enums.ChargeType["CONVERT"],
                            billing.enums.ChargeType["CHANGE_BILLING_PLAN"],
                            billing.enums.ChargeType["CANCEL_IMMEDIATE"],
                            billing.enums.ChargeType["CUSTOMER_CREDIT"],
                        ],
                    )
                ),
                name="charge_type_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="billingrun",
            constraint=models.CheckConstraint(condition=models.Q(("month__day", 1)), name="billing_run_of_a_month"),
        ),
        migrations.AddConstraint(
            model_name="billingrun",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("finished_at", None), ("finished_at__gte", models.F("started_at")), _connector="OR"
                ),
                name="billing_run_finished_after_start",
            ),
        ),
        migrations.AddConstraint(
            model_name="exchangerate",
            constraint=models.UniqueConstraint(
                fields=("currency", "into", "published_on"), name="exchange_rate_once_a_day"
            ),
        ),
        migrations.AddConstraint(
            model_name="exchangerate",
            constraint=models.CheckConstraint(
                condition=models.Q(("currency__regex", "^[A-Z]{3}$"), ("into__regex", "^[A-Z]{3}$")),
                name="exchange_rate_currencies_iso",
            ),
        ),
        migrations.AddConstraint(
            model_name="exchangerate",
            constraint=models.CheckConstraint(
                condition=models.Q(("currency", models.F("into")), _negated=True),
                name="exchange_rate_of_two_currencies",
            ),
        ),
        migrations.AddConstraint(
            model_name="exchangerate",
            constraint=models.CheckConstraint(condition=models.Q(("rate__gt", 0)), name="exchange_rate_positive"),
        ),
        migrations.AddField(
            model_name="invoice",
            name="credits",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="credit_notes",
                to="billing.invoice",
            ),
        ),
        migrations.AddField(
            model_name="invoice",
            name="customer",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="invoices", to="customers.customer"
            ),
        ),
        migrations.AddField(
            model_name="invoiceline",
            name="charge",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="invoice_lines", to="billing.charge"
            ),
        ),
        migrations.AddField(
            model_name="invoiceline",
            name="credits",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="credit_lines",
                to="billing.invoiceline",
            ),
        ),
        migrations.AddField(
            model_name="invoiceline",
            name="invoice",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="lines", to="billing.invoice"
            ),
        ),
        migrations.AddConstraint(
            model_name="invoiceseries",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("kind__in", [billing.enums.InvoiceKind["INVOICE"], billing.enums.InvoiceKind["CREDIT_NOTE"]])
                ),
                name="series_kind_known",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="invoiceseries",
            trigger=pgtrigger.compiler.Trigger(
                name="series_never_deleted",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;",
                    hash="2beaae5e33d178609f83d1dbc5a9098a1ff5c294",
                    operation="DELETE",
                    pgid="pgtrigger_series_never_deleted_8e014",
                    table="billing_invoiceseries",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="invoiceseries",
            trigger=pgtrigger.compiler.Trigger(
                name="series_only_counts_up",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition='WHEN (NEW."last_serial" <= (OLD."last_serial"))',
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;",
                    hash="150647d119c37d5cd75a6502e9b02b27d84997a5",
                    operation="UPDATE",
                    pgid="pgtrigger_series_only_counts_up_f462a",
                    table="billing_invoiceseries",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddConstraint(
            model_name="taxrate",
            constraint=models.CheckConstraint(
                condition=models.Q(("country__regex", "^[A-Z]{2}$")), name="tax_rate_country_iso"
            ),
        ),
        migrations.AddConstraint(
            model_name="taxrate",
            constraint=models.CheckConstraint(
                condition=models.Q(("rate__gte", 0), ("rate__lte", 100)), name="tax_rate_is_a_percentage"
            ),
        ),
        migrations.AddConstraint(
            model_name="taxrate",
            constraint=django.contrib.postgres.constraints.ExclusionConstraint(
                expressions=[
                    ("country", "="),
                    (
                        models.Func(
                            "valid_from",
                            "valid_to",
                            function="daterange",
                            output_field=django.contrib.postgres.fields.ranges.DateRangeField(),
                        ),
                        "&&",
                    ),
                ],
                name="tax_rate_unambiguous",
            ),
        ),
        migrations.AddIndex(
            model_name="invoice",
            index=models.Index(fields=["customer", "-period_start", "-id"], name="invoice_of_customer"),
        ),
        migrations.AddIndex(
            model_name="invoice",
            index=models.Index(fields=["-drafted_at", "-id"], name="invoice_newest_first"),
        ),
        migrations.AddIndex(
            model_name="invoice",
            index=models.Index(
                condition=models.Q(("state", billing.enums.InvoiceState["DRAFT"])),
                fields=["review_until", "id"],
                name="invoice_review_over",
            ),
        ),
        migrations.AddConstraint(
            model_name="invoice",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("kind__in", [billing.enums.InvoiceKind["INVOICE"], billing.enums.InvoiceKind["CREDIT_NOTE"]])
                ),
                name="invoice_kind_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="invoice",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "state__in",
                        [
                            billing.enums.InvoiceState["DRAFT"],
                            billing.enums.InvoiceState["HELD"],
                            billing.enums.InvoiceState["FINALIZED"],
                            billing.enums.InvoiceState["VOID"],
                        ],
                    )
                ),
                name="invoice_state_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="invoice",
            constraint=models.CheckConstraint(
                condition=models.Q(("currency__regex", "^[A-Z]{3}$")), name="invoice_currency_iso"
            ),
        ),
        migrations.AddConstraint(
            model_name="invoice",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("gross", django.db.models.expressions.CombinedExpression(models.F("net"), "+", models.F("tax")))
                ),
                name="invoice_gross_is_net_and_tax",
            ),
        ),
        migrations.AddConstraint(
            model_name="invoice",
            constraint=models.CheckConstraint(
                condition=models.Q(("period_end__gt", models.F("period_start"))), name="invoice_period_not_empty"
            ),
        ),
        migrations.AddConstraint(
            model_name="invoice",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("credits", None), ("kind", billing.enums.InvoiceKind["INVOICE"])),
                    models.Q(
                        ("credits__isnull", False), ("kind", billing.enums.InvoiceKind["CREDIT_NOTE"]), ("net__lte", 0)
                    ),
                    _connector="OR",
                ),
                name="invoice_credit_note_credits_an_invoice",
            ),
        ),
        migrations.AddConstraint(
            model_name="invoice",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("due_on__gte", models.F("issued_on")),
                        ("finalized_at__isnull", False),
                        ("hash__regex", "^[0-9a-f]{64}$"),
                        ("issued_on__isnull", False),
                        ("number__isnull", False),
                        ("serial__gte", 1),
                        ("state", billing.enums.InvoiceState["FINALIZED"]),
                    ),
                    models.Q(
                        models.Q(("state", billing.enums.InvoiceState["FINALIZED"]), _negated=True),
                        ("due_on", None),
                        ("finalized_at", None),
                        ("hash", ""),
                        ("issued_on", None),
                        ("number", None),
                        ("serial", None),
                    ),
                    _connector="OR",
                ),
                name="invoice_numbered_when_finalized",
            ),
        ),
        migrations.AddConstraint(
            model_name="invoice",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("paid_at", None), ("paid_by", ""), ("payment_reference", "")),
                    models.Q(
                        ("paid_at__gte", models.F("finalized_at")),
                        ("state", billing.enums.InvoiceState["FINALIZED"]),
                        models.Q(("paid_by", ""), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="invoice_paid_when_finalized",
            ),
        ),
        migrations.AddConstraint(
            model_name="invoice",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("local_currency", ""),
                        ("local_net", None),
                        ("local_rate", None),
                        ("local_rate_on", None),
                        ("local_tax", None),
                    ),
                    models.Q(
                        models.Q(("local_currency", models.F("currency")), _negated=True),
                        ("local_currency__regex", "^[A-Z]{3}$"),
                        ("local_rate__gt", 0),
                        ("local_rate_on__lt", models.F("issued_on")),
                        ("local_net__isnull", False),
                        ("local_tax__isnull", False),
                    ),
                    _connector="OR",
                ),
                name="invoice_local_tax_at_an_earlier_rate",
            ),
        ),
        migrations.AddConstraint(
            model_name="invoice",
            constraint=models.UniqueConstraint(fields=("kind", "serial"), name="invoice_serial_once"),
        ),
        migrations.AddConstraint(
            model_name="invoice",
            constraint=models.UniqueConstraint(
                condition=models.Q(
                    ("kind", billing.enums.InvoiceKind["INVOICE"]),
                    models.Q(("state", billing.enums.InvoiceState["VOID"]), _negated=True),
                ),
                fields=("customer", "currency", "period_start"),
                name="invoice_once_a_month",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="invoice",
            trigger=pgtrigger.compiler.Trigger(
                name="invoice_never_deleted",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;",
                    hash="7ca6d5535b899904e0a98d3bdd690fb73c66c37e",
                    operation="DELETE",
                    pgid="pgtrigger_invoice_never_deleted_e7e3c",
                    table="billing_invoice",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="invoice",
            trigger=pgtrigger.compiler.Trigger(
                name="invoice_final_never_changes",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (OLD.\"state\" IN ('finalized', 'void'))",
                    func="\n    IF OLD.state = 'void'\n       OR (OLD.state = 'finalized'\n           AND to_jsonb(NEW) - '{paid_at,paid_by,payment_reference}'::text[]\n            <> to_jsonb(OLD) - '{paid_at,paid_by,payment_reference}'::text[])\n    THEN RAISE EXCEPTION 'invoice_final_never_changes: %', OLD.id USING ERRCODE = 'check_violation';\n    END IF;\n    RETURN NEW;\n",
                    hash="d11b8ef091106eaa6a0136440354537e00be64b0",
                    operation="UPDATE",
                    pgid="pgtrigger_invoice_final_never_changes_08e70",
                    table="billing_invoice",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="invoice",
            trigger=pgtrigger.compiler.Trigger(
                name="invoice_numbers_without_gaps",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (NEW.\"state\" = 'finalized')",
                    func="\n    IF NEW.serial > 1 AND NOT EXISTS (\n        SELECT FROM billing_invoice\n         WHERE kind = NEW.kind AND serial = NEW.serial - 1 AND hash = NEW.previous_hash AND issued_on <= NEW.issued_on)\n    THEN RAISE EXCEPTION 'invoice_numbers_without_gaps: %', NEW.number USING ERRCODE = 'check_violation';\n    END IF;\n    RETURN NULL;\n",
                    hash="4e40b98b46878d4bb262fd0c765a7aa0b5a0127b",
                    operation="INSERT OR UPDATE",
                    pgid="pgtrigger_invoice_numbers_without_gaps_d159b",
                    table="billing_invoice",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="invoice",
            trigger=pgtrigger.compiler.Trigger(
                name="invoice_adds_up",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (NEW.\"state\" = 'finalized')",
                    func="\n    IF EXISTS (SELECT FROM billing_invoiceline WHERE invoice_id = NEW.id\n               HAVING SUM(net) IS DISTINCT FROM NEW.net OR SUM(tax) IS DISTINCT FROM NEW.tax)\n    THEN RAISE EXCEPTION 'invoice_adds_up: %', NEW.number USING ERRCODE = 'check_violation';\n    END IF;\n    RETURN NULL;\n",
                    hash="280fd20b3c47291df5996a1d4e4ef4481713e94a",
                    operation="INSERT OR UPDATE",
                    pgid="pgtrigger_invoice_adds_up_38913",
                    table="billing_invoice",
                    when="AFTER",
                ),
            ),
        ),
        migrations.AddConstraint(
            model_name="invoiceline",
            constraint=models.UniqueConstraint(fields=("invoice", "position"), name="invoice_line_position_once"),
        ),
        migrations.AddConstraint(
            model_name="invoiceline",
            constraint=models.UniqueConstraint(
                condition=models.Q(("stands", True)), fields=("charge",), name="charge_on_one_invoice"
            ),
        ),
        migrations.AddConstraint(
            model_name="invoiceline",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "tax_reason__in",
                        [
                            billing.enums.TaxReason["DOMESTIC"],
                            billing.enums.TaxReason["DESTINATION"],
                            billing.enums.TaxReason["REVERSE_CHARGE"],
                            billing.enums.TaxReason["EXPORT"],
                            billing.enums.TaxReason["OUT_OF_SCOPE"],
                        ],
                    )
                ),
                name="invoice_line_tax_reason_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="invoiceline",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("tax", 0), ("tax_rate", 0)),
                    models.Q(
                        ("net__gte", 0),
                        ("tax__gte", 0),
                        (
                            "tax__lte",
                            django.db.models.expressions.CombinedExpression(
                                django.db.models.expressions.CombinedExpression(
                                    models.F("net"), "*", models.F("tax_rate")
                                ),
                                "/",
                                models.Value(100),
                            ),
                        ),
                        ("tax_rate__gt", 0),
                    ),
                    models.Q(
                        ("net__lt", 0),
                        (
                            "tax__gte",
                            django.db.models.expressions.CombinedExpression(
                                django.db.models.expressions.CombinedExpression(
                                    models.F("net"), "*", models.F("tax_rate")
                                ),
                                "/",
                                models.Value(100),
                            ),
                        ),
                        ("tax__lte", 0),
                        ("tax_rate__gt", 0),
                    ),
                    _connector="OR",
                ),
                name="invoice_line_tax_within_its_rate",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="invoiceline",
            trigger=pgtrigger.compiler.Trigger(
                name="invoice_line_never_deleted",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;",
                    hash="4074ff77a24d5a898dd7073eee6169d522627b1e",
                    operation="DELETE",
                    pgid="pgtrigger_invoice_line_never_deleted_cf193",
                    table="billing_invoiceline",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="invoiceline",
            trigger=pgtrigger.compiler.Trigger(
                name="invoice_line_never_changes",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="\n    IF to_jsonb(NEW) - 'stands' <> to_jsonb(OLD) - 'stands' OR NEW.stands\n       OR (SELECT state FROM billing_invoice WHERE id = NEW.invoice_id) <> 'void'\n    THEN RAISE EXCEPTION 'invoice_line_never_changes: %', OLD.id USING ERRCODE = 'check_violation';\n    END IF;\n    RETURN NEW;\n",
                    hash="3d5a741db12e998d21b804c49abb650eb3f339b4",
                    operation="UPDATE",
                    pgid="pgtrigger_invoice_line_never_changes_b3bf2",
                    table="billing_invoiceline",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="invoiceline",
            trigger=pgtrigger.compiler.Trigger(
                name="invoice_line_is_its_charge",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    declare="DECLARE wrong bigint;",
                    func="\n    SELECT line.id INTO wrong FROM added line\n      JOIN billing_invoice invoice ON invoice.id = line.invoice_id\n      JOIN billing_charge charge ON charge.id = line.charge_id\n     WHERE invoice.state <> 'draft' OR NOT line.stands OR line.net <> charge.amount\n        OR charge.currency <> invoice.currency OR charge.customer_id <> invoice.customer_id\n        OR (invoice.kind = 'credit_note') <> (charge.charge_type = 'customerCredit')\n        OR charge.recorded_at >= (invoice.period_end::timestamp AT TIME ZONE 'UTC')\n     LIMIT 1;\n    IF FOUND\n    THEN RAISE EXCEPTION 'invoice_line_is_its_charge: %', wrong USING ERRCODE = 'check_violation';\n    END IF;\n    RETURN NULL;\n",
                    hash="ff78aba633fda82db1091a5ea75611fc6cb6e461",
                    level="STATEMENT",
                    operation="INSERT",
                    pgid="pgtrigger_invoice_line_is_its_charge_ebe1b",
                    referencing="REFERENCING NEW TABLE AS added ",
                    table="billing_invoiceline",
                    when="AFTER",
                ),
            ),
        ),
    ]
